"""A batch: the techniques of the grid on several images, as label files and one table."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.comparison.label_file import read_label_file, resized
from pages.ui.comparison.measures import ALL, FOREGROUND, SCORES, measure, measure_part
from pages.ui.comparison.rows import Row
from pages.ui.comparison.running import Job, Outcome, compute
from pages.ui.comparison.truth import Truth
from pages.ui.picker import SIDE, Picture
from pages.ui.progress import Progress, is_cancelled, resume
from segcore.errors import ImageError, SettingError, WeightsError
from segcore.images import image_size, read_image
from segcore.render import png
from segcore.result import regions
from segcore.technique import Technique, Value

MOST_IMAGES = 24
MOST_LABEL = 65535  # the greatest value of a 16-bit PNG


@dataclass(frozen=True, eq=False)
class Given:
    """An image of the batch and its label map, if the person brought one.

    Attributes:
        stem: its name in the table and in the ZIP, safe in both.
        data: content of the file.
        truth: content of a label PNG.
    """

    stem: str
    data: bytes
    truth: bytes | None

    @property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()


def draw_batch(rows: Sequence[Row]) -> None:
    """Where files come in, a button, and what comes out."""
    st.markdown(
        f"The **{len(rows)} techniques of the grid**, with their settings, on up to {MOST_IMAGES} "
        "images: a ZIP with one 16-bit label PNG for each, and a CSV of counts, times and scores."
    )
    images, truths = _draw_uploaders()
    given = pair_up(images, truths)
    if not given:
        return
    jobs = [(row.job.technique, row.job.settings) for row in rows]
    name = _name(given, jobs)
    wanted = st.session_state.get("compare.batch") == name
    if not wanted or is_cancelled(name):
        if wanted:
            st.info("Cancelled.", icon=":material/cancel:")
        st.button(
            f"Run {len(given)} × {len(rows)}",
            key="compare.batch.run",
            icon=":material/play_arrow:",
            type="primary",
            on_click=_ask,
            args=(name,),
        )
        return
    slot = st.empty()
    progress = Progress(name, slot)
    data = cache.pictures.get(name, lambda: run_batch(given, jobs, progress, progress.waiting))
    slot.empty()
    st.download_button(
        f"Download the ZIP ({len(data) / 1e6:.1f} MB)",
        data,
        "segmentations.zip",
        "application/zip",
        key="compare.batch.zip",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        table = list(csv.DictReader(io.StringIO(archive.read("results.csv").decode())))
    st.dataframe(table, hide_index=True, key="compare.batch.table", alt="Results of the batch")


def _draw_uploaders() -> tuple[list[Any], list[Any]]:
    left, right = st.columns(2, gap="large")
    with left:
        images = st.file_uploader("Images", accept_multiple_files=True, key="compare.batch.images")
    with right:
        truths = st.file_uploader(
            "Label maps (if there are any)",
            type="png",
            accept_multiple_files=True,
            key="compare.batch.truths",
            help="A grey or palette PNG for an image, with the same file name but for its ending; "
            "“-labels” or “_labels” may stand at its end. The value of a pixel is its label.",
        )
    if len(images) > MOST_IMAGES:
        st.warning(f"Only the first {MOST_IMAGES} images are taken.")
    return list(images)[:MOST_IMAGES], list(truths)


def _ask(name: Hashable) -> None:
    resume()
    st.session_state["compare.batch"] = name


def pair_up(images: Sequence[Any], truths: Sequence[Any]) -> list[Given]:
    """Each image with the label map of its name; `name` and `getvalue()` of a file are used."""
    maps = {re.sub(r"[-_]labels$", "", _stem(file.name)): file.getvalue() for file in truths}
    return [
        Given(f"{number:02}-{_safe(_stem(file.name))}", file.getvalue(), maps.get(_stem(file.name)))
        for number, file in enumerate(images, start=1)
    ]


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _safe(name: str) -> str:
    """A file's name without anything that a path or a spreadsheet could take for its own."""
    return re.sub(r"[^\w-]+", "_", name)[:60] or "image"


def _name(given: Sequence[Given], jobs: Sequence[tuple[Technique, Any]]) -> Hashable:
    settings = tuple((t.key, tuple(values.items())) for t, values in jobs)
    digests = tuple((one.stem, one.digest, sha256(one.truth or b"").digest()) for one in given)
    return ("batch", digests, settings, st.session_state.get("side", SIDE))


