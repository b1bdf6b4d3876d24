"""The tab "Without a network": the same picture by classical means, side by side, counted."""

from dataclasses import dataclass

import streamlit as st

from pages.ui import cache
from pages.ui.classical_things import run_components, run_watershed, things_are_bright
from pages.ui.painting import Finished, fill
from pages.ui.picker import choose_sample
from pages.ui.subject import SUBJECTS, draw_link
from pages.ui.viewer import Pane, viewer
from pages.ui.widgets import state_key
from segcore.metrics import instance_f
from segcore.render import jpeg
from segcore.result import Run
from segcore.technique import Technique

OPACITY = 0.5
HIGH = 420  # pixels of a picture, at the most
ROUND = SUBJECTS["cells"].weights
SAMPLES = {"coins": "Coins", "cells": "Cells", "touching": "Berries"}


@dataclass(frozen=True, eq=False)
class _Way:
    """One way to find the things of a picture."""

    title: str
    how: str
    run: Run


def draw_without_network(finished: Finished) -> None:
    """A network, a watershed and connected parts beside one another, with what each finds."""
    picture = finished.picture
    watershed = run_watershed(picture)
    side = "brighter" if things_are_bright(picture.image) else "darker"
    ways: tuple[_Way, ...] = (
        _Way(
            finished.technique.title,
            "knows what a thing looks like, and what it is called, from examples",
            finished.run,
        ),
        _Way(
            watershed.technique.title,
            "knows that things differ in brightness from the ground and are round enough for "
            "their middles to lie apart",
            watershed.run,
        ),
        _Way(
            "Connected parts",
            f"knows that things are {side} than Otsu's threshold: what touches is one thing",
            run_components(picture),
        ),
    )
    if finished.technique is watershed.technique:
        ways = ways[1:]
    _draw_samples(finished.technique)
    _draw_pictures(finished, ways)
    _draw_counts(finished, ways)
    draw_link(watershed, f"All of {watershed.technique.title}")


def _draw_samples(technique: Technique) -> None:
    """Pictures on which the comparison teaches most."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("The same three on", width="content")
        for key, title in SAMPLES.items():
            st.button(
                title,
                key=f"without.{key}",
                type="tertiary",
                icon=":material/image:",
                on_click=_take,
                args=(technique, key),
            )


def _take(technique: Technique, sample: str) -> None:
    """Makes a sample the image; a network takes the weights that know round things."""
    choose_sample(sample)
    weights = next((s for s in technique.settings if s.name == "weights"), None)
    if weights is not None and ROUND in (weights.options or ()):
        st.session_state[state_key(technique, weights)] = ROUND


def _draw_pictures(finished: Finished, ways: tuple[_Way, ...]) -> None:
    image = finished.picture.image

    def make() -> tuple[bytes, ...]:
        found = (way.run.segmentation for way in ways)
        return tuple(jpeg(fill(image, one, one.labels, OPACITY)) for one in found)

    files = cache.pictures.get((*finished.name, "without a network"), make)
    viewer(
        [
            Pane(data, "image/jpeg", f"{way.title}: {len(way.run.segmentation.segments)}")
            for data, way in zip(files, ways, strict=True)
        ],
        size=finished.picture.size,
        key="viewer.without",
        mode="side",
        max_height=HIGH,
    )


def _draw_counts(finished: Finished, ways: tuple[_Way, ...]) -> None:
    """What each finds, in what time, and with a scene's truth how much of it is right."""
    scene = finished.picture.scene
    heads = ["", "finds", "takes", *(["right"] if scene is not None else []), "because it"]
    lines = ["|" + "|".join(heads) + "|", "|:--" * len(heads) + "|"]
    for way in ways:
        cells = [f"**{way.title}**", f"{len(way.run.segmentation.segments)} things"]
        cells.append(f"{1000 * way.run.seconds:,.0f} ms")
        if scene is not None:
            share = instance_f(way.run.segmentation.labels, scene.instances)
            cells.append(f"{share:.0%}")
        lines.append("|" + "|".join([*cells, way.how]) + "|")
    with st.container(key="scrolls-without"):  # see style.css
        st.markdown("\n".join(lines))
    if scene is not None:
        st.caption(
            f"The scene has {len(scene.things)} things. Right: those found (IoU > 0.5) among all "
            "that are found, missed or invented."
        )
