"""The view of a category: one technique at a time, its settings, result, steps, article, code."""

import time
from collections.abc import Callable

import streamlit as st

from pages.ui import link, models, pretrained, previews, subject
from pages.ui.article import apply_preset, best, draw_article
from pages.ui.card import draw_card, draw_weights
from pages.ui.classical_things import WATERSHED, watershed_settings
from pages.ui.downloads import draw_downloads, draw_script
from pages.ui.frame import frame_with_image
from pages.ui.navigation import page_of_category
from pages.ui.painting import Finished, run_name
from pages.ui.picker import Picture, suggest_sample, verbatim
from pages.ui.points import draw_choice
from pages.ui.progress import is_cancelled, resume, run_patiently
from pages.ui.result import (
    draw_details,
    draw_image,
    draw_picture,
    draw_shown,
    draw_view_controls,
)
from pages.ui.scores import draw_scores
from pages.ui.steps import draw_steps
from pages.ui.studies import draw_studies
from pages.ui.things import draw_things, things_of
from pages.ui.widgets import current_settings, draw_settings
from pages.ui.without_network import draw_without_network
from segcore.catalog import CATEGORIES, get_technique, in_category
from segcore.errors import SettingError, WeightsError
from segcore.result import Run
from segcore.run import run
from segcore.technique import Preset, Recorder, Technique, Value

INSTANCE = "instance"  # the category that classical techniques stand beside

BREATH = 0.15  # seconds that the browser gets to paint a new picture before the rest arrives


def category_page(category: str) -> None:
    """Draws the whole page of a category of techniques.

    A new picture goes out first: at the browser's own request, see pages.ui.previews, or else
    before the widgets that stand above and beside it. The rest follows after a breath: a browser
    that is handed everything at once paints the picture last. A slider that moves on meanwhile
    stops this run there, before its steps are made.

    No part of the page is a fragment: Streamlit lets nothing interrupt a fragment's run, so that
    neither Cancel nor a new setting would end a long one.
    """
    previews.let_paint()
    techniques = in_category(category)
    link.restore(techniques)
    suggest_sample(_chosen(category, techniques).sample)
    page = page_of_category(category)
    if page is None:
        raise ValueError(f"There is no pages/{category}.py.")
    picture = frame_with_image(page.title)
    link.complaints()
    technique = _choose(category, techniques)
    shows = subject.settle(technique, picture)
    settings = current_settings(technique)
    left, right = st.columns([3, 1], gap="medium")
    with left:
        controls = st.container()
        finished = _answer(technique, picture, settings, shows)
        _draw_first(picture, finished)
    with right:
        _draw_settings(technique, picture, settings, shows)
    if finished is not None:
        with right:
            draw_shown(finished)
        with controls:
            draw_view_controls(finished.run.segmentation)
            draw_choice(finished.technique, finished.settings)
        with left:
            draw_details(finished)
    _draw_tabs(technique, picture, settings, finished)
    link.write(technique, settings, picture)


def _draw_first(picture: Picture, finished: Finished | None) -> None:
    """The result, and time to paint it; or the image, if there is none.

    The browser gets more time if a picture follows soon upon the one before.
    """
    if finished is None:
        draw_image(picture)
        return
    is_there = draw_picture(finished)
    before, then = st.session_state.get("breath", (None, 0.0))
    now = time.monotonic()
    st.session_state["breath"] = (finished.name, now)
    if finished.name != before and not is_there:
        end = now + (previews.REST if now - then < previews.HURRY else BREATH)
        previews.wait(lambda: time.monotonic() < end)


def _chosen(category: str, techniques: tuple[Technique, ...]) -> Technique:
    """The technique that the person picked; on a first visit the first one."""
    key = st.session_state.setdefault(link.technique_key(category), techniques[0].key)
    return next(technique for technique in techniques if technique.key == key)


