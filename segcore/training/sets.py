"""What networks are trained on: drawn scenes, and the readers of three sets of photographs.

The photographs lie in ../shared/data beside the checkout and are never copied into it; SEGCORE_DATA
names another folder. Scenes are drawn once, kept in the work folder and shared by all trainings.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

import segcore.scenes
from segcore.errors import ImageError
from segcore.metrics.precision import MAX_DETECTIONS
from segcore.result import Image
from segcore.scenes.cells import cells
from segcore.scenes.scene import Scene
from segcore.scenes.street import NAMES as STREET
from segcore.scenes.street import street
from segcore.training.augment import IGNORE, Targets

DATA = Path(os.environ.get("SEGCORE_DATA", Path(__file__).parents[3] / "shared" / "data"))
WORK = Path(os.environ.get("SEGCORE_WORK", Path(__file__).parents[2] / ".training"))

N_STREETS = 4500
N_ORDINARY = 3000  # of them; the others are crowded, since people are few and small elsewhere
VAL_SEED, N_MEASURED = 1_000_000, 500  # street scenes that are kept for measuring
SIZES = ((256, 192), (256, 192), (320, 240), (384, 288))  # scene i has the size i modulo 4


# Numbers of things, H×W from 1, 0 for none; and the index of the class of each.
Things: TypeAlias = tuple[Targets, Sequence[int]]


@dataclass(frozen=True, eq=False)
class Example:
    """An image with what a network is to say of it.

    Attributes:
        image: uint8 RGB H×W×3.
        targets: uint8 H×W, the channel that should win, IGNORE where nothing is asked; or uint16
            H×W, numbers of nuclei or codes of things, from which `to_channels` makes such a map.
    """

    image: Image
    targets: Targets


@dataclass(frozen=True)
class DataSet:
    """A set of examples in two parts that have no image in common.

    Attributes:
        key: the word that names it in recipes and in `weights`.
        names: what the channels stand for.
        side: long side in pixels at which a network sees its images.
        train, val: make the examples of each part.
        stretched: whether the contrast of its images is stretched first.
        most_things: how many things of an image average precision counts, the surest first.
        to_channels: makes the map of channels from the targets, once they are augmented.
        to_things: makes from them the numbers of the things, H×W from 1, and the index of the class
            of each.
        about: what it is, for the model card.
        terms: on which terms it, and what was made from it, may be used.
    """

    key: str
    names: tuple[str, ...]
    side: int
    train: Callable[[], Sequence[Example]]
    val: Callable[[], Sequence[Example]]
    about: str
    terms: str
    stretched: bool = False
    most_things: int = MAX_DETECTIONS
    to_channels: Callable[[Targets], Targets] = lambda targets: targets
    to_things: Callable[[Targets], Things] = lambda targets: (targets, ())


# Drawn scenes ------------------------------------------------------------------------------------


class Pool(Sequence[Example]):
    """Scenes drawn once into the work folder, one file each, and read when they are needed.

    Args:
        name: word for the kind of scenes.
        draw: makes the example of a seed.
        seeds: those that belong to the pool.
        sources: folder of the code that draws; when it changes, all is drawn again.
    """

    def __init__(
        self,
        name: str,
        draw: Callable[[int], Example],
        seeds: range,
        sources: Path = Path(segcore.scenes.__path__[0]),
    ) -> None:
        self._folder = WORK / f"{name}-{_digest(sources)}"
        self._seeds = seeds
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = [seed for seed in seeds if not self._path(seed).is_file()]
        with ProcessPoolExecutor() as workers:
            drawn = workers.map(draw, missing, chunksize=16)
            for seed, example in zip(missing, drawn, strict=True):
                begun = self._path(seed).with_suffix(".begun.npz")
                np.savez(begun, image=example.image, targets=example.targets)
                begun.replace(self._path(seed))

    def _path(self, seed: int) -> Path:
        return self._folder / f"{seed}.npz"

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        with np.load(self._path(self._seeds[index])) as file:
            return Example(file["image"], file["targets"])


def _digest(sources: Path) -> str:
    """Eight hex digits that change whenever the code in a folder, or in a file, does."""
    paths = [sources] if sources.is_file() else sorted(sources.rglob("*.py"))
    code = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(code).hexdigest()[:8]


def _draw_street(seed: int) -> Example:
    width, height = SIZES[seed % len(SIZES)]
    crowd = 0.5 if seed < N_ORDINARY else (0.8, 0.9, 1.0)[seed % 3]
    return _coded(street(width, height, seed=seed, crowd=crowd))


def _draw_street_to_measure(seed: int) -> Example:
    return _coded(street(256, 192, seed=seed))


def _coded(scene: Scene) -> Example:
    return Example(scene.image, to_codes(scene))


def _draw_cells(seed: int) -> Example:
    scene = cells(256, 256, seed=seed)
    return Example(scene.image, scene.instances.astype(np.uint16))


def to_codes(scene: Scene) -> Targets:
    """256 × label + number of the thing, of every pixel: both in one map."""
    return (256 * scene.labels + scene.instances).astype(np.uint16)


def _classes(codes: Targets) -> Targets:
    """Channels 0 to 10 for the labels 1 to 11; void, 0, turns into 255, which is IGNORE."""
    return ((codes >> 8) - 1).astype(np.uint8)


def codes_to_things(
    names: Sequence[str], known: Sequence[str] = STREET
) -> Callable[[Targets], Things]:
    """Makes things from codes: from labels of the names known to indices of those asked for."""
    indices = [names.index(name) if name in names else 0 for name in known]

    def to_things(codes: Targets) -> Things:
        found, numbers = np.unique(codes.astype(np.int64), return_inverse=True)
        real = found % 256 > 0
        order = np.where(real, np.cumsum(real), 0).astype(np.uint16)
        return order[numbers].reshape(codes.shape), [indices[c] for c in found[real] // 256 - 1]

    return to_things


# Photographs -------------------------------------------------------------------------------------


class Photographs(Sequence[Example]):
    """Pairs of NAME.jpg and NAME.png of a folder, all kept in memory.

    Args:
        folder: where they lie, in DATA.
        targets: makes an example's targets from the values of the PNG.

    Raises:
        ImageError: the folder is missing or empty, or a file cannot be read.
    """

    def __init__(self, folder: str, targets: Callable[[npt.NDArray[Any]], Targets]) -> None:
        paths = sorted((DATA / folder).glob("*.jpg"))
        if not paths:
            raise ImageError(f"No images lie in {DATA / folder}; SEGCORE_DATA names their folder.")
        self._examples = [_read_example(path, targets) for path in paths]

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int | slice) -> Any:
        return self._examples[index]


def _read_example(path: Path, targets: Callable[[npt.NDArray[Any]], Targets]) -> Example:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    truth = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_UNCHANGED)
    if image is None or truth is None or image.shape[:2] != truth.shape:
        raise ImageError(f"{path.stem} of {path.parent} is not a pair of an image and its classes.")
    return Example(np.asarray(image, np.uint8), targets(truth))


def _camvid(truth: npt.NDArray[Any]) -> Targets:
    return np.where(truth == 11, IGNORE, truth).astype(np.uint8)


def _pets(truth: npt.NDArray[Any]) -> Targets:
    """1 animal, 2 background, 3 border, which nobody is asked about."""
    return np.array([IGNORE, 1, 0, IGNORE], np.uint8)[truth]


def rims(instances: Targets) -> Targets:
    """0 background, 1 inside of a nucleus, 2 its rim: pixels beside background or another one."""
    square = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(instances, square) != cv2.erode(instances, square)
    return np.where(instances == 0, 0, np.where(edge, 2, 1)).astype(np.uint8)


def nuclei_with_scenes(part: int) -> Sequence[Example]:
    """Nuclei under the microscope, and some drawn ones, whose outlines are exact.

    Of the photographs, five in six glow on black; the others, stained or in bright field, are given
    three times, since they are the harder ones.

    Args:
        part: for how many photographs there is one drawn image.
    """
    photographs = Photographs("nuclei/train", lambda truth: truth.astype(np.uint16))
    dark = [np.median(example.image) < 96 for example in photographs]
    bright = [example for example, is_dark in zip(photographs, dark, strict=True) if not is_dark]
    drawn = Pool("cells", _draw_cells, range(len(photographs) // part))
    return [*photographs, *bright, *bright, *drawn]


def about_nuclei(part: int) -> str:
    """What the set of `nuclei_with_scenes` is."""
    drawn = {2: "half", 8: "an eighth"}[part]
    return (
        "Data Science Bowl 2018, stage 1, corrected masks: 471 microscope images to train on, "
        f"bright ones three times, with {drawn} as many drawn ones, and 68 to measure on."
    )


SETS = {
    data.key: data
    for data in (
        DataSet(
            "street",
            STREET,
            320,
            lambda: Pool("street", _draw_street, range(N_STREETS)),
            lambda: Pool(
                "street-val",
                _draw_street_to_measure,
                range(VAL_SEED, VAL_SEED + N_MEASURED),
            ),
            about=f"{N_STREETS:,} street scenes that this project draws, a third of them crowded; "
            f"measured on {N_MEASURED} ordinary ones (seeds from {VAL_SEED:,}) at 256×192.",
            terms="As free as the code (MIT).",
            to_channels=_classes,
        ),
        DataSet(
            "camvid",
            STREET,
            320,
            lambda: Photographs("camvid/train", _camvid),
            lambda: Photographs("camvid/val", _camvid),
            about="CamVid (Brostow et al. 2009): 367 street photographs to train on and 101 to "
            "measure on, at 320×240, eleven classes.",
            terms="For research and personal use only (CC BY-NC 4.0).",
        ),
        DataSet(
            "nuclei",
            ("Background", "Nucleus", "Rim"),
            320,
            lambda: nuclei_with_scenes(8),
            lambda: Photographs("nuclei/val", lambda truth: truth.astype(np.uint16)),
            about=about_nuclei(8),
            terms="CC0.",
            stretched=True,
            to_channels=rims,
        ),
        DataSet(
            "pets",
            ("Background", "Animal"),
            256,
            lambda: Photographs("pets/train", _pets),
            lambda: Photographs("pets/val", _pets),
            about="Oxford-IIIT Pet (Parkhi et al. 2012), three breeds: 476 photographs of cats and "
            "dogs to train on and 62 to measure on; the border class is left out.",
            terms="CC BY-SA 4.0; the images belong to their owners.",
        ),
    )
}
