"""A street in one-point perspective, drawn from a seed, with its exact ground truth.

The scene is laid out in metres, seen by a pinhole camera and painted from the far end to the near
one (the painter's algorithm). Every size of image shows the same scene, since nothing is laid out
in pixels.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from segcore.result import Labels, Segment
from segcore.scenes.scene import Scene, checked, find_things
from segcore.scenes.street.canvas import NAMES, Canvas
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.finish import develop
from segcore.scenes.street.ground import paint_ground, shade_ground
from segcore.scenes.street.layout import in_order, plan_camera, plan_scene, plan_street
from segcore.scenes.street.light import Light, make_light
from segcore.scenes.street.sky import paint_sky
from segcore.technique import Choice, Range

__all__ = ["NAMES", "street"]

# Less of a thing in sight is void: nobody could say what it is.
_LEAST_AREA = 20.0  # square units of the frame
_LEAST_SHARE = 0.15  # of its silhouette


def street(
    width: int = 256,
    height: int = 192,
    *,
    seed: Annotated[int, Range(0, 9_999_999), "Another seed is another street."] = 21,
    crowd: Annotated[float, Range(0, 1), "How many cars and people."] = 0.5,
    weather: Annotated[
        str, Choice("mixed", "clear", "cloudy", "haze", "rain"), "Mixed leaves it to the seed."
    ] = "mixed",
    time: Annotated[
        str, Choice("mixed", "day", "dusk", "night"), "Mixed leaves it to the seed."
    ] = "mixed",
    noise: Annotated[float, Range(0, 1), "Noise of the camera."] = 0.2,
) -> Scene:
    """Draws a street.

    Args:
        width, height: size of the image in pixels, at least 16. The scene is made for 4:3; other
            proportions show as much of its middle as fits.

    Returns:
        The scene, with the classes NAMES; cars, pedestrians, bicyclists and signs are things.

    Raises:
        SettingError: a setting or the size breaks its rule.
    """
    settings = {"seed": seed, "crowd": crowd, "weather": weather, "time": time, "noise": noise}
    right = checked(street, width=width, height=height, **settings)
    noise = right.pop("noise")
    canvas = draw(**right)
    truth = read_truth(canvas)
    image = develop(canvas, noise, Dice(right["seed"], "camera"))
    return Scene(image, truth.labels, truth.instances, NAMES, truth.things)


def choose_light(seed: int, weather: str, time: str) -> Light:
    """The light of the settings, drawn from the seed where they are mixed."""
    dice = Dice(seed, "light")
    some_weather = dice.pick(("clear", "clear", "clear", "cloudy", "cloudy", "haze", "rain"))
    some_time = dice.pick(("day", "day", "day", "day", "dusk", "night"))
    return make_light(
        some_weather if weather == "mixed" else weather,
        some_time if time == "mixed" else time,
        dice,
    )


def draw(width: int, height: int, seed: int, crowd: float, weather: str, time: str) -> Canvas:
    """Draws everything, the farthest first."""
    light = choose_light(seed, weather, time)
    plan_dice = Dice(seed, "street")
    plan = plan_scene(plan_street(plan_dice), seed, crowd, light.wet)
    canvas = Canvas(width, height, plan_camera(plan.street, plan_dice), light)
    paint_sky(canvas, Dice(seed, "sky"))
    ground = Dice(seed, "ground")
    paint_ground(canvas, plan.street, ground)
    shades = [prop.shade for prop in plan.props + plan.scenery if prop.shade is not None]
    shade_ground(canvas, shades, plan.lamps if light.lamps_on else [], ground)
    for prop in in_order(plan.scenery) + in_order(plan.props):
        if canvas.camera.sees(*prop.span, prop.distance):
            prop.paint(canvas)
    return canvas


def reduce_identities(full: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One identity for every 2×2 of those drawn: the one that at least two of the four have.

    That is the second greatest of them, but where three or four differ. Of two and two the greater
    one wins: things have greater identities than stuff, and near ones than far ones.

    Args:
        full: uint8 2H×2W.

    Returns:
        uint8 H×W.
    """
    a, b = full[::2, ::2], full[::2, 1::2]
    c, d = full[1::2, ::2], full[1::2, 1::2]
    runner_up = np.minimum(np.maximum(a, b), np.maximum(c, d))
    beside_the_best = np.maximum(np.minimum(a, b), np.minimum(c, d))
    return np.maximum(runner_up, beside_the_best)


@dataclass(frozen=True)
class Truth:
    """What is known of a drawn canvas at the size of the image.

    Attributes:
        labels, instances: as in Scene.
        things: as in Scene, in the order of `instances`.
        hidden: for each thing, the share of its silhouette that others hide.
    """

    labels: Labels
    instances: Labels
    things: tuple[Segment, ...]
    hidden: tuple[float, ...]


def read_truth(canvas: Canvas) -> Truth:
    """Labels, instances and boxes of what was drawn."""
    full = canvas.pixels[..., 3]
    first = len(NAMES) + 1  # the identity of the first thing
    visible = np.bincount(full.ravel(), minlength=256)[first:]
    least = _LEAST_AREA * canvas.scale**2
    to_class = np.zeros(256, np.int32)
    to_class[:first] = np.arange(first)
    to_instance = np.zeros(256, np.int32)
    names: list[str] = []
    hidden: list[float] = []
    for identity, (area, thing) in enumerate(zip(visible, canvas.things, strict=False), first):
        if area >= max(least, _LEAST_SHARE * thing.area):
            names.append(NAMES[thing.kind - 1])
            hidden.append(1.0 - float(area) / max(1, thing.area))
            to_class[identity] = thing.kind
            to_instance[identity] = len(names)
    identities = reduce_identities(full)
    instances = to_instance[identities]
    return Truth(to_class[identities], instances, find_things(instances, names), tuple(hidden))
