"""What weather and time of day do to the colours of a street."""

import math
from dataclasses import dataclass

from segcore.scenes.street.dice import Dice

Colour = tuple[float, float, float]  # RGB, 0 to 255
Vector = tuple[float, float, float]  # X to the right, Y up, Z ahead, in metres

LEFTWARD: Vector = (-1.0, 0.0, 0.0)
RIGHTWARD: Vector = (1.0, 0.0, 0.0)
TOWARDS: Vector = (0.0, 0.0, -1.0)
UPWARD: Vector = (0.0, 1.0, 0.0)
ROUND: Vector = (0.0, 0.45, -0.75)  # what has no flat sides, seen from in front

_MOST_HAZE = 0.72  # beyond, nobody could tell what is labelled


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first`, with `share` of it replaced by `second`."""
    keep = 1.0 - share
    return (
        first[0] * keep + second[0] * share,
        first[1] * keep + second[1] * share,
        first[2] * keep + second[2] * share,
    )


def scale(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


@dataclass(frozen=True)
class Light:
    """The light of a scene.

    Attributes:
        weather, time: "clear", "cloudy", "haze" or "rain"; "day", "dusk" or "night".
        ambient, sun: share of a surface's colour that is seen in shade, and added in the sun.
        direction: unit vector to the sun (or moon).
        haze: colour that things fade to with distance.
        reach: distance in metres at which 63% is lost.
        zenith, skyline: colours of the sky above and at the horizon.
        clouds: share of the sky that is covered.
        shadow: how much a cast shadow takes away, 0 to 1.
    """

    weather: str
    time: str
    ambient: Colour
    sun: Colour
    direction: Vector
    haze: Colour
    reach: float
    zenith: Colour
    skyline: Colour
    clouds: float
    shadow: float

    @property
    def lamps_on(self) -> bool:
        return self.time != "day"

    @property
    def wet(self) -> bool:
        return self.weather == "rain"

    def lit(self, colour: Colour, normal: Vector = ROUND, distance: float = 0.0) -> Colour:
        """The colour of a surface with this normal, as seen from a distance in metres."""
        towards = (
            normal[0] * self.direction[0]
            + normal[1] * self.direction[1]
            + normal[2] * self.direction[2]
        )
        lost = self.fade(distance)
        direct = max(0.0, towards) * (1.0 - lost)
        # Light from the open sky: what looks up gets more of it than a wall.
        open_sky = (0.92 + 0.16 * normal[1]) * (1.0 - lost)
        ambient, sun, haze = self.ambient, self.sun, self.haze
        return (
            colour[0] * (ambient[0] * open_sky + sun[0] * direct) + haze[0] * lost,
            colour[1] * (ambient[1] * open_sky + sun[1] * direct) + haze[1] * lost,
            colour[2] * (ambient[2] * open_sky + sun[2] * direct) + haze[2] * lost,
        )

    def glowing(self, colour: Colour, distance: float = 0.0) -> Colour:
        """The colour of something that shines by itself."""
        return mix(colour, self.haze, 0.5 * self.fade(distance))

    def fade(self, distance: float) -> float:
        return min(_MOST_HAZE, 1.0 - math.exp(-distance / self.reach))


_SKIES: dict[tuple[str, str], tuple[Colour, Colour]] = {
    ("clear", "day"): ((58, 118, 196), (186, 214, 236)),
    ("cloudy", "day"): ((138, 152, 170), (206, 212, 218)),
    ("haze", "day"): ((176, 184, 190), (216, 214, 206)),
    ("rain", "day"): ((104, 114, 128), (164, 172, 180)),
    ("clear", "dusk"): ((62, 66, 126), (246, 158, 96)),
    ("cloudy", "dusk"): ((84, 80, 112), (206, 146, 122)),
    ("haze", "dusk"): ((132, 110, 124), (226, 168, 128)),
    ("rain", "dusk"): ((66, 70, 90), (138, 122, 126)),
    ("clear", "night"): ((12, 18, 44), (44, 58, 98)),
    ("cloudy", "night"): ((24, 28, 44), (66, 66, 80)),
    ("haze", "night"): ((40, 44, 58), (86, 84, 88)),
    ("rain", "night"): ((22, 26, 38), (58, 62, 76)),
}
_AMBIENT: dict[str, Colour] = {
    "day": (0.60, 0.63, 0.70),
    "dusk": (0.50, 0.45, 0.55),
    "night": (0.40, 0.43, 0.55),
}
_OVERCAST = {"clear": 1.0, "cloudy": 1.25, "haze": 1.3, "rain": 1.02}
_SUN: dict[str, Colour] = {
    "day": (0.72, 0.66, 0.52),
    "dusk": (0.80, 0.42, 0.18),
    "night": (0.05, 0.06, 0.10),
}
_SUNSHINE = {"clear": 1.0, "cloudy": 0.22, "haze": 0.18, "rain": 0.06}
_REACH = {"clear": 520.0, "cloudy": 300.0, "haze": 62.0, "rain": 120.0}


def make_light(weather: str, time: str, dice: Dice) -> Light:
    """The light of a weather and a time of day, with its chance variations."""
    height = math.radians(dice.number(10, 18) if time == "dusk" else dice.number(28, 58))
    side = math.radians(dice.number(25, 155) * dice.sign())  # 0 = straight ahead
    direction = (
        math.cos(height) * math.sin(side),
        math.sin(height),
        math.cos(height) * math.cos(side),
    )
    zenith, skyline = _SKIES[weather, time]
    bright = dice.number(0.9, 1.1)
    overcast = _OVERCAST[weather] * bright
    sunshine = _SUNSHINE[weather]
    sun = scale(_SUN[time], sunshine * bright)
    clouds = {"clear": dice.number(0.2, 0.62), "cloudy": 0.9, "haze": 0.25, "rain": 1.0}[weather]
    return Light(
        weather,
        time,
        ambient=scale(_AMBIENT[time], overcast),
        sun=sun,
        direction=direction,
        haze=mix(skyline, zenith, 0.15),
        reach=_REACH[weather] * dice.number(0.85, 1.3),
        zenith=scale(zenith, dice.number(0.88, 1.1)),
        skyline=scale(skyline, dice.number(0.94, 1.05)),
        clouds=clouds,
        shadow={"day": 0.44, "dusk": 0.35, "night": 0.12}[time] * min(1.0, sunshine + 0.1),
    )
