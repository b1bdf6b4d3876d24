"""The page of live trainings, and the queue that they wait in; a script stands in for torch."""

import base64
import sys
import time

import cv2
import numpy as np
import pytest

from pages.ui import live, trainings
from pages.ui.trainings import Queue
from segcore.errors import SegcoreError, SettingError
from segcore.render import colorize
from segcore.training.lesson import (
    EXPERIMENTS,
    N_SHOWN,
    SIDE,
    draw_unseen,
    plan_lesson,
    read_lesson,
    to_csv,
)

PAGE = "pages/training.py"

# It talks as segcore.training.live does, but learns nothing; the seed says how it behaves.
STAND_IN = """
import json, queue, sys, threading, time

LABELS = {labels!r}
lesson = json.loads(sys.stdin.readline())
if lesson["seed"] == 1:
    sys.exit(1)  # crashes before it has said anything
if lesson["seed"] == 2:
    print(json.dumps(dict(event="refused", sentence="seed must not be 2.")), flush=True)
    sys.exit()
orders, rate = queue.SimpleQueue(), float(lesson["learning_rate"])
paused, begun = False, time.time()
ended = threading.Event()

def listen():
    for line in sys.stdin:
        orders.put(json.loads(line))
    ended.set()

def tell(**event):
    print(json.dumps(event), flush=True)

threading.Thread(target=listen, daemon=True).start()
tell(event="ready", blocks=[["First", [4, 64, 64], 12]], skips=[], shape=[3, 64, 64])
step, reason = 0, ""
while not ended.is_set() and not reason:
    try:
        order = orders.get_nowait()
        if order["order"] == "stop" and lesson["seed"] != 3:  # 3 is deaf to it
            reason = "stopped"
        rate = float(order["value"]) if order["order"] == "rate" else rate
        paused = dict(pause=True, resume=False).get(order["order"], paused)
    except queue.Empty:
        pass
    if lesson["seed"] == 4 and step == 4:
        reason = "diverged"
    if lesson["seed"] == 5 and step == 2:
        sys.exit(1)  # crashes in the middle
    if not paused:
        point = dict(step=step, seconds=time.time() - begun, images=16 * step, learning_rate=rate)
        point |= dict(loss=1 / (step + 1), train=0.5, unseen=0.4)
        tell(event="point", point=point, ious=[0.9, None, 0.5, 0.25], labels=LABELS)
        step += 1
    time.sleep(0.02)
tell(event="done", reason=reason, **({{}} if reason == "diverged" else dict(weights="AAEC")))
"""
CRASH_EARLY, REFUSED, DEAF, DIVERGES, CRASH_LATE, WELL = 1, 2, 3, 4, 5, 9


@pytest.fixture(autouse=True)
def _stand_in(tmp_path, monkeypatch):
    png = cv2.imencode(".png", np.ones((N_SHOWN * SIDE, SIDE), np.uint8))[1].tobytes()
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN.format(labels=base64.b64encode(png).decode()), "utf-8")
    monkeypatch.setattr(trainings, "COMMAND", (sys.executable, str(script)))
    monkeypatch.setattr(trainings, "TICK", 0.02)


@pytest.fixture
def queue(monkeypatch):
    """The server's queue; whatever runs in it ends with the test."""
    started, made = [], Queue(2)
    start = made.start
    monkeypatch.setattr(made, "start", lambda lesson: started.append(start(lesson)) or started[-1])
    monkeypatch.setattr(live, "queue", made)
    yield made
    for training in started:
        training.end("The test is over.")
    wait(lambda: not made._running)


def wait(reached, seconds=20.0):
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "It did not come to that."
        time.sleep(0.02)


def begin(queue, seed=WELL, **settings):
    """A training that has begun to learn."""
    training = queue.start(plan_lesson(seed=seed, **settings))
    wait(lambda: len(training.curve) > 1 or training.state in ("ended", "waiting"))
    return training


def is_over(training):
    return training.state == "ended" and training._process.poll() is not None


# The queue ----------------------------------------------------------------------------------------


