"""A session with the dashboard without a browser: Streamlit's AppTest, with a person's words."""

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from pages.ui import cache, category, models
from segcore import TECHNIQUES, weights

APP = Path(__file__).parents[2] / "app.py"
CLASSICAL = "pages/classical.py"


@dataclass
class Session:
    """One person's session; `page` is the AppTest that it drives."""

    page: AppTest

    def run(self) -> "Session":
        self.page.run()
        assert not self.page.exception, self.page.exception
        return self

    def go(self, path: str, **link: str | list[str]) -> "Session":
        """Opens a page by its address; `link` is what stands behind the question mark."""
        self.page.query_params = dict(link)
        self.page.switch_page(path)
        return self.run()

    # Doing ---------------------------------------------------------------------------------------

    def choose(self, technique: str) -> "Session":
        self.page.segmented_control(key="technique.classical").set_value(technique)
        return self.run()

    def change(self, key: str, value: Any) -> "Session":
        """Sets the widget that has this key, which must be there."""
        widget = next(w for w in self.page if getattr(w, "key", None) == key)
        widget.set_value(value)
        return self.run()

    def press(self, key: str) -> "Session":
        self.page.button(key=key).click()
        return self.run()

    def put(self, **state: Any) -> "Session":
        """Writes into the session what a part that AppTest cannot press would write."""
        for key, value in state.items():
            self.page.session_state[key] = value
        return self.run()

    def open_tab(self, title: str) -> "Session":
        return self.put(tabs=title)

    def upload(self, *files: tuple[str, bytes]) -> "Session":
        """Drops files on the uploader."""
        if self.state["source"] != "Upload":
            self.change("source", "Upload")
        given = [(name, data, "application/octet-stream") for name, data in files]
        self.page.file_uploader[0].set_value(given)
        return self.run()

    # Seeing --------------------------------------------------------------------------------------

    @property
    def state(self) -> Any:
        return self.page.session_state

    @property
    def sentences(self) -> list[str]:
        """What stands in coloured boxes, as a person reads it."""
        boxes = (*self.page.error, *self.page.warning, *self.page.info)
        return [re.sub(r"\\(?=[!-/:-@[-`{-~])|\u200b", "", box.value) for box in boxes]

    @property
    def steps(self) -> list[str]:
        """The numbered steps, with title and caption."""
        captions = (caption.value for caption in self.page.main.caption)
        return [text for text in captions if re.match(r"\*\*\d+\. ", text)]

    @property
    def drawn(self) -> set[str]:
        """Keys of all widgets on the page."""
        keys = (getattr(widget, "key", None) for widget in self.page)
        return {str(key) for key in keys if key}

    @property
    def viewer(self) -> dict[str, Any] | None:
        """What the picture component was given; None if the page shows no picture."""
        found = [e.proto for e in self.page if getattr(e, "key", None) == "viewer"]
        if not found:
            return None
        blob = found[0].bytes
        length = struct.unpack("<I", blob[:4])[0]
        header: dict[str, Any] = json.loads(blob[4 : 4 + length])
        start = 4 + length
        for pane in header["panes"]:
            pane["file"] = blob[start : start + pane["length"]]
            start += pane["length"]
        return header

    @property
    def digests(self) -> list[str]:
        """Names of the pictures before and after."""
        header = self.viewer
        assert header is not None, "The page shows no picture."
        return [pane["digest"] for pane in header["panes"]]

    @property
    def link(self) -> dict[str, Any]:
        return dict(self.page.query_params)


@pytest.fixture(autouse=True)
def _skip_installed_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each AppTest reads the metadata of all installed packages, which takes longer than a page."""
    monkeypatch.setattr(
        BidiComponentManager, "discover_and_register_components", lambda *_, **__: None
    )


@pytest.fixture(autouse=True)
def _no_breath(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks: the rest of a page need not wait until a browser has painted the picture."""
    monkeypatch.setattr(category, "BREATH", 0)
    monkeypatch.setattr(category, "REST", 0)


@pytest.fixture
def visit() -> Callable[..., Session]:
    """`visit(**link) -> Session` on the page of the classical techniques, in a new session."""

    def start(path: str = CLASSICAL, **link: str | list[str]) -> Session:
        return Session(AppTest.from_file(APP, default_timeout=60)).go(path, **link)

    return start


@pytest.fixture
def home(visit: Callable[..., Session]) -> Callable[..., Session]:
    return partial(visit, "app.py")


def encode(image: np.ndarray, extension: str = ".png") -> bytes:
    return cv2.imencode(extension, image)[1].tobytes()


