"""The page on which a small network learns while one watches: curves, predictions, experiments."""

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.charts import ACCENTS, diagram_width, figure
from pages.ui.frame import frame
from pages.ui.navigation import page_of_category
from pages.ui.trainings import MOST_PAUSE, PLACES, Training, queue
from pages.ui.widgets import current_settings, draw_settings, set_settings
from segcore.errors import SegcoreError, SettingError
from segcore.render import colorize, palette
from segcore.result import Image
from segcore.technique import Setting
from segcore.training.lesson import (
    EXPERIMENTS,
    LIMIT,
    N_SHOWN,
    SETTINGS,
    SIDE,
    Experiment,
    Lesson,
    draw_unseen,
    plan_lesson,
    to_csv,
)

PACE = 0.7  # seconds between two looks at a training
AXIS = 15.0  # seconds that the curves' axis has at first, and that it grows by
TRAINING, REFUSED = "live.run", "live.refused"  # where the session keeps them
SEAM = 3  # pixels between two images of a row


@dataclass(frozen=True)
class Panel:
    """The settings of a training, for the widgets that are made from them."""

    key: str = "training"
    settings: tuple[Setting, ...] = SETTINGS


PANEL = Panel()


def live_page() -> None:
    """Draws the page. While a training goes on, only its curves and pictures are drawn again."""
    page = page_of_category("training")
    if page is None:
        raise ValueError("There is no pages/training.py.")
    frame(page.title)
    training: Training | None = st.session_state.get(TRAINING)
    # Asked once: it may end while the page is drawn, and buttons of one that runs would stay if
    # what comes below them took it for ended, and saw no reason to draw the page again.
    state = training.state if training is not None else "ended"
    going_on = state != "ended"
    left, right = st.columns([3, 1], gap="medium")
    with right:
        _draw_experiments()
        draw_settings(PANEL)
        lesson = _planned()
        if training is not None and going_on and lesson is not None:
            _hand_on(training, lesson)
    with left:
        _draw_buttons(state, again=training is not None)
        shown = training.lesson if training is not None else lesson
        if shown is not None:
            watch = st.fragment(_watch, run_every=PACE if going_on else None)
            watch(training, shown, state)
        if training is not None:
            _draw_yield(training)


def _planned() -> Lesson | None:
    """What the widgets say; if it is wrong, a sentence."""
    try:
        return plan_lesson(**current_settings(PANEL))
    except SettingError as error:
        st.error(str(error))
        return None


def _hand_on(training: Training, lesson: Lesson) -> None:
    """A new learning rate counts at once; other settings count from the next start, as is said."""
    if lesson == replace(training.lesson, learning_rate=lesson.learning_rate):
        if lesson.learning_rate != training.rate:
            training.set_rate(lesson.learning_rate)
        st.caption(
            "The learning rate may be changed now. Other settings count from the next start."
        )
    else:
        st.caption(
            ":material/info: These settings count when you start again; the training that "
            "runs keeps its own."
        )


# What a person does ------------------------------------------------------------------------------


def _draw_experiments() -> None:
    st.markdown("**What to train**")
    with st.popover("Experiments", icon=":material/science:", width="stretch"):
        for experiment in EXPERIMENTS:
            st.button(
                experiment.title,
                key=f"live.try.{experiment.title}",
                icon=":material/science:",
                on_click=set_settings,
                args=(PANEL, experiment.settings),
                width="stretch",
            )
            st.caption(experiment.watch)


