"""What can be said in words about the three answers: their size, and what they answer or cannot."""

import numpy as np

from pages.ui.tasks.answers import Answer
from pages.ui.tasks.subjects import Subject, Way, base_name
from segcore.export import labels_png
from segcore.render import areas
from segcore.result import Classification, Detections, Segmentation
from segcore.scenes.scene import Scene

BYTES_OF_SCORE, BYTES_OF_BOX = 4, 4 * 4 + 4 + 1  # float32; four and a score, and a class in a byte
YES, NO = ":material/check:", ":material/close:"


# Sizes -------------------------------------------------------------------------------------------


def size_of_classes(found: Classification) -> str:
    count = len(found.names)
    return f"{BYTES_OF_SCORE * count:,} bytes: {count} probabilities"


def size_of_boxes(found: Detections) -> str:
    count = len(found.names)
    boxes = "1 box" if count == 1 else f"{count} boxes"
    return f"{BYTES_OF_BOX * count:,} bytes: {boxes} of {BYTES_OF_BOX}"


def size_of_labels(found: Segmentation) -> str:
    wide = 1 if found.labels.max(initial=0) < 256 else 2
    return (
        f"{kilobytes(found.labels.size * wide)}: {wide} a pixel · "
        f"as PNG {kilobytes(len(labels_png(found)))}"
    )


def kilobytes(count: int) -> str:
    """1,234 -> "1.2 kB"; below 1,000 in bytes."""
    return f"{count} bytes" if count < 1000 else f"{count / 1000:,.3g} kB".replace("e+03", ",000")


# How many? ---------------------------------------------------------------------------------------


def count_by_classes(found: Classification, subject: Subject) -> str:
    """A classifier knows whether there is one, not how many."""
    chances = dict(zip(found.names, found.scores.tolist(), strict=True))
    asked = [name for name in subject.things if name in chances]
    asked = asked or [max(chances, key=lambda name: chances[name])]
    said = ", ".join(f"{name} {chances[name]:.0%}" for name in asked)
    return f"{NO} It cannot tell: {said} is the same for one and for twenty."


def count_by_boxes(found: Detections, subject: Subject) -> str:
    return _counted(subject.counts(found.names) if subject.things else len(found.names), "box")


def count_by_labels(found: Segmentation, way: Way, subject: Subject) -> str:
    """Only where objects are kept apart can they be counted."""
    if not subject.things:
        return f"{YES} **{len(found.segments)}** segments; whether each is a thing is yours to say."
    things = [segment.name for segment in found.segments if segment.is_thing]
    if things or way.technique.category != "semantic":
        return _counted(subject.counts(things), "segment")
    return f"{NO} It cannot tell: {subject.plural} side by side are one and the same class."


def _counted(count: int, unit: str) -> str:
    return f"{YES} **{count}**, one {unit} each." if count else f"{YES} **None**: no {unit}."


# How much? ---------------------------------------------------------------------------------------


def share_by_classes(subject: Subject) -> str:
    return f"{NO} It cannot tell: nothing says where {subject.extent} begins or ends."


def share_by_boxes(found: Detections, subject: Subject, size: tuple[int, int]) -> str:
    """Boxes are rectangles around things: too large, and none around what cannot be counted."""
    inside = np.zeros(size[::-1], bool)
    for name, box in zip(found.names, np.rint(found.boxes).astype(int).tolist(), strict=True):
        if name in subject.stuff:
            left, top, right, bottom = box
            inside[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    if set(subject.stuff) & set(subject.things):
        return f"{NO} Only too much: its boxes cover {inside.mean():.1%}, corners included."
    return f"{NO} It cannot tell: {subject.extent} cannot be counted and has no box."


def share_by_labels(found: Segmentation, subject: Subject) -> str:
    if not subject.stuff:
        largest = areas(found.labels)[1:].max(initial=0) / found.labels.size
        return f"{YES} **{largest:.1%}** of its pixels, and every other is measured alike."
    share = share_of(found, subject.stuff)
    if share is None and not set(subject.stuff) & set(subject.things):
        return f"{NO} This one keeps things only: {subject.extent} is left out as background."
    return f"{YES} **{share or 0:.1%}** of its pixels."


def share_of(found: Segmentation, names: tuple[str, ...]) -> float | None:
    """Share of the pixels of segments of these names; None if there is no such segment."""
    sizes = areas(found.labels)
    own = [segment.label for segment in found.segments if base_name(segment.name) in names]
    return float(sizes[own].sum() / found.labels.size) if own else None


# The truth ---------------------------------------------------------------------------------------


def truth(scene: Scene, subject: Subject) -> str | None:
    """What is really there, where the picture was drawn; None if it shows something else."""
    if not set(subject.things) & set(scene.names):
        return None
    count = subject.counts(thing.name for thing in scene.things)
    share = share_of(scene.semantic, subject.stuff) or 0.0
    return (
        f"This picture was drawn, so the truth is known: **{count}** {subject.plural}, "
        f"{subject.extent} on **{share:.1%}** of the pixels."
    )


def cost(answer: Answer[object]) -> str:
    """Time and parameters."""
    seconds = answer.run.seconds
    taken = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
    if not answer.parameters:
        return f"{taken}, nothing learned"
    return f"{taken}, {answer.parameters / 1e6:.2f} M parameters"
