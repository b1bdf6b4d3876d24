"""Running a technique or a task of the catalogue on an image."""

import inspect
import time
from typing import Any

import numpy as np

from segcore.catalog import get_task, get_technique
from segcore.errors import ImageError, SettingError
from segcore.result import Classification, Detections, Image, Run, Segmentation
from segcore.technique import Method, Recorder, Show, Value, ignore


def run(key: str, image: Image, /, *, show: Show | None = None, **settings: Any) -> Run:
    """Runs a technique.

    Args:
        key: name of the technique, see segcore.TECHNIQUES.
        image: uint8 H×W×3, RGB; it is not changed.
        show: receives the steps; without it they are recorded in the Run, with `ignore` nobody
            does and the technique runs at full speed.
        **settings: settings of the technique by name, and collaborators that it takes.

    Raises:
        SettingError: the technique or a setting is unknown, or a value is out of its range.
        ImageError: the image is not of the form above.
    """
    technique = get_technique(key)
    arguments = _arguments(technique, settings)
    recorder = Recorder() if show is None else show
    image = _checked(image)

    start = time.perf_counter()
    segmentation = technique.segment(image, show=recorder, **arguments)
    seconds = time.perf_counter() - start
    if isinstance(recorder, Recorder):
        return Run(segmentation, tuple(recorder.steps), seconds - recorder.seconds)
    return Run(segmentation, (), seconds)


def study(key: str, title: str, image: Image, /, *, show: Recorder, **settings: Any) -> Run:
    """Answers a question that a technique offers, see Technique.studies.

    Args:
        key: name of the technique.
        title: the question.
        image: uint8 H×W×3, RGB; it is not changed.
        show: records the charts and is told the progress.
        **settings: settings of the technique by name.

    Returns:
        a Run whose steps are the answer; its label map is empty.

    Raises:
        SettingError: the technique, the question or a setting is unknown or wrong.
        ImageError: the image is not of the form above.
    """
    technique = get_technique(key)
    answers = {study.title: study.answer for study in technique.studies}
    if title not in answers:
        raise SettingError("The study", "one of " + ", ".join(answers), title)
    start = time.perf_counter()
    answers[title](_checked(image), show=show, **technique.complete(settings))
    nothing = Segmentation(np.zeros((1, 1), np.int32), ())
    return Run(nothing, tuple(show.steps), time.perf_counter() - start)


def classify(key: str, image: Image, /, *, show: Show = ignore, **settings: Any) -> Classification:
    """Says what an image shows.

    Args:
        key: name of a task in segcore/tasks/classification, see segcore.TASKS.
        image: uint8 H×W×3, RGB; it is not changed.
        show: receives the steps.
        **settings: settings of the task by name, and collaborators that it takes.

    Raises:
        SettingError: the task or a setting is unknown, or a value is out of its range.
        ImageError: the image is not of the form above.
        WeightsError: the weights are missing or are not the ones on their card.
    """
    answer: Classification = _answer("classification", key, image, show, settings)
    return answer


def detect(key: str, image: Image, /, *, show: Show = ignore, **settings: Any) -> Detections:
    """Finds the objects of an image, each with the box around it, the best score first.

    Args:
        key: name of a task in segcore/tasks/detection, see segcore.TASKS.
        image: uint8 H×W×3, RGB; it is not changed.
        show: receives the steps.
        **settings: settings of the task by name, and collaborators that it takes.

    Raises:
        SettingError: the task or a setting is unknown, or a value is out of its range.
        ImageError: the image is not of the form above.
        WeightsError: the weights are missing or are not the ones on their card.
    """
    answer: Detections = _answer("detection", key, image, show, settings)
    return answer


def _answer(kind: str, key: str, image: Image, show: Show, settings: dict[str, Any]) -> Any:
    task = get_task(key, kind)
    return task.answer(_checked(image), show=show, **_arguments(task, settings))


def _arguments(method: Method, given: dict[str, Any]) -> dict[str, Value]:
    """Every setting, checked, and the collaborators that are given."""
    taken = inspect.signature(method.function).parameters
    names = {setting.name for setting in method.settings}
    helpers = {n: v for n, v in given.items() if n in taken and n not in names}
    return method.complete({n: v for n, v in given.items() if n not in helpers}) | helpers


def _checked(image: Image) -> Image:
    """A read-only view of the image: no technique can change what others look at."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
        raise ImageError("The image must be an array of uint8 with height, width and 3 channels.")
    if image.shape[2] != 3 or 0 in image.shape:
        raise ImageError(f"The image must be H×W×3 and not empty, but its shape is {image.shape}.")
    view = np.ascontiguousarray(image).view()
    view.setflags(write=False)
    return view
