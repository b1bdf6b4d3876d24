"""The networks of the server: PyTorch loaded once, one copy of each network for all sessions."""

import gc
import inspect
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import streamlit as st

from pages.ui import cache
from segcore.networks.network import Build, Network
from segcore.networks.published import Wrap
from segcore.networks.tuning import tuned
from segcore.task import Task
from segcore.technique import Technique, Value
from segcore.weights import load_network
from segcore.weights.hub import OpenHub, load_hub
from segcore.weights.pretrained import load_published

_torch = threading.Lock()
_is_ready = threading.Event()
_loading = threading.Lock()


def get_network(build: Build, name: str) -> Network:
    """The server's copy of a network, loaded and tuned to this machine when first asked for.

    Args:
        build: makes the module from its number of output channels.
        name: name of the weights, such as unet_street.

    Raises:
        WeightsError: there are no such weights, or they are not what their card says.
    """

    return _shared(cache.networks, name, lambda: tuned(load_network(build, name)))


def get_published(wrap: Wrap, name: str) -> Network:
    """The server's copy of a network that torchvision publishes, loaded and tuned when asked for.

    These are large: the ones that were not used for longest are let go, see pages.ui.cache.

    Args:
        wrap: makes of torchvision's module the one that is run.
        name: torchvision's name of the model, such as fcn_resnet50.

    Raises:
        WeightsError: its file is not on this machine, or is not the one that was published.
    """
    return _shared(cache.published, name, lambda: tuned(load_published(wrap, name)))


def get_repository(open_files: OpenHub, name: str) -> Network:
    """The server's copy of a network from the Hub, kept and let go like torchvision's.

    Args:
        open_files: makes the network of the content of its files.
        name: the repository, such as facebook/sam-vit-base.

    Raises:
        WeightsError: its files are not on this machine or have changed, or transformers is missing.
    """
    return _shared(cache.published, name, lambda: tuned(load_hub(open_files, name)))


def _shared(kept: cache.Cache, name: Hashable, load: Callable[[], Network]) -> Network:
    if name in kept:
        return kept.get(name, load)
    # One at a time: two who ask at once share one copy, and no timing disturbs another. Who asks
    # for a network that is there does not wait.
    with _loading:
        return kept.get(name, load)


def is_ready() -> bool:
    """Whether PyTorch is loaded."""
    return _is_ready.is_set()


def collaborators(technique: Technique | Task) -> dict[str, Any]:
    """What a run takes beside its settings: a network gets the server's copy.

    Loads PyTorch, if nobody did before, and says so on the page.
    """
    if technique.network is None:
        return {}
    if not is_ready():
        slot = st.empty()
        with (
            slot.container(border=True, key="progress-torch"),  # floats, see style.css
            st.spinner("Loading PyTorch, once per server; this takes a few seconds."),
        ):
            _load_torch()
        slot.empty()
    taken = inspect.signature(technique.function).parameters
    helpers = {
        "load_model": get_network,
        "load_pretrained": get_published,
        "load_repository": get_repository,
        "remember": cache.embeddings.get,
    }
    return {name: helper for name, helper in helpers.items() if name in taken}


def weights_name(technique: Technique, settings: Mapping[str, Value]) -> str:
    """Name of the weights that these settings choose, such as unet_street or fcn_resnet50."""
    return published_name(technique, settings) or f"{technique.key}_{settings['weights']}"


def weights_title(technique: Technique | Task, option: Value) -> str:
    """What a page calls an option of the setting of the weights."""
    labels = next(s.option_labels for s in technique.settings if s.name == "weights")
    return labels.get(option, str(option))


def weights_files(technique: Technique, settings: Mapping[str, Value]) -> tuple[str, ...]:
    """Names of the files that a run reads: one, but for several networks that work together."""
    published = published_name(technique, settings)
    return (published,) if published else technique.weights_files(settings["weights"])


def published_name(technique: Technique | Task, settings: Mapping[str, Value]) -> str | None:
    """The weights that these settings choose, if they are published ones that are downloaded."""
    chosen = ((settings.get(s.name), s.downloads) for s in technique.settings)
    return next((name for name, downloads in chosen if name in downloads), None)


def _load_torch() -> None:
    with _torch:
        if is_ready():
            return
        import torch

        # One core stays free for those who use no network; see pages.ui.gate for the runs.
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
        # What was just loaded stays as well, see pages.ui.frame.
        gc.collect()
        gc.freeze()
        _is_ready.set()
