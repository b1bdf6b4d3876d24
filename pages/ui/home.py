"""The home page: the pages, and a gallery of all techniques, each on its best sample."""

import streamlit as st

from pages.ui import cache, models
from pages.ui.frame import frame_with_image
from pages.ui.navigation import HOME, Page, groups, page_of_category
from segcore.catalog import CATEGORIES, in_category
from segcore.errors import WeightsError
from segcore.images import fit
from segcore.render import jpeg, overlay, segment_colors
from segcore.run import run
from segcore.samples import get_sample
from segcore.technique import Technique, ignore

THUMBNAIL = 400  # pixels of a picture, and the size at which its technique runs


def home_page() -> None:
    """Draws the home page."""
    frame_with_image(HOME.title)
    st.title("See how a picture is taken apart")
    st.markdown(
        "Pick a sample or bring your own image, choose a technique, move its settings, and watch "
        "**before and after**, **every step in between**, the **plot that decides**, and the "
        "**script** that does the same without this dashboard."
    )
    for _, pages in groups():
        for page in pages:
            _draw_page(page)


def _draw_page(page: Page) -> None:
    """A page with its techniques; a page that is no category has its summary alone."""
    st.subheader(page.title, divider="gray")
    st.page_link(page.path, label=page.summary, icon=page.icon)
    category = next((c for c in CATEGORIES if page_of_category(c) == page), None)
    if category is None:
        return
    with st.container(key=f"cards-{category}"):  # laid out as a grid by style.css
        for technique in in_category(category):
            with st.container(gap="small"):
                _draw_card(page, technique)


def _draw_card(page: Page, technique: Technique) -> None:
    st.image(_thumbnail(technique), width="stretch", alt=f"A result of {technique.title}")
    link = {"technique": technique.key, "sample": technique.sample}
    st.page_link(page.path, label=f"**{technique.title}** · {technique.year}", query_params=link)
    st.caption(technique.article.title.partition(": ")[2].capitalize() or technique.article.title)


def _thumbnail(technique: Technique) -> bytes:
    """Half the sample, half what the technique makes of it with its defaults, at a small size.

    Nobody who looks at the home page should wait for PyTorch: until somebody else has, a network's
    card shows the sample alone, and so it does if its weights are missing.
    """
    if technique.network is not None and not models.is_ready():
        return _sample(technique)

    def make() -> bytes:
        image = fit(get_sample(technique.sample).load(), THUMBNAIL)
        helpers = models.collaborators(technique)
        result = run(technique.key, image, show=ignore, **helpers).segmentation
        split = overlay(image, result.labels, 0.6, segment_colors(result.segments))
        middle = image.shape[1] // 2
        split[:, :middle] = image[:, :middle]
        split[:, middle - 1 : middle + 1] = 255
        return jpeg(split)

    try:
        return cache.pictures.get(("thumbnail", technique.key), make)
    except WeightsError:
        return _sample(technique)


def _sample(technique: Technique) -> bytes:
    """The technique's best sample as it is, at a small size."""
    return cache.pictures.get(
        ("thumbnail of a sample", technique.sample),
        lambda: jpeg(fit(get_sample(technique.sample).load(), THUMBNAIL)),
    )