def _draw_buttons(state: str, *, again: bool) -> None:
    """Start, pause and stop: always all three in their places."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Start again" if again else "Start",
            key="live.start",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start,
        )
        # Two buttons, not one that toggles: Streamlit may deliver a click to two runs, when a new
        # one interrupts the first, and a click that pauses must not go on again.
        if state == "paused":
            st.button("Resume", key="live.resume", icon=":material/resume:", on_click=_resume)
        else:
            st.button(
                "Pause",
                key="live.pause",
                icon=":material/pause:",
                disabled=state != "running",
                on_click=_pause,
            )
        st.button(
            "Stop",
            key="live.stop",
            icon=":material/stop:",
            disabled=state == "ended",
            on_click=_stop,
        )
    if REFUSED in st.session_state:
        st.error(st.session_state.pop(REFUSED))


def _start() -> None:
    """Begins anew with the settings as they are; whatever ran for this page ends."""
    try:
        lesson = plan_lesson(**current_settings(PANEL))
        _end_before()
        st.session_state[TRAINING] = queue.start(lesson)
    except SegcoreError as error:
        st.session_state[REFUSED] = str(error)


def _end_before() -> None:
    before: Training | None = st.session_state.get(TRAINING)
    if before is not None:
        before.end("Another one was started.")


def _pause() -> None:
    training: Training = st.session_state[TRAINING]
    training.pause()


def _resume() -> None:
    training: Training = st.session_state[TRAINING]
    training.resume()


def _stop() -> None:
    training: Training = st.session_state[TRAINING]
    training.stop()


# What a person sees ------------------------------------------------------------------------------


def _watch(training: Training | None, lesson: Lesson, state: str) -> None:
    """Draws where the training stands; drawn again and again while it goes on.

    Args:
        training: the one that runs or has run.
        lesson: what it is, or would be.
        state: its state when the page was drawn.
    """
    before = _keep_alive(training)
    _draw_state(training, before)
    _draw_sentence(training, lesson)
    charts, pictures = st.columns([6, 7], gap="medium")
    with charts:
        _draw_curves(training)
    with pictures:
        _draw_pictures(training, lesson)
    if training is not None and training.state != state:
        st.rerun()  # the buttons, too, depend on the state


def _keep_alive(training: Training | None) -> int:
    """Tells the training that its page is still there; how many are waiting before it."""
    if training is None:
        return 0
    training.watch()
    return queue.before(training)


def _draw_state(training: Training | None, before: int) -> None:
    """One line with a bar, whatever the state, so that nothing below it moves."""
    if training is None:
        st.progress(0.0, f"Ready. A training takes at most {LIMIT:.0f} s.")
        return
    if training.state == "waiting":
        place = f"Waiting: place {before + 1} in the queue"
        st.progress(0.0, f"{place}. {PLACES} trainings run at once on a server.")
        return
    if not training.curve:
        loading = training.state != "ended"
        text = "Loading torch, which takes some seconds …" if loading else "Ended."
        st.progress(0.0, text)
        return
    at = training.curve[-1]
    pause = f"Paused, for {MOST_PAUSE:.0f} s at most · "
    word = {"paused": pause, "ended": "Ended · "}.get(training.state, "")
    st.progress(
        min(1.0, at.seconds / LIMIT),
        f"{word}{at.seconds:.0f} s of {LIMIT:.0f} s · step {at.step:,} · {at.images:,} images seen "
        f"· learning rate {training.rate}",
    )


def _draw_sentence(training: Training | None, lesson: Lesson) -> None:
    """What there is to see, and in the end what has happened."""
    tried = _experiment(lesson)
    if training is not None and training.state == "ended":
        text = f":material/flag: {training.ending}"
    elif tried is not None:
        text = f":material/visibility: **{tried.title}.** {tried.watch}"
    else:
        text = (
            ":material/visibility: Watch the two curves of the mean IoU: as long as they rise "
            "together it learns the rule, and where they part it learns its own images by heart."
        )
    with st.container(key="training-sentence"):  # see style.css
        st.markdown(text)


def _experiment(lesson: Lesson) -> Experiment | None:
    """The experiment that these settings are, whatever the seed."""
    given = asdict(replace(lesson, seed=0))
    plans = ((tried, asdict(plan_lesson(**{**tried.settings, "seed": 0}))) for tried in EXPERIMENTS)
    return next((tried for tried, settings in plans if settings == given), None)


def _draw_curves(training: Training | None) -> None:
    """The loss, and the mean IoU on images it learns from and on others.

    They are drawn with Vega, which moves the lines of a chart that stands; Streamlit takes a Plotly
    chart with other numbers for another chart, so that it would vanish and come back all the time.
    """
    curve = list(training.curve) if training is not None else []
    kinds = {"training images": "train", "unseen images": "unseen"}
    scores = [(at.seconds, getattr(at, kinds[kind]), kind) for kind in kinds for at in curve]
    losses = [(at.seconds, at.loss, "") for at in curve if math.isfinite(at.loss)]
    end = max(AXIS, math.ceil(curve[-1].seconds / AXIS) * AXIS) if curve else AXIS
    _draw_lines(scores, end, "mean IoU", list(kinds))
    _draw_lines(losses, end, "training loss", [])


def _draw_lines(
    points: Sequence[tuple[float, float | None, str]], end: float, title: str, kinds: list[str]
) -> None:
    """Lines over seconds; only the data, never the layout, depends on how far the training is."""
    columns = zip(*(points or [(0.0, None, (kinds or [""])[0])]), strict=True)
    data = dict(zip(("seconds", title, "kind"), map(list, columns), strict=True))
    data["end"] = [end] * len(data["seconds"])
    y: dict[str, Any] = {"field": title, "type": "quantitative"}
    line: dict[str, Any] = {"x": {"field": "seconds", "type": "quantitative"}, "y": y}
    if kinds:
        y["scale"] = {"domain": [0, 1]}
        colors = {"domain": kinds, "range": list(ACCENTS[1 : 1 + len(kinds)])}
        legend = {"orient": "top", "title": None}
        line["color"] = {"field": "kind", "type": "nominal", "scale": colors, "legend": legend}
        # Where both lines run together, the dashes of the first leave the second to be seen.
        dashes = {"domain": kinds, "range": [[6, 4], [1, 0]][: len(kinds)]}
        line["strokeDash"] = {"field": "kind", "type": "nominal", "scale": dashes, "legend": None}
    ends = {"x": {"field": "end", "type": "quantitative", "title": "seconds"}}
    layers = [
        {"mark": {"type": "line", "color": ACCENTS[1], "clip": True}, "encoding": line},
        {"mark": {"type": "point", "opacity": 0}, "encoding": ends},  # makes the axis that long
    ]
    st.vega_lite_chart(data, {"layer": layers, "height": 215}, alt=f"{title} over seconds")


def _draw_pictures(training: Training | None, lesson: Lesson) -> None:
    """Images that it never learns from, their true labels, and what it says of them now."""
    images, truth = cache.pictures.get(("unseen", lesson.task), lambda: _unseen(lesson.task))
    if training is not None and training.labels:
        labels = cv2.imdecode(np.frombuffer(training.labels, np.uint8), cv2.IMREAD_GRAYSCALE)
        tiles = np.split(np.asarray(labels, np.int32), N_SHOWN)
        answer = _row([colorize(tile) for tile in tiles])
    else:
        answer = _row([np.full((SIDE, SIDE, 3), 128, np.uint8)] * N_SHOWN)
    rows = ((images, "Unseen images"), (truth, "Their true labels"), (answer, "Its labels now"))
    with st.container(key="training-pictures", gap="xxsmall"):  # see style.css
        for file, title in rows:
            st.caption(title)
            address = f"data:image/png;base64,{base64.b64encode(file).decode()}"
            st.image(address, width="stretch", alt=title)
    _draw_legend(training, lesson)


def _unseen(task: str) -> tuple[bytes, bytes]:
    examples = draw_unseen(task, N_SHOWN)
    images, labels = zip(*examples, strict=True)
    return _row(images), _row([colorize(tile) for tile in labels])


def _row(tiles: Sequence[Image]) -> bytes:
    """Images of one size beside each other as a PNG, with nothing between them."""
    row = np.zeros((SIDE, N_SHOWN * (SIDE + SEAM) - SEAM, 4), np.uint8)
    for index, tile in enumerate(tiles):
        left = index * (SIDE + SEAM)
        row[:, left : left + SIDE, :3] = tile[..., ::-1]
        row[:, left : left + SIDE, 3] = 255
    return bytes(cv2.imencode(".png", row)[1])


def _draw_legend(training: Training | None, lesson: Lesson) -> None:
    """The classes with their colours and their IoU on unseen images."""
    colors = palette(len(lesson.names) - 1)
    ious = training.ious if training is not None else []
    items = []
    for index, name in enumerate(lesson.names):
        iou = ious[index] if ious else None
        color = f"rgb{tuple(map(int, colors[index]))}"
        value = "–" if iou is None else f"{iou:.2f}"
        items.append(
            f'<span><i style="background:{color}"></i>{html.escape(name)} <b>{value}</b></span>'
        )
    hint = "IoU of each class on 32 unseen images"
    st.html(f'<div class="seg-legend" title="{hint}"><span>IoU:</span>{"".join(items)}</div>')


# What a person takes away ------------------------------------------------------------------------


def _draw_yield(training: Training) -> None:
    """The weights and the curve as files, and the network as a diagram."""
    lesson = training.lesson
    stem = f"{lesson.network}-{lesson.task}"
    ended = training.state == "ended"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Weights",
            training.weights,
            f"{stem}.safetensors",
            "application/octet-stream",
            key="live.weights",
            icon=":material/download:",
            disabled=not training.weights,
            on_click="ignore",
            help="In half precision, with the names of the classes; for segcore's own network.",
        )
        st.download_button(
            "Curve",
            lambda: to_csv(training.curve),
            f"{stem}.csv",
            "text/csv",
            key="live.curve",
            icon=":material/download:",
            disabled=not (ended and training.curve),
            on_click="ignore",
            help="CSV: step, seconds, images seen, learning rate, loss, mean IoU of both kinds.",
        )
    if training.network is not None:
        count = sum(block.parameters for block in training.network.blocks)
        with (
            st.expander(f"The network: {count:,} parameters", icon=":material/account_tree:"),
            st.container(key="wide-live"),  # scrolls by itself, see style.css
        ):
            st.plotly_chart(
                figure(training.network),
                width=diagram_width(training.network),
                key="live.network",
                config={"displayModeBar": False},
                alt="The blocks of the network, with sizes and parameters",
            )
