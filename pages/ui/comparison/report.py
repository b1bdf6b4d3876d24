"""The report: everything that the page shows of a comparison, as one file to take away."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from pages.ui.comparison.address import values_now
from pages.ui.comparison.entries import in_words
from pages.ui.comparison.grid import OPACITY, painted
from pages.ui.comparison.measures import EMPTY, SCORES
from pages.ui.comparison.rows import Reference, Row, reference_of
from pages.ui.comparison.running import Refused
from pages.ui.comparison.scores import agreement_of, draw_part
from pages.ui.comparison.scoring import Scored, score_all
from pages.ui.comparison.truth import Truth
from pages.ui.picker import Picture
from segcore.render import jpeg
from segcore.report import Report, ReportItem, ReportScore, to_html
from segcore.samples import SAMPLES
from segcore.snippet import snippet


def draw_report(rows: Sequence[Row], truth: Truth | None, picture: Picture) -> None:
    """A button for the report; it is made when it is asked for."""
    st.markdown(
        "One HTML file with the pictures inside: settings, times, scores, agreement and the script "
        "of each technique. It opens without a network and runs no script."
    )
    part, scored = "", []
    if truth is not None:
        part = draw_part(truth)
        scored = score_all(rows, truth, part)
    if any(row.state is None for row in rows):
        st.caption("Some results are still to come: the report has those that are there.")
    # The file is made beside the session, where nothing of its state can be read.
    look = Look(reference_of(rows, truth), st.session_state.get(OPACITY, 0.5), _link(picture))
    st.download_button(
        "Download the report",
        lambda: to_html(make_report(rows, truth, picture, scored, part, look)),
        f"comparison-{picture.sample or 'image'}.html",
        "text/html",
        key="compare.report",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
    )


@dataclass(frozen=True, eq=False)
class Look:
    """What the session says of how the report is to look.

    Attributes:
        reference: what gives the segments their colours.
        opacity: of the fill.
        link: what restores the comparison behind the address of a dashboard.
    """

    reference: Reference | None
    opacity: float
    link: str


def make_report(
    rows: Sequence[Row],
    truth: Truth | None,
    picture: Picture,
    scored: Sequence[Scored],
    part: str,
    look: Look,
) -> Report:
    """All that is known of the comparison.

    Args:
        rows: the places of the grid.
        truth: the reference of the scores, if there is one.
        picture: the image.
        scored: the rows with scores.
        part: what IoU and Dice looked at.
        look: colours, opacity and link.
    """
    pictures = {"Image": jpeg(picture.image)}
    if truth is not None:
        pictures["Ground truth"] = painted(
            truth.name, truth.segmentation, picture, look.reference, look.opacity
        )
    agreeing, matrix = agreement_of(rows)
    values = {one.row.title: one for one in scored}
    return Report(
        "A comparison of segmentations",
        _facts(picture, part),
        pictures,
        [_item(row, values.get(row.title), picture, look) for row in rows],
        [
            ReportScore(key, s.title, s.rewards, s.paper, s.is_error)
            for key, s in SCORES.items()
            if scored
        ],
        [EMPTY] if scored else [],
        matrix.tolist() if len(agreeing) > 1 else (),
        [row.title for row in agreeing],
        look.link,
    )


def _facts(picture: Picture, part: str) -> dict[str, str]:
    width, height = picture.size
    title = SAMPLES[picture.sample].title if picture.sample else "a person's own image"
    facts = {"Image": title, "Size": f"{width}×{height} px"}
    if picture.sample:
        facts["Credit"] = SAMPLES[picture.sample].credit
    if part:
        facts["IoU and Dice of"] = part.lower()
    return facts


def _link(picture: Picture) -> str:
    """What restores this comparison behind the address of a dashboard; nothing of an upload."""
    return "comparison?" + urlencode(values_now(picture)) if picture.sample else ""


def _item(row: Row, scored: Scored | None, picture: Picture, look: Look) -> ReportItem:
    technique, values = row.job.technique, row.job.settings
    settings = {
        s.label: in_words(s, values[s.name]) for s in technique.settings if s.applies(values)
    }
    if row.outcome is None:
        sentence = row.state.sentence if isinstance(row.state, Refused) else "It was not run."
        return ReportItem(row.title, settings, note=sentence)
    note = ""
    if scored is not None:
        note = (
            "Classes were held against those of the same name."
            if scored.by_name
            else "Labels were held against those of the truth that they match best."
        )
    return ReportItem(
        row.title,
        settings,
        painted(row.job.name, row.outcome.segmentation, picture, look.reference, look.opacity),
        row.outcome.seconds,
        len(row.outcome.segments),
        scored.values if scored is not None else {},
        snippet(technique.key, working_side=picture.side, **values),
        note,
    )
