"""What goes in and what comes out: images, labels, segments, classes, boxes, steps, runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]  # H×W×3, RGB, read-only
Gray: TypeAlias = npt.NDArray[np.uint8]  # H×W
Mask: TypeAlias = npt.NDArray[np.bool_]  # H×W
Labels: TypeAlias = npt.NDArray[np.int32]  # H×W, 0 = background or void
Point: TypeAlias = tuple[int, int]  # (x, y) in pixels, the origin at the upper left


@dataclass(frozen=True)
class Segment:
    """One segment of an image: a region, a cluster, a class or an object.

    Attributes:
        label: its value in the label map, at least 1.
        name: what a legend calls it.
        is_thing: True for a countable object, False for a region or "stuff".
        score: confidence from 0 to 1 where the technique gives one.
        box: (left, top, right, bottom) in pixels where the technique predicts a box of its own.
    """

    label: int
    name: str
    is_thing: bool = False
    score: float | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The one result type: a mask, clusters, classes, instances and panoptic segments alike.

    Attributes:
        labels: int32 H×W; 0 is background or void, every other value is a segment's label.
        segments: one per value other than 0 in `labels`, in the order of a legend.
    """

    labels: Labels
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        # A result is shared between sessions through the cache, so nobody may change it.
        self.labels.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Classification:
    """What an image shows, said once for the whole of it.

    Attributes:
        names: what could have been said, in the network's own order.
        scores: float32 (n,), the probability of each name, 0 to 1. They sum to 1 where exactly one
            name is right, and stand each for itself where several may be.

    Raises:
        ValueError: there is not one score from 0 to 1 for each name.
    """

    names: tuple[str, ...]
    scores: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_scores(self.scores, len(self.names))


@dataclass(frozen=True, eq=False)
class Detections:
    """The objects of an image, each by the box around it.

    Attributes:
        boxes: float32 (n, 4), left, top, right, bottom in pixels of the image; the upper left
            corner of the image is (0, 0), so that right - left is a width.
        names: n names of classes.
        scores: float32 (n,), the confidence in each, 0 to 1.

    Raises:
        ValueError: the three do not fit each other, or a box ends before it begins.
    """

    boxes: npt.NDArray[np.float32]
    names: tuple[str, ...]
    scores: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_scores(self.scores, len(self.names))
        if self.boxes.dtype != np.float32 or self.boxes.shape != (len(self.names), 4):
            found = f"{self.boxes.dtype} {self.boxes.shape}"
            raise ValueError(f"boxes must be float32 ({len(self.names)}, 4), but is {found}.")
        if not (self.boxes[:, :2] <= self.boxes[:, 2:]).all():
            raise ValueError("Every box must have left ≤ right and top ≤ bottom.")
        self.boxes.setflags(write=False)


def _check_scores(scores: npt.NDArray[np.float32], count: int) -> None:
    """Checks one score for each of `count` names, and makes them read-only."""
    if scores.dtype != np.float32 or scores.shape != (count,):
        found = f"{scores.dtype} {scores.shape}"
        raise ValueError(f"scores must be float32 ({count},), but is {found}.")
    if not ((scores >= 0) & (scores <= 1)).all():  # NaN ends here too
        raise ValueError("Scores must be numbers from 0 to 1.")
    scores.setflags(write=False)


def foreground(mask: npt.NDArray[Any], name: str = "Foreground") -> Segmentation:
    """Segmentation with one segment: the pixels where `mask` (H×W) is not 0."""
    inside = mask if mask.dtype == np.bool_ else mask != 0
    return Segmentation(inside.astype(np.int32), (Segment(1, name),) if inside.any() else ())


def regions(
    labels: npt.NDArray[Any],
    names: str | Sequence[str] = "Region",
    *,
    is_thing: bool = False,
) -> Segmentation:
    """Segmentation of a label map (H×W of whole numbers, 0 = background).

    Args:
        labels: label map; its values are kept, and it becomes read-only.
        names: names[label - 1] for each label, or one word that the label is put behind.
        is_thing: whether the segments are countable objects.
    """
    labels = np.asarray(labels, dtype=np.int32)
    found = [int(label) for label in np.flatnonzero(count_labels(labels)) if label > 0]
    title = f"{names} {{}}".format if isinstance(names, str) else lambda label: names[label - 1]
    return Segmentation(labels, tuple(Segment(label, title(label), is_thing) for label in found))


def count_labels(labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Number of pixels (n + 1,) of each label from 0 to the greatest, n, of a label map."""
    return np.bincount(labels.ravel())


@dataclass(frozen=True, eq=False)
class Step:
    """One recorded step of a run: an array or a chart (see segcore.charts) and what it shows."""

    title: str
    picture: Any
    caption: str


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run of a technique.

    Attributes:
        segmentation: the result.
        steps: the recorded steps, in the order of the computation.
        seconds: wall time of the technique itself, without the recording of steps.
    """

    segmentation: Segmentation
    steps: tuple[Step, ...]
    seconds: float
