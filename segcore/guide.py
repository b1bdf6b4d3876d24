"""Which technique should I use? A few questions, and rules that rank the techniques by the answers.

Questions and rules are data. A rule adds points to a technique whenever the answers are among
those that it names, and brings the sentence that a person reads and the settings that it speaks
of. A technique's rank is the sum of its points, so every reason for it can be shown.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from segcore.catalog import TECHNIQUES
from segcore.errors import SettingError
from segcore.technique import Value

Answers: TypeAlias = Mapping[str, str]  # question -> option
When: TypeAlias = Mapping[str, tuple[str, ...]]  # question -> options, one of which must be chosen

SHOWN = 6  # techniques that are worth trying; the rest is named


@dataclass(frozen=True)
class Question:
    """A question about the image or about what is wanted.

    Attributes:
        key: its name in answers.
        text: what a person is asked.
        options: option -> what a person reads.
        when: the question is asked while the answers before are these.
    """

    key: str
    text: str
    options: Mapping[str, str]
    when: When = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A reason for a technique.

    Attributes:
        technique: its key.
        points: how much the reason weighs.
        reason: a sentence for a person.
        when: the rule holds if the answers are among these.
        settings: settings that the reason speaks of; of two rules the later one decides.
    """

    technique: str
    points: int
    reason: str
    when: When = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Recommendation:
    """A technique that suits some answers.

    Attributes:
        technique: its key in segcore.TECHNIQUES.
        points: sum of the points of all reasons.
        reasons: sentences, the weightiest first.
        settings: settings to try it with; those not named keep their defaults.
    """

    technique: str
    points: int
    reasons: tuple[str, ...]
    settings: Mapping[str, Value]


QUESTIONS: Final = (
    Question(
        "subject",
        "What does the picture show?",
        {
            "street": "A street",
            "animals": "Cats or dogs",
            "cells": "Cells",
            "other": "Something else",
        },
    ),
    Question(
        "goal",
        "What do you want from it?",
        {
            "foreground": "One thing, or one kind of thing, against the rest",
            "objects": "Every object by itself, to count them",
            "regions": "Parts that look alike, without names",
            "classes": "A name for every pixel",
            "everything": "Names and single objects together",
        },
    ),
    Question(
        "cue",
        "What tells the parts apart?",
        {
            "brightness": "Brightness",
            "colour": "Colour",
            "texture": "Texture",
            "edges": "Clear edges",
            "meaning": "Only knowing what it is",
        },
    ),
    Question(
        "light",
        "Is the light even?",
        {"even": "Even", "uneven": "Shadows or a gradient"},
        {"cue": ("brightness",)},
    ),
    Question(
        "touching",
        "Do the objects touch?",
        {"touching": "They touch", "apart": "They lie apart"},
        {"goal": ("objects",)},
    ),
    Question(
        "count",
        "Do you know how many kinds of parts there are?",
        {"known": "Yes, about", "unknown": "No"},
        {"goal": ("regions",)},
    ),
    Question(
        "labels",
        "Do you have images in which every pixel is labelled?",
        {"none": "None", "few": "Some tens", "many": "Hundreds or more"},
        {"subject": ("other",)},
    ),
    Question(
        "priority",
        "What matters most?",
        {"quality": "A good result", "speed": "An answer at once", "insight": "To understand it"},
    ),
)

_STREET: When = {"subject": ("street",), "goal": ("classes", "everything")}
_NAMED = ("foreground", "objects", "classes", "everything")
_WITHOUT_NAMES = ("foreground", "objects", "regions")

