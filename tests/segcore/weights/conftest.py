"""A publisher on this machine, and a real network of torchvision's with numbers by lot."""

import hashlib
import io
from collections.abc import Iterator

import pytest

from segcore.weights.hub import is_hub
from tests.segcore.weights.publisher import Publisher, start
from tests.segcore.weights.stand_ins import install, make_files, undoable

LRASPP = "lraspp_mobilenet_v3_large"


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found, server = start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def lraspp_file() -> bytes:
    """What torchvision's smallest semantic network looks like as a file, its numbers by lot."""
    import torch
    from torchvision.models import get_model

    torch.manual_seed(3)
    module = get_model(LRASPP, weights=None, weights_backbone=None, num_classes=21)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    return file.getvalue()


@pytest.fixture
def lraspp(publisher, lraspp_file, tmp_path, monkeypatch) -> str:
    """Torchvision's name of a network that the publisher offers; its file is not here."""
    from segcore.networks.published import published

    digest = hashlib.sha256(lraspp_file).hexdigest()
    name = f"{LRASPP}-{digest[:8]}.pth"
    publisher.files[name] = lraspp_file
    change = undoable(monkeypatch)
    value = published(LRASPP).value
    change(value, "url", publisher.address(name))
    change(value.meta, "_file_size", len(lraspp_file) / 2**20)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return LRASPP


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with files of small networks for every download of torchvision's."""
    from segcore import TASKS, TECHNIQUES

    folder = tmp_path_factory.mktemp("small")
    methods = (*TECHNIQUES.values(), *TASKS.values())
    offered = [name for m in methods for s in m.settings for name in s.downloads]
    make_files(folder, [name for name in offered if not is_hub(name)])
    return str(folder)


@pytest.fixture
def small_ones(small_files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torchvision builds small networks, and their files are there."""
    install(small_files, undoable(monkeypatch))
