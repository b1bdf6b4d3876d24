"""The model card of a network: what it learned from, how well, and how the paper's differs."""

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from pages.ui.models import published_name, weights_name, weights_title
from pages.ui.picker import verbatim
from pages.ui.score_charts import class_bars
from segcore.catalog import get_technique
from segcore.errors import WeightsError
from segcore.task import Task
from segcore.technique import Architecture, Technique, Value
from segcore.weights import read_card
from segcore.weights.hub import MEGABYTE, NUMBERS, HubWeights
from segcore.weights.offers import Offer, describe_offer
from segcore.weights.pretrained import Pretrained

# What a person should keep in mind who sees results of these weights.
CAUTION = {
    "street": "It never saw a photograph: on a real wall it may see people who are not there.",
    "camvid": "It saw one town from one car: other streets, weathers and views are new to it.",
    "nuclei": "It never saw anything but nuclei: other round things may pass for some.",
    "pets": "It saw three breeds, large in the picture: other animals are new to it.",
}
MOST_NAMED = 24  # classes that stand below the settings
SCORES = {
    "miou": ("Mean IoU", "Overlap over union, averaged over the classes"),
    "pixel_accuracy": ("Pixel accuracy", "Share of the pixels that are right"),
    "iou": ("IoU", "Overlap over union"),
    "dice": ("Dice", "Twice the overlap over the sum of both areas"),
    "ap50": (
        "AP50",
        "Things found at an IoU of 0.5: average precision; where a network gives no scores, those "
        "found among all that are there or were invented",
    ),
    "ap": ("AP", "Average precision over IoU 0.50, 0.55, …, 0.95, of the masks"),
    "box_ap50": ("Box AP50", "Average precision of the boxes at an IoU of 0.5"),
    "f50": ("Found", "Things found among all that are there or were invented, IoU > 0.5"),
    "pq": ("PQ", "Panoptic quality: of each class SQ × RQ, averaged over the classes"),
    "sq": ("SQ", "How well the segments found are covered: mean IoU"),
    "rq": ("RQ", "F1 of finding them"),
    "pq_things": ("PQ of things", "Panoptic quality of the classes that can be counted"),
    "pq_stuff": ("PQ of stuff", "Panoptic quality of the other classes"),
}
HEADLINES = ("pq", "ap", "miou", "iou")  # the score that stands for all: the first that there is
EACH = {"pq": "PQ", "ap": "AP50", "miou": "IoU"}  # headline -> the score of a single class


def known_classes(card: Mapping[str, Any]) -> list[str]:
    """The classes that a network knows; the background is none."""
    return [name for name in card["names"] if name != "Background"]


def draw_weights(technique: Technique, settings: Mapping[str, Value]) -> None:
    """Below the settings: what the chosen weights were trained on, and on which terms."""
    if technique.network is None:
        return
    published = published_name(technique, settings)
    if published is not None:
        draw_published(describe_offer(published))
        return
    try:
        card = read_card(weights_name(technique, settings))
    except WeightsError:
        return  # the run says so in the place of the result
    knows = ", ".join(known_classes(card))
    st.caption(f"{card['data']} **{card['terms']}**")
    st.caption(
        f"It knows {knows} and nothing else, whatever the image shows. "
        + CAUTION.get(card["weights"], "")
    )


def draw_card(technique: Technique, settings: Mapping[str, Value]) -> None:
    """The model card as a tab."""
    if technique.network is None:
        return
    name = weights_name(technique, settings)
    st.markdown(f"#### {technique.title} · {weights_title(technique, settings['weights'])}")
    if published_name(technique, settings) is not None:
        with st.container(key="model-card"):  # see style.css
            rows = offer_rows(describe_offer(name), technique)
            st.markdown("\n".join(["| | |", "|:--|:--|", *rows]))
        return
    try:
        card = read_card(name)
    except WeightsError as error:
        st.info(verbatim(str(error)), icon=":material/inventory_2:")
        _draw_comparison(technique.network, None)
        return
    with st.container(key="model-card"):  # see style.css
        left, right = st.columns(2, gap="large")
        with left:
            _draw_scores(card["scores"])
        with right:
            _draw_comparison(technique.network, card)
            st.markdown("##### How it was made\n" + "\n".join(_facts(card)))


