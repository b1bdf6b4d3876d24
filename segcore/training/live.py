"""The process of a live training: python -m segcore.training.live

Whoever starts it writes lines of JSON to its input: first the settings of the lesson, then orders,
`{"order": "pause" | "resume" | "rate" | "stop", "value": …}`. It writes lines of JSON to its
output, one for each thing that happens, by the name under "event":

- ready: "blocks" [name, shape, parameters], "skips" and "shape" of the network's diagram
- point: "point", the attributes of a `Point`, "ious" of the classes on unseen images, null for one
  that is nowhere, and "labels", a PNG of the labels given to the images shown, one below the other
- done: "reason" time, stopped or diverged, and "weights", .safetensors, unless it diverged
- refused: "sentence", if a setting or an order was wrong

Files are in base64. The process ends with its input, so that it never outlives its server.
"""

import base64
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from segcore.errors import SettingError
from segcore.metrics.overlap import Confusion
from segcore.networks.network import Network
from segcore.networks.pictures import diagram
from segcore.networks.tuning import is_bfloat16_faster
from segcore.networks.unet import build_unet
from segcore.techniques.semantic.simple_cnn import build as build_cnn
from segcore.training.lesson import (
    LIMIT,
    N_SHOWN,
    SIDE,
    Example,
    Lesson,
    Point,
    draw_example,
    draw_unseen,
    is_diverged,
    read_lesson,
    read_rate,
)
from segcore.weights import to_file

PACE: Final = 0.6  # seconds between two points of the curve, where measuring takes little of it
MEASURED: Final = 0.25  # share of the time that measuring may take
NICE: Final = 10
WIDTH: Final = 8  # channels of the small U-Net's first level

Event: TypeAlias = Mapping[str, Any]
Tell: TypeAlias = Callable[[Event], None]
Orders: TypeAlias = "SimpleQueue[dict[str, Any]]"


def train_live(lesson: Lesson, tell: Tell, orders: Orders, limit: float = LIMIT) -> None:
    """Trains until the time is over, an order stops it, or it diverges.

    Args:
        lesson: what to learn and how.
        tell: told what happens.
        orders: what to do from now on; they are looked at between two steps.
        limit: seconds that it may take, pauses not counted.
    """
    pupil = Pupil(lesson)
    tell({"event": "ready", **_describe(pupil.module)})
    clock = Clock()
    losses: list[float] = []  # since the last point
    recent: deque[float] = deque(maxlen=3)
    due, reason = 0.0, ""
    while not reason:
        reason = _obey(orders, pupil, clock)
        if is_diverged(recent, len(lesson.names)):
            reason = "diverged"
        elif clock.seconds >= limit:
            reason = reason or "time"
        if reason or clock.seconds >= due:
            begun = clock.seconds
            tell({"event": "point", **_measure(pupil, losses, begun)})
            took = clock.seconds - begun
            # The first loss is told at once: it is the one that all others are compared with.
            due = clock.seconds + max(PACE - took, took * (1 / MEASURED - 1)) if losses else 0.0
            losses.clear()
        if not reason:
            recent.append(pupil.learn())
            losses.append(recent[-1])
    weights = {} if reason == "diverged" else {"weights": _encode(pupil.to_file())}
    tell({"event": "done", "reason": reason, **weights})


