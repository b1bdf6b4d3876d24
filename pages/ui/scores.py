"""Scores of a result against the ground truth of a drawn scene; made when somebody looks."""

import streamlit as st

from pages.ui.card import known_classes
from pages.ui.class_scores import draw_class_scores
from pages.ui.models import published_name, weights_name
from pages.ui.object_scores import draw_object_scores
from pages.ui.painting import Finished
from pages.ui.panoptic_scores import draw_panoptic_scores
from segcore.errors import WeightsError
from segcore.weights import read_card
from segcore.weights.hub import is_hub
from segcore.weights.offers import describe_offer


def draw_scores(finished: Finished) -> None:
    """How good the result is, if its picture is a scene whose classes the network knows."""
    scene = finished.picture.scene
    if scene is None:
        return
    known, has_background = _knowledge(finished)
    if not known:
        text = "This network finds things and names none: there are no classes to compare."
        st.info(text, icon=":material/compare:")
        return
    if not set(known) & set(scene.names):
        st.info(
            f"This network knows {', '.join(known)}; this scene has {', '.join(scene.names)}. "
            "There is nothing to compare.",
            icon=":material/compare:",
        )
        return
    if finished.technique.category == "panoptic":
        draw_panoptic_scores(finished, scene)
    elif all(segment.is_thing for segment in finished.run.segmentation.segments):
        wanted = finished.settings.get("classes")
        draw_object_scores(finished, scene, [wanted] if wanted in known else known)
    else:
        draw_class_scores(finished, scene, has_background=has_background)


def _knowledge(finished: Finished) -> tuple[list[str], bool]:
    """The classes that the network knows, and whether background is one of its answers."""
    published = published_name(finished.technique, finished.settings)
    if published is not None:
        return list(describe_offer(published).titles), not is_hub(published)
    try:
        card = read_card(weights_name(finished.technique, finished.settings))
    except WeightsError:  # its file went away after it was loaded
        return [segment.name for segment in finished.run.segmentation.segments], True
    return known_classes(card), "Background" in card["names"]
