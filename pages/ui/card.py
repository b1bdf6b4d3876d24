"""The model card of a network: what it learned from, how well, and how the paper's differs."""

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from pages.ui.models import weights_name
from pages.ui.picker import verbatim
from pages.ui.score_charts import class_bars
from segcore.errors import WeightsError
from segcore.technique import Architecture, Technique, Value
from segcore.weights import read_card

# What a person should keep in mind who sees results of these weights.
CAUTION = {
    "street": "It never saw a photograph: on a real wall it may see people who are not there.",
    "camvid": "It saw one town from one car: other streets, weathers and views are new to it.",
    "nuclei": "It never saw anything but nuclei: other round things may pass for some.",
    "pets": "It saw three breeds, large in the picture: other animals are new to it.",
}
SCORES = {
    "miou": ("Mean IoU", "Overlap over union, averaged over the classes"),
    "pixel_accuracy": ("Pixel accuracy", "Share of the pixels that are right"),
    "iou": ("IoU", "Overlap over union"),
    "dice": ("Dice", "Twice the overlap over the sum of both areas"),
    "ap50": ("AP50", "Nuclei found, of all that are there or were invented, IoU > 0.5"),
}


def known_classes(card: Mapping[str, Any]) -> list[str]:
    """The classes that a network knows; the background is none."""
    return [name for name in card["names"] if name != "Background"]


def draw_weights(technique: Technique, settings: Mapping[str, Value]) -> None:
    """Below the settings: what the chosen weights were trained on, and on which terms."""
    if technique.network is None:
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
    st.markdown(f"#### {technique.title} · `{name}`")
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


def _draw_scores(scores: Mapping[str, Any]) -> None:
    st.markdown("##### On images that it never saw")
    numbers = {name: value for name, value in scores.items() if not isinstance(value, dict)}
    with st.container(horizontal=True, gap="large"):
        for name, value in numbers.items():
            title, meaning = SCORES[name]
            st.metric(title, f"{value:.3f}", help=meaning, width="content")
    classes = scores.get("iou")
    if isinstance(classes, dict):
        st.plotly_chart(
            class_bars(list(classes), {"IoU": list(classes.values())}),
            key="card.classes",
            config={"displayModeBar": False},
            alt="IoU of each class",
        )


def _draw_comparison(network: Architecture, card: Mapping[str, Any] | None) -> None:
    """Ours beside the paper's."""
    ours = f"{card['parameters']:,}" if card else "–"
    score = _headline(card["scores"]) if card else "–"
    st.markdown(
        "| | ours | in the paper |\n|:--|:--|:--|\n"
        f"| parameters | {ours} | {network.paper_parameters:,} |\n"
        f"| score | {score} | {network.paper_score} |\n\n"
        f"{network.smaller} The two scores are of different data and cannot be compared."
    )


def _headline(scores: Mapping[str, Any]) -> str:
    name = "miou" if "miou" in scores else "iou"
    return f"{SCORES[name][0]} {scores[name]:.3f}"


def _facts(card: Mapping[str, Any]) -> Iterator[str]:
    """The rows of a table, in Markdown: the terms, every fact of the recipe, the file."""
    yield "| | |\n|:--|:--|"
    yield f"| data | {card['data']} |"
    yield f"| terms | {card['terms']} |"
    for name, value in card["recipe"].items():
        if name not in ("network", "data") and value not in (None, []):
            text = _windows(value) if name == "windows" else _words(value)
            yield f"| {name.replace('_', ' ')} | {text} |"
    yield f"| time | {card['minutes']:,} processor minutes on {card['machine']} |"
    yield f"| file | {card['bytes'] / 1e6:.1f} MB |"
    yield f"| sha256 | `{card['sha256']}` |"


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
