"""The guided choice: questions, ranked techniques with reasons, each tried on the image at once."""

from collections.abc import Mapping

import streamlit as st

from pages.ui import cache, link, models
from pages.ui.frame import frame_with_image
from pages.ui.navigation import page_of_category
from pages.ui.picker import Picture, verbatim
from pages.ui.pretrained import missing
from pages.ui.progress import Progress, Quiet, run_patiently
from segcore.catalog import TECHNIQUES
from segcore.errors import SegcoreError, SettingError
from segcore.guide import QUESTIONS, SHOWN, Recommendation, cautions, open_questions, recommend
from segcore.images import fit
from segcore.render import jpeg, overlay, segment_colors
from segcore.run import run
from segcore.technique import Technique, Value
from segcore.weights.hub import HubWeights, say_not_installed
from segcore.weights.offers import Offer

THUMBNAIL = 400  # pixels of a picture, and the size at which its technique runs
REASONS = 2  # that a card tells; the others are in its help


def guide_page() -> None:
    """Draws the whole page."""
    link.follow(_restore)
    picture = frame_with_image("Which one should I use?")
    link.complaints()
    left, right = st.columns([1, 2], gap="large")
    with left:
        answers = _ask()
    with right:
        for sentence in cautions(answers):
            st.info(sentence, icon=":material/info:")
        found = recommend(answers)
        # What no rule speaks for is named, not tried: most of it would have to be downloaded.
        tried = tuple(one for one in found[:SHOWN] if one.points)
        _draw_cards(picture, tried)
        _draw_rest(picture, found[len(tried) :])
    link.send(link.picture_values(picture) | answers)


# Questions ---------------------------------------------------------------------------------------


def _key(question: str) -> str:
    return f"guide.{question}"


def _restore(given: Mapping[str, list[str]]) -> list[str]:
    """Takes over the picture and the answers."""
    values, errors = link.restore_picture(given)
    known = {question.key: question.options for question in QUESTIONS}
    for name, option in values.items():
        if name not in known:
            errors.append(str(SettingError("A question", "one of " + ", ".join(known), name)))
        elif option not in known[name]:
            errors.append(str(SettingError(name, "one of " + ", ".join(known[name]), option)))
        else:
            st.session_state[_key(name)] = option
    return errors


def _ask() -> dict[str, str]:
    """The questions, one below the other; what is not answered decides nothing."""
    st.markdown("Answer what you can: each answer moves the techniques, and none is needed.")
    answers: dict[str, str] = {}
    for question in QUESTIONS:
        if question not in open_questions(answers):
            continue
        chosen = st.pills(
            question.text,
            list(question.options),
            format_func=question.options.__getitem__,
            key=_key(question.key),
            wrap=True,
            persist_state="session",
        )
        if chosen is not None:
            answers[question.key] = chosen
    return answers


# Techniques --------------------------------------------------------------------------------------


def _draw_cards(picture: Picture, found: tuple[Recommendation, ...]) -> None:
    """The best techniques, each tried on the image; a picture appears as soon as it is made."""
    tries = []
    with st.container(key="cards-guide"):  # laid out as a grid by style.css
        for rank, one in enumerate(found, start=1):
            with st.container(gap="small"):
                slot, technique = st.empty(), TECHNIQUES[one.technique]
                wanted = missing(technique, technique.complete(one.settings))
                _draw_words(picture, one, rank, wanted)
                if wanted is None:
                    tries.append((slot, technique, one.settings))
                    continue
                with slot.container():  # the image alone keeps the cards in line
                    _draw_image(_untried(picture), "The image")
    for slot, technique, settings in tries:
        with slot.container():
            _draw_trial(picture, technique, settings)


def _draw_words(picture: Picture, one: Recommendation, rank: int, wanted: Offer | None) -> None:
    """Why it is recommended; and which weights it lacks, if it cannot be tried."""
    _draw_link(picture, one, f"**{rank}. {TECHNIQUES[one.technique].title}**")
    st.caption(" ".join(one.reasons[:REASONS]), help=" ".join(one.reasons[REASONS:]) or None)
    if wanted is not None:
        st.caption(_say_missing(wanted))


def _draw_link(picture: Picture, one: Recommendation, label: str) -> None:
    """A link to the technique's page with this image and these settings."""
    technique = TECHNIQUES[one.technique]
    page = page_of_category(technique.category)
    if page is None:
        st.markdown(label)
        return
    texts = {s.name: s.to_text(one.settings[s.name]) for s in technique.settings
             if s.name in one.settings}  # fmt: skip
    address = {"technique": technique.key, **link.picture_values(picture), **texts}
    st.page_link(page.path, label=label, icon=page.icon, query_params=address)


def _draw_rest(picture: Picture, found: tuple[Recommendation, ...]) -> None:
    if not found:
        return
    with st.expander("Also possible", icon=":material/more_horiz:"):
        for one in found:
            _draw_link(picture, one, f"{TECHNIQUES[one.technique].title}: {one.reasons[0]}")


def _draw_trial(picture: Picture, technique: Technique, settings: Mapping[str, Value]) -> None:
    """Half the image, half what the technique makes of it; or why there is nothing to see."""
    try:
        data = _trial(picture, technique, settings)
    except SegcoreError as error:
        st.info(verbatim(str(error)), icon=":material/block:")
        return
    _draw_image(data, f"A result of {technique.title}")


def _draw_image(data: bytes, alt: str) -> None:
    st.image(data, width="stretch", output_format="JPEG", alt=alt)


def _say_missing(weights: Offer) -> str:
    """Why published weights are not tried here, and what to do about it."""
    problem = say_not_installed() if isinstance(weights, HubWeights) else None
    if problem is not None:
        return f":material/extension_off: {verbatim(problem)}"
    return (
        ":material/download: Its weights are not on this machine yet; on its page press "
        f"“{verbatim(weights.button)}”."
    )


def _untried(picture: Picture) -> bytes:
    """The image alone, at a small size."""
    name = ("untried", picture.digest, picture.side)
    return cache.pictures.get(name, lambda: jpeg(fit(picture.image, THUMBNAIL)))


def _trial(picture: Picture, technique: Technique, settings: Mapping[str, Value]) -> bytes:
    helpers = models.collaborators(technique)

    def make(progress: Progress) -> bytes:
        image = fit(picture.image, THUMBNAIL)
        result = run(technique.key, image, show=Quiet(progress), **settings, **helpers)
        segments = result.segmentation.segments
        split = overlay(image, result.segmentation.labels, 0.6, segment_colors(segments))
        middle = image.shape[1] // 2
        split[:, :middle] = image[:, :middle]
        split[:, middle - 1 : middle + 1] = 255
        return jpeg(split)

    name = ("trial", technique.key, picture.digest, picture.side, tuple(sorted(settings.items())))
    return run_patiently(name, ("trial", technique.key), make)
