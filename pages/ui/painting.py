"""A finished run, and the files that its pictures are: the image, the result as it is painted."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pages.ui import cache
from pages.ui.picker import Picture
from pages.ui.steps import picture_file
from pages.ui.viewer import Pane
from segcore.render import colorize, jpeg, mean_colors, outlines, overlay, png, segment_colors
from segcore.result import Image, Labels, Run, Segmentation
from segcore.technique import Technique, Value

PAINTS = {"fill": "Fill", "outlines": "Outlines", "labels": "Labels", "means": "Mean colours"}
FINE = 640  # pixels of a picture whose outlines are one pixel wide
MOST_CHOICES = 40  # classes among which one can choose those to show
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


def before(picture: Picture) -> Pane:
    name = ("before", picture.digest, picture.side)
    data = cache.pictures.get(name, lambda: jpeg(picture.image))
    return Pane(data, "image/jpeg", "Before")


def after(finished: Finished, view: View) -> Pane:
    """The result as the person wants it painted, or one of the steps that is a picture."""
    image, result = finished.picture.image, finished.run.segmentation
    if view.shown in pictures_of(finished):
        step = finished.run.steps[view.shown - 1]
        data = picture_file(step.picture, segments=result.segments)
        return Pane(data, _mime(data), step.title)
    classes = among(result, view.classes)
    data = cache.pictures.get(
        (*finished.name, view.paint, view.opacity, classes),
        lambda: _painted(image, result, view.paint, view.opacity, classes),
    )
    return Pane(data, _mime(data), "After")


def pictures_of(finished: Finished) -> list[int]:
    """Numbers of the steps that are pictures, not charts."""
    steps = enumerate(finished.run.steps, start=1)
    return [number for number, step in steps if isinstance(step.picture, np.ndarray)]


def class_names(result: Segmentation) -> list[str]:
    """Names among which one can choose, if they are a few: those of classes, or of segments."""
    names = list(dict.fromkeys(segment.name for segment in result.segments))
    return names if 2 <= len(names) <= MOST_CHOICES else []


def among(result: Segmentation, wanted: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in class_names(result) if name in wanted)


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


def _only(result: Segmentation, classes: Sequence[str]) -> Labels:
    """The label map with every other class as background; ridge lines, -1, stay."""
    return keep(result.labels, [s.label for s in result.segments if s.name in classes])


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
