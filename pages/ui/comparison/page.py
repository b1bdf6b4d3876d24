"""The comparison page: the grid, and what can be said of it below."""

from collections.abc import Callable

import streamlit as st

from pages.ui import link
from pages.ui.comparison import address
from pages.ui.comparison.batch import draw_batch
from pages.ui.comparison.entries import entries, set_entries
from pages.ui.comparison.grid import draw_choice, draw_grid
from pages.ui.comparison.lessons import FIRST
from pages.ui.comparison.report import draw_report
from pages.ui.comparison.rows import rows_of_grid
from pages.ui.comparison.running import Work
from pages.ui.comparison.scores import draw_agreement, draw_scores
from pages.ui.comparison.sweep import draw_sweep
from pages.ui.comparison.truth import draw_truth, find_truth
from pages.ui.frame import frame_with_image
from pages.ui.picker import suggest_sample

# Sentences in the session that the page says once: about the link, an image, a label map.
SAID_ONCE = ("link.errors", "refused", "compare.truth.refused")


def comparison_page() -> None:
    """Draws the whole page, then runs what is missing, a little at a time, see running."""
    address.restore()
    if not entries():
        set_entries(FIRST.wanted)
        suggest_sample(FIRST.sample)
    once = {name: st.session_state[name] for name in SAID_ONCE if name in st.session_state}
    picture = frame_with_image("Comparison")
    link.complaints()
    work = Work()
    rows = rows_of_grid(picture, work)
    draw_choice(rows)
    truth = find_truth(picture)
    draw_grid(rows, truth, picture, work)
    draw_truth(picture)
    draw: dict[str, Callable[[], None]] = {
        "Scores": lambda: draw_scores(rows, truth, picture),
        "Agreement": lambda: draw_agreement(rows),
        "One setting swept": lambda: draw_sweep(rows, truth, picture, work),
        "Report": lambda: draw_report(rows, truth, picture),
        "Batch": lambda: draw_batch(rows),
    }
    for title, tab in zip(
        draw, st.tabs(list(draw), key="compare.tabs", on_change="rerun"), strict=True
    ):
        if tab.open:
            with tab:
                draw[title]()
    address.write(picture)
    work.go_on(once)
