"""The live trainings of the whole server: each in a process of its own, two at once, in a queue.

Streamlit reports no page leave. So a page says again and again that it is still there, and a
training that nobody has asked about for a while is ended. What a training has told is kept by the
session that started it, and goes with it.
"""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import segcore
from segcore.charts import Block, Diagram
from segcore.errors import SegcoreError
from segcore.training.lesson import LIMIT, Lesson, Point, read_rate, what_happened

PLACES: Final = 2  # trainings that run at once
MOST_WAITING: Final = 30
GONE: Final = 8.0  # seconds without a sign of its page after which a training is ended
MOST_PAUSE: Final = 120.0  # seconds that a pause may take: others may be waiting for the place
GRACE: Final = 5.0  # seconds that the process gets to hand over its weights once it was stopped
MOST_SECONDS: Final = LIMIT + 60.0  # for loading and the whole training, pauses not counted
TICK: Final = 0.25  # seconds between two looks at a process
ROOT: Final = Path(segcore.__file__).parents[1]
COMMAND: Final = (sys.executable, "-m", "segcore.training.live")

CRASHED: Final = "The training's process ended unexpectedly; the server's log says why."
LEFT: Final = "It was ended, since its page was left."
PAUSED_LONG: Final = "It was stopped after a pause of two minutes, to make room for others. "
STUCK: Final = "Its process did not answer any more and was ended."


class Training:
    """One training: what was asked for, where it stands, and what its process has told so far.

    Attributes:
        lesson: its settings, the learning rate as it was at the start.
        rate: the present learning rate.
        state: waiting, loading, running, paused or ended.
        curve: its points so far.
        ious: IoU of each class on unseen images; None for one that is nowhere.
        labels: PNG of the labels that it gives to the images shown, one below the other.
        network: the diagram of its network, once it is loaded.
        ending: why it ended and what came of it, in a sentence or two.
        weights: the .safetensors file, if it ended with one.
    """

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.rate = lesson.learning_rate
        self.state = "waiting"
        self.curve: list[Point] = []
        self.ious: list[float | None] = []
        self.labels = b""
        self.network: Diagram | None = None
        self.ending = ""
        self.weights = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped_at: float | None = None
        self._why = ""  # it was stopped, if nobody pressed a button
        self._paused_at: float | None = None
        self._seen_at = self._begun_at = time.monotonic()

    # What a page does -----------------------------------------------------------------------------

    def watch(self) -> None:
        """Says that somebody is still looking; a page calls it whenever it draws itself."""
        self._seen_at = time.monotonic()

    def pause(self) -> None:
        if self.state == "running":
            self.state, self._paused_at = "paused", time.monotonic()
            self._order("pause")

    def resume(self) -> None:
        if self.state == "paused" and self._paused_at is not None:
            self._begun_at += time.monotonic() - self._paused_at
            self.state, self._paused_at = "running", None
            self._order("resume")

    def set_rate(self, rate: str) -> None:
        """Changes the learning rate from the next step on.

        Raises:
            SettingError: it is no rate that a lesson may have.
        """
        self.rate = read_rate(rate)
        self._order("rate", self.rate)

    def stop(self) -> None:
        """Ends it; what it has learned so far is handed over, if it has begun to learn."""
        if self.state in ("running", "paused"):
            self._stopped_at = time.monotonic()
            self._order("stop")
        elif self.state != "ended":
            self.end("It was stopped before it began.")

    # What happens to it ---------------------------------------------------------------------------

    @property
    def is_gone(self) -> bool:
        """Whether nobody has looked for so long that nobody will."""
        return time.monotonic() - self._seen_at > GONE

    def end(self, sentence: str) -> None:
        """Ends it now, whatever its process does; of several reasons the first one counts."""
        if self.state != "ended":
            self.state, self.ending = "ended", sentence
        if self._process is not None:
            self._process.kill()

    def run(self) -> None:
        """Runs it from its start to its end in a process; nothing of the process is left behind."""
        self._begun_at = time.monotonic()
        try:
            with subprocess.Popen(  # noqa: S603  # nothing that a person says is in the command
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is for the server; its end is the end of this, too
            ) as process:
                self._process = process
                threading.Thread(target=self._keep, args=(process,), daemon=True).start()
                self._write(asdict(replace(self.lesson, learning_rate=self.rate)))
                for line in process.stdout or ():
                    self._hear(json.loads(line))
                self.end(CRASHED)
        finally:
            self.end(CRASHED)

    def _keep(self, process: "subprocess.Popen[bytes]") -> None:
        """Ends the process when it is time, however busy it is."""
        while process.poll() is None:
            now = time.monotonic()
            paused = now - self._paused_at if self._paused_at is not None else 0.0
            if self.state == "ended":
                process.kill()
            elif self.is_gone:
                self.end(LEFT)
            elif self._stopped_at is not None:
                if now - self._stopped_at > GRACE:
                    self.end("It was stopped.")
            elif paused > MOST_PAUSE:
                self._why = PAUSED_LONG
                self.stop()
            elif now - self._begun_at - paused > MOST_SECONDS:
                self.end(STUCK)
            time.sleep(TICK)

    def _hear(self, event: Mapping[str, Any]) -> None:
        if self.state == "ended":
            return
        match event["event"]:
            case "ready":
                blocks = (Block(name, tuple(shape), n) for name, shape, n in event["blocks"])
                skips = tuple((a, b) for a, b in event["skips"])
                channels, height, width = event["shape"]
                self.network = Diagram((channels, height, width), tuple(blocks), skips)
                self.state = "running"
            case "point":
                self.ious = event["ious"]
                self.labels = base64.b64decode(event["labels"])
                self.curve.append(Point(**event["point"]))
            case "done":
                self.weights = base64.b64decode(event.get("weights", ""))
                diverged = event["reason"] == "diverged"
                self.end(self._why + what_happened(self.lesson, self.curve, diverged=diverged))
            case "refused":
                self.end(event["sentence"])

    def _order(self, order: str, value: str = "") -> None:
        self._write({"order": order, "value": value})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            # Not through a buffer: a line is written whole, whichever thread writes it.
            os.write(self._process.stdin.fileno(), json.dumps(line).encode() + b"\n")
        except (OSError, ValueError):
            return  # it has just ended by itself, and `run` will say so