RULES: Final = (
    # Two that say something about any picture.
    Rule("kmeans", 1, "A first look at any picture: which colours are there, and where?"),
    Rule("felzenszwalb", 1, "It finds the parts of any picture, with hardly a setting to know."),
    # One thing against the rest.
    Rule(
        "thresholding",
        5,
        "The thing is brighter or darker than the rest, so one level of grey parts them.",
        {"goal": ("foreground", "objects"), "cue": ("brightness",)},
    ),
    Rule(
        "thresholding",
        2,
        "Under uneven light every neighbourhood gets a level of its own.",
        {"goal": ("foreground", "objects"), "light": ("uneven",)},
        {"method": "sauvola"},
    ),
    Rule(
        "thresholding",
        3,
        "A few levels part the brightnesses into bands.",
        {"goal": ("regions",), "cue": ("brightness",), "count": ("known",)},
        {"method": "multi_otsu"},
    ),
    Rule(
        "thresholding",
        2,
        "The histogram shows at once why the level lies where it does.",
        {"cue": ("brightness",), "priority": ("insight", "speed")},
    ),
    Rule(
        "hsv_color",
        6,
        "The thing has a colour of its own: a range of hues picks it, in light and in shade.",
        {"goal": ("foreground", "objects"), "cue": ("colour",)},
    ),
    Rule(
        "region_growing",
        4,
        "You can point at the thing: a click inside, and the region grows until the grey changes.",
        {"goal": ("foreground",), "cue": ("brightness", "edges")},
    ),
    Rule(
        "region_growing",
        3,
        "You can point at the thing; compared in Lab, colours decide where it ends.",
        {"goal": ("foreground",), "cue": ("colour",)},
        {"space": "lab"},
    ),
    Rule(
        "region_growing",
        2,
        "You see the region grow, wave by wave, and where it leaks.",
        {"goal": ("foreground",), "priority": ("insight",)},
    ),
    Rule(
        "canny_edges",
        5,
        "Clear edges close around the thing, whatever fills it.",
        {"goal": ("foreground", "objects", "regions"), "cue": ("edges",)},
    ),
    Rule(
        "canny_edges",
        2,
        "Every step from the gradient to the thinned edge can be followed.",
        {"cue": ("edges",), "priority": ("insight",)},
    ),
    # Every object by itself.
    Rule(
        "watershed",
        6,
        "Objects that touch are parted where they narrow or where a valley lies between them.",
        {"goal": ("objects",), "touching": ("touching",)},
    ),
    Rule(
        "watershed",
        3,
        "Every object gets a number of its own, so they can be counted.",
        {"goal": ("objects",), "touching": ("apart",)},
    ),
    Rule(
        "watershed",
        1,
        "It floods from local minima: uneven light matters less.",
        {"goal": ("objects",), "light": ("uneven",)},
        {"threshold": "local"},
    ),
    # Texture.
    Rule(
        "gabor_texture",
        7,
        "Only texture tells the parts apart, and Gabor filters measure its direction and width.",
        {"goal": _WITHOUT_NAMES, "cue": ("texture",)},
    ),
    Rule("gabor_texture", 2, "Texture is measured, not guessed.", {"cue": ("texture",)}),
    # Parts that look alike.
    Rule(
        "kmeans",
        4,
        "You know how many kinds there are, and colour tells them apart.",
        {"goal": ("regions",), "cue": ("colour", "brightness"), "count": ("known",)},
    ),
    Rule(
        "kmeans",
        2,
        "The simplest of the clusterings: one can watch the centres move.",
        {"goal": ("regions", "foreground"), "priority": ("insight", "speed")},
    ),
    Rule(
        "gaussian_mixture",
        4,
        "Kinds that spread unequally in colour, wide ones beside narrow ones, stay whole.",
        {"goal": ("regions",), "cue": ("colour", "brightness"), "count": ("known",)},
    ),
    Rule(
        "gaussian_mixture",
        1,
        "It says how probable each kind is at every pixel.",
        {"goal": ("regions",), "priority": ("quality",)},
    ),
    Rule(
        "fuzzy_cmeans",
        3,
        "Soft borders get degrees: a pixel may belong to two kinds at once.",
        {"goal": ("regions",), "cue": ("colour", "brightness"), "count": ("known",)},
    ),
    Rule(
        "fuzzy_cmeans",
        2,
        "Its membership maps show where the decision is close.",
        {"goal": ("regions",), "priority": ("insight",)},
    ),
    Rule(
        "mean_shift",
        5,
        "It finds the number of kinds by itself: the peaks of the density of colours.",
        {"goal": ("regions",), "cue": ("colour", "brightness"), "count": ("unknown",)},
    ),
    Rule(
        "mean_shift",
        1,
        "Position counts beside colour, so that parts hang together.",
        {"goal": ("regions",), "priority": ("quality",)},
    ),
    Rule(
        "felzenszwalb",
        4,
        "Neighbours join as long as no edge stands out between them; their number need not be "
        "known.",
        {"goal": ("regions",), "count": ("unknown",)},
    ),
    Rule(
        "felzenszwalb",
        3,
        "It joins across smooth changes and stops at clear edges.",
        {"goal": ("regions", "objects", "foreground"), "cue": ("edges",)},
    ),
    Rule(
        "slic",
        3,
        "Superpixels of about one size follow the edges: a good ground for any further step.",
        {"goal": ("regions",), "cue": ("edges", "texture", "meaning")},
    ),
    Rule(
        "slic",
        2,
        "Hundreds of small parts in a fraction of a second.",
        {"goal": ("regions",), "priority": ("speed",)},
    ),
    # Networks of our own that know the subject.
    Rule(
        "unet",
        8,
        "Our network learned cats and dogs against everything else.",
        {"subject": ("animals",), "goal": ("foreground", "classes", "everything")},
        {"weights": "pets"},
    ),
    Rule(
        "unet",
        8,
        "Our network learned nuclei under the microscope, and takes touching ones apart.",
        {"subject": ("cells",), "goal": _NAMED},
        {"weights": "nuclei"},
    ),
    Rule(
        "mask_rcnn",
        9,
        "Our network finds every animal by itself, one behind another too.",
        {"subject": ("animals",), "goal": ("objects", "everything")},
        {"weights": "pets"},
    ),
    Rule(
        "mask_rcnn",
        7,
        "It finds each nucleus with a box, a mask and a score.",
        {"subject": ("cells",), "goal": ("objects", "everything")},
        {"weights": "nuclei"},
    ),
    Rule(
        "mask_rcnn",
        9,
        "Our network finds cars, people and signs one by one, each with a mask.",
        {"subject": ("street",), "goal": ("objects",)},
        {"weights": "street"},
    ),
    Rule(
        "mask_rcnn",
        5,
        "Cars and people one by one, though neither road nor sky.",
        {"subject": ("street",), "goal": ("everything",)},
        {"weights": "street"},
    ),
    Rule(
        "panoptic",
        10,
        "Every pixel gets a class, and every car and person a number of its own.",
        {"subject": ("street",), "goal": ("everything",)},
    ),
    Rule(
        "unet",
        6,
        "Our best network for streets: its shortcuts keep poles and outlines sharp.",
        _STREET,
    ),
    Rule(
        "deeplab",
        5,
        "Dilated convolutions see far around a pixel, which tells road from pavement.",
        _STREET,
    ),
    Rule("vit", 4, "It weighs every part of the street against every other.", _STREET),
    Rule("fcn", 5, "It adds up scores at three sizes: little to compute, much to see.", _STREET),
    Rule(
        "segnet",
        3,
        "It remembers where it pooled instead of whole maps: little memory.",
        _STREET,
    ),
    Rule(
        "segnet",
        2,
        "The quickest way back to full size.",
        {**_STREET, "priority": ("speed",)},
    ),
    Rule(
        "simple_cnn",
        6,
        "Three layers, seen through in a minute: what a network can know without looking far.",
        {"subject": ("street",), "goal": ("classes",), "priority": ("insight",)},
    ),
    # A subject that no network of ours knows.
    Rule(
        "unet",
        7,
        "With some tens of labelled images train a U-Net: its shortcuts make much of little.",
        {"subject": ("other",), "goal": _NAMED, "labels": ("few",)},
    ),
    Rule(
        "deeplab",
        6,
        "With hundreds of labelled images train one that looks far around each pixel.",
        {"subject": ("other",), "goal": _NAMED, "labels": ("many",)},
    ),
    Rule(
        "vit",
        5,
        "With many labelled images attention pays: nothing about neighbourhoods is built in.",
        {"subject": ("other",), "goal": _NAMED, "labels": ("many",)},
    ),
    Rule(
        "unet",
        5,
        "The usual first network to train, with many labelled images as well.",
        {"subject": ("other",), "goal": _NAMED, "labels": ("many",)},
    ),
    Rule(
        "deeplab",
        5,
        "Published weights know twenty everyday kinds of things; they are a download of 13 MB.",
        {"subject": ("other",), "goal": ("classes", "everything"), "labels": ("none", "few")},
        {"weights": "lraspp_mobilenet_v3_large"},
    ),
    Rule(
        "fcn",
        3,
        "Published weights know twenty everyday kinds of things; they are a larger download.",
        {"subject": ("other",), "goal": ("classes", "everything"), "labels": ("none", "few")},
        {"weights": "fcn_resnet50"},
    ),
    # Networks of others that need a package more, and a download.
    Rule(
        "segformer",
        6,
        "Published weights name 150 kinds of stuff and things, walls, floors, sky and grass among "
        "them, in photographs of rooms and landscapes; they are a download.",
        {"subject": ("other",), "goal": ("classes",), "labels": ("none", "few")},
    ),
    Rule(
        "segformer",
        4,
        "Ours learned drawn streets; published weights learned nineteen classes from photographs "
        "of streets, and are a download.",
        {"subject": ("street",), "goal": ("classes",)},
        {"weights": "nvidia/segformer-b0-finetuned-cityscapes-1024-1024"},
    ),
    Rule(
        "mask2former",
        7,
        "One network gives every pixel one of 133 everyday classes and every thing a number; its "
        "weights are a download.",
        {"subject": ("other",), "goal": ("everything",), "labels": ("none", "few")},
    ),
    Rule(
        "mask2former",
        7,
        "It tells eighty kinds of everyday things from each other and counts them; its weights are "
        "a download.",
        {"subject": ("other",), "goal": ("objects",), "cue": ("meaning",)},
    ),
    Rule(
        "mask2former",
        5,
        "Ours learned drawn streets; this one learned everyday photographs, streets among them, "
        "and its weights are a download.",
        {"subject": ("street",), "goal": ("everything",)},
    ),
    Rule(
        "segment_anything",
        3,
        "You can point at the thing: a click gives its mask, whatever it is, and no name; its "
        "weights are a download.",
        {"goal": ("foreground",)},
    ),
    Rule(
        "segment_anything",
        3,
        "It learned what hangs together from a billion masks, where neither grey nor colour says "
        "so.",
        {"goal": ("foreground",), "cue": ("meaning", "texture")},
    ),
    Rule(
        "segment_anything",
        3,
        "Where objects are few, a click on each gives each a mask of its own, whatever they are; "
        "its weights are a download.",
        {"subject": ("other", "animals"), "goal": ("objects",), "cue": ("meaning",)},
        {"clicks": "each"},
    ),
)

