"""The networks of the server: PyTorch loaded once, one copy of each network for all sessions."""

import gc
import os
import threading
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import cache
from segcore.networks.network import Build, Network
from segcore.networks.tuning import tuned
from segcore.technique import Technique, Value
from segcore.weights import load_network

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

    def load() -> Network:
        return tuned(load_network(build, name))

    if name in cache.networks:
        return cache.networks.get(name, load)
    # One at a time: two who ask at once share one copy, and no timing disturbs another. Who asks
    # for a network that is there does not wait.
    with _loading:
        return cache.networks.get(name, load)


def is_ready() -> bool:
    """Whether PyTorch is loaded."""
    return _is_ready.is_set()


def collaborators(technique: Technique) -> dict[str, Any]:
    """What a run of the technique takes beside its settings: a network gets the server's copy.

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
    return {"load_model": get_network}


def weights_name(technique: Technique, settings: Mapping[str, Value]) -> str:
    """Name of the weights that these settings choose, such as unet_street."""
    return f"{technique.key}_{settings['weights']}"


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
