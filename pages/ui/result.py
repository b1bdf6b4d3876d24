"""The result of a run: before and after, how it is painted, the points on it, its legend."""

import html
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import ref

import cv2
import numpy as np
import streamlit as st

from pages.ui import cache, gate, previews
from pages.ui.picker import Picture
from pages.ui.points import adder, clicked_setting, draw_buttons
from pages.ui.progress import run_briefly
from pages.ui.steps import picture_file
from pages.ui.viewer import Mode, Pane, Preview, viewer
from pages.ui.widgets import points_settings, sliders, state_key
from segcore.render import (
    Colors,
    areas,
    colorize,
    jpeg,
    mean_colors,
    outlines,
    overlay,
    png,
    segment_colors,
)
from segcore.result import Image, Labels, Run, Segment, Segmentation
from segcore.run import run
from segcore.technique import Recorder, Setting, Technique, Value

MODES: dict[Mode, str] = {"slider": "Slider", "side": "Side by side"}
PAINTS = {"fill": "Fill", "outlines": "Outlines", "labels": "Labels", "means": "Mean colours"}
OPACITY = "view.opacity"
LEGEND = 12  # names in the legend
FINE = 640  # pixels of a picture whose outlines are one pixel wide
STRIPES = 4  # colours in the swatch of several segments with one name
MOST_CHOICES = 40  # classes among which one can choose those to show
MOMENT = 0.05  # seconds that a run may take if it is made before anybody has asked for it
DIM = 0.35  # brightness of what was not chosen


@dataclass(frozen=True, eq=False)
class Finished:
    """A run with what was asked for, which need not be what the widgets say right now."""

    technique: Technique
    picture: Picture
    settings: Mapping[str, Value]
    run: Run

    @property
    def name(self) -> tuple[object, ...]:
        return run_name(self.technique, self.picture, self.settings)


@dataclass(frozen=True)
class View:
    """How a person wants to see a result.

    Attributes:
        paint: one of PAINTS.
        opacity: of the fill.
        shown: the step that stands against the image, counted from 1; 0 for the result.
        classes: names of those to show; none means all.
    """

    paint: str
    opacity: float
    shown: int
    classes: frozenset[str]


def run_name(
    technique: Technique, picture: Picture, settings: Mapping[str, Value]
) -> tuple[object, ...]:
    """What names a run in the cache: settings that do not matter now make no difference."""
    used = (s.name for s in technique.settings if s.applies(settings))
    chosen = tuple((name, settings[name]) for name in used)
    return (technique.key, picture.digest, picture.side, chosen)


def draw_picture(finished: Finished) -> bool:
    """Before and after, as the session says; where points can be set, a click sets one.

    Returns:
        Whether the browser had the picture already, ahead of this run.
    """
    technique, settings = finished.technique, finished.settings
    mode: Mode = st.session_state.setdefault("view.mode", "slider")
    view = _current_view(finished)
    panes = (_before(finished.picture), _after(finished, view))
    preview = _offer_preview(finished, view)
    is_there = previews.came_ahead(panes[-1].digest)
    clicked = clicked_setting(technique, settings)
    if clicked is None:
        viewer(panes, size=finished.picture.size, key="viewer", mode=mode, preview=preview)
        return is_there
    first, *others = (settings[s.name] for s in points_settings(technique, settings))
    viewer(
        panes,
        size=finished.picture.size,
        key="viewer",
        mode=mode,
        points=first,
        others=others,
        on_click=adder(technique, clicked),
        hint=clicked.help,
        preview=preview,
    )
    return is_there


def draw_image(picture: Picture) -> None:
    """The image alone, while there is no result of it."""
    alone = replace(_before(picture), caption="Image")
    viewer((alone,), size=picture.size, key="viewer", mode="single")


