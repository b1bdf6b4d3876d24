"""Classification as a training objective: what an image shows, said once for the whole of it.

The targets are those of the pixels. A window is tagged with every class that at least 0.3% of its
pixels belong to, be it in one piece or in many: a thing of 12×12 pixels in an image of 256×192.
What is smaller nobody would name. Of pets, the whole image counts as its animal.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load
from torch import Tensor, nn

from segcore.errors import ImageError
from segcore.metrics.overlap import mean_of_known
from segcore.metrics.ranking import ranking_precision
from segcore.networks.inference import to_tensor
from segcore.networks.network import LoadModel
from segcore.result import Image
from segcore.run import classify
from segcore.scenes.street import street
from segcore.tasks.classification.pooled_cnn import ONE_OF
from segcore.training.augment import Targets
from segcore.training.batches import windows
from segcore.training.recipes import Recipe
from segcore.training.sets import DATA, SETS, DataSet, Example, Pool, to_codes
from segcore.weights import read_weights

LEAST_SHARE = 0.003  # of the pixels, for a class to count as shown
# Seeds of streets with few cars and people or none: ordinary ones hardly ever lack them.
QUIET = range(3_000_000, 3_001_000)
SPECIES = ("Cat", "Dog")

Tagged = npt.NDArray[np.float32]


def to_tags(channels: Targets, count: int) -> Tagged:
    """1 for each of `count` channels that at least 0.3% of the pixels belong to, else 0.

    Args:
        channels: H×W; values from `count` up, such as IGNORE, belong to none.
    """
    pixels = np.bincount(channels.ravel(), minlength=count)[:count]
    return (pixels >= LEAST_SHARE * channels.size).astype(np.float32)


class Tags:
    """Random windows, and cross entropy over what they show.

    Several classes may be shown, each with a yes or no of its own; or, of sets in ONE_OF, exactly
    one, each kind weighing alike however rare it is.
    """

    def __init__(self, recipe: Recipe, examples: Sequence[Example], data: DataSet) -> None:
        self._recipe, self._examples, self._data = recipe, examples, data
        self._balance = class_balance(examples, data) if data.key in ONE_OF else None

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Images (batch, 3, h, w) around 0, and tags (batch, classes) of 0 and 1."""
        seen = windows(self._examples, self._data, self._recipe, step)
        tags = [_tags_of(targets, self._data) for _, targets in seen]
        return torch.cat([to_tensor(image) for image, _ in seen]), torch.from_numpy(np.stack(tags))

    def loss(self, module: nn.Module, batch: tuple[Tensor, Tensor], fast: bool) -> Tensor:
        images, tags = batch
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            scores = module(images.contiguous(memory_format=torch.channels_last)).float()
        if self._balance is not None:
            return nn.functional.cross_entropy(scores, tags, self._balance)
        return nn.functional.binary_cross_entropy_with_logits(scores, tags)