def draw_published(weights: Offer) -> None:
    """Below the settings: what weights that others publish know, and their terms."""
    about = "" if isinstance(weights, HubWeights) else verbatim(weights.about)
    st.caption(f"{about} **{verbatim(_terms(weights))}**")
    if not weights.titles:
        return  # it names nothing, or its classes come with its files
    knows = ", ".join(weights.titles[:MOST_NAMED])
    more = len(weights.titles) - MOST_NAMED
    if more > 0:
        knows += f" and {more} more"
    st.caption(f"It knows {verbatim(knows)} and nothing else, whatever the image shows.")


def offer_rows(weights: Offer, technique: Technique | Task) -> Iterator[str]:
    """The rows of a table, in Markdown: all that is known of weights that others publish."""
    if isinstance(weights, HubWeights):
        return hub_rows(weights, technique)
    return published_rows(weights)


def hub_rows(weights: HubWeights, technique: Technique | Task) -> Iterator[str]:
    """What is known of a repository of the Hub: from its paper, and from the Hub once asked."""
    network, answer = technique.network, weights.answer
    yield f"| repository | `{weights.name}` |"
    if network is not None:
        yield (
            f"| in the paper | {network.paper_network}: {network.paper_parameters:,} parameters; "
            f"{network.paper_score} |"
        )
    if weights.titles:
        classes = f"{len(weights.titles)}: {', '.join(weights.titles)}"
        yield f"| classes | {verbatim(classes)} |"
    yield f"| terms | {verbatim(_hub_terms(weights))} |"
    if answer is None:
        yield "| size, revision, sha256 | not known until you let the Hub be asked |"
        return
    files = ", ".join(f"{file.name} {_size(file.n_bytes)}" for file in answer.files)
    yield f"| files | {verbatim(files)} |"
    yield f"| revision | `{answer.commit}` |"
    for file in answer.files:
        if file.name == NUMBERS and file.sha256:
            yield f"| sha256 | `{file.sha256}` |"


def published_rows(weights: Pretrained) -> Iterator[str]:
    """The rows of a table, in Markdown: all that the publisher says of the weights."""
    scores = ", ".join(
        f"{measure.replace('_', ' ')} {value:,.10g} on {data}"
        for data, measure, value in weights.scores
    )
    facts = {
        "file": f"{weights.file}, {weights.size}, from {weights.host}",
        "trained": weights.about,
        "scores": scores,
        "classes": f"{len(weights.titles)}: {', '.join(weights.titles)}",
        "parameters": f"{weights.n_parameters:,}",
        "it sees": weights.preprocessing,
        "terms": _terms(weights),
    }
    for name, text in facts.items():
        if text:
            yield f"| {name} | {verbatim(text)} |"
    # Long and without spaces: as code they break anywhere, see style.css, and are no links.
    yield f"| recipe | `{weights.recipe}` |"
    yield f"| sha256 | `{weights.digits}…` |"


def _terms(weights: Offer) -> str:
    if isinstance(weights, HubWeights):
        return f"Terms: {_hub_terms(weights)}."
    if weights.terms:
        return f"Terms: {weights.terms}."
    return "The publisher names no terms for these weights; ask before you use them commercially."


def _hub_terms(weights: HubWeights) -> str:
    """The licence by its short name; what stands behind it is on the repository's own page."""
    if weights.answer is None:
        return "those on its page on the Hub, which has not been asked yet"
    named = weights.answer.terms
    if named is None:
        return "its page on the Hub names no licence; ask before you use it"
    return f"{named}, as its page on the Hub says; read there what that asks of you"


def _size(n_bytes: int) -> str:
    """`1,234 kB` or `14.2 MB`."""
    if n_bytes < MEGABYTE / 10:
        return f"{n_bytes / 1024:,.1f} kB"
    return f"{n_bytes / MEGABYTE:,.1f} MB"


