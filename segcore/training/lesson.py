"""What a live training teaches: which network learns which task from how many images, and how.

Nothing here needs torch: a page draws its widgets from the signature of `plan_lesson`, shows the
images that no training sees, and puts into words what has happened.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import numpy as np

from segcore.errors import SettingError
from segcore.result import Image, Labels
from segcore.scenes.cells import NAMES as NUCLEI
from segcore.scenes.cells import cells
from segcore.scenes.scene import Scene
from segcore.scenes.shapes import NAMES as SHAPES
from segcore.scenes.shapes import shapes
from segcore.technique import Choice, Label, Range, Value, read_settings

SIDE: Final = 64  # pixels of the square images
LIMIT: Final = 60.0  # seconds that a training may take, pauses not counted
N_UNSEEN, N_SHOWN = 32, 4  # images that are kept for measuring, and those of them to be looked at
UNSEEN = 1_001_024  # seed of the first of them; those to learn from begin at 0

Example: TypeAlias = tuple[Image, Labels]  # uint8 SIDE×SIDE×3; int32 SIDE×SIDE, 0 = background


# The settings ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lesson:
    """A training that is about to begin; the attributes are the settings of `plan_lesson`."""

    network: str
    task: str
    n_images: int
    learning_rate: str
    batch_size: int
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """What the channels of the network stand for."""
        return ("Background", *(NUCLEI if self.task == "cells" else SHAPES))


def plan_lesson(
    *,
    network: Annotated[
        str,
        Choice(simple_cnn="CNN of two convolutions", unet="Small U-Net"),
        "The CNN sees 8×8 pixels around each pixel, the U-Net the whole image.",
    ] = "simple_cnn",
    task: Annotated[
        str,
        Choice(
            by_class="Shapes: colour tells the class",
            random="Shapes: random colours",
            cells="Nuclei under the microscope",
        ),
        "What is to be learned. With random colours only the outline tells what a shape is.",
    ] = "by_class",
    n_images: Annotated[
        int,
        Choice(2, 8, 32, 128, 512),
        Label("Training images"),
        "How many different images it learns from, again and again.",
    ] = 128,
    learning_rate: Annotated[
        str,
        Choice("0.000001", "0.0001", "0.001", "0.003", "0.01", "0.1", "1"),
        "Length of the steps that AdamW takes down the gradient. It may be changed at any time.",
    ] = "0.003",
    batch_size: Annotated[int, Range(1, 32), "Images whose gradients each step averages."] = 16,
    seed: Annotated[
        int, Range(0, 999), "Decides the first random weights and the order of the images."
    ] = 1,
) -> Lesson:
    """A lesson whose settings are known to be right.

    Raises:
        SettingError: a value breaks its setting's rule.
    """
    lesson = Lesson(network, task, n_images, learning_rate, batch_size, seed)
    for setting in SETTINGS:
        setting.check(getattr(lesson, setting.name))
    return lesson


SETTINGS: Final = read_settings(plan_lesson)


def read_lesson(settings: Mapping[str, object]) -> Lesson:
    """The lesson that some settings describe; those not given have their default.

    Raises:
        SettingError: a name is unknown or a value breaks its setting's rule.
    """
    known = {setting.name: setting for setting in SETTINGS}
    for name in settings:
        if name not in known:
            raise SettingError("A setting of a training", "one of " + ", ".join(known), name)
    chosen: dict[str, Value] = {name: settings.get(name, known[name].default) for name in known}
    return plan_lesson(**chosen)


def read_rate(value: object) -> str:
    """A learning rate, as it may be changed while a training runs.

    Raises:
        SettingError: it is none of those that a lesson may have.
    """
    rate: str = next(s for s in SETTINGS if s.name == "learning_rate").check(value)
    return rate


@dataclass(frozen=True)
class Experiment:
    """Something to try: settings, and in a sentence what there is to see."""

    title: str
    settings: Mapping[str, Value]
    watch: str


EXPERIMENTS: Final = (
    Experiment(
        "It works",
        {},
        "The loss falls at once, and after some seconds nearly every pixel of images that it has "
        "never seen is right.",
    ),
    Experiment(
        "Too few images",
        {"network": "unet", "task": "random", "n_images": 2},
        "Overfitting: on its two training images it soon is perfect, on unseen ones it stays poor, "
        "and the two curves part.",
    ),
    Experiment(
        "Too high a rate",
        {"learning_rate": "1"},
        "Each step overshoots the valley that it should go down into: the loss explodes within "
        "seconds instead of falling.",
    ),
    Experiment(
        "Too low a rate",
        {"learning_rate": "0.000001"},
        "The loss falls, but so slowly that the time is over before anything is learned: raise the "
        "rate while it runs.",
    ),
    Experiment(
        "Too small a view",
        {"task": "random", "n_images": 512, "batch_size": 4},
        "Shapes come away from the ground, but disc, box and star stay mixed: a window of 8×8 "
        "pixels does not show which is which, however long it learns.",
    ),
    Experiment(
        "A wider view",
        {"network": "unet", "task": "random", "n_images": 512, "batch_size": 4},
        "The U-Net sees whole shapes, and learns from their outlines what they are; it takes half "
        "a minute to find out how.",
    ),
    Experiment(
        "Nuclei",
        {"network": "unet", "task": "cells"},
        "Dark on light, light on dark, in three stains: one network learns them all.",
    ),
)


# The images --------------------------------------------------------------------------------------


def draw_example(task: str, index: int) -> Example:
    """Image `index` of a task's endless row, and its labels."""
    if task != "cells":
        scene = shapes(SIDE, SIDE, seed=index, colour=task, crowd=0.1, touching=False, texture=0.1)
        return scene.image, scene.labels
    # Drawn at 64×64, a nucleus would have three pixels: four windows are cut from a larger scene.
    scene = _draw_cells(index // 4)
    top, left = index % 4 // 2 * SIDE, index % 2 * SIDE
    window = np.s_[top : top + SIDE, left : left + SIDE]
    return scene.image[window], scene.labels[window]


@lru_cache(2)
def _draw_cells(seed: int) -> Scene:
    return cells(2 * SIDE, 2 * SIDE, seed=seed)


def draw_unseen(task: str, n: int = N_UNSEEN) -> list[Example]:
    """The first `n` images that no training learns from: the same for all, to compare them."""
    # The cells that were cut from one scene look alike, so that every fourth is taken.
    step = 4 if task == "cells" else 1
    return [draw_example(task, UNSEEN + step * index) for index in range(n)]


# The curve, and what it says ---------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """Where a training stands.

    Attributes:
        step: batches learned from.
        seconds: time that it took, pauses not counted.
        images: images seen, each as often as it came.
        learning_rate: the present one.
        loss: mean cross entropy of the batches since the last point; NaN before the first.
        train, unseen: mean IoU over the classes, 0 to 1, on training images and on unseen ones.
    """

    step: int
    seconds: float
    images: int
    learning_rate: float
    loss: float
    train: float
    unseen: float


def to_csv(curve: Sequence[Point]) -> str:
    """The curve as a table, one row for each point."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(field.name for field in fields(Point))
    table.writerows(astuple(point) for point in curve)
    return text.getvalue()


# Without reason a network calls everything background; that alone scores less than this.
EARLY: Final = 6.0  # seconds in which no training can show what becomes of it
GOOD: Final = 0.8  # mean IoU from which only outlines are left
CHANCE = {"by_class": 0.25, "random": 0.25, "cells": 0.5}
GAP = 0.1  # mean IoU between training and unseen images from which we speak of overfitting
BY_HEART = 10  # times that it must have seen each image for that
RISE = 0.02  # mean IoU won over the last quarter from which it was still learning


def what_happened(lesson: Lesson, curve: Sequence[Point], *, diverged: bool) -> str:
    """A training in two sentences: what it came to, and what one could do about it."""
    last = curve[-1]
    if diverged:
        return (
            f"It diverged at step {last.step}: each step was so long that the loss grew instead of "
            "falling. Take a lower learning rate."
        )
    reached = (
        f"After {last.step:,} steps in {last.seconds:.0f} s the mean IoU is {last.unseen:.2f} on "
        f"unseen images and {last.train:.2f} on those it learned from."
    )
    return f"{reached} {_advice(lesson, curve)}"


def _advice(lesson: Lesson, curve: Sequence[Point]) -> str:
    last = curve[-1]
    earlier = next(point for point in curve if point.seconds >= 0.75 * last.seconds)
    if last.train - last.unseen > GAP and last.images >= BY_HEART * lesson.n_images:
        return (
            f"It overfits: it knows its {lesson.n_images} images by heart rather than the rule "
            "behind them. Give it more images."
        )
    if last.seconds < EARLY and last.unseen < GOOD:
        return "That is too early to say more."
    if last.unseen < CHANCE[lesson.task]:
        return f"It has hardly learned anything. {_remedy(last.learning_rate)}"
    if lesson.task == "random" and lesson.network == "simple_cnn":
        return (
            "More time would help little: through its window of 8×8 pixels shapes look alike. "
            "Try the U-Net."
        )
    if last.unseen - earlier.unseen > RISE:
        return "It was still learning: smaller batches make more steps in the same time."
    if last.unseen < GOOD:
        return "It hardly rises any more: more images, or a lower rate now, may bring the rest."
    return "It knows what it can know from this; what is left are mostly pixels along outlines."


def _remedy(rate: float) -> str:
    if rate < 1e-3:
        return "Its steps were too short: raise the learning rate."
    if rate > 1e-2:
        return "Its steps were too long: lower the learning rate."
    return "Give it more time."


def is_diverged(losses: Sequence[float], n_classes: int) -> bool:
    """Whether the losses of the last three steps are those of a network that is beyond repair.

    That is: not finite, or each of them many times that of a network that knows nothing. A single
    high loss at the start is no more than a bump.
    """
    if losses and not math.isfinite(losses[-1]):
        return True
    return len(losses) >= 3 and min(losses) > 20 * math.log(n_classes)
