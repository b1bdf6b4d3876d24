"""Weights that others publish: what they are, the button that downloads them, what is on the disk.

Nothing is fetched but by that button. For weights on the Hub there are two, since only the Hub
knows how large they are: the first asks it, the second says how many MB it fetches.

A download belongs to the server: whoever asks for the same file meanwhile watches the same
download.
"""

import uuid
from collections.abc import Mapping

import streamlit as st

from pages.ui import models
from pages.ui.card import offer_rows
from pages.ui.picker import verbatim
from segcore.errors import WeightsError
from segcore.task import Task
from segcore.technique import Technique, Value
from segcore.weights.download import Kept, Progress, Source, budget, list_kept, remove
from segcore.weights.hub import (
    HubWeights,
    KeptRepository,
    forget_answer,
    hub_cache,
    list_repositories,
    remove_repository,
    say_not_installed,
)
from segcore.weights.jobs import Job, downloads
from segcore.weights.offers import Offer, count_kept, describe_offer, source_of
from segcore.weights.pretrained import MEGABYTE, hub_folder

PACE = 0.5  # seconds between two looks at a download
OURS_WORK = "Until then, and without a network, the weights that come with the dashboard work."


def missing(technique: Technique | Task, settings: Mapping[str, Value]) -> Offer | None:
    """The published weights that these settings choose, if they are not on this machine.

    So are those whose library is not installed.
    """
    name = models.published_name(technique, settings)
    if name is None:
        return None
    models.collaborators(technique)  # says that PyTorch is loaded: torchvision needs it
    weights = describe_offer(name)
    return None if weights.is_here else weights


def draw_again(technique: Technique | Task, settings: Mapping[str, Value], place: str = "") -> None:
    """The offer once more, where a file is here and was refused."""
    name = models.published_name(technique, settings)
    if name is not None:
        draw_offer(describe_offer(name), technique, settings, place)


def draw_offer(
    weights: Offer,
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
    with st.container(border=True, key=f"offer{place}"):
        state = "not right on this machine" if weights.is_here else "not on this machine yet"
        st.markdown(f"**{verbatim(title)}** · {state}")
        if isinstance(weights, HubWeights) and weights.problem is not None:
            st.warning(verbatim(weights.problem))
            if say_not_installed():
                st.caption(OURS_WORK)
                return
        source = source_of(weights)
        job = downloads.find(source)
        if job is not None and not job.is_over:
            st.fragment(_watch, run_every=PACE)(source, job, place)
            return
        if job is not None and job.error is not None:
            st.error(verbatim(job.error))
        st.button(
            weights.button,
            key=f"download.start{place}",
            type="primary",
            icon=_icon(weights),
            on_click=_start,
            args=(weights,),
        )
        st.markdown("\n".join(["| | |", "|:--|:--|", *offer_rows(weights, technique)]))
        st.caption(_room(weights))


def _icon(weights: Offer) -> str:
    is_question = isinstance(weights, HubWeights) and weights.answer is None
    return ":material/contact_support:" if is_question else ":material/download:"


def _room(weights: Offer) -> str:
    if isinstance(weights, HubWeights):
        if weights.answer is None:
            return (
                "The question fetches some kilobytes: size, revision, digests and licence. The "
                f"weights come only when you press a second button. {OURS_WORK}"
            )
        n_bytes, folder = weights.answer.n_bytes, hub_cache()
    else:
        n_bytes, folder = weights.n_bytes, weights.target.parent
    return (
        f"It takes {_mb(n_bytes)} of the {_mb(budget())} that downloads may take together, "
        f"of which {_mb(count_kept())} are taken, in the folder {verbatim(str(folder))}. "
        f"{OURS_WORK}"
    )


def _start(weights: Offer) -> None:
    if isinstance(weights, HubWeights) and weights.answer is None:
        forget_answer(weights.name)  # one that is of no use would count as fetched
    downloads.start(source_of(weights), _visitor())


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
    kept, used = list_kept(hub_folder()), count_kept()
    repositories = tuple(list_repositories())
    folders = [str(hub_folder()), *([str(hub_cache())] if repositories else [])]
    with st.popover(f"Downloads, {_mb(used)}", icon=":material/hard_drive:", width="stretch"):
        st.caption(
            f"{_mb(used)} of {_mb(budget())} in {verbatim(' and '.join(folders))}, for everybody "
            "who uses this server."
        )
        complaint = st.session_state.pop("download.complaint", None)
        if complaint is not None:
            st.error(verbatim(complaint))
        for file in kept:
            _draw_file(file.path.name, file)
        for repository in repositories:
            _draw_file(repository.name, repository)


def _draw_file(name: str, file: Kept | KeptRepository) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        part = " (a part, to go on with)" if file.is_part else ""
        st.markdown(f"{verbatim(name)}{part} · {_mb(file.n_bytes)}", width="stretch")
        st.button(
            "",
            key=f"download.remove.{name}",
            icon=":material/delete:",
            help="Remove it from this machine",
            on_click=_remove,
            args=(file,),
        )


def _remove(file: Kept | KeptRepository) -> None:
    try:
        if isinstance(file, KeptRepository):
            remove_repository(file)
        else:
            remove(file)
    except WeightsError as error:
        st.session_state["download.complaint"] = str(error)
