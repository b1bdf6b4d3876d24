"""What a technique is: a function whose signature is the specification of its settings.

    def segment(image: Image, *,
                method: Annotated[str, Choice("otsu", "fixed"), "How the level is found."] = "otsu",
                level: Annotated[int, Range(0, 255), Only(method="fixed")] = 127,
                show: Show = ignore) -> Segmentation: ...

    TECHNIQUE = Technique("Thresholding", year=1979, segment=segment, fails=Preset(...))

Every keyword-only parameter annotated with `Annotated[...]` is a setting; `show` and parameters
without `Annotated` are collaborators that a caller may pass in. Widgets, link, validation, docs,
the exported script and the tests are all derived from these settings.
"""

import inspect
import math
import time
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np

from segcore.charts import Frames
from segcore.errors import SettingError
from segcore.result import Image, Point, Segmentation, Step

Value: TypeAlias = Any  # bool, int, float, str, or a tuple of points


# What an annotation may say of a setting ---------------------------------------------------------


class Choice:
    """One of some options: `Choice("otsu", "fixed")`; `Choice(otsu="Otsu 1979")` labels them."""

    def __init__(self, *options: str | int, **labelled: str) -> None:
        self.labels: dict[str | int, str] = {option: _title(str(option)) for option in options}
        self.labels.update(labelled)