def draw_view_controls(result: Segmentation) -> None:
    """How the picture is shown: divider or side by side, paint, opacity, which classes."""
    with st.container(horizontal=True, vertical_alignment="center", key="view"):
        st.segmented_control(
            "View",
            list(MODES),
            format_func=MODES.__getitem__,
            key="view.mode",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        st.segmented_control(
            "Paint",
            list(PAINTS),
            format_func=PAINTS.__getitem__,
            key="view.paint",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        with st.popover("Opacity", type="tertiary"):
            st.slider(
                "Opacity of the fill",
                min_value=0.0,
                max_value=1.0,
                step=0.05,
                key=OPACITY,
                persist_state="session",
            )
        _draw_classes(result)


def draw_shown(finished: Finished) -> None:
    """What stands against the image: the result, or one of the steps that is a picture."""
    steps = finished.run.steps
    st.selectbox(
        "After shows",
        [0, *_pictures(finished)],
        format_func=lambda i: f"Step {i}: {steps[i - 1].title}" if i else "The result",
        key=_shown_key(finished),
        help="Any step can be compared with the image as well.",
    )


def draw_details(finished: Finished) -> None:
    """What belongs below the picture: undo and clear of its points, and the legend."""
    draw_buttons(finished.technique, finished.settings)
    _draw_facts(finished)


def _shown_key(finished: Finished) -> str:
    return f"view.shown.{finished.technique.key}"


def _before(picture: Picture) -> Pane:
    name = ("before", picture.digest, picture.side)
    data = cache.pictures.get(name, lambda: jpeg(picture.image))
    return Pane(data, "image/jpeg", "Before")


def _current_view(finished: Finished) -> View:
    """What the session says about the look of a result."""
    state = st.session_state
    shown = state.setdefault(_shown_key(finished), 0)
    if shown and shown not in _pictures(finished):  # other settings take other steps
        shown = state[_shown_key(finished)] = 0
    return View(
        paint=state.setdefault("view.paint", "fill"),
        opacity=state.setdefault(OPACITY, 0.5),
        shown=shown,
        classes=state.setdefault("view.classes", frozenset()),
    )


def _after(finished: Finished, view: View) -> Pane:
    """The result as the person wants it painted, or one of the steps that is a picture."""
    image, result = finished.picture.image, finished.run.segmentation
    if view.shown in _pictures(finished):
        step = finished.run.steps[view.shown - 1]
        data = picture_file(step.picture, segments=result.segments)
        return Pane(data, _mime(data), step.title)
    classes = _among(result, view.classes)
    data = cache.pictures.get(
        (*finished.name, view.paint, view.opacity, classes),
        lambda: _painted(image, result, view.paint, view.opacity, classes),
    )
    return Pane(data, _mime(data), "After")


def _offer_preview(finished: Finished, view: View) -> Preview | None:
    """Where the browser gets the picture for other values of the sliders, if that is quick."""
    technique, picture = finished.technique, finished.picture
    if technique.network is not None or not gate.runs.is_short(technique.key):
        return None
    # The cache alone decides how long an image is kept: no session holds on to one.
    bare = replace(picture, image=np.empty((0, 0, 3), np.uint8), scene=None)
    asked = Foresight(technique, bare, ref(picture.image), finished.settings, view)
    url = previews.offer(asked)
    if url is None:
        return None
    seconds = gate.runs.seconds(technique.key)
    return Preview(url, asked.values, foresees=seconds is not None and seconds < MOMENT)


@dataclass(frozen=True, eq=False)
class Foresight:
    """Makes the picture for other values of the sliders. It runs beside the session, not in it."""

    technique: Technique
    picture: Picture
    image: ref[Image]
    settings: Mapping[str, Value]
    view: View

    @property
    def values(self) -> dict[str, float]:
        """The sliders' values in what is shown, by their keys."""
        shown = ((state_key(self.technique, s), self.settings[s.name]) for s in self._sliders)
        numbers = {key: value for key, value in shown if isinstance(value, int | float)}
        return {**numbers, OPACITY: self.view.opacity}

    @property
    def _sliders(self) -> list[Setting]:
        return list(sliders(self.technique, self.settings))

    def __call__(self, values: Mapping[str, str]) -> Pane:
        """The picture.

        Args:
            values: those of `values`, as they are now.

        Raises:
            SettingError: a value is none of its setting, or they do not go together.
            TooLongError: it takes longer than a request may, or the image has left the cache.
            ValueError: these are not the sliders, or the opacity is none.
        """
        image = self.image()
        if image is None:
            raise previews.TooLongError
        if values.keys() != self.values.keys():
            raise ValueError("These are not the sliders of this page.")
        opacity = float(values[OPACITY])
        if not 0 <= opacity <= 1:
            raise ValueError("The opacity is out of its range.")
        technique, picture = self.technique, replace(self.picture, image=image)
        moved = {s.name: s.from_text(values[state_key(technique, s)]) for s in self._sliders}
        settings = {**self.settings, **moved}
        done = run_briefly(
            run_name(technique, picture, settings),
            technique.key,
            lambda told: run(technique.key, image, show=Recorder(told), **settings),
        )
        view = replace(self.view, opacity=opacity)
        return _after(Finished(technique, picture, settings, done), view)


def _painted(
    image: Image, result: Segmentation, paint: str, opacity: float, classes: Sequence[str]
) -> bytes:
    """The result as a file; if classes were chosen, the others are dim and without colour."""
    labels, colors = result.labels, segment_colors(result.segments)
    if classes:
        labels = _only(result, classes)
        dim = cv2.convertScaleAbs(image, alpha=DIM)
        image = np.asarray(cv2.copyTo(image, (labels > 0).view(np.uint8), dim), np.uint8)
    if paint == "outlines":
        return jpeg(outlines(image, labels, colors=colors))
    if paint == "labels":
        return png(colorize(labels, colors))
    if paint == "means":
        return jpeg(colorize(labels, mean_colors(image, labels)))
    return jpeg(fill(image, result, labels, opacity))


def fill(image: Image, result: Segmentation, labels: Labels, opacity: float) -> Image:
    """The image with its segments tinted, and an outline around each thing.

    Args:
        image: uint8 RGB H×W×3.
        result: its segments have the colours.
        labels: its label map, or a part of it.
        opacity: of the tint.
    """
    colors = segment_colors(result.segments)
    tinted = overlay(image, labels, opacity, colors)
    things = [segment.label for segment in result.segments if segment.is_thing]
    if not things:
        return tinted
    alone = labels if len(things) == len(result.segments) else keep(labels, things)
    # As wide on the screen whatever the size of the image.
    width = max(1, round(max(labels.shape) / FINE))
    return outlines(tinted, alone, width, colors=colors, casing=False)


def keep(labels: Labels, chosen: Sequence[int]) -> Labels:
    """The label map with every label but the chosen ones as background; ridge lines, -1, stay."""
    table = np.zeros(max([*chosen, int(labels.max(initial=0))]) + 2, np.int32)
    table[list(chosen)] = list(chosen)
    table[-1] = -1
    kept: Labels = table[labels]
    return kept


def _mime(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def _pictures(finished: Finished) -> list[int]:
    """Numbers of the steps that are pictures, not charts."""
    steps = enumerate(finished.run.steps, start=1)
    return [number for number, step in steps if isinstance(step.picture, np.ndarray)]


# Choosing classes --------------------------------------------------------------------------------


def _class_names(result: Segmentation) -> list[str]:
    """Names among which one can choose, if they are a few: those of classes, or of segments."""
    names = list(dict.fromkeys(segment.name for segment in result.segments))
    return names if 2 <= len(names) <= MOST_CHOICES else []


def _chosen_classes(result: Segmentation) -> tuple[str, ...]:
    """Those classes of the result that the person chose to see; none means all."""
    return _among(result, st.session_state.setdefault("view.classes", frozenset()))


def _among(result: Segmentation, wanted: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in _class_names(result) if name in wanted)


def _draw_classes(result: Segmentation) -> None:
    """A menu of the classes to show. It remembers those that are not in this result, too."""
    names = _class_names(result)
    if not names:
        return
    st.session_state["view.classes.here"] = list(_chosen_classes(result))
    with st.popover("Classes", type="tertiary"):
        st.pills(
            "Show only",
            names,
            selection_mode="multi",
            key="view.classes.here",
            on_change=_choose_classes,
            args=(names,),
            help="The others are drawn dim. With none chosen, all are shown.",
        )


def _choose_classes(names: Sequence[str]) -> None:
    wanted = st.session_state["view.classes"].difference(names)
    st.session_state["view.classes"] = wanted.union(st.session_state["view.classes.here"])


def _only(result: Segmentation, classes: Sequence[str]) -> Labels:
    """The label map with every other class as background; ridge lines, -1, stay."""
    return keep(result.labels, [s.label for s in result.segments if s.name in classes])


# Below the picture -------------------------------------------------------------------------------


def _draw_facts(finished: Finished) -> None:
    """Time, size and the legend with areas."""
    result = finished.run.segmentation
    width, height = finished.picture.size
    count = len(result.segments)
    title = "segment" if count == 1 else "segments"
    facts = f"{count} {title} · {_duration(finished.run.seconds)} · {width}×{height} px"
    sizes = areas(result.labels)
    groups = _by_name(result.segments)
    largest = sorted(groups, key=lambda group: -sum(sizes[s.label] for s in group))[:LEGEND]
    named = sorted(largest, key=lambda group: group[0].label)
    colors = segment_colors(result.segments)
    classes = _chosen_classes(result)
    means = cache.pictures.get(
        (*finished.name, "mean colours"), lambda: mean_colors(finished.picture.image, result.labels)
    )
    items = [
        f"<span{_off(group[0].name, classes)}>"
        f'<i style="background:{_swatch(group, colors, means)}"></i>'
        f"{html.escape(group[0].name)}{_times(len(group))} "
        f"<b>{_share(sum(sizes[s.label] for s in group) / result.labels.size)}</b></span>"
        for group in named
    ]
    if len(groups) > LEGEND:
        items.append(f"<span>and {len(groups) - LEGEND} smaller ones</span>")
    if not count:
        items.append("<span>Nothing was found with these settings.</span>")
    hint = (
        "Left: the colour that stands for a segment here. Right: its mean colour in the image. "
        "Of several with one name: the colours of the first ones."
    )
    st.html(f'<div class="seg-legend" title="{hint}"><span>{facts}</span>{"".join(items)}</div>')


def _by_name(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments of one name together: one entry of the legend."""
    groups: dict[str, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(segment.name, []).append(segment)
    return list(groups.values())


def _times(count: int) -> str:
    return f" × {count}" if count > 1 else ""


def _off(name: str, classes: Sequence[str]) -> str:
    """Marks the legend's entry of a class that was not chosen, see style.css."""
    return ' class="off"' if classes and name not in classes else ""


def _swatch(group: Sequence[Segment], colors: Colors, means: Colors) -> str:
    """A swatch in CSS: on the left the colour that stands for a segment, on the right its own.

    Of several segments: the colours that stand for the first ones.
    """
    label = group[0].label
    alone = (colors[label], means[label])
    stripes = alone if len(group) == 1 else [colors[s.label] for s in group[:STRIPES]]
    part = 100 / len(stripes)
    stops = (
        f"rgb{tuple(map(int, stripe))} {part * place:.0f}% {part * (place + 1):.0f}%"
        for place, stripe in enumerate(stripes)
    )
    return f"linear-gradient(90deg,{','.join(stops)})"


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "< 0.1%"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