@pytest.fixture(scope="session")
def png() -> bytes:
    """A good file: 60×40, blobs of light on dark."""
    noise = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return encode(cv2.GaussianBlur(noise, (0, 0), 3))


# Networks -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _drawn_by_lot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights of the U-Net for streets, photographs of them, and nuclei."""
    import torch

    from segcore.networks.network import Network
    from segcore.networks.unet import build_unet
    from segcore.training.cards import write_card
    from segcore.training.recipes import RECIPES
    from segcore.training.sets import SETS

    folder = tmp_path_factory.mktemp("weights")
    for name in ("unet_street", "unet_camvid", "unet_nuclei"):
        data = SETS[RECIPES[name].data]
        torch.manual_seed(5)
        module = build_unet(len(data.names)).eval()
        classes = [n for n in data.names if n not in ("Background", "Rim")]
        each = dict.fromkeys(classes, 0.5)
        scores = {"miou": 0.512, "pixel_accuracy": 0.9, "iou": each}
        if len(classes) == 1:
            scores = {"iou": 0.812, "dice": 0.896, "ap50": 0.7}
        write_card(
            *(folder, RECIPES[name], data),
            weights.to_file(Network(module, data.names, data.side, data.stretched)),
            parameters=sum(part.numel() for part in module.parameters()),
            seconds=754.0,
            scores=scores,
        )
    return folder


def _ship(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Only the weights of a folder ship, and none is loaded yet; names of those that were."""
    names: list[str] = []

    def load(build: Callable[[int], Any], name: str) -> Any:
        names.append(name)
        return weights.load_network(build, name)

    monkeypatch.setattr(weights, "FOLDER", folder)
    monkeypatch.setattr(weights, "DIGESTS", weights.read_digests())
    monkeypatch.setattr(models, "load_network", load)
    monkeypatch.setattr(cache, "networks", cache.Cache(cache.NETWORKS_MB))
    return names


@pytest.fixture
def loaded(_drawn_by_lot: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Only the random weights ship, and no network is loaded yet; names of those that were."""
    return _ship(_drawn_by_lot, monkeypatch)


@pytest.fixture(scope="session")
def _found_by_lot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights of the networks that find things, and those of pixels beside.

    Whatever they look at is the first of their classes, with certainty, so that there are things.
    """
    import torch

    from segcore.networks.network import Network
    from segcore.training.cards import write_card, write_joint_card
    from segcore.training.kinds import JOINTS
    from segcore.training.recipes import RECIPES
    from segcore.training.sets import SETS
    from segcore.training.thing_sets import THING_SETS

    folder = tmp_path_factory.mktemp("weights of things")
    sets = {
        **{f"mask_rcnn_{key}": data for key, data in THING_SETS.items()},
        **{name: SETS[RECIPES[name].data] for name in ("fcn_street", "unet_nuclei", "unet_street")},
    }
    for name, data in sets.items():
        network = TECHNIQUES[RECIPES[name].network].network
        torch.manual_seed(3)
        module = network.build(len(data.names)).eval()
        if hasattr(module, "roi_heads"):
            module.roi_heads.box_predictor.cls_score.bias.data[1] = 3.0
        each = dict.fromkeys(data.names, 0.5)
        scores = {
            "mask_rcnn": {"ap50": 0.812, "ap": 0.432, "box_ap50": 0.9, "f50": 0.7},
        }.get(RECIPES[name].network, {"miou": 0.512, "pixel_accuracy": 0.9})
        scores["iou" if "miou" in scores else "each"] = each
        write_card(
            *(folder, RECIPES[name], data),
            weights.to_file(Network(module, data.names, data.side, data.stretched)),
            parameters=sum(part.numel() for part in module.parameters()),
            seconds=1200.0,
            scores=scores,
        )
    quality = {"pq": 0.721, "sq": 0.8, "rq": 0.9, "pq_things": 0.6, "pq_stuff": 0.8}
    quality["each"] = dict.fromkeys(sets["unet_street"].names, 0.5)
    write_joint_card(folder, "panoptic_street", JOINTS["panoptic_street"], quality)
    return folder


@pytest.fixture
def finders(_found_by_lot: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Only random weights of networks that find things ship; names of those that were loaded."""
    names = _ship(_found_by_lot, monkeypatch)
    monkeypatch.setattr(models, "tuned", lambda network: network)
    monkeypatch.setattr(cache, "runs", cache.Cache(cache.RUNS_MB))
    return names