class Queue:
    """Runs at most `places` trainings at once, the others in the order of their coming."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._running: list[Training] = []
        self._waiting: deque[Training] = deque()

    def start(self, lesson: Lesson) -> Training:
        """A new training that runs now or as soon as there is a place.

        Raises:
            SegcoreError: too many are waiting already.
        """
        training = Training(lesson)
        with self._lock:
            self._forget()
            if len(self._waiting) >= MOST_WAITING:
                raise SegcoreError(
                    f"{MOST_WAITING} trainings are waiting already; try again in a few minutes."
                )
            self._waiting.append(training)
            self._advance()
        return training

    def before(self, training: Training) -> int:
        """How many are waiting before it."""
        with self._lock:
            self._forget()
            self._advance()
            return self._waiting.index(training) if training in self._waiting else 0

    def _forget(self) -> None:
        """Drops those that were stopped, or left, before their turn came."""
        for training in self._waiting:
            if training.is_gone:
                training.end(LEFT)
        self._waiting = deque(t for t in self._waiting if t.state == "waiting")

    def _advance(self) -> None:
        while self._waiting and len(self._running) < self._places:
            training = self._waiting.popleft()
            training.state = "loading"
            self._running.append(training)
            threading.Thread(target=self._run, args=(training,), daemon=True).start()

    def _run(self, training: Training) -> None:
        try:
            training.run()
        finally:
            with self._lock:
                self._running.remove(training)
                self._forget()
                self._advance()


queue: Final = Queue(PLACES)
