"""The page of the three types of segmentation: one image, three networks, three questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import streamlit as st

from pages.ui import cache, link, models, subject
from pages.ui.frame import frame_with_image
from pages.ui.painting import Finished, fill, run_name
from pages.ui.picker import Picture, suggest_sample, verbatim
from pages.ui.progress import Quiet, is_cancelled, resume, run_patiently
from pages.ui.viewer import Pane, viewer
from segcore.catalog import get_technique
from segcore.errors import SegcoreError, SettingError
from segcore.render import jpeg
from segcore.result import Segmentation
from segcore.run import run
from segcore.technique import Technique, Value

OPACITY = 0.6
TYPES = ("semantic", "instance", "panoptic")
TABLE = """
| | Semantic | Instance | Panoptic |
|:--|:--|:--|:--|
| **Definition** | every pixel gets a class; things of one class that touch are one region | every \
countable thing gets a mask of its own; what cannot be counted is left out | every pixel gets a \
class, and every countable thing a number as well; no pixel belongs to two |
| **How it works** | a network gives each pixel a score for each class, and the greatest wins | \
things are found first, as boxes with scores; of those that overlap the best stays; then a mask is \
drawn in each box | both at once: masks go down by their score, stuff fills what is left, and what \
nobody answers is void |
| **Example** | all cars of a street in one colour, all of the road in another | three cars, in \
three colours; the road is nowhere | three cars in three colours, on a road, below a sky |
| **Measured by** | IoU of each class, and their mean | average precision (AP) over thresholds of \
the IoU | panoptic quality, PQ = SQ × RQ |
| **Applications** | the road that can be driven on, fields and forests from space, tissue in a \
scan | counting cells or fruit, following people, robots that grasp one part of many | driving, \
robots in rooms, maps that hold fields and single houses |
"""
NONE = "No panoptic weights of ours know this kind of picture: take a street."


@dataclass(frozen=True)
class Kind:
    """A kind of pictures that our networks know.

    Attributes:
        word, words: a thing in it and several of them, for the questions.
        names: names that networks give such a thing.
        ways: type -> technique and settings; a type that no network of ours does is left out.
    """

    word: str
    words: str
    names: tuple[str, ...]
    ways: Mapping[str, tuple[str, Mapping[str, Value]]]

    @property
    def questions(self) -> dict[str, str]:
        return {
            "semantic": f"Which pixels are {self.word}?",
            "instance": f"Which {self.word}?",
            "panoptic": "What is every pixel, and which one?",
        }


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "street": Kind(
            "car",
            "cars",
            ("Car",),
            {
                "semantic": ("unet", {"weights": "street"}),
                "instance": ("mask_rcnn", {"weights": "street"}),
                "panoptic": ("panoptic", {"weights": "street"}),
            },
        ),
        "animals": Kind(
            "animal",
            "animals",
            ("Animal", "Cat", "Dog"),
            {
                "semantic": ("unet", {"weights": "pets"}),
                "instance": ("mask_rcnn", {"weights": "pets"}),
            },
        ),
        "cells": Kind(
            "nucleus",
            "nuclei",
            ("Nucleus",),
            {
                "semantic": ("unet", {"weights": "nuclei", "split": False}),
                "instance": ("mask_rcnn", {"weights": "nuclei"}),
            },
        ),
    }
)


def types_page() -> None:
    """Draws the whole page."""
    link.follow(_restore)
    suggest_sample("street")
    picture = frame_with_image("Three types of segmentation")
    link.complaints()
    shows = subject.ask(picture)
    if shows is None:
        subject.say_question()
    elif shows in KINDS:
        _draw_answers(picture, KINDS[shows])
    else:
        st.info(
            "None of our networks knows such a picture. Take a street, cats or dogs, or cells.",
            icon=":material/block:",
        )
    with st.container(key="scrolls-types"):  # see style.css
        st.markdown(TABLE)
    st.caption(
        "**Things** can be counted: cars, people, cells. **Stuff** cannot: sky, road, grass. The "
        "difference is one of words, and a task decides it: to a forester a tree is a thing."
    )
    link.send(link.picture_values(picture) | subject.link_values(picture))


def _restore(given: Mapping[str, list[str]]) -> list[str]:
    values, errors = link.restore_picture(given)
    errors += subject.restore(values)
    return errors + [str(SettingError("A name", "one of sample, side, shows", n)) for n in values]


# The three answers -------------------------------------------------------------------------------


def _draw_answers(picture: Picture, kind: Kind) -> None:
    """The pictures beside one another, and below each what it says."""
    found = {name: _finish(picture, kind, name) for name in TYPES if name in kind.ways}
    questions = kind.questions
    panes = [
        Pane(_painted(finished), "image/jpeg", f"{name.capitalize()}: {questions[name]}")
        for name, finished in found.items()
        if finished is not None
    ]
    if panes:
        viewer(panes, size=picture.size, key="viewer.types", mode="side")
    for column, name in zip(st.columns(len(TYPES)), TYPES, strict=True):
        with column:
            st.markdown(f"**{questions[name]}**")
            finished = found.get(name)
            if name not in kind.ways:
                st.info(NONE, icon=":material/block:")
            elif finished is not None:
                st.markdown(_words(name, kind, finished.run.segmentation))
                subject.draw_link(finished, f"All of {finished.technique.title}")


def _finish(picture: Picture, kind: Kind, name: str) -> Finished | None:
    """The run of one type; a sentence, if it was cancelled or its weights are missing."""
    key, chosen = kind.ways[name]
    try:
        technique = get_technique(key)
        settings = technique.complete(chosen)
        return _run(technique, picture, settings)
    except SegcoreError as error:
        st.error(f"{name.capitalize()}: {verbatim(str(error))}")
        return None


def _run(technique: Technique, picture: Picture, settings: dict[str, Value]) -> Finished | None:
    """The run without steps: the technique's own page has these."""
    name = ("types", *run_name(technique, picture, settings))
    if is_cancelled(name):
        st.info(f"{technique.title} was cancelled.", icon=":material/cancel:")
        st.button("Run it", key=f"types.resume.{technique.key}", on_click=resume)
        return None
    helpers = models.collaborators(technique)
    done = run_patiently(
        name,
        technique.key,
        lambda told: run(technique.key, picture.image, show=Quiet(told), **settings, **helpers),
    )
    return Finished(technique, picture, settings, done)


