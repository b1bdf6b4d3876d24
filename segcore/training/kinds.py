"""Kinds of networks: what each learns from, what it learns, and how it is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from segcore.networks.network import LoadModel
from segcore.training.evaluate import Scores, evaluate
from segcore.training.evaluate_panoptic import evaluate_panoptic
from segcore.training.evaluate_things import evaluate_things
from segcore.training.everything import Everything
from segcore.training.objective import Objective
from segcore.training.pixels import Pixels
from segcore.training.recipes import Recipe
from segcore.training.sets import SETS, DataSet, Example
from segcore.training.tags import TAGS, Tags, evaluate_tags
from segcore.training.thing_sets import PANOPTIC_SETS, THING_SETS
from segcore.training.things import Things


@dataclass(frozen=True)
class Kind:
    """A kind of networks.

    Attributes:
        sets: the sets that there are for it, by their keys.
        objective: what it learns, from a recipe, the examples and their set.
        evaluate: measures weights on the part of a set that is kept for it.
    """

    sets: Mapping[str, DataSet]
    objective: Callable[[Recipe, Sequence[Example], DataSet], Objective]
    evaluate: Callable[[Recipe, DataSet, LoadModel], Scores]


SEMANTIC = Kind(SETS, Pixels, evaluate)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "mask_rcnn": Kind(THING_SETS, Things, evaluate_things),
        "panoptic": Kind(PANOPTIC_SETS, Everything, evaluate_panoptic),
        "pooled_cnn": Kind(TAGS, Tags, evaluate_tags),
    }
)
"""Key of the technique or the task -> kind, where the network is not semantic."""


def kind_of(recipe: Recipe) -> Kind:
    """The kind of the recipe's network."""
    return KINDS.get(recipe.network, SEMANTIC)


def set_of(recipe: Recipe) -> DataSet:
    """The set that a recipe names, as its kind of network takes it."""
    return kind_of(recipe).sets[recipe.data]
