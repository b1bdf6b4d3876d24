"""The page of the six models: idea, purpose, applications, parameters, weights, one below another.

Every figure is read from the technique and from the cards of its weights.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

from pages.ui.article import with_formulas
from pages.ui.card import headline
from pages.ui.frame import frame
from pages.ui.models import weights_title
from pages.ui.navigation import page_of_category
from segcore.catalog import TECHNIQUES
from segcore.technique import Architecture, Technique
from segcore.weights import read_card, shipped

PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "unet": "Sharp outlines from few examples: semantic segmentation, above all in medicine",
        "fcn": "The first network that was trained as a whole to give every pixel a class",
        "segnet": "Semantic segmentation with little memory: the decoder is told only where the "
        "greatest values were",
        "deeplab": "Semantic segmentation that looks far without losing its resolution, and at "
        "several sizes at once",
        "mask_rcnn": "Instance segmentation: every thing found, named and cut out by itself",
        "vit": "Semantic segmentation by attention: every patch may look at every other one",
    }
)
"""Model -> what it is for, in the order of the page."""


def six_models_page() -> None:
    """Draws the whole page."""
    frame("Six models")
    st.title("Six models")
    st.markdown(
        "The networks that everybody meets first. Ours are smaller than those of the papers, so "
        "that they train in minutes on a processor and their weights come with the dashboard."
    )
    known = [TECHNIQUES[key] for key in PURPOSES if key in TECHNIQUES]
    with st.container(key="scrolls-models"):  # see style.css
        st.markdown("\n".join(_overview(known)))
    for technique in known:
        _draw_model(technique)


def cards_of(technique: Technique) -> list[dict[str, Any]]:
    """The cards of all weights of a technique that ship."""
    cards = (read_card(name) for name in shipped())
    return [card for card in cards if card["network"] == technique.key]


def _overview(techniques: list[Technique]) -> list[str]:
    """All models in a table, in Markdown."""
    rows = ["| model | year | what it is for | parameters | in the paper | weights |"]
    rows.append("|:--|:--|:--|--:|--:|:--|")
    for technique in techniques:
        network, cards = technique.network, cards_of(technique)
        if network is None:
            continue
        ours = _millions(max(card["parameters"] for card in cards)) if cards else "–"
        weights = (
            "; ".join(weights_title(technique, card["weights"]) for card in cards) or "none yet"
        )
        rows.append(
            f"| **{technique.title}** | {technique.year} | {PURPOSES[technique.key]} | {ours} "
            f"| {_millions(network.paper_parameters)} | {weights} |"
        )
    return rows


def _millions(count: int) -> str:
    return f"{count / 1e6:,.2f} M" if count < 10_000_000 else f"{count / 1e6:,.0f} M"


def _draw_model(technique: Technique) -> None:
    article, network = technique.article, technique.network
    if network is None:
        return
    with st.container(border=True):
        st.markdown(f"### {technique.title} · {technique.year}")
        st.markdown(f"*{article.title.partition(': ')[2] or article.title}*")
        left, right = st.columns([3, 2], gap="medium")
        with left:
            st.markdown(f"**Purpose.** {PURPOSES[technique.key]}.")
            st.markdown(f"**Idea.** {with_formulas(article.idea)}")
            st.markdown(f"**Applications.** {article.used_for}")
        with right:
            _draw_facts(technique, network)


def _draw_facts(technique: Technique, network: Architecture) -> None:
    """Parameters, ours and the paper's, the weights with their scores, and links to all of it."""
    cards = cards_of(technique)
    st.markdown("\n".join(_rows(technique, network, cards)))
    st.caption(f"{network.smaller} Scores of different data cannot be compared.")
    page = page_of_category(technique.category)
    if page is None:
        return
    st.markdown("**Weights that come with the dashboard**" if cards else "**No weights yet**")
    for card in cards:
        option = card["weights"]
        st.page_link(
            page.path,
            label=weights_title(technique, option),
            icon=page.icon,
            query_params={"technique": technique.key, "weights": option},
            help=f"{card['data']} {card['terms']}",
        )
    if not cards:
        address = {"technique": technique.key}
        st.page_link(page.path, label="Open it", icon=page.icon, query_params=address)
    downloads = [
        setting.option_labels[name] for setting in technique.settings for name in setting.downloads
    ]
    if downloads:
        st.caption(f"To download there: {', '.join(downloads)}.")


def _rows(technique: Technique, network: Architecture, cards: list[dict[str, Any]]) -> list[str]:
    """Ours beside the paper's, in Markdown."""
    ours = f"{max(card['parameters'] for card in cards):,}" if cards else "–"
    size = f"{max(card['bytes'] for card in cards) / 1e6:.1f} MB" if cards else "–"
    return [
        "| | ours | in the paper |",
        "|:--|:--|:--|",
        f"| network | | {network.paper_network} |",
        f"| parameters | {ours} | {network.paper_parameters:,} |",
        f"| file | {size} | |",
        f"| score | | {network.paper_score} |",
        *(
            f"| on {weights_title(technique, card['weights'])} | {headline(card['scores'])} | |"
            for card in cards
        ),
    ]
