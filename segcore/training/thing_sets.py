"""The sets as a network of instances takes them: things instead of classes of pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from segcore.networks.rcnn import MOST_OBJECTS
from segcore.training import animals
from segcore.training.animals import draw_animals, draw_animals_to_measure
from segcore.training.augment import Targets
from segcore.training.sets import (
    SETS,
    DataSet,
    Example,
    Pool,
    Things,
    about_nuclei,
    codes_to_things,
    nuclei_with_scenes,
)

STREET = ("Sign", "Car", "Pedestrian", "Bicyclist")
SIDE = 512  # of a street: people in the distance are found where they are enlarged
ANIMALS = ("Cat", "Dog")
N_ANIMALS, N_ANIMALS_MEASURED = 2000, 200
_SOURCES = Path(animals.__file__)


def numbered(targets: Targets) -> Things:
    """Things whose numbers have gaps, all of the class 0."""
    found, numbers = np.unique(targets, return_inverse=True)
    first = 1 if found[0] else 0  # without background the first number is a thing too
    return (numbers.reshape(targets.shape) + first).astype(np.uint16), [0] * (
        len(found) - 1 + first
    )


def _animals() -> Sequence[Example]:
    return Pool("animals", draw_animals, range(N_ANIMALS), _SOURCES)


def _animals_to_measure() -> Sequence[Example]:
    return Pool("animals-val", draw_animals_to_measure, range(N_ANIMALS_MEASURED), _SOURCES)


THING_SETS: Mapping[str, DataSet] = MappingProxyType(
    {
        "street": replace(
            SETS["street"], names=STREET, side=SIDE, to_things=codes_to_things(STREET)
        ),
        "nuclei": replace(
            SETS["nuclei"],
            train=lambda: nuclei_with_scenes(2),
            about=about_nuclei(2),
            names=("Nucleus",),
            side=400,
            to_things=numbered,
            most_things=MOST_OBJECTS,  # some images hold three hundred
        ),
        "pets": DataSet(
            "pets",
            ANIMALS,
            256,
            _animals,
            _animals_to_measure,
            about="Oxford-IIIT Pet (Parkhi et al. 2012), three breeds: "
            f"{N_ANIMALS:,} pictures of one to five cats and dogs, put together from 476 "
            f"photographs; measured on {N_ANIMALS_MEASURED} of two to five, from 62 others.",
            terms=SETS["pets"].terms,
            to_things=codes_to_things(ANIMALS, ANIMALS),
        ),
    }
)
