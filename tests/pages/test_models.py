"""One copy of each network per server, loaded when it is first asked for, and PyTorch with it."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from pages.ui import cache, models
from pages.ui.models import get_network, weights_name
from segcore import TECHNIQUES, WeightsError
from segcore.networks.network import Network

SEMANTIC = "pages/semantic.py"

ROOT = Path(__file__).parents[2]


class Megabyte:
    """Stands for a module with as many numbers."""

    def state_dict(self):
        return {"weight": np.zeros(1_000_000, np.uint8)}


def build_megabyte(n_outputs):
    return Megabyte()


def get(name):
    return get_network(build_megabyte, name)


@pytest.fixture
def loads(monkeypatch):
    """Names of what was loaded; loading takes a moment, and there is room for two."""
    names = []

    def load(build, name):
        names.append(name)
        time.sleep(0.05)
        if name == "missing":
            raise WeightsError("missing.safetensors is missing.")
        return Network(build(2), ("a", "b"), 64)

    monkeypatch.setattr(models, "load_network", load)
    monkeypatch.setattr(models, "tuned", lambda network: network)
    monkeypatch.setattr(cache, "networks", cache.Cache(2))
    return names


def test_two_who_ask_at_once_share_one_copy(loads):
    found = []
    threads = [threading.Thread(target=lambda: found.append(get("unet_street"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["unet_street"]
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_who_asks_for_a_network_that_is_there_does_not_wait_for_another(loads, monkeypatch):
    go, there = threading.Event(), get("a")
    monkeypatch.setattr(models, "load_network", lambda *_: go.wait(5) and there)
    slow = threading.Thread(target=get, args=("b",))
    slow.start()
    assert get("a") is there
    assert slow.is_alive()
    go.set()
    slow.join()


def test_the_ones_used_least_make_room(loads):
    for name in ("a", "b", "a", "c", "a", "b"):
        get(name)
    assert loads == ["a", "b", "c", "b"]


def test_what_cannot_be_loaded_is_asked_for_again(loads):
    for _ in range(2):
        with pytest.raises(WeightsError):
            get("missing")
    assert loads == ["missing", "missing"]
    assert get("a").names == ("a", "b")


def test_a_network_is_tuned_once(loaded, monkeypatch):
    tuned = []
    monkeypatch.setattr(models, "tuned", lambda network: tuned.append(network) or network)
    build = TECHNIQUES["unet"].network.build
    first = get_network(build, "unet_street")
    assert get_network(build, "unet_street") is first
    assert tuned == [first]
    assert loaded == ["unet_street"]


def test_weights_are_named_after_technique_and_choice():
    assert weights_name(TECHNIQUES["unet"], {"weights": "pets", "zoom": 1.0}) == "unet_pets"


def test_a_classical_technique_takes_nothing_and_loads_nothing(monkeypatch):
    monkeypatch.setattr(models, "_load_torch", lambda: pytest.fail("PyTorch is loaded."))
    monkeypatch.setattr(models, "_is_ready", threading.Event())
    assert models.collaborators(TECHNIQUES["watershed"]) == {}


def test_the_first_opening_says_that_pytorch_is_loaded_and_only_that(visit, loaded, monkeypatch):
    said, before = [], models._load_torch

    @contextmanager
    def say(text):
        said.append(text)
        yield

    monkeypatch.setattr(models.st, "spinner", say)
    monkeypatch.setattr(models, "_is_ready", threading.Event())
    monkeypatch.setattr(models, "_load_torch", lambda: (said.append("loaded"), before()))
    visit(SEMANTIC, technique="unet")
    assert said == [
        "Loading PyTorch, once per server; this takes a few seconds.",
        "loaded",
    ]
    visit(SEMANTIC, technique="unet")
    assert len(said) == 2


def test_one_core_stays_free_in_every_thread(visit, loaded, monkeypatch):
    import torch

    monkeypatch.setattr(models.os, "cpu_count", lambda: 6)
    monkeypatch.setattr(models, "_is_ready", threading.Event())
    found, threads = [], torch.get_num_threads()
    try:
        models._load_torch()
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    finally:
        torch.set_num_threads(threads)
    assert found == [5]


PAGES_WITHOUT_NETWORKS = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app.py", default_timeout=120).run()
assert not page.exception, page.exception
page.switch_page("pages/classical.py").run()
assert not page.exception, page.exception
print("torch" in sys.modules)
"""


def test_no_other_page_loads_pytorch():
    """In a process of its own, as this one has loaded it long since."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PAGES_WITHOUT_NETWORKS], cwd=root, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def test_only_a_deep_page_loads_torch():
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "seen = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "for page in ('classical', 'clustering', 'training'):\n"
        "    seen.switch_page(f'pages/{page}.py').run()\n"
        "    assert not seen.exception, page\n"
        "print('torch' in sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.stdout.split() == ["False"], ran.stderr