COLUMNS = (
    *("image", "technique", "settings", "width", "height", "segments", "seconds"),
    *SCORES,
    *("file", "error"),
)


def run_batch(
    given: Sequence[Given],
    jobs: Sequence[tuple[Technique, Any]],
    tell: Callable[[float], None],
    waiting: Callable[[int], None],
) -> bytes:
    """The ZIP file of a batch. What is refused has a row that says why, and ends nothing.

    Args:
        given: the images.
        jobs: techniques and their settings.
        tell: told the fraction done; it may raise to end it all.
        waiting: told how many other runs come first.
    """
    memory, text = io.BytesIO(), io.StringIO()
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    total = len(given) * len(jobs)
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:  # a PNG is compressed
        for i, one in enumerate(given):
            try:
                picture = _picture(one)
                truth = _truth(one, picture)
            except ImageError as error:
                table.writerow({"image": one.stem, "error": str(error)})
                continue
            for j, (technique, settings) in enumerate(jobs):
                done = i * len(jobs) + j
                job = Job(technique, settings, picture)
                row, labels = _result(job, truth, _part_of(tell, done, total), waiting)
                row |= {"image": one.stem, "width": picture.size[0], "height": picture.size[1]}
                if labels:
                    row["file"] = f"{one.stem}/{j + 1}-{technique.key}.png"
                    archive.writestr(row["file"], labels)
                table.writerow(row)
                tell((done + 1) / total)
        archive.writestr("results.csv", text.getvalue())
    return memory.getvalue()


def _part_of(tell: Callable[[float], None], done: int, total: int) -> Callable[[float], None]:
    """Tells the fraction of one run as that of all."""
    return lambda part: tell((done + part) / total)


def _picture(one: Given) -> Picture:
    side: int = st.session_state.get("side", SIDE)
    image = cache.images.get((one.digest, side), lambda: read_image(one.data, side))
    return Picture(one.stem, one.digest, image, image_size(one.data), side, None)


def _truth(one: Given, picture: Picture) -> Truth | None:
    if one.truth is None:
        return None
    labels = resized(read_label_file(one.truth, picture.full_size), picture.size)
    name = ("truth of a batch", one.digest, picture.side, sha256(one.truth).hexdigest())
    return Truth(name, regions(labels), None, is_named=False)


def _result(
    job: Job,
    truth: Truth | None,
    tell: Callable[[float], None],
    waiting: Callable[[int], None],
) -> tuple[dict[str, Any], bytes]:
    """A row of the table, and the labels as a 16-bit PNG; without them, why there are none."""
    row: dict[str, Any] = {
        "technique": job.technique.key,
        "settings": _settings(job.technique, job.settings),
    }
    try:
        outcome = compute(job, tell, waiting)
    except (SettingError, WeightsError) as error:
        return row | {"error": str(error)}, b""
    row |= {"segments": len(outcome.segments), "seconds": f"{outcome.seconds:.4f}"}
    if truth is not None:
        row |= _scores(outcome, truth)
    if outcome.labels.max(initial=0) > MOST_LABEL:
        return row | {"error": f"A 16-bit PNG holds labels up to {MOST_LABEL}."}, b""
    return row, png(outcome.labels.astype(np.uint16))


def _settings(technique: Technique, values: Any) -> str:
    told: list[Value] = [
        f"{s.name}={s.to_text(values[s.name])}" for s in technique.settings if s.applies(values)
    ]
    return " ".join(told)


def _scores(outcome: Outcome, truth: Truth) -> dict[str, str]:
    """Every score; IoU and Dice are of the foreground, if the truth has a background."""
    result = outcome.segmentation
    whole = measure(result, truth, is_named=False)
    values = {"iou": whole.values["mean_iou"], "dice": whole.mean_dice, **whole.values}
    part = FOREGROUND if truth.has_background else ALL
    if part == FOREGROUND:
        of_part = measure_part(result, truth, part, is_named=False)
        values |= {"iou": of_part.iou, "dice": of_part.dice}
    return {key: "" if np.isnan(value) else f"{value:.6f}" for key, value in values.items()}