def test_two_run_and_the_next_ones_wait_in_their_order(queue):
    first, second = begin(queue), begin(queue)
    third, fourth = begin(queue), begin(queue)
    assert [t.state for t in (first, second, third, fourth)] == ["running"] * 2 + ["waiting"] * 2
    assert [queue.before(t) for t in (first, third, fourth)] == [0, 0, 1]
    second.stop()
    wait(lambda: third.state == "running")
    assert fourth.state == "waiting"
    assert queue.before(fourth) == 0
    fourth.stop()
    assert fourth.ending == "It was stopped before it began."
    first.stop()
    wait(lambda: is_over(first))
    assert fourth.curve == []


def test_one_that_is_left_ends_and_makes_room(queue, monkeypatch):
    monkeypatch.setattr(trainings, "GONE", 1.5)
    left, kept = begin(queue), begin(queue)
    waiting, gone = begin(queue), begin(queue)
    begun = time.monotonic()
    while left.state != "ended":
        assert time.monotonic() - begun < 5
        for training in (kept, waiting):
            training.watch()
        time.sleep(0.02)
    assert left.ending == trainings.LEFT

    def all_is_told():
        kept.watch()
        waiting.watch()
        return queue.before(gone) == 0 and gone.state == "ended" and waiting.state == "running"

    wait(all_is_told)
    assert gone.ending == trainings.LEFT
    assert kept.state == "running"


def test_nothing_of_a_training_is_left_within_ten_seconds_of_its_last_watch():
    assert trainings.GONE + 4 * 0.25 <= 10


def test_a_queue_that_is_full_says_so(queue, monkeypatch):
    monkeypatch.setattr(trainings, "MOST_WAITING", 1)
    for _ in range(3):
        begin(queue)
    with pytest.raises(SegcoreError, match="1 trainings are waiting already"):
        begin(queue)


def test_one_that_is_stopped_hands_over_what_it_learned(queue):
    training = begin(queue)
    training.stop()
    wait(lambda: is_over(training))
    assert training.weights == b"\0\1\2"
    assert training.ending.startswith(f"After {training.curve[-1].step} steps")


def test_one_that_does_not_stop_is_ended(queue, monkeypatch):
    monkeypatch.setattr(trainings, "GRACE", 0.3)
    training = begin(queue, DEAF)
    training.stop()
    wait(lambda: is_over(training))
    assert training.ending == "It was stopped."
    assert training.weights == b""


def test_one_that_takes_too_long_is_ended(queue, monkeypatch):
    monkeypatch.setattr(trainings, "MOST_SECONDS", 0.0)
    training = begin(queue)
    wait(lambda: is_over(training))
    assert training.ending == trainings.STUCK


@pytest.mark.parametrize(
    ("seed", "ending"),
    [
        (CRASH_EARLY, trainings.CRASHED),
        (CRASH_LATE, trainings.CRASHED),
        (REFUSED, "seed must not be 2."),
        (DIVERGES, "It diverged at step 4:"),
    ],
)
def test_how_it_ends_is_said(queue, seed, ending):
    training = begin(queue, seed)
    wait(lambda: is_over(training))
    assert training.ending.startswith(ending)
    assert training.weights == b""
    assert begin(queue).state == "running"  # its place is free


def test_a_program_that_cannot_be_started(queue, monkeypatch):
    monkeypatch.setattr(trainings, "COMMAND", ("/nowhere",))
    monkeypatch.setattr(trainings.threading, "excepthook", lambda _: None)
    training = begin(queue)
    wait(lambda: training.state == "ended" and not queue._running)
    assert training.ending == trainings.CRASHED


def test_pause_and_resume(queue):
    training = begin(queue)
    training.pause()
    time.sleep(0.3)
    at = len(training.curve)
    time.sleep(0.3)
    assert training.state == "paused"
    assert len(training.curve) == at
    training.resume()
    wait(lambda: len(training.curve) > at)
    assert training.state == "running"