CAUTIONS: Final[tuple[tuple[When, str], ...]] = (
    (
        {"subject": ("other",), "goal": ("classes", "everything"), "labels": ("none",)},
        "A name for a pixel must be learned from somewhere: without labelled images only published "
        "weights give names, and only the names that they know.",
    ),
    (
        {"subject": ("other",), "goal": _NAMED, "labels": ("few", "many")},
        "The networks shown here were trained on streets: see on the page Train a network how one "
        "learns, and take these as architectures, not as results.",
    ),
    (
        {"goal": _WITHOUT_NAMES, "cue": ("meaning",), "subject": ("other",)},
        "What only meaning tells apart, neither grey nor colour nor edges will: expect parts, not "
        "things.",
    ),
)


def open_questions(answers: Answers) -> Iterator[Question]:
    """The questions that are asked, given the answers so far, in their order.

    A question that hangs on one which is not answered yet is not asked.
    """
    return (question for question in QUESTIONS if _holds(question.when, answers))


def recommend(answers: Answers) -> tuple[Recommendation, ...]:
    """The techniques that suit the answers, best first; questions not answered decide nothing.

    Args:
        answers: question -> option. Those of questions that are not asked count for nothing.

    Returns:
        every technique of the catalogue for which a rule speaks, and at the end those that no rule
        of this guide names, such as one that was just added.

    Raises:
        SettingError: a question or an option is unknown.
    """
    given = _asked(answers)
    spoken = {
        key: [rule for rule in RULES if rule.technique == key and _holds(rule.when, given)]
        for key in TECHNIQUES
    }
    ranked = [_recommendation(key, rules) for key, rules in spoken.items() if rules]
    ranked.sort(key=lambda one: -one.points)  # stable: of equals the older technique comes first
    named = {rule.technique for rule in RULES}
    unnamed = (
        Recommendation(key, 0, (f"Used for: {_first_sentence(technique.article.used_for)}",), {})
        for key, technique in TECHNIQUES.items()
        if key not in named
    )
    return (*ranked, *unnamed)