class Download:
    """Further options of a choice, whose files are not here until a person asks for them.

    `Download(fcn_resnet50="FCN-ResNet50")`: the option is the publisher's name of the weights, see
    segcore.weights.pretrained; one with a slash is a repository of the Hub, see
    segcore.weights.hub.
    """

    def __init__(self, **labelled: str) -> None:
        self.labels: dict[str, str] = labelled


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included, on the grid low, low + step, …"""

    low: float
    high: float
    step: float | None = None


@dataclass(frozen=True)
class Points:
    """Up to `most` points (x, y) in pixels of the image, set by clicking it.

    A technique may have several such settings; its page has a control that says what a click sets.
    """

    most: int = 64


class Only:
    """The setting matters only while another has one of these values: `Only(method="fixed")`."""

    def __init__(self, **conditions: Any) -> None:
        self.conditions: dict[str, tuple[Any, ...]] = {
            name: value if isinstance(value, tuple) else (value,)
            for name, value in conditions.items()
        }


@dataclass(frozen=True)
class Label:
    """What a page calls the setting, where its name with spaces is not good enough."""

    text: str


# A setting ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """One setting of a technique, read from the signature of its `segment`.

    Attributes:
        name: name of the parameter.
        type: bool, int, float, str, or tuple for points.
        default: the parameter's default.
        options: allowed values of a choice, else None.
        option_labels: option -> what a page calls it.
        downloads: those of the options whose files must be downloaded first.
        low, high, step: range of a number, else None.
        most: most points of a setting of points, else None.
        only: the setting matters while, for each name here, that setting has one of the values.
        label: what a page calls the setting.
        help: one or two sentences for a person.
    """

    name: str
    type: type
    default: Value
    options: tuple[Value, ...] | None = None
    option_labels: Mapping[Value, str] = field(default_factory=dict)
    downloads: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    most: int | None = None
    only: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    label: str = ""
    help: str = ""

    @property
    def rule(self) -> str:
        """What a right value is, in words that follow "must be"."""
        if self.options is not None:
            return "one of " + ", ".join(map(str, self.options))
        if self.type is bool:
            return "true or false"
        if self.type is tuple:
            points = "one point" if self.most == 1 else f"{self.most} points"
            return f"at most {points} (x, y) of whole numbers from 0 up"
        kind = "a whole number" if self.type is int else "a number"
        odd = self.type is int and self.step == 2 and self.low is not None and self.low % 2 == 1
        return f"{'an odd' + kind[1:] if odd else kind} from {self.low:,.10g} to {self.high:,.10g}"

    def check(self, value: object) -> Value:
        """`value` in the setting's own type.

        Raises:
            SettingError: the value breaks the setting's rule.
        """
        if self.type is tuple:
            return self._check_points(value)
        if isinstance(value, np.generic):
            value = value.item()
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.type:
            raise SettingError(self.name, self.rule, value)
        if self.options is not None and value not in self.options:
            raise SettingError(self.name, self.rule, value)
        if self.low is not None and not self._on_grid(typing.cast(float, value)):
            raise SettingError(self.name, self.rule, value)
        return value

    def _on_grid(self, value: float) -> bool:
        if self.low is None or self.high is None or not self.low <= value <= self.high:
            return False  # NaN ends here too
        if self.type is float or self.step is None:
            return True  # the step of a real number is only what a slider moves by
        return (value - self.low) % self.step == 0

    def _check_points(self, value: object) -> tuple[Point, ...]:
        if (
            not isinstance(value, Sequence)
            or isinstance(value, str)
            or len(value) > (self.most or 0)
        ):
            raise SettingError(self.name, self.rule, value)
        points = []
        for point in value:
            pair = tuple(point) if isinstance(point, Sequence | np.ndarray) else ()
            whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in pair)
            if len(pair) != 2 or not whole or min(pair) < 0:
                raise SettingError(self.name, self.rule, value)
            points.append((int(pair[0]), int(pair[1])))
        return tuple(points)

    def applies(self, settings: Mapping[str, Value]) -> bool:
        """Whether the setting matters, given the values of all settings."""
        return all(settings[name] in values for name, values in self.only.items())

    def to_text(self, value: Value) -> str:
        """`value` as it stands in a link; `from_text` reads it back."""
        if self.type is tuple:
            return "_".join(f"{x}-{y}" for x, y in value)
        return str(value).lower() if self.type is bool else str(value)

    def from_text(self, text: str) -> Value:
        """The value that stands in a link.

        Raises:
            SettingError: the text is no value of this setting.
        """
        try:
            value = self._parse(text)
        except ValueError:
            raise SettingError(self.name, self.rule, text) from None
        return self.check(value)

    def _parse(self, text: str) -> Value:
        if self.type is bool:
            return {"true": True, "false": False}[text] if text in ("true", "false") else text
        if self.type is tuple:
            pairs = [pair.split("-") for pair in text.split("_") if pair]
            return tuple(tuple(int(number) for number in pair) for pair in pairs)
        if self.type is float and not math.isfinite(float(text)):
            return text
        return self.type(text)


def read_settings(segment: Callable[..., Any]) -> tuple[Setting, ...]:
    """The settings that a technique's function declares in its signature.

    Raises:
        TypeError: an annotation is not of the form that this module describes.
    """
    hints = typing.get_type_hints(segment, include_extras=True)
    found = []
    for name, parameter in inspect.signature(segment).parameters.items():
        hint = hints.get(name)
        if parameter.kind is parameter.KEYWORD_ONLY and hasattr(hint, "__metadata__"):
            found.append(_read_setting(name, hint, parameter.default))
    known = {setting.name for setting in found}
    for setting in found:
        if not set(setting.only) <= known:
            raise TypeError(f"Only(...) of {setting.name} names a setting that does not exist.")
    return tuple(found)


def _read_setting(name: str, hint: Any, default: Value) -> Setting:
    base, *marks = typing.get_args(hint)
    kind: type = base if base in (bool, int, float, str) else tuple
    facts: dict[str, Any] = {"label": _title(name)}
    for mark in marks:
        match mark:
            case Choice() | Download():
                labels = facts.get("option_labels", {}) | mark.labels
                facts |= {"options": tuple(labels), "option_labels": labels}
                facts["downloads"] = tuple(mark.labels) if isinstance(mark, Download) else ()
            case Range():
                step = mark.step or (1 if kind is int else (mark.high - mark.low) / 100)
                facts |= {"low": mark.low, "high": mark.high, "step": step}
            case Points():
                facts["most"] = mark.most
            case Only():
                facts["only"] = mark.conditions
            case Label():
                facts["label"] = mark.text
            case str():
                facts["help"] = mark
            case _:
                raise TypeError(f"{name} has an annotation of no known kind: {mark!r}.")
    setting = Setting(name, kind, default, **facts)
    try:
        setting.check(default)
    except SettingError as error:
        raise TypeError(f"The default breaks the setting's own rule: {error}") from None
    return setting


def _title(name: str) -> str:
    """`n_clusters` -> "Number of clusters"; `adaptive_mean` -> "Adaptive mean"."""
    words = "number_of_" + name[2:] if name.startswith("n_") else name
    return words.replace("_", " ").capitalize()


# Showing steps -----------------------------------------------------------------------------------


class Show(Protocol):
    """Receives the steps of a technique from the very lines that compute its result.

    A picture is an array (mask, labels, grey, real numbers, RGB), a chart of segcore.charts, or a
    function without arguments that makes one, called only when somebody looks: give a function
    whenever making the picture costs more than naming it.
    """

    def __call__(self, title: str, picture: Any, caption: str) -> None: ...

    def progress(self, fraction: float) -> None:
        """Says how much is done, 0 to 1; it may raise to cancel the run."""


class _Ignore:
    """Shows nothing, at no cost."""

    def __call__(self, title: str, picture: Any, caption: str) -> None: ...

    def progress(self, fraction: float) -> None: ...


ignore: Show = _Ignore()


class Recorder:
    """Keeps every step; `seconds` is the time the keeping took.

    Args:
        on_progress: called with the fraction done; what it raises cancels the run.
    """

    def __init__(self, on_progress: Callable[[float], None] | None = None) -> None:
        self.steps: list[Step] = []
        self.seconds = 0.0
        self._on_progress = on_progress

    def __call__(self, title: str, picture: Any, caption: str) -> None:
        start = time.perf_counter()
        made = callable(picture)
        self.steps.append(
            Step(title, _frozen(picture() if made else picture, copy=not made), caption)
        )
        self.seconds += time.perf_counter() - start

    def progress(self, fraction: float) -> None:
        start = time.perf_counter()
        if self._on_progress is not None:
            self._on_progress(min(1.0, max(0.0, fraction)))
        self.seconds += time.perf_counter() - start


def _frozen(picture: Any, *, copy: bool) -> Any:
    """The picture, safe from later changes by the technique that showed it."""
    if isinstance(picture, Frames):
        return Frames(tuple(_frozen(p, copy=copy) for p in picture.pictures), picture.names)
    if isinstance(picture, np.ndarray):
        picture = picture.copy() if copy else picture
        picture.setflags(write=False)
    return picture


# A technique -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preset:
    """Settings with a name, and the sample that they are meant for, if any."""

    title: str
    settings: Mapping[str, Value] = field(default_factory=dict)
    sample: str | None = None


@dataclass(frozen=True)
class Study:
    """A question about a setting that takes longer to answer, so that a person asks it by a button.

    Attributes:
        title: the question, such as "How many clusters?".
        answer: function like `segment`, from an image and the same settings, that shows its charts
            and says its progress through `show` and returns nothing.
    """

    title: str
    answer: Callable[..., None]


@dataclass(frozen=True)
class Article:
    """The docstring of a technique's file, taken apart: its title and its four sections."""

    title: str
    idea: str
    used_for: str
    when_it_fails: str
    references: str


