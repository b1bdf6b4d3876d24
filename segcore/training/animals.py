"""Pictures of several cats and dogs, put together from photographs of one animal each.

A photograph keeps its own animal and gets up to four others, cut out along their masks, so that
a network meets animals that hide one another and knows every pixel of each.
"""

import csv
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Image, Mask
from segcore.training import sets
from segcore.training.sets import Example, Photographs

ALONE = 0.2  # share of the pictures to train on that keep their single animal
MOST_ADDED = 4
HEIGHTS = (0.28, 0.7)  # of an added animal, as a share of the picture's
LEAST_SEEN = 0.15  # share of an animal that must stay in sight; what shows less is left out
FEATHER = 0.7  # pixels over which a cut-out fades


def draw_animals(seed: int) -> Example:
    """A picture to train on; some hold one animal alone."""
    rng = np.random.default_rng(seed)
    added = 0 if rng.random() < ALONE else int(rng.integers(1, MOST_ADDED + 1))
    return compose(*_photographs("train"), added, rng)


def draw_animals_to_measure(seed: int) -> Example:
    """A picture of two to five animals, none of which was trained on."""
    rng = np.random.default_rng(seed)
    return compose(*_photographs("val"), int(rng.integers(1, MOST_ADDED + 1)), rng)


@lru_cache(maxsize=2)
def _photographs(part: str) -> tuple[Sequence[Example], Sequence[int]]:
    """The photographs of a part, and for each 1 for a cat and 2 for a dog."""
    with (sets.DATA / "pets" / "index.csv").open(encoding="utf-8", newline="") as file:
        species = {row["id"]: row["species"] for row in csv.DictReader(file)}
    names = sorted(path.stem for path in (sets.DATA / "pets" / part).glob("*.jpg"))
    kinds = [1 + ("cat", "dog").index(species[name]) for name in names]
    return Photographs(f"pets/{part}", to_animal), kinds


def to_animal(truth: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """1 on the animal, from 1 animal, 2 background, 3 border, of which each takes what is near."""
    far = [
        cv2.distanceTransform((truth != value).astype(np.uint8), cv2.DIST_L2, 5) for value in (1, 2)
    ]
    return ((truth == 1) | ((truth == 3) & (far[0] <= far[1]))).astype(np.uint8)


def compose(
    photographs: Sequence[Example],
    kinds: Sequence[int],
    added: int,
    rng: np.random.Generator,
) -> Example:
    """A photograph with its animal and some of other photographs.

    Args:
        photographs: targets are 1 on the animal, else 0.
        kinds: label of each photograph's animal.
        added: how many animals are put in.
        rng: decides.

    Returns:
        the picture; targets are codes, see segcore.training.sets.to_codes.
    """
    chosen = rng.integers(len(photographs), size=added + 1).tolist()
    base = photographs[chosen[0]]
    image, numbers = base.image.copy(), base.targets.astype(np.uint16)
    whole = [int(np.count_nonzero(numbers))]
    for number, index in enumerate(chosen[1:], 2):
        whole.append(_put(photographs[index], number, image, numbers, rng))
    seen = np.bincount(numbers.ravel(), minlength=len(whole) + 1)[1:]
    codes = np.zeros(numbers.shape, np.uint16)
    for number, index in enumerate(chosen, 1):
        if seen[number - 1] >= LEAST_SEEN * max(1, whole[number - 1]):
            codes[numbers == number] = 256 * kinds[index] + number
    return Example(image, codes)


def _put(
    other: Example,
    number: int,
    image: Image,
    numbers: npt.NDArray[np.uint16],
    rng: np.random.Generator,
) -> int:
    """Puts the animal of another photograph into the picture; its pixels, seen or not."""
    cut, mask = _cut_out(other, float(rng.uniform(*HEIGHTS)) * image.shape[0], rng.random() < 0.5)
    height, width = mask.shape
    # Anywhere, also partly outside, and rather low, where animals stand.
    left = int((image.shape[1] - 0.5 * width) * rng.random() - 0.25 * width)
    top = int((image.shape[0] - 0.75 * height) * rng.beta(2.0, 1.2))
    rows = slice(max(0, top), min(image.shape[0], top + height))
    columns = slice(max(0, left), min(image.shape[1], left + width))
    inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left,
                                                              columns.stop - left)  # fmt: skip
    alpha = cv2.GaussianBlur(mask[inside].astype(np.float32), (0, 0), FEATHER)[..., None]
    mixed = alpha * cut[inside] + (1.0 - alpha) * image[rows, columns]
    image[rows, columns] = (mixed + 0.5).astype(np.uint8)
    numbers[rows, columns][mask[inside]] = number
    return int(mask.sum())


def _cut_out(example: Example, height: float, flipped: bool) -> tuple[Image, Mask]:
    """The animal of a photograph in its box, enlarged or reduced to a height in pixels."""
    mask = example.targets > 0
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.bool_)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    scale = height / (rows[-1] + 1 - rows[0])
    size = [max(1, round(n * scale)) for n in mask[box].shape[::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cut = cv2.resize(np.ascontiguousarray(example.image[box]), size, interpolation=how)
    inside = cv2.resize(mask[box].astype(np.float32), size, interpolation=how) > 0.5
    return (cut[:, ::-1], inside[:, ::-1]) if flipped else (cut, inside)
