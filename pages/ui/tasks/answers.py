"""Running the three tasks on one picture: what each found, its steps, its time, its parameters."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from pages.ui import models
from pages.ui.picker import Picture
from pages.ui.progress import Progress, run_patiently
from pages.ui.tasks.subjects import CLASSIFIER, DETECTOR, Way
from segcore.catalog import TASKS
from segcore.networks.network import Network
from segcore.result import Classification, Detections, Run, Segmentation
from segcore.run import classify, detect, run
from segcore.task import Task
from segcore.technique import Recorder, Technique, Value

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False)
class Answer(Generic[T_co]):
    """What one task says of a picture.

    Attributes:
        found: the answer itself.
        run: its steps, and its time without the loading of networks; the label map is empty unless
            it is a segmentation.
        parameters: how many learned numbers took part; 0 where nothing was learned.
        name: names the answer in the caches.
    """

    found: T_co
    run: Run
    parameters: int
    name: Hashable


def classified(picture: Picture, weights: str) -> Answer[Classification]:
    """What the classifier says.

    Raises:
        WeightsError: its weights are missing.
    """
    return _of_task(TASKS[CLASSIFIER], classify, picture, {"weights": weights})


def detected(picture: Picture, weights: str) -> Answer[Detections]:
    """What the detector finds.

    Raises:
        WeightsError: its weights are missing.
    """
    return _of_task(TASKS[DETECTOR], detect, picture, {"weights": weights})


def segmented(picture: Picture, way: Way) -> Answer[Segmentation]:
    """What a technique makes of the picture.

    Raises:
        SettingError: a setting does not suit the picture.
        WeightsError: its weights are missing.
    """

    def work(progress: Progress, helpers: dict[str, Any]) -> tuple[Segmentation, Run]:
        show = Recorder(progress)
        done = run(way.key, picture.image, show=show, **way.settings, **helpers)
        return done.segmentation, done

    return _answer(way.technique, picture, way.settings, work)


def _of_task(
    task: Task, ask: Callable[..., T], picture: Picture, settings: Mapping[str, Value]
) -> Answer[T]:
    def work(progress: Progress, helpers: dict[str, Any]) -> tuple[T, Run]:
        show, start = Recorder(progress), time.perf_counter()
        found = ask(task.key, picture.image, show=show, **settings, **helpers)
        seconds = time.perf_counter() - start - show.seconds
        return found, Run(_NOTHING, tuple(show.steps), seconds)

    return _answer(task, picture, settings, work)


_NOTHING = Segmentation(np.zeros((1, 1), np.int32), ())


def _answer(
    method: Technique | Task,
    picture: Picture,
    settings: Mapping[str, Value],
    work: Callable[[Progress, dict[str, Any]], tuple[T, Run]],
) -> Answer[T]:
    """The answer from the cache, or made now, in its turn."""
    helpers = models.collaborators(method)
    learned: dict[str, int] = {}
    loading: list[float] = []

    def timed(load: Callable[[Any, str], Network]) -> Callable[[Any, str], Network]:
        """Notes what a loader takes, and how many numbers its network learned."""

        def load_and_note(how: Any, name: str) -> Network:
            start = time.perf_counter()
            network = load(how, name)
            learned[name] = sum(part.numel() for part in network.module.parameters())
            loading.append(time.perf_counter() - start)
            return network

        return load_and_note

    def make(progress: Progress) -> tuple[T, Run, int]:
        found, done = work(progress, {name: timed(load) for name, load in helpers.items()})
        # A network is loaded once for all; the next picture takes only the rest.
        answered = replace(done, seconds=done.seconds - sum(loading))
        return found, answered, sum(learned.values())

    chosen = tuple(sorted(settings.items()))
    name: Hashable = ("task", method.key, picture.digest, picture.side, chosen)
    return Answer(*run_patiently(name, method.key, make), name)