def cautions(answers: Answers) -> tuple[str, ...]:
    """What one should know before one trusts any technique on such an image.

    Raises:
        SettingError: a question or an option is unknown.
    """
    given = _asked(answers)
    return tuple(sentence for when, sentence in CAUTIONS if _holds(when, given))


def all_paths() -> Iterator[dict[str, str]]:
    """Every way through the questions, each with an answer to all that are asked."""
    pending: list[dict[str, str]] = [{}]
    for question in QUESTIONS:
        grown = (
            [path | {question.key: option} for option in question.options]
            if _holds(question.when, path)
            else [path]
            for path in pending
        )
        pending = list(itertools.chain.from_iterable(grown))
    yield from pending


def _asked(answers: Answers) -> dict[str, str]:
    """The answers to questions that are asked, checked."""
    known = {question.key: question for question in QUESTIONS}
    for key, option in answers.items():
        if key not in known:
            raise SettingError("A question of the guide", "one of " + ", ".join(known), key)
        if option not in known[key].options:
            raise SettingError(key, "one of " + ", ".join(known[key].options), option)
    given: dict[str, str] = {}
    for question in QUESTIONS:
        if question.key in answers and _holds(question.when, given):
            given[question.key] = answers[question.key]
    return given


def _holds(when: When, answers: Answers) -> bool:
    return all(answers.get(question) in options for question, options in when.items())


def _recommendation(key: str, rules: list[Rule]) -> Recommendation:
    settings: dict[str, Any] = {}
    for rule in rules:
        settings |= rule.settings
    weighty = sorted(rules, key=lambda rule: -rule.points)
    points = sum(rule.points for rule in rules)
    return Recommendation(key, points, tuple(rule.reason for rule in weighty), settings)


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."