def test_a_pause_ends_by_itself(queue, monkeypatch):
    monkeypatch.setattr(trainings, "MOST_PAUSE", 0.2)
    training = begin(queue)
    training.pause()
    wait(lambda: is_over(training))
    assert training.ending.startswith(trainings.PAUSED_LONG)
    assert training.weights


def test_the_rate_is_handed_on_and_a_wrong_one_refused(queue):
    training = begin(queue)
    training.set_rate("0.1")
    wait(lambda: training.curve[-1].learning_rate == 0.1)
    with pytest.raises(SettingError):
        training.set_rate("7")
    assert training.rate == "0.1"


def test_orders_to_one_that_has_ended_change_nothing(queue):
    training = begin(queue, CRASH_LATE)
    wait(lambda: is_over(training))
    for order in (training.pause, training.resume, training.stop):
        order()
    training.set_rate("0.1")
    assert (training.state, training.ending) == ("ended", trainings.CRASHED)


# The page -----------------------------------------------------------------------------------------


def progress(seen):
    return seen.page.get("progress")[0].proto.text


def follow(seen, reached):
    wait(lambda: reached(seen.run()))
    return seen


def disabled(seen):
    keys = ("live.start", "live.pause", "live.stop", "live.weights", "live.curve")
    widgets = {getattr(widget, "key", None): widget for widget in seen.page}
    return [widgets[key].proto.disabled for key in keys if key in widgets]


def told(seen):
    """The sentence that says what there is to see, or what has happened."""
    marks = (":material/visibility: ", ":material/flag: ")
    (text,) = (m.value for m in seen.page.main.markdown if m.value.startswith(marks))
    return text.partition(" ")[2]


def tiles(seen):
    """The rows of images that the page shows: seen ones, true labels, its own labels."""
    rows = []
    for element in seen.page.main.get("image"):
        file = base64.b64decode(element.proto.imgs[0].url.partition("base64,")[2])
        row = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
        lefts = range(0, N_SHOWN * (SIDE + live.SEAM), SIDE + live.SEAM)
        rows.append([row[:, left : left + SIDE, 2::-1] for left in lefts])
    return rows


def started(visit, seed=WELL):
    seen = visit(PAGE).put(**{"training.seed": seed}).press("live.start")
    return follow(seen, lambda s: s.state["live.run"].state not in ("loading", "waiting"))


def test_a_first_visit_shows_the_task_and_offers_to_start(visit, queue):
    seen = visit(PAGE)
    assert progress(seen) == "Ready. A training takes at most 60 s."
    assert disabled(seen) == [False, True, True]
    assert told(seen) == f"**{EXPERIMENTS[0].title}.** {EXPERIMENTS[0].watch}"
    rows = tiles(seen)
    for place, (image, labels) in enumerate(draw_unseen("by_class", N_SHOWN)):
        assert np.array_equal(rows[0][place], image)
        assert np.array_equal(rows[1][place], colorize(labels))
    assert len(np.unique(rows[2])) == 1  # it has said nothing yet
    assert queue._running == []


def test_a_training_from_start_to_stop(visit, queue):
    seen = started(visit)
    follow(seen, lambda s: "step" in progress(s))
    ones = colorize(np.ones((SIDE, SIDE), np.int32))
    assert all(np.array_equal(tile, ones) for tile in tiles(seen)[2])
    assert disabled(seen) == [False, False, False, True, True]
    seen.press("live.pause")
    assert progress(seen).startswith("Paused, for 120 s at most · ")
    seen.press("live.resume")
    assert not progress(seen).startswith("Paused")
    seen.press("live.stop")
    follow(seen, lambda s: progress(s).startswith("Ended · "))
    training = seen.state["live.run"]
    assert disabled(seen) == [False, True, True, False, False]
    assert told(seen) == training.ending
    assert "mean IoU is 0.40 on unseen images" in training.ending
    assert len(to_csv(training.curve).splitlines()) == len(training.curve) + 1
    assert "The network: 12 parameters" in [box.label for box in seen.page.expander]


