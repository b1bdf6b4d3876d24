"""Kinds of networks: what each learns from, what it learns, and how it is measured.

What runs several of them is measured as well, but there is nothing that it learns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from torch import nn

from segcore.catalog import get_technique
from segcore.networks.network import LoadModel
from segcore.training.evaluate import Scores, evaluate
from segcore.training.evaluate_panoptic import evaluate_panoptic
from segcore.training.evaluate_things import evaluate_things
from segcore.training.objective import Objective
from segcore.training.pixels import Pixels
from segcore.training.recipes import Recipe, get_recipe
from segcore.training.sets import SETS, DataSet, Example
from segcore.training.tags import TAGS, Tags, begin_at_chance, evaluate_tags
from segcore.training.thing_sets import THING_SETS
from segcore.training.things import Things


@dataclass(frozen=True)
class Kind:
    """A kind of networks.

    Attributes:
        sets: the sets that there are for it, by their keys.
        objective: what it learns, from a recipe, the examples and their set.
        evaluate: measures weights on the part of a set that is kept for it.
        begin: changes what a network starts from, where random numbers or other weights are a poor
            start.
    """

    sets: Mapping[str, DataSet]
    objective: Callable[[Recipe, Sequence[Example], DataSet], Objective]
    evaluate: Callable[[Recipe, DataSet, LoadModel], Scores]
    begin: Callable[[nn.Module, Sequence[Example], DataSet], None] = lambda *_: None


SEMANTIC = Kind(SETS, Pixels, evaluate)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "mask_rcnn": Kind(THING_SETS, Things, evaluate_things),
        "pooled_cnn": Kind(TAGS, Tags, evaluate_tags, begin_at_chance),
    }
)
"""Key of the technique or the task -> kind, where the network is not semantic."""


def kind_of(recipe: Recipe) -> Kind:
    """The kind of the recipe's network."""
    return KINDS.get(recipe.network, SEMANTIC)


def set_of(recipe: Recipe) -> DataSet:
    """The set that a recipe names, as its kind of network takes it."""
    return kind_of(recipe).sets[recipe.data]


@dataclass(frozen=True)
class Joint:
    """Several networks that work together on one set.

    Attributes:
        network: key of the technique that runs them.
        data: key of the set.
        evaluate: measures them on the part of the set that is kept for it, by its key.
    """

    network: str
    data: str
    evaluate: Callable[[str, LoadModel], Scores]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of their weights."""
        return get_technique(self.network).weights_files(self.data)


JOINTS: Mapping[str, Joint] = MappingProxyType(
    {"panoptic_street": Joint("panoptic", "street", evaluate_panoptic)}
)
"""Name of the card -> the networks that work together."""


def measure(name: str, load_model: LoadModel) -> Scores:
    """Scores of the weights, or of the joint, of that name.

    Raises:
        SettingError: there is none.
    """
    if name in JOINTS:
        return JOINTS[name].evaluate(JOINTS[name].data, load_model)
    recipe = get_recipe(name)
    return kind_of(recipe).evaluate(recipe, set_of(recipe), load_model)