def _draw_scores(scores: Mapping[str, Any]) -> None:
    st.markdown("##### On images that it never saw")
    numbers = {name: value for name, value in scores.items() if not isinstance(value, dict)}
    with st.container(horizontal=True, gap="large"):
        for name, value in numbers.items():
            title, meaning = SCORES[name]
            st.metric(title, f"{value:.3f}", help=meaning, width="content")
    classes = scores.get("each", scores.get("iou"))
    if isinstance(classes, dict):
        title = EACH[_best_known(scores)]
        st.plotly_chart(
            class_bars(list(classes), {title: list(classes.values())}),
            key="card.classes",
            config={"displayModeBar": False},
            alt=f"{title} of each class",
        )


def _draw_comparison(network: Architecture, card: Mapping[str, Any] | None) -> None:
    """Ours beside the paper's."""
    ours = f"{card['parameters']:,}" if card else "–"
    score = headline(card["scores"]) if card else "–"
    st.markdown(
        "| | ours | in the paper |\n|:--|:--|:--|\n"
        f"| network | | {network.paper_network} |\n"
        f"| parameters | {ours} | {network.paper_parameters:,} |\n"
        f"| score | {score} | {network.paper_score} |\n\n"
        f"{network.smaller} The two scores are of different data and cannot be compared."
    )


def headline(scores: Mapping[str, Any]) -> str:
    """The score of a card that stands for all of them, such as "Mean IoU 0.640"."""
    name = _best_known(scores)
    return f"{SCORES[name][0]} {scores[name]:.3f}"


def _best_known(scores: Mapping[str, Any]) -> str:
    return next(name for name in HEADLINES if name in scores)


def _facts(card: Mapping[str, Any]) -> Iterator[str]:
    """The rows of a table, in Markdown: the terms, every fact of the recipe, the file."""
    yield "| | |\n|:--|:--|"
    yield f"| data | {card['data']} |"
    yield f"| terms | {card['terms']} |"
    if "parts" in card:
        yield from _parts(card)
        return
    for name, value in card["recipe"].items():
        if name not in ("network", "data") and value not in (None, []):
            text = _windows(value) if name == "windows" else _words(value)
            yield f"| {name.replace('_', ' ')} | {text} |"
    for earlier in card.get("earlier", ()):
        recipe = earlier["recipe"]
        steps = sum((recipe["steps"], *recipe["restarts"]))
        yield (
            f"| before that | {steps:,} steps, {earlier['minutes']:,} minutes, dice "
            f"{_words(recipe['dice'])}, on: {earlier['data']} |"
        )
    yield f"| time | {card['minutes']:,} processor minutes in all, on {card['machine']} |"
    yield f"| file | `{card['name']}.safetensors`, {card['bytes'] / 1e6:.1f} MB |"
    yield f"| sha256 | `{card['sha256']}` |"


def _parts(card: Mapping[str, Any]) -> Iterator[str]:
    """The networks that work together: none was trained for it, and each has its own card."""
    for name, digest in card["parts"].items():
        part = read_card(name)
        title = get_technique(part["network"]).title
        yield (
            f"| {title} | `{name}`, {headline(part['scores'])}, {part['parameters']:,} parameters, "
            f"{part['minutes']:,} processor minutes, {part['bytes'] / 1e6:.1f} MB; its own card is "
            "on its page |"
        )
        yield f"| sha256 | `{digest}` |"


def _windows(windows: list[tuple[float, tuple[int, int]]]) -> str:
    """`[[0.6, [192, 144]], …]` -> "60% of the steps at 192×144, …"."""
    return ", ".join(f"{share:.0%} of the steps at {w}×{h}" for share, (w, h) in windows)


def _words(value: Any) -> str:
    """A value of a recipe for a person: `{"turn": 4.0, "blur": 0.1}` -> "turn 4, blur 0.1"."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.10g}"
        case [int() | float(), *_]:
            return " to ".join(map(_words, value))
        case list():
            return ", ".join(map(_words, value))
        case dict():
            return ", ".join(f"{name.replace('_', ' ')} {_words(v)}" for name, v in value.items())
    return str(value)
