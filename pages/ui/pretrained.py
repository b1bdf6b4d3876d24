"""Weights that others publish: what they are, the button that downloads them, what is on the disk.

Nothing is fetched but by that button. A download belongs to the server: whoever asks for the same
file meanwhile watches the same download.
"""

import uuid
from collections.abc import Mapping

import streamlit as st

from pages.ui import models
from pages.ui.card import published_rows
from pages.ui.picker import verbatim
from segcore.errors import WeightsError
from segcore.task import Task
from segcore.technique import Technique, Value
from segcore.weights.download import Kept, Progress, Source, budget, list_kept, remove
from segcore.weights.jobs import Job, downloads
from segcore.weights.pretrained import MEGABYTE, Pretrained, describe, hub_folder

PACE = 0.5  # seconds between two looks at a download


def missing(technique: Technique | Task, settings: Mapping[str, Value]) -> Pretrained | None:
    """The published weights that these settings choose, if their file is not on this machine."""
    name = models.published_name(technique, settings)
    if name is None:
        return None
    models.collaborators(technique)  # says that PyTorch is loaded: torchvision needs it
    weights = describe(name)
    return None if weights.is_here else weights


def draw_again(technique: Technique | Task, settings: Mapping[str, Value], place: str = "") -> None:
    """The offer once more, where a file is here and was refused."""
    name = models.published_name(technique, settings)
    if name is not None:
        draw_offer(describe(name), technique, settings, place)


def draw_offer(
    weights: Pretrained,
    technique: Technique | Task,
    settings: Mapping[str, Value],
    place: str = "",
) -> None:
    """What there is to download, and the button; or how far the download is.

    Args:
        weights: the weights that are chosen and not here.
        technique: the technique or task that they are for.
        settings: its settings, which choose them.
        place: tells the offers of a page apart, where it may have several.
    """
    labels = {name: label for s in technique.settings for name, label in s.option_labels.items()}
    title = f"{technique.title} · {labels[models.published_name(technique, settings)]}"
    source = source_of(weights)
    job = downloads.find(source)
    with st.container(border=True, key=f"offer{place}"):
        state = "not right on this machine" if weights.is_here else "not on this machine yet"
        st.markdown(f"**{verbatim(title)}** · {state}")
        if job is not None and not job.is_over:
            st.fragment(_watch, run_every=PACE)(source, job, place)
            return
        if job is not None and job.error is not None:
            st.error(verbatim(job.error))
        st.button(
            weights.button,
            key=f"download.start{place}",
            type="primary",
            icon=":material/download:",
            on_click=_start,
            args=(source,),
        )
        st.markdown("\n".join(["| | |", "|:--|:--|", *published_rows(weights)]))
        st.caption(_room(weights))


def source_of(weights: Pretrained) -> Source:
    """The download that brings these weights."""
    return Source(weights.url, weights.target, weights.digits, weights.n_bytes)


def _room(weights: Pretrained) -> str:
    here = sum(kept.n_bytes for kept in list_kept(weights.target.parent))
    return (
        f"It takes {_mb(weights.n_bytes)} of the {_mb(budget())} that downloads may take together, "
        f"of which {_mb(here)} are taken, in the folder {verbatim(str(weights.target.parent))}. "
        "Until then, and without a network, the weights that come with the dashboard work."
    )


def _start(source: Source) -> None:
    downloads.start(source, _visitor())


def _leave(source: Source) -> None:
    downloads.leave(source, _visitor())


def _visitor() -> str:
    """What tells this session from others."""
    visitor: str = st.session_state.setdefault("download.visitor", uuid.uuid4().hex)
    return visitor


def _watch(source: Source, job: Job, place: str) -> None:
    """The bar, and the button that cancels; when it is over the whole page is drawn anew."""
    if job.is_over:
        st.rerun()
    st.progress(job.progress.fraction, _sentence(job.progress))
    others = len(job.wanted_by - {_visitor()})
    if _visitor() not in job.wanted_by:
        st.caption("Somebody else on this server downloads it; it will be there for you too.")
        return
    st.button(
        "Cancel",
        key=f"download.cancel{place}",
        icon=":material/cancel:",
        on_click=_leave,
        args=(source,),
        help="Others want it too, and it goes on for them." if others else None,
    )


def _sentence(progress: Progress) -> str:
    """`3.1 of 12.5 MB · 1.2 MB/s · 8 s left`."""
    parts = [f"{progress.done / MEGABYTE:,.1f} of {_mb(progress.total)}"]
    if progress.is_waiting:
        return f"{parts[0]} · another process of this machine downloads it"
    if progress.rate > 0:
        parts.append(f"{progress.rate / MEGABYTE:,.1f} MB/s")
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left")
    return " · ".join(parts)


def _mb(n_bytes: int) -> str:
    megabytes = n_bytes / MEGABYTE
    return f"{megabytes:,.{1 if megabytes < 100 else 0}f} MB"


# What is on the disk -----------------------------------------------------------------------------


def draw_kept(technique: Technique | Task, settings: Mapping[str, Value]) -> None:
    """A menu of what was downloaded, where published weights are chosen."""
    if models.published_name(technique, settings) is None:
        return
    folder = hub_folder()
    kept = list_kept(folder)
    used = sum(file.n_bytes for file in kept)
    with st.popover(f"Downloads, {_mb(used)}", icon=":material/hard_drive:", width="stretch"):
        st.caption(
            f"{_mb(used)} of {_mb(budget())} in {verbatim(str(folder))}, for everybody who uses "
            "this server."
        )
        complaint = st.session_state.pop("download.complaint", None)
        if complaint is not None:
            st.error(verbatim(complaint))
        for file in kept:
            _draw_file(file)


def _draw_file(file: Kept) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        part = " (a part, to go on with)" if file.is_part else ""
        st.markdown(f"{verbatim(file.path.name)}{part} · {_mb(file.n_bytes)}", width="stretch")
        st.button(
            "",
            key=f"download.remove.{file.path.name}",
            icon=":material/delete:",
            help="Remove it from this machine",
            on_click=_remove,
            args=(file,),
        )


def _remove(file: Kept) -> None:
    try:
        remove(file)
    except WeightsError as error:
        st.session_state["download.complaint"] = str(error)