@dataclass(frozen=True)
class Architecture:
    """The network of a technique that is one, and what its paper says of it.

    Attributes:
        build: function from the number of output channels to the torch module; None if it is made
            of `parts`, or if all weights are downloaded and their publisher builds it.
        paper_network: which of the paper's networks the two figures below are of.
        paper_parameters: how many numbers it learned.
        paper_score: what the paper reports of it, with its data.
        smaller: why ours is smaller and what that costs, in a sentence or two.
        parts: keys of the techniques whose networks and weights it runs instead of its own.
    """

    build: Callable[[int], Any] | None
    paper_network: str
    paper_parameters: int
    paper_score: str
    smaller: str
    parts: tuple[str, ...] = ()


SECTIONS = ("Idea", "Used for", "When it fails", "References")


class Method:
    """What is made of one function: its signature holds the settings, its file is the article.

    Techniques and tasks (see segcore.task) have this in common.
    """

    title: str
    year: int

    @property
    def function(self) -> Callable[..., Any]:
        """The function that answers, given an image and settings."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """Name of the file, which is its name in links and in the catalogue."""
        return self.function.__module__.rpartition(".")[2]

    @property
    def category(self) -> str:
        """Name of the folder that the file lies in."""
        return self.function.__module__.split(".")[-2]

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        return read_settings(self.function)

    @cached_property
    def article(self) -> Article:
        return read_article(inspect.getmodule(self.function).__doc__ or "")

    def complete(self, settings: Mapping[str, object]) -> dict[str, Value]:
        """Every setting, checked; those not given have their default.

        Raises:
            SettingError: a name is unknown or a value breaks its setting's rule.
        """
        known = {setting.name: setting for setting in self.settings}
        for name in settings:
            if name not in known:
                raise SettingError(f"A setting of {self.key}", "one of " + ", ".join(known), name)
        return {
            name: setting.check(settings.get(name, setting.default))
            for name, setting in known.items()
        }


@dataclass(frozen=True)
class Technique(Method):
    """A segmentation technique: a function and what a page must know to teach it.

    Attributes:
        title: name in the standard terms of the field.
        year: year of the publication that the technique goes back to.
        segment: function from an image (uint8 RGB H×W×3) and settings to a Segmentation.
        fails: settings and a sample on which the technique fails, as its article explains.
        presets: named settings, such as those of the article that the dashboard follows.
        studies: questions about the settings, answered on request.
        sample: the sample that shows the technique at its best.
        network: the architecture, where the technique is a neural network.
    """

    title: str
    year: int
    segment: Callable[..., Segmentation]
    fails: Preset
    presets: tuple[Preset, ...] = ()
    studies: tuple[Study, ...] = ()
    sample: str = "coins"
    network: Architecture | None = None

    @property
    def function(self) -> Callable[..., Segmentation]:
        return self.segment

    def weights_files(self, chosen: str) -> tuple[str, ...]:
        """Names of the files for one choice of our own weights, such as ("unet_street",)."""
        parts = self.network.parts if self.network is not None else ()
        return tuple(f"{key}_{chosen}" for key in parts or (self.key,))


def read_article(docstring: str) -> Article:
    """The sections of a technique's docstring.

    Raises:
        ValueError: a section is missing.
    """
    title, _, rest = inspect.cleandoc(docstring).partition("\n")
    bodies: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in rest.splitlines():
        heading = line if line in SECTIONS else None
        if heading is not None:
            lines = bodies.setdefault(heading, [])
        else:
            lines.append(line)
    missing = [s for s in SECTIONS if not "".join(bodies.get(s, [])).strip()]
    if missing:
        raise ValueError(f"The docstring of {title!r} lacks the section {missing[0]!r}.")
    return Article(title, *("\n".join(bodies[s]).strip() for s in SECTIONS))


def check_inside(points: Sequence[Point], image: Image, name: str) -> None:
    """Checks that every point of a setting lies in the image.

    Args:
        points: (x, y) in pixels of the image.
        image: H×W×3.
        name: of the setting.

    Raises:
        SettingError: a point lies outside.
    """
    height, width = image.shape[:2]
    for x, y in points:
        if not (0 <= x < width and 0 <= y < height):
            rule = f"points inside the image, x from 0 to {width - 1} and y from 0 to {height - 1}"
            raise SettingError(name, rule, (x, y))