def begin_at_chance(module: nn.Module, examples: Sequence[Example], data: DataSet) -> None:
    """Sets the bias of the head so that a network which sees nothing says how frequent a class is.

    A bias moves by little more than the learning rate with each step: of classes that nearly every
    street shows it would take the better part of a training. Lin et al. (2017), "Focal loss for
    dense object detection", start in the same way. Sets in ONE_OF are balanced: theirs stays.

    Args:
        module: the network; it is changed.
        examples: what it will learn from.
        data: their set.
    """
    if data.key in ONE_OF:
        return
    some = range(0, len(examples), max(1, len(examples) // 500))
    share = np.mean([_tags_of(examples[index].targets, data) for index in some], axis=0)
    head: Any = module.head
    with torch.no_grad():
        head.bias.copy_(torch.from_numpy(share.clip(0.01, 0.99)).logit())


def class_balance(examples: Sequence[Example], data: DataSet) -> Tensor:
    """One weight per class, the inverse of its share of the images; 1 if all are as frequent."""
    counts = np.sum([_tags_of(example.targets, data) for example in examples], axis=0)
    return torch.from_numpy((counts.sum() / len(counts) / np.maximum(counts, 1)).astype(np.float32))


def _tags_of(targets: Targets, data: DataSet) -> Tagged:
    return to_tags(data.to_channels(targets), len(data.names))


def take_over(module: nn.Module, start: str) -> int:
    """Takes over every tensor of other weights that has the same name and shape.

    Args:
        module: what is changed.
        start: name of the weights, which may be those of another network, such as unet_street.

    Returns:
        how many tensors were taken over.

    Raises:
        WeightsError: the weights are missing or have changed.
    """
    known, own = load(read_weights(start)), module.state_dict()
    fitting = {n: t for n, t in known.items() if n in own and own[n].shape == t.shape}
    module.load_state_dict(own | fitting)
    return len(fitting)


# Measuring ---------------------------------------------------------------------------------------


def evaluate_tags(recipe: Recipe, data: DataSet, load_model: LoadModel) -> dict[str, Any]:
    """How well a network says what the images show that are kept for measuring.

    Where several classes may be shown: the average precision of each, their mean (`map`), the share
    of yes and no (from one half up) that are right (`accuracy`), and what always saying yes would
    get of both (`chance`), the mean share of images that show a class. Where one is right: the
    share of images that it is found in (`accuracy`), and the mean of that share over the classes
    (`balanced_accuracy`), for which always saying the more frequent one does not pay.

    Args:
        recipe: names the task and its weights.
        data: the set.
        load_model: gives the network.
    """
    examples = data.val()
    scores = np.stack([_classify(recipe, example.image, load_model) for example in examples])
    truth = np.stack([_tags_of(example.targets, data) for example in examples]) > 0
    if data.key in ONE_OF:
        right = truth[np.arange(len(truth)), scores.argmax(1)]
        each = [right[truth[:, index]].mean() for index in range(len(data.names))]
        return {"accuracy": _rounded(right.mean()), "balanced_accuracy": _rounded(np.mean(each))}
    precisions = [ranking_precision(s, t) for s, t in zip(scores.T, truth.T, strict=True)]
    return {
        "map": _rounded(mean_of_known(np.array(precisions))),
        "accuracy": _rounded(((scores >= 0.5) == truth).mean()),
        "chance": _rounded(truth.mean()),
        "ap": dict(zip(data.names, map(_rounded, precisions), strict=True)),
    }


def _classify(recipe: Recipe, image: Image, load_model: LoadModel) -> Tagged:
    return classify(recipe.network, image, weights=recipe.data, load_model=load_model).scores


def _rounded(value: Any) -> float:
    return round(float(value), 4)


# Data --------------------------------------------------------------------------------------------


class Joined(Sequence[Example]):
    """The examples of several sequences, one after the other, read when they are needed."""

    def __init__(self, *parts: Sequence[Example]) -> None:
        self._places = [(part, index) for part in parts for index in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        part, own = self._places[index]
        return part[own]


def _draw_quiet_street(seed: int) -> Example:
    """A street as others, but with every third one empty and few about in the rest."""
    scene = street(256, 192, seed=seed, crowd=(0.0, 0.06, 0.15)[seed % 3])
    return Example(scene.image, to_codes(scene))


def _read_pets(split: str) -> list[Example]:
    """The photographs of cats and dogs; the species, 0 or 1, is the target of every pixel.

    Raises:
        ImageError: the index or a photograph is missing.
    """
    index = DATA / "pets" / "index.csv"
    if not index.is_file():
        raise ImageError(f"{index} is missing; SEGCORE_DATA names the folder of the data.")
    with index.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [_read_pet(split, row["id"], row["species"]) for row in rows]


def _read_pet(split: str, name: str, species: str) -> Example:
    path = DATA / "pets" / split / f"{name}.jpg"
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise ImageError(f"{path.name} of {path.parent} cannot be read.")
    image = np.asarray(pixels, np.uint8)
    return Example(image, np.full(image.shape[:2], SPECIES.index(species.capitalize()), np.uint8))


TAGS: Mapping[str, DataSet] = MappingProxyType(
    {
        "street": replace(
            SETS["street"],
            train=lambda: Joined(
                SETS["street"].train(), Pool("street-quiet", _draw_quiet_street, QUIET)
            ),
            about=f"{SETS['street'].about[:-1]}. {len(QUIET):,} more with few cars and people or "
            "none. A class counts as shown if at least 0.3% of the pixels belong to it.",
        ),
        "pets": replace(
            SETS["pets"],
            names=SPECIES,
            train=lambda: _read_pets("train"),
            val=lambda: _read_pets("val"),
            to_channels=lambda targets: targets,
            about="Oxford-IIIT Pet (Parkhi et al. 2012), two breeds of cats and one of dogs: 476 "
            "photographs to train on and 62 to measure on.",
        ),
    }
)
"""Key -> the set with what a classifier is to say of its images."""