def test_one_that_ends_while_the_page_is_drawn_leaves_no_buttons_of_one_that_runs(
    visit, queue, monkeypatch
):
    seen = started(visit)
    draw_buttons = live._draw_buttons

    def and_then_it_ends(*args, **options):
        draw_buttons(*args, **options)
        seen.state["live.run"].end("It was stopped.")

    monkeypatch.setattr(live, "_draw_buttons", and_then_it_ends)
    seen.run()
    assert told(seen) == "It was stopped."
    assert disabled(seen)[:3] == [False, True, True]


@pytest.mark.parametrize(
    ("seed", "ending"),
    [(CRASH_EARLY, trainings.CRASHED), (CRASH_LATE, trainings.CRASHED), (DIVERGES, "It diverged")],
)
def test_an_end_that_nobody_wanted_is_one_plain_sentence(visit, queue, seed, ending):
    seen = follow(started(visit, seed), lambda s: s.state["live.run"].state == "ended")
    seen.run()
    assert told(seen).startswith(ending)
    assert seen.sentences == []
    assert disabled(seen)[:3] == [False, True, True]


def test_the_third_waits_and_sees_its_place(visit, queue):
    begin(queue), begin(queue)
    seen = visit(PAGE).press("live.start")
    assert progress(seen).startswith("Waiting: place 1 in the queue.")
    seen.press("live.stop")
    assert told(seen) == "It was stopped before it began."


def test_starting_again_ends_the_one_before(visit, queue):
    seen = started(visit)
    first = seen.state["live.run"]
    seen.press("live.start")
    assert first.ending == "Another one was started."
    assert seen.state["live.run"] is not first
    follow(seen, lambda s: s.state["live.run"].state == "running")


def test_a_new_rate_counts_at_once_and_other_settings_from_the_next_start(visit, queue):
    seen = started(visit)
    training = seen.state["live.run"]
    seen.change("training.learning_rate", "0.01")
    assert training.rate == "0.01"
    follow(seen, lambda s: "learning rate 0.01" in progress(s))
    seen.change("training.batch_size", 4).change("training.learning_rate", "0.1")
    assert training.rate == "0.01"
    assert training.lesson.batch_size == 16
    assert any("count when you start again" in c.value for c in seen.page.main.caption)
    seen.press("live.start")
    lesson = seen.state["live.run"].lesson
    assert (lesson.batch_size, lesson.learning_rate) == (4, "0.1")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.title)
def test_an_experiment_sets_everything_and_says_what_to_see(visit, queue, experiment):
    seen = visit(PAGE).put(**{"training.batch_size": 2, "training.seed": 7})
    seen.press(f"live.try.{experiment.title}")
    assert told(seen) == f"**{experiment.title}.** {experiment.watch}"
    seen.press("live.start")
    assert seen.state["live.run"].lesson == read_lesson(experiment.settings)


def test_a_value_out_of_range_is_one_sentence(visit, queue, monkeypatch):
    """No widget gives one; what it would do is seen by giving it in their place."""
    wrong = {"batch_size": 99}
    given = live.current_settings
    monkeypatch.setattr(live, "current_settings", lambda panel: given(panel) | wrong)
    seen = visit(PAGE)
    assert seen.sentences == ["batch_size must be a whole number from 1 to 32, but is 99."]
    seen.press("live.start")
    assert len(set(seen.sentences)) == 1
    assert "live.run" not in seen.state
    wrong.clear()
    assert started(visit).state["live.run"].state == "running"


def test_a_full_queue_is_one_sentence(visit, queue, monkeypatch):
    monkeypatch.setattr(trainings, "MOST_WAITING", 0)
    seen = visit(PAGE).press("live.start")
    assert seen.sentences[0].startswith("0 trainings are waiting already")
    assert "live.run" not in seen.state


def test_what_was_learned_is_there_when_one_comes_back(visit, queue):
    seen = started(visit).press("live.stop")
    follow(seen, lambda s: s.state["live.run"].state == "ended")
    ending = seen.state["live.run"].ending
    seen.go("app.py").go(PAGE)
    assert told(seen) == ending
    assert disabled(seen) == [False, True, True, False, False]
