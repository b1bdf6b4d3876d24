"""The view of a category: one technique at a time, its settings, result, steps, article, code."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import cache, link
from pages.ui.article import IMAGE_CHANGED, apply_preset, best, draw_article
from pages.ui.downloads import draw_downloads, draw_script
from pages.ui.frame import frame
from pages.ui.navigation import page_of_category
from pages.ui.picker import Picture
from pages.ui.progress import Progress, is_cancelled, resume
from pages.ui.steps import draw_steps, picture_file
from pages.ui.studies import draw_studies
from pages.ui.viewer import Mode, Pane, viewer
from pages.ui.widgets import draw_settings, points_setting, state_key
from segcore.catalog import CATEGORIES, in_category
from segcore.errors import SettingError
from segcore.render import areas, colorize, jpeg, mean_colors, outlines, overlay, palette, png
from segcore.result import Run
from segcore.run import run
from segcore.technique import Recorder, Technique, Value

MODES: dict[Mode, str] = {"slider": "Slider", "side": "Side"}
PAINTS = {
    "fill": "Fill",
    "outlines": "Outlines",
    "labels": "Labels",
    "means": "Means",
}
LEGEND = 12  # segments that the legend names


def category_page(category: str) -> None:
    """Draws the whole page of a category of techniques."""
    techniques = in_category(category)
    link.restore(techniques)
    page = page_of_category(category)
    if page is None:
        raise ValueError(f"There is no pages/{category}.py.")
    picture = frame(page.title)
    link.complaints()
    _workbench(category, techniques, picture)


@st.fragment
def _workbench(category: str, techniques: tuple[Technique, ...], picture: Picture) -> None:
    """All but the frame: a fragment, so that a moved setting draws nothing else anew."""
    if st.session_state.pop(IMAGE_CHANGED, False):
        st.rerun()  # the frame shows the image, so all of the page has to follow
    technique = _choose(category, techniques)
    left, right = st.columns([3, 1], gap="medium")
    with right:
        _presets(technique)
        settings = draw_settings(technique)
        slot = st.empty()
    with left:
        finished = _finish(technique, picture, settings, slot)
        if finished is not None:
            _draw_result(finished)
    if finished is not None:
        _draw_tabs(finished)
    link.write(technique, settings, picture)


@dataclass(frozen=True, eq=False)
class _Finished:
    """A run with what was asked for, which need not be what the widgets say right now."""

    technique: Technique
    picture: Picture
    settings: Mapping[str, Value]
    run: Run

    @property
    def name(self) -> tuple[object, ...]:
        return _name(self.technique, self.picture, self.settings)


def _name(
    technique: Technique, picture: Picture, settings: Mapping[str, Value]
) -> tuple[object, ...]:
    """What names a run in the cache: settings that do not matter now make no difference."""
    used = (s.name for s in technique.settings if s.applies(settings))
    chosen = tuple((name, settings[name]) for name in used)
    return (technique.key, picture.digest, picture.side, chosen)


def _choose(category: str, techniques: tuple[Technique, ...]) -> Technique:
    """The technique that the person picked; on a first visit the first one, on its best sample."""
    known = {technique.key: technique for technique in techniques}
    key = link.technique_key(category)
    st.session_state.setdefault(key, techniques[0].key)
    st.segmented_control(
        CATEGORIES[category].title,
        list(known),
        format_func=lambda name: known[name].title,
        key=key,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    return known[st.session_state[key]]


def _presets(technique: Technique) -> None:
    """A menu of presets: the defaults, those of the article, the failure."""
    presets = [best(technique), *technique.presets, technique.fails]
    st.markdown(f"**{technique.title}** · {technique.year}")
    with st.popover("Presets", icon=":material/bookmark:", width="stretch"):
        for preset in presets:
            fails = preset is technique.fails
            st.button(
                f"It fails: {preset.title.lower()}" if fails else preset.title,
                key=f"{technique.key}.preset.{preset.title}",
                icon=":material/thumb_down:" if fails else ":material/bookmark:",
                on_click=apply_preset,
                args=(technique, preset),
                width="stretch",
            )


# Running -----------------------------------------------------------------------------------------


def _finish(
    technique: Technique, picture: Picture, settings: dict[str, Value], slot: DeltaGenerator
) -> _Finished | None:
    """The run that was asked for; if it is refused or cancelled, a sentence and the one before."""
    name = _name(technique, picture, settings)
    if is_cancelled(name):
        st.info("Cancelled. What you see is the result before.", icon=":material/cancel:")
        st.button("Run it", on_click=resume, icon=":material/play_arrow:")
        return _last(technique, picture)
    try:
        done = _run(technique, picture, settings, slot)
    except SettingError as error:
        st.error(str(error))
        return _last(technique, picture)
    st.session_state["last"] = (technique.key, picture.digest, picture.side, dict(settings))
    return _Finished(technique, picture, settings, done)


def _run(
    technique: Technique, picture: Picture, settings: dict[str, Value], slot: DeltaGenerator
) -> Run:
    name = _name(technique, picture, settings)
    progress = Progress(name, slot)
    done = cache.runs.get(
        name, lambda: run(technique.key, picture.image, show=Recorder(progress), **settings)
    )
    slot.empty()
    return done


def _last(technique: Technique, picture: Picture) -> _Finished | None:
    """The last good run of this technique on this image."""
    key, digest, side, settings = st.session_state.get("last", (None, None, None, {}))
    if (key, digest, side) != (technique.key, picture.digest, picture.side):
        return None
    return _Finished(technique, picture, settings, _run(technique, picture, settings, st.empty()))


# The result --------------------------------------------------------------------------------------


def _draw_result(finished: _Finished) -> None:
    """Before and after, what it took, and the legend."""
    st.session_state.setdefault("view.mode", "slider")
    st.session_state.setdefault("view.paint", "fill")
    with st.container(horizontal=True, vertical_alignment="center", key="view"):
        mode = st.segmented_control(
            "View",
            list(MODES),
            format_func=MODES.__getitem__,
            key="view.mode",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        paint = st.segmented_control(
            "Paint",
            list(PAINTS),
            format_func=PAINTS.__getitem__,
            key="view.paint",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        shown = st.selectbox(
            "Compare with",
            range(len(finished.run.steps) + 1),
            format_func=lambda i: f"Step {i}: {finished.run.steps[i - 1].title}" if i else "Result",
            key=f"view.shown.{finished.technique.key}",
            label_visibility="collapsed",
            width=180,
        )
        with st.popover("Opacity", type="tertiary"):
            opacity = st.slider(
                "Opacity of the fill",
                0.0,
                1.0,
                0.5,
                0.05,
                key="view.opacity",
                persist_state="session",
            )
    panes = (_before(finished.picture), _after(finished, paint or "fill", opacity, shown))
    _draw_viewer(finished, panes, mode or "slider")
    _draw_facts(finished)


def _before(picture: Picture) -> Pane:
    name = ("before", picture.digest, picture.side)
    data = cache.pictures.get(name, lambda: jpeg(picture.image))
    return Pane(data, "image/jpeg", "Before")


def _after(finished: _Finished, paint: str, opacity: float, shown: int) -> Pane:
    """The result as the person wants it painted, or one of the steps that is a picture."""
    image, result = finished.picture.image, finished.run.segmentation
    steps = finished.run.steps
    if 0 < shown <= len(steps) and isinstance(steps[shown - 1].picture, np.ndarray):
        step = steps[shown - 1]
        data = picture_file(step.picture)
        return Pane(data, _mime(data), step.title)

    def make() -> bytes:
        if paint == "outlines":
            return jpeg(outlines(image, result.labels))
        if paint == "labels":
            return png(colorize(result.labels))
        if paint == "means":
            return jpeg(colorize(result.labels, mean_colors(image, result.labels)))
        return jpeg(overlay(image, result.labels, opacity))

    data = cache.pictures.get((*finished.name, paint, opacity), make)
    return Pane(data, _mime(data), "After")


def _mime(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def _draw_viewer(finished: _Finished, panes: tuple[Pane, Pane], mode: Mode) -> None:
    """The two pictures; where the technique takes points, a click sets one."""
    technique, settings = finished.technique, finished.settings
    points = points_setting(technique, settings)
    if points is None:
        viewer(panes, size=finished.picture.size, key="viewer", mode=mode)
        return
    key = state_key(technique, points)
    given = settings[points.name]

    def add(x: int, y: int) -> None:
        now = st.session_state.get(key, ())
        st.session_state[key] = (*now, (x, y))[: points.most]

    viewer(
        panes,
        size=finished.picture.size,
        key="viewer",
        mode=mode,
        points=given,
        on_click=add,
        hint=points.help,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="points.undo",
            disabled=not given,
            on_click=_set_points,
            args=(key, given[:-1]),
        )
        st.button(
            "Clear",
            icon=":material/delete:",
            key="points.clear",
            disabled=not given,
            on_click=_set_points,
            args=(key, ()),
        )
        st.caption(f"{len(given)} set.")


def _set_points(key: str, points: tuple[tuple[int, int], ...]) -> None:
    st.session_state[key] = points


def _draw_facts(finished: _Finished) -> None:
    """Time, size and the legend with areas."""
    result = finished.run.segmentation
    width, height = finished.picture.size
    count = len(result.segments)
    title = "segment" if count == 1 else "segments"
    facts = f"{count} {title} · {_duration(finished.run.seconds)} · {width}×{height} px"
    sizes = areas(result.labels)
    largest = sorted(result.segments, key=lambda s: -sizes[s.label])[:LEGEND]
    named = sorted(largest, key=lambda s: s.label)
    colors = palette(max((s.label for s in named), default=0))
    items = [
        f'<span><i style="background:rgb{tuple(map(int, colors[s.label]))}"></i>'
        f"{html.escape(s.name)} <b>{sizes[s.label] / result.labels.size:.1%}</b></span>"
        for s in named
    ]
    if count > LEGEND:
        items.append(f"<span>and {count - LEGEND} smaller ones</span>")
    if not count:
        items.append("<span>Nothing was found with these settings.</span>")
    st.html(f'<div class="seg-legend"><span>{facts}</span>{"".join(items)}</div>')


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _draw_tabs(finished: _Finished) -> None:
    """Steps, studies, article, script and downloads; only the open one is made."""
    technique, picture, settings = finished.technique, finished.picture, finished.settings
    draw = {
        "Steps": lambda: draw_steps(finished.run),
        "Studies": lambda: draw_studies(technique, picture, settings),
        "Article": lambda: draw_article(technique),
        "Script": lambda: draw_script(technique, settings, picture),
        "Downloads": lambda: draw_downloads(
            technique, picture, settings, finished.run.segmentation
        ),
    }
    titles = [title for title in draw if title != "Studies" or technique.studies]
    for title, tab in zip(titles, st.tabs(titles, key="tabs", on_change="rerun"), strict=True):
        if tab.open:
            with tab:
                draw[title]()