def _painted(finished: Finished) -> bytes:
    result = finished.run.segmentation
    return cache.pictures.get(
        ("types", *finished.name),
        lambda: jpeg(fill(finished.picture.image, result, result.labels, OPACITY)),
    )


def _words(name: str, kind: Kind, result: Segmentation) -> str:
    """What an answer says and what it leaves open, in a sentence or two."""
    things = [segment.label for segment in result.segments if segment.is_thing]
    own = [segment.label for segment in result.segments if segment.name in kind.names]
    unanswered = 1 - _share(result, [segment.label for segment in result.segments])
    if name == "semantic":
        return (
            f"{_share(result, own):.1%} of the picture is {kind.word}; "
            f"{_count(len(result.segments), 'class', 'classes')} in all were found. How many "
            f"{kind.words} there are, it cannot say."
        )
    count = _count(len(set(own) & set(things)), kind.word, kind.words)
    if name == "instance":
        others = len(things) - len(own)
        beside = f" and {_count(others, 'other thing', 'other things')}" if others else ""
        return (
            f"{count}{beside}, each with a mask and a score. {unanswered:.1%} of the picture gets "
            "no answer."
        )
    stuff = len(result.segments) - len(things)
    return (
        f"{_count(stuff, 'kind', 'kinds')} of stuff and {_count(len(things), 'thing', 'things')}, "
        f"{count} among them. {unanswered:.1%} of the picture is void: nobody answers there."
    )


def _share(result: Segmentation, labels: Sequence[int]) -> float:
    """Share of the picture that has one of these labels."""
    return float(np.isin(result.labels, labels).mean())


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
