"""What a drawn scene is: an image together with the exact answer to every question about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import ndimage

from segcore.result import Image, Labels, Segment, Segmentation, regions
from segcore.technique import Setting, Value, read_settings


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn image and its ground truth; the arrays are read-only.

    Attributes:
        image: uint8 RGB H×W×3.
        labels: int32 H×W, the class of every pixel: 1 to len(names), 0 = background or void.
        instances: int32 H×W, the thing that every pixel belongs to, 0 = none.
        names: names[label - 1] is what a class is called.
        things: one Segment per value other than 0 in `instances`: its class as the name, and the
            box (left, top, right, bottom) in pixels around its visible part, right and bottom
            excluded.
    """

    image: Image
    labels: Labels
    instances: Labels
    names: tuple[str, ...]
    things: tuple[Segment, ...]

    def __post_init__(self) -> None:
        for array in (self.image, self.labels, self.instances):
            array.setflags(write=False)

    @property
    def semantic(self) -> Segmentation:
        """One segment per class that is to be seen."""
        return regions(self.labels, self.names)

    @property
    def separate(self) -> Segmentation:
        """One segment per thing."""
        return Segmentation(self.instances, self.things)

    @property
    def panoptic(self) -> Segmentation:
        """One segment per class of stuff, and one per thing, whose labels come after the names."""
        first = len(self.names)
        labels = np.where(self.instances > 0, self.instances + first, self.labels).astype(np.int32)
        stuff = np.flatnonzero(np.bincount(labels.ravel(), minlength=first + 1)[1 : first + 1])
        return Segmentation(
            labels,
            (
                *(Segment(int(index) + 1, self.names[index]) for index in stuff),
                *(replace(thing, label=thing.label + first) for thing in self.things),
            ),
        )


def checked(draw: Callable[..., Scene], **settings: object) -> dict[str, Value]:
    """The settings of a function that draws a scene, each in its own type.

    Args:
        draw: the function; its signature holds the rules.
        settings: all of its settings, and its `width` and `height` in pixels.

    Raises:
        SettingError: a value breaks its setting's rule.
    """
    rules = _rules(draw)
    return {name: rules[name].check(value) for name, value in settings.items()}


@cache
def _rules(draw: Callable[..., Scene]) -> dict[str, Setting]:
    sides = (Setting(side, int, 256, low=16, high=4096) for side in ("width", "height"))
    return {setting.name: setting for setting in (*sides, *read_settings(draw))}


def find_things(instances: Labels, names: Sequence[str]) -> tuple[Segment, ...]:
    """One Segment per thing that is to be seen in `instances` (H×W, 0 = none).

    Args:
        instances: the thing that every pixel belongs to.
        names: names[instance - 1] is the name of a thing's class.
    """
    return tuple(
        Segment(
            instance,
            names[instance - 1],
            is_thing=True,
            box=(float(at[1].start), float(at[0].start), float(at[1].stop), float(at[0].stop)),
        )
        for instance, at in enumerate(ndimage.find_objects(instances), start=1)
        if at is not None
    )