class Clock:
    """Counts the seconds of a training, pauses not counted."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def leave_out(self, seconds: float) -> None:
        self._begun += seconds


def _obey(orders: Orders, pupil: "Pupil", clock: Clock) -> str:
    """Carries out all orders that are there, waiting through a pause; why to end, or nothing."""
    paused_at: float | None = None
    try:
        while True:
            order = orders.get(block=paused_at is not None)
            match order.get("order"):
                case "stop":
                    return "stopped"
                case "pause" if paused_at is None:
                    paused_at = clock.seconds
                case "resume" if paused_at is not None:
                    clock.leave_out(clock.seconds - paused_at)
                    paused_at = None
                case "rate":
                    pupil.set_rate(read_rate(order.get("value")))
    except Empty:
        return ""
    finally:
        if paused_at is not None:
            clock.leave_out(clock.seconds - paused_at)


class Pupil:
    """A network that learns a lesson, with the images that it learns from and is measured on."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.steps = 0
        self.rate = lesson.learning_rate
        torch.manual_seed(lesson.seed)
        n = len(lesson.names)
        self.module: nn.Module = build_cnn(n) if lesson.network == "simple_cnn" else _small_unet(n)
        self._fast = is_bfloat16_faster(self.module)
        self.module.to(memory_format=torch.channels_last)
        self._optimizer = torch.optim.AdamW(self.module.parameters(), lr=float(self.rate))
        self._rng = np.random.default_rng(lesson.seed)
        self._order: list[int] = list(range(lesson.n_images))  # of the present pass
        self._drawn: list[tuple[Tensor, Tensor]] = []  # training images, drawn when they come up
        self.unseen = [_to_tensors(example) for example in draw_unseen(lesson.task)]

    @property
    def train(self) -> list[tuple[Tensor, Tensor]]:
        """Some of the training images, to be measured on."""
        while len(self._drawn) < min(self.lesson.batch_size, self.lesson.n_images):
            self._draw_next()
        return self._drawn[: len(self.unseen)]

    def set_rate(self, rate: str) -> None:
        self.rate = rate
        for group in self._optimizer.param_groups:
            group["lr"] = float(rate)

    def learn(self) -> float:
        """One step down the gradient of a batch; the loss before it."""
        images, targets = self._next_batch()
        self.module.train()
        loss = nn.functional.cross_entropy(self._score(images), targets)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves its type out
        self._optimizer.step()
        self.steps += 1
        return loss.item()

    def predict(self, images: Tensor) -> Tensor:
        """Channels (n, h, w) that win, for images (n, 3, h, w)."""
        self.module.eval()
        with torch.inference_mode():
            return self._score(images).argmax(1)

    def to_file(self) -> bytes:
        """The weights, as the dashboard's own are kept."""
        return to_file(Network(self.module, self.lesson.names, SIDE))

    def _score(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._fast):
            scores: Tensor = self.module(images)
        return scores.float()

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        """The next images in the order of this pass; from the second on by chance."""
        batch = []
        for _ in range(self.lesson.batch_size):
            if not self._order:
                self._order = self._rng.permutation(self.lesson.n_images).tolist()
            index = self._order.pop(0)
            while len(self._drawn) <= index:
                self._draw_next()
            batch.append(self._drawn[index])
        return stack(batch)

    def _draw_next(self) -> None:
        self._drawn.append(_to_tensors(draw_example(self.lesson.task, len(self._drawn))))


def _small_unet(n_outputs: int) -> nn.Module:
    return build_unet(n_outputs, width=WIDTH)


def _to_tensors(example: Example) -> tuple[Tensor, Tensor]:
    """An image (3, h, w) around 0, as the networks take it, and its channels (h, w) int64."""
    image = torch.from_numpy(example[0].astype(np.float32)).permute(2, 0, 1)
    return (image / 255.0 - 0.5) / 0.25, torch.from_numpy(example[1].astype(np.int64))


def stack(examples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Examples behind one another: (n, 3, h, w) and (n, h, w)."""
    images, targets = zip(*examples, strict=True)
    return torch.stack(images), torch.stack(targets)


def _measure(pupil: Pupil, losses: list[float], seconds: float) -> Event:
    """Where the training stands; see the module."""
    n = len(pupil.lesson.names)
    scores = []
    for examples in (pupil.train, pupil.unseen):
        images, targets = stack(examples)
        channels = pupil.predict(images).numpy()
        confusion = Confusion(n)
        confusion.update(channels, targets.numpy())
        scores.append(confusion.result())
    shown = channels[:N_SHOWN].reshape(-1, SIDE).astype(np.uint8)
    point = Point(
        step=pupil.steps,
        seconds=round(seconds, 2),
        images=pupil.steps * pupil.lesson.batch_size,
        learning_rate=float(pupil.rate),
        loss=float(np.mean(losses)) if losses else float("nan"),
        train=scores[0].mean_iou,
        unseen=scores[1].mean_iou,
    )
    ious = [None if np.isnan(iou) else round(float(iou), 4) for iou in scores[1].iou]
    labels = _encode(cv2.imencode(".png", shown)[1].tobytes())
    return {"point": asdict(point), "ious": ious, "labels": labels}


def _describe(module: nn.Module) -> Event:
    chart = diagram(module, SIDE, SIDE)
    blocks = [[block.name, block.shape, block.parameters] for block in chart.blocks]
    return {"blocks": blocks, "skips": chart.skips, "shape": chart.shape}


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


# The process -------------------------------------------------------------------------------------


def _listen(orders: Orders) -> None:
    """Hands on every line of the input; at its end nobody is left, and everything ends at once."""
    try:
        for line in sys.stdin:
            orders.put(json.loads(line))
    finally:  # a line that is no JSON ends it too: it comes from no page of ours
        os._exit(0)


def _tell(event: Event) -> None:
    print(json.dumps(event), flush=True)


def main() -> None:
    os.nice(NICE)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    orders: Orders = SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    try:
        train_live(read_lesson(orders.get()), _tell, orders)
    except SettingError as error:
        _tell({"event": "refused", "sentence": str(error)})


if __name__ == "__main__":
    main()
