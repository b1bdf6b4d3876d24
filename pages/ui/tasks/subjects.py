"""How pictures of each kind are classified, detected and segmented by our networks."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pages.ui.models import weights_files
from pages.ui.subject import SUBJECTS as KNOWN
from segcore.catalog import TECHNIQUES
from segcore.technique import Technique, Value
from segcore.weights import shipped

CLASSIFIER, DETECTOR = "pooled_cnn", "faster_rcnn"


@dataclass(frozen=True)
class Way:
    """One way to segment such a picture: a technique with settings."""

    key: str
    title: str
    settings: Mapping[str, Value] = field(default_factory=dict)

    @property
    def technique(self) -> Technique:
        return TECHNIQUES[self.key]

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing: the weights of a network may be."""
        technique = self.technique
        if technique.network is None:
            return True
        return set(shipped()) >= set(weights_files(technique, technique.complete(self.settings)))


@dataclass(frozen=True)
class Subject:
    """A kind of pictures.

    Attributes:
        key: one of pages.ui.subject.SUBJECTS.
        ways: how to segment it, the one that says most first.
        things: names of what can be counted in it, "" stands for any.
        plural: what these are called.
        stuff: names whose share of the picture is asked for.
        extent: what these are called.
        missing: task -> why no network of ours does it.
    """

    key: str
    ways: tuple[Way, ...]
    things: tuple[str, ...]
    plural: str
    stuff: tuple[str, ...]
    extent: str
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def weights(self) -> str | None:
        """Which weights of the classifier and the detector know it; None if none do."""
        return KNOWN[self.key].weights

    @property
    def at_hand(self) -> tuple[Way, ...]:
        """Those ways whose technique is in the catalogue."""
        return tuple(way for way in self.ways if way.key in TECHNIQUES)

    def counts(self, names: Iterable[str]) -> int:
        """How many of these names, which may be numbered, are of things that are counted."""
        return sum(base_name(name) in self.things for name in names)


def base_name(name: str) -> str:
    """`Nucleus 12` -> "Nucleus": the class in the name of a single object."""
    return re.sub(r" \d+$", "", name)


_NO_NETWORK = "No network of ours knows what this picture shows, so none is asked"

SUBJECTS: Mapping[str, Subject] = MappingProxyType(
    {
        "street": Subject(
            "street",
            (
                Way("panoptic", "Panoptic"),
                Way("mask_rcnn", "Instances · Mask R-CNN", {"weights": "street"}),
                Way("unet", "Semantic · U-Net", {"weights": "street"}),
                Way("fcn", "Semantic · FCN, from photographs", {"weights": "camvid"}),
            ),
            ("Car",),
            "cars",
            ("Road",),
            "road",
        ),
        "animals": Subject(
            "animals",
            (
                Way("mask_rcnn", "Instances · Mask R-CNN", {"weights": "pets"}),
                Way("unet", "Semantic · U-Net", {"weights": "pets"}),
            ),
            ("Cat", "Dog"),
            "animals",
            ("Animal", "Cat", "Dog"),
            "animal",
        ),
        "cells": Subject(
            "cells",
            (
                Way("unet", "Instances · U-Net and watershed", {"weights": "nuclei"}),
                Way("mask_rcnn", "Instances · Mask R-CNN", {"weights": "nuclei"}),
                Way("unet", "Semantic · U-Net", {"weights": "nuclei", "split": False}),
            ),
            ("Nucleus",),
            "nuclei",
            ("Nucleus",),
            "nuclei",
            {
                "classification": "There is no classifier for cells: every picture of its data "
                "shows nuclei, so it would always say the same and mean nothing."
            },
        ),
        "other": Subject(
            "other",
            (
                Way("felzenszwalb", "Regions · Felzenszwalb", {}),
                Way("watershed", "Objects · watershed", {}),
                Way("thresholding", "Foreground · Otsu's threshold", {}),
                Way("kmeans", "Clusters · K-Means", {}),
            ),
            (),
            "things",
            (),
            "the largest part",
            {
                "classification": f"{_NO_NETWORK}: it would choose among its own names all the "
                "same, and be sure of it.",
                "detection": f"{_NO_NETWORK}: its boxes would be accidents.",
            },
        ),
    }
)
