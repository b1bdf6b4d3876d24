"""Grids that teach something: which techniques, with which settings, on which sample."""

from collections.abc import Iterator
from dataclasses import dataclass

from pages.ui.comparison.entries import MOST, Wanted
from segcore.catalog import CATEGORIES, TECHNIQUES, in_category
from segcore.technique import Technique


@dataclass(frozen=True)
class Lesson:
    """A grid with a question.

    Attributes:
        title: what a menu calls it.
        question: what a class may find out with it.
        sample: key of the sample that shows it.
        wanted: the places of the grid.
    """

    title: str
    question: str
    sample: str
    wanted: tuple[Wanted, ...]


FIRST = Lesson(
    "First look",
    "Four ideas of what a nucleus is: dark, a basin, a colour, a region. Which counts them right?",
    "cells",
    (
        ("thresholding", {"inverted": True}),
        ("watershed", {"objects": "dark"}),
        ("kmeans", {}),
        ("felzenszwalb", {}),
    ),
)


def lessons() -> tuple[Lesson, ...]:
    """All lessons; those about a category have all of its techniques, up to nine."""
    return (
        FIRST,
        Lesson(
            "All thresholds",
            "One level for the whole page, or one for every pixel: which survives the shadow?",
            "page",
            _each_option(TECHNIQUES["thresholding"], "method"),
        ),
        Lesson(
            "All clusterings",
            "All of them group colours. Which of them know that neighbours belong together?",
            "street",
            _all_of("clustering"),
        ),
        Lesson(
            "Classical against deep",
            "What can be told from colour and edges alone, and what has to be learned?",
            "street",
            tuple(
                (key, {})
                for key in (
                    *("thresholding", "canny_edges", "watershed", "kmeans", "felzenszwalb"),
                    *("simple_cnn", "unet", "deeplab"),
                )
            ),
        ),
        Lesson(
            "Six networks",
            "Trained alike on the same streets: what does each architecture lose?",
            "street",
            _all_of("semantic"),
        ),
        Lesson(
            "One of every category",
            "The same street as regions, clusters, classes and objects: what is the question?",
            "street",
            tuple((in_category(category)[0].key, {}) for category in CATEGORIES)[:MOST],
        ),
    )


def _all_of(category: str) -> tuple[Wanted, ...]:
    return tuple((technique.key, {}) for technique in in_category(category))[:MOST]


def _each_option(technique: Technique, name: str) -> tuple[Wanted, ...]:
    def wanted() -> Iterator[Wanted]:
        for setting in technique.settings:
            if setting.name == name:
                yield from ((technique.key, {name: option}) for option in setting.options or ())

    return tuple(wanted())[:MOST]