def _choose(category: str, techniques: tuple[Technique, ...]) -> Technique:
    """The control that picks a technique."""
    known = {technique.key: technique for technique in techniques}
    key = link.technique_key(category)
    st.segmented_control(
        CATEGORIES[category].title,
        list(known),
        format_func=lambda name: known[name].title,
        key=key,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    return _chosen(category, techniques)


def _draw_settings(
    technique: Technique,
    picture: Picture,
    settings: dict[str, Value],
    shows: subject.Subject | None,
) -> None:
    """Presets, what the picture shows if that is asked, settings, and what weights know."""
    _draw_presets(technique)
    if shows is not None:
        subject.ask(picture)
    draw_settings(technique)
    draw_weights(technique, settings)
    pretrained.draw_kept(technique, settings)


def _draw_presets(technique: Technique) -> None:
    """A menu of presets: the defaults, those of the article, the failure."""
    presets = [Preset("Defaults"), best(technique), *technique.presets, technique.fails]
    st.markdown(f"**{technique.title}** · {technique.year}")
    with st.popover("Presets", icon=":material/bookmark:", width="stretch"):
        for preset in presets:
            fails = preset is technique.fails
            st.button(
                f"It fails: {preset.title.lower()}" if fails else preset.title,
                key=f"{technique.key}.preset.{preset.title}",
                icon=":material/thumb_down:" if fails else ":material/bookmark:",
                on_click=apply_preset,
                args=(technique, preset),
                width="stretch",
            )


# Running -----------------------------------------------------------------------------------------


def _answer(
    technique: Technique,
    picture: Picture,
    settings: dict[str, Value],
    shows: subject.Subject | None,
) -> Finished | None:
    """The run; for a picture that no weights know a classical one, for an unknown picture none."""
    if shows is None or shows.fits:
        return _finish(technique, picture, settings)
    if shows.key is None:
        subject.say_question()
        return None
    instead = _finish(get_technique(WATERSHED), picture, watershed_settings(picture))
    subject.say_no_weights(technique, shows, instead)
    return instead


def _finish(technique: Technique, picture: Picture, settings: dict[str, Value]) -> Finished | None:
    """The run that was asked for; if it is refused or cancelled, a sentence and the one before."""
    wanted = pretrained.missing(technique, settings)
    if wanted is not None:
        pretrained.draw_offer(wanted, technique, settings)
        return _last(technique, picture)
    name = run_name(technique, picture, settings)
    if is_cancelled(name):
        before = _last(technique, picture)
        seen = " What you see is the result before." if before is not None else ""
        st.info("Cancelled." + seen, icon=":material/cancel:")
        st.button("Run it", on_click=resume, icon=":material/play_arrow:")
        return before
    try:
        done = _run(technique, picture, settings)
    except (SettingError, WeightsError) as error:
        st.error(verbatim(str(error)))
        pretrained.draw_again(technique, settings)
        return _last(technique, picture)
    st.session_state["last"] = (technique.key, picture.digest, picture.side, dict(settings))
    return Finished(technique, picture, settings, done)


def _run(technique: Technique, picture: Picture, settings: dict[str, Value]) -> Run:
    name = run_name(technique, picture, settings)
    helpers = models.collaborators(technique)
    return run_patiently(
        name,
        technique.key,
        lambda told: run(technique.key, picture.image, show=Recorder(told), **settings, **helpers),
    )


def _last(technique: Technique, picture: Picture) -> Finished | None:
    """The last good run of this technique on this image."""
    key, digest, side, settings = st.session_state.get("last", (None, None, None, {}))
    if (key, digest, side) != (technique.key, picture.digest, picture.side):
        return None
    return Finished(technique, picture, settings, _run(technique, picture, settings))


def _draw_tabs(
    technique: Technique,
    picture: Picture,
    settings: dict[str, Value],
    finished: Finished | None,
) -> None:
    """What there is to see below the result; only the open tab is made.

    Without a result, there is still what needs none.
    """
    draw: dict[str, Callable[[], None]] = {}
    if finished is not None:
        category, technique, settings = (
            technique.category,
            finished.technique,  # another one, where no weights of this one fit
            dict(finished.settings),
        )
        draw["Steps"] = lambda: draw_steps(finished.run)
        if picture.scene is not None and technique.network is not None:
            draw["Scores"] = lambda: draw_scores(finished)
        if things_of(finished.run.segmentation):
            draw["Things"] = lambda: draw_things(finished)
        if category == INSTANCE:
            draw["Without a network"] = lambda: draw_without_network(finished)
        if technique.studies:
            draw["Studies"] = lambda: draw_studies(technique, picture, settings)
    draw["Article"] = lambda: draw_article(technique)
    if technique.network is not None:
        draw["Model card"] = lambda: draw_card(technique, settings)
    if finished is not None:
        draw["Script"] = lambda: draw_script(technique, settings, picture)
        draw["Downloads"] = lambda: draw_downloads(
            technique, picture, settings, finished.run.segmentation
        )
    titles = tuple(draw)
    default = _default_tab(titles)
    tabs = st.tabs(titles, default=default, key="tabs", on_change="rerun")
    for title, tab in zip(titles, tabs, strict=True):
        if tab.open:
            st.session_state["tabs.last"] = (titles, default, title)
            with tab:
                draw[title]()


def _default_tab(titles: tuple[str, ...]) -> str | None:
    """The tab that was open, if the tabs are others now: Streamlit would go back to the first.

    While they stay the same it must not change, or they would count as others.
    """
    before, default, last = st.session_state.get("tabs.last", ((), None, None))
    if titles == before:
        return default
    chosen = before and last != before[0]  # the first one opens by itself
    return last if chosen and last in titles else None
