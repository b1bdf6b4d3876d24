"""A live training: its settings, its images, what it learns, the orders it obeys, its process."""

import base64
import csv
import io
import json
import math
import os
import subprocess
import sys
import time
from queue import SimpleQueue
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load

from segcore.errors import SettingError
from segcore.metrics import mean_iou
from segcore.training import live
from segcore.training.lesson import (
    EXPERIMENTS,
    N_SHOWN,
    N_UNSEEN,
    SETTINGS,
    SIDE,
    Lesson,
    Point,
    draw_example,
    draw_unseen,
    plan_lesson,
    read_lesson,
    read_rate,
    to_csv,
    what_happened,
)

TASKS = next(s.options for s in SETTINGS if s.name == "task")


@pytest.fixture(autouse=True)
def _one_thread_plain(monkeypatch):
    """One thread, and float32: a timing decides on bfloat16, and may decide otherwise next time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(live, "is_bfloat16_faster", lambda _module: False)
    yield
    torch.set_num_threads(before)


# Settings -----------------------------------------------------------------------------------------


def test_a_lesson_without_settings_is_the_default_one():
    assert read_lesson({}) == plan_lesson()
    assert read_lesson({"seed": 3, "network": "unet"}) == plan_lesson(seed=3, network="unet")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 to 32, but is 0."),
        ({"batch_size": 4.0}, "batch_size must be a whole number from 1 to 32, but is 4.0."),
        ({"seed": 1000}, "seed must be a whole number from 0 to 999, but is 1000."),
        ({"n_images": 3}, "n_images must be one of 2, 8, 32, 128, 512, but is 3."),
        ({"network": "vit"}, "network must be one of simple_cnn, unet, but is 'vit'."),
        ({"task": None}, "task must be one of by_class, random, cells, but is None."),
        ({"learning_rate": "nan"}, "learning_rate must be one of 0.000001, "),
        ({"epochs": 3}, "A setting of a training must be one of network, task, "),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(settings, sentence):
    with pytest.raises(SettingError) as error:
        read_lesson(settings)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("rate", ["0.02", 0.01, "", None])
def test_a_wrong_rate_is_refused(rate):
    with pytest.raises(SettingError, match="learning_rate must be one of"):
        read_rate(rate)


def test_every_rate_is_a_number():
    rates = next(s.options for s in SETTINGS if s.name == "learning_rate")
    assert list(map(float, rates)) == sorted(map(float, rates))


def test_experiments_are_lessons_of_their_own():
    lessons = [read_lesson(experiment.settings) for experiment in EXPERIMENTS]
    assert len(set(lessons)) == len({e.title for e in EXPERIMENTS}) == len(EXPERIMENTS)
    assert {lesson.task for lesson in lessons} == set(TASKS)


# Images -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_images_are_small_different_and_always_the_same(task):
    n = len(read_lesson({"task": task}).names)
    images = []
    for index in range(6):
        image, labels = draw_example(task, index)
        assert image.shape == (SIDE, SIDE, 3)
        assert image.dtype == np.uint8
        assert labels.shape == (SIDE, SIDE)
        assert labels.max() < n
        assert np.array_equal(draw_example(task, index)[0], image)
        images.append(image.tobytes())
    assert len(set(images)) == 6


@pytest.mark.parametrize("task", TASKS)
def test_no_training_learns_from_an_unseen_image(task):
    unseen = {image.tobytes() for image, _ in draw_unseen(task, 8)}
    most = max(next(s.options for s in SETTINGS if s.name == "n_images"))
    learned = {draw_example(task, index)[0].tobytes() for index in (0, 1, 2, 3, most - 1)}
    assert len(unseen) == 8
    assert not unseen & learned


def test_every_class_is_seen_in_unseen_images():
    for task in TASKS:
        found = np.unique([labels for _, labels in draw_unseen(task)])
        assert found.tolist() == list(range(len(read_lesson({"task": task}).names)))


# Learning -----------------------------------------------------------------------------------------


def test_it_learns_what_colour_tells():
    pupil = live.Pupil(plan_lesson())
    images, targets = live.stack(pupil.unseen)
    before = mean_iou(pupil.predict(images).numpy(), targets.numpy())
    losses = [pupil.learn() for _ in range(20)]
    after = mean_iou(pupil.predict(images).numpy(), targets.numpy())
    assert losses[0] == pytest.approx(math.log(4), abs=0.2)  # it knows nothing yet
    assert losses[-1] < 0.3
    assert before < 0.3
    assert after > 0.75


def test_a_unet_learns_two_images_by_heart():
    pupil = live.Pupil(plan_lesson(network="unet", task="random", n_images=2, batch_size=4))
    for _ in range(60):
        pupil.learn()
    scores = [
        mean_iou(pupil.predict(images).numpy(), targets.numpy())
        for images, targets in map(live.stack, (pupil.train, pupil.unseen))
    ]
    assert len(pupil.train) == 2
    assert scores[0] > scores[1] + 0.3


def test_the_same_seed_learns_the_same():
    losses = []
    for seed in (5, 5, 6):
        pupil = live.Pupil(plan_lesson(seed=seed, n_images=8, batch_size=4))
        losses.append([pupil.learn() for _ in range(4)])  # two passes: the second by chance
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_every_image_of_a_pass_is_seen_once(monkeypatch):
    seen, stack = [], live.stack
    monkeypatch.setattr(live, "stack", lambda batch: seen.extend(batch) or stack(batch))
    pupil = live.Pupil(plan_lesson(n_images=8, batch_size=4))
    for _ in range(4):
        pupil.learn()
    orders = [[id(image) for image, _ in images] for images in (seen[:8], seen[8:])]
    assert [len(set(order)) for order in orders] == [8, 8]
    assert orders[0] != orders[1]


def play(lesson, *orders, limit=30.0):
    """What a training tells; each order is given at the point with its number."""
    told, queue = [], SimpleQueue()
    given = dict(orders)

    def tell(event):
        told.append(event)
        if event["event"] == "point":
            for order in given.pop(sum(e["event"] == "point" for e in told) - 1, ()):
                queue.put(order)

    live.train_live(lesson, tell, queue, limit)
    return told


def points(told):
    return [Point(**event["point"]) for event in told if event["event"] == "point"]


QUICK = plan_lesson(batch_size=1, n_images=2)


def test_what_it_tells(monkeypatch):
    monkeypatch.setattr(live, "PACE", 0.0)
    told = play(QUICK, (4, [{"order": "stop"}]))
    assert [event["event"] for event in told] == ["ready", *["point"] * 6, "done"]
    assert sum(n for _, _, n in told[0]["blocks"]) == 76_164
    curve = points(told)
    assert curve[0].step == curve[0].images == 0
    assert math.isnan(curve[0].loss)
    assert (curve[1].step, curve[1].images) == (1, 1)  # the first loss, to compare with
    assert curve[1].loss == pytest.approx(math.log(4), abs=0.3)
    assert [p.seconds for p in curve] == sorted(p.seconds for p in curve)
    assert all(0 <= score <= 1 for p in curve for score in (p.train, p.unseen))
    for event in told[1:-1]:
        png = np.frombuffer(base64.b64decode(event["labels"]), np.uint8)
        labels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
        assert labels.shape == (N_SHOWN * SIDE, SIDE)
        assert labels.max() < 4
        assert len(event["ious"]) == 4
    assert json.loads(json.dumps(told)) is not None  # all of it can travel


def test_it_ends_when_the_time_is_over():
    told = play(QUICK, limit=0.5)
    assert told[-1]["reason"] == "time"
    assert points(told)[-1].seconds >= 0.5


def test_a_pause_takes_no_time_and_learns_nothing(monkeypatch):
    monkeypatch.setattr(live, "PACE", 0.0)
    orders = SimpleQueue()
    orders.put({"order": "pause"})
    pupil, clock = SimpleNamespace(set_rate=None), live.Clock()

    def later():
        time.sleep(0.4)
        orders.put({"order": "resume"})

    thread = live.threading.Thread(target=later)
    thread.start()
    assert live._obey(orders, pupil, clock) == ""
    thread.join()
    assert clock.seconds < 0.3


def test_it_can_be_stopped_in_a_pause(monkeypatch):
    monkeypatch.setattr(live, "PACE", 0.0)
    told = play(QUICK, (2, [{"order": "pause"}, {"order": "stop"}]))
    assert told[-1]["reason"] == "stopped"
    assert len(points(told)) == 4


def test_the_rate_may_be_changed_while_it_runs(monkeypatch):
    monkeypatch.setattr(live, "PACE", 0.0)
    change = {"order": "rate", "value": "0.000001"}
    told = play(QUICK, (2, [change]), (4, [{"order": "stop"}]))
    assert [p.learning_rate for p in points(told)] == [0.003] * 3 + [0.000001] * 3


def test_too_high_a_rate_diverges_and_leaves_no_weights():
    lesson = plan_lesson(learning_rate="1")
    told = play(lesson)
    assert told[-1] == {"event": "done", "reason": "diverged"}
    assert points(told)[-1].loss > 1000
    assert "diverged at step" in what_happened(lesson, points(told), diverged=True)


@pytest.mark.parametrize(
    ("losses", "is_so"),
    [([], False), ([1.0, math.nan], True), ([math.inf], True), ([900.0, 1.0, 900.0], False)],
)
def test_what_counts_as_diverged(losses, is_so):
    assert live.is_diverged(losses, 4) is is_so


def test_the_weights_give_the_same_labels(monkeypatch):
    monkeypatch.setattr(live, "PACE", 0.0)
    lesson = plan_lesson(network="unet", task="cells", batch_size=2, n_images=8)
    told = play(lesson, (4, [{"order": "stop"}]))
    module = live.build_unet(len(lesson.names), width=live.WIDTH)
    module.load_state_dict(load(base64.b64decode(told[-1]["weights"])))
    images, _ = live.stack([live._to_tensors(e) for e in draw_unseen("cells", N_SHOWN)])
    with torch.inference_mode():
        labels = module.eval()(images).argmax(1).numpy().reshape(-1, SIDE)
    png = np.frombuffer(base64.b64decode(told[-2]["labels"]), np.uint8)
    shown = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    assert (labels == shown).mean() > 0.995


# What happened ------------------------------------------------------------------------------------


def curve_of(*scores, seconds=60.0, rate=0.003):
    """A curve with these scores (train, unseen), evenly spread over the time."""
    steps = np.linspace(0, seconds, len(scores))
    return [
        Point(round(at * 10), at, round(at * 160), rate, 0.5, *pair)
        for at, pair in zip(steps.tolist(), scores, strict=True)
    ]


GOOD = [(0.0, 0.0), *[(0.9, 0.89)] * 9]


@pytest.mark.parametrize(
    ("settings", "curve", "words"),
    [
        ({}, curve_of(*GOOD), "It knows what it can know"),
        ({"n_images": 2}, curve_of(*[(0.9, 0.7)] * 9), "It overfits: it knows its 2 images by"),
        (
            {"n_images": 512},
            curve_of(*[(n / 5, n / 9) for n in range(5)], seconds=10.0),
            "still learning",
        ),
        ({}, curve_of(*[(0.2, 0.2)] * 9, rate=1e-6), "too short: raise"),
        ({}, curve_of(*[(0.2, 0.2)] * 9, rate=0.1), "too long: lower"),
        ({}, curve_of(*[(0.2, 0.2)] * 9), "Give it more time"),
        ({}, curve_of(*[(n / 10, n / 10) for n in range(9)]), "still learning"),
        ({"task": "random"}, curve_of(*[(0.4, 0.4)] * 9), "Try the U-Net"),
        ({}, curve_of((0.3, 0.3)), "After 0 steps in 0 s"),
    ],
)
def test_what_happened_is_said(settings, curve, words):
    assert words in what_happened(read_lesson(settings), curve, diverged=False)


def test_the_curve_as_a_table():
    curve = curve_of((0.1, 0.2), (0.3, 0.4))
    rows = list(csv.DictReader(io.StringIO(to_csv(curve))))
    assert [float(row["unseen"]) for row in rows] == [0.2, 0.4]
    assert [int(row["step"]) for row in rows] == [0, 600]


# The process --------------------------------------------------------------------------------------


@pytest.fixture
def process():
    command = [sys.executable, "-m", "segcore.training.live"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
        yield child
        child.kill()


def tell_to(child, **line):
    child.stdin.write(json.dumps(line) + "\n")
    child.stdin.flush()


def test_the_process_is_nice_learns_and_ends_with_its_input(process):
    tell_to(process, network="unet", task="cells", n_images=2)
    events = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert [event["event"] for event in events] == ["ready", "point", "point"]
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, own + live.NICE)
    process.stdin.close()
    assert process.wait(timeout=5) == 0
    process.stdin = None  # closed already


def test_the_process_refuses_wrong_settings_in_a_sentence(process):
    tell_to(process, seed=-1)
    told = [json.loads(line) for line in process.stdout]
    sentence = "seed must be a whole number from 0 to 999, but is -1."
    assert told == [{"event": "refused", "sentence": sentence}]
    assert process.wait(timeout=5) == 0


def test_the_process_ends_at_a_line_that_is_no_json(process):
    process.stdin.write("{\n")
    process.stdin.flush()
    assert process.wait(timeout=60) == 0
    assert process.stdout.read() == ""


def test_a_lesson_is_plain(monkeypatch):
    """A page reads lessons, and must not load torch for it."""
    code = "import sys, segcore.training.lesson; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert isinstance(plan_lesson(), Lesson)
    assert N_SHOWN <= N_UNSEEN
