"""Small networks under the names of torchvision's, with files that are right for them.

They are of torchvision's own classes, with few channels, so that a suite which runs every choice
of weights many times stays fast. Everything else is what users run: the files lie in torch's own
folder, and their names hold the first digits of their sha256.

It needs no segcore, so that an exported script can be run with it: see `prepare`.
"""

import hashlib
import inspect
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import _api, get_model_weights
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation import FCN, LRASPP, DeepLabV3
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.transforms._presets import SemanticSegmentation

ADDRESS = "http://127.0.0.1:9/"  # nobody answers there
SIDE = 64  # pixels that the shorter side is resized to

START = """
import sys
sys.path.insert(0, {tests!r})
from stand_ins import install
install({folder!r})
"""


def backbone(**returned: str) -> IntermediateLayerGetter:
    """Named like torchvision's ResNets; strides 4, 8, 8, 8."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())

    layers = OrderedDict(
        conv1=nn.Conv2d(3, 8, 7, 2, padding=3),
        bn1=nn.BatchNorm2d(8),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, 2, padding=1),
        layer1=block(8, 8),
        layer2=block(8, 16, 2),
        layer3=block(16, 16),
        layer4=block(16, 32),
    )
    return IntermediateLayerGetter(nn.Sequential(layers), returned)


def small_fcn(n: int) -> nn.Module:
    return FCN(backbone(layer3="aux", layer4="out"), FCNHead(32, n), FCNHead(16, n))


def small_deeplab(n: int) -> nn.Module:
    return DeepLabV3(backbone(layer3="aux", layer4="out"), DeepLabHead(32, n), FCNHead(16, n))


def small_lraspp(n: int) -> nn.Module:
    return LRASPP(backbone(layer2="low", layer4="high"), 16, 32, n, inter_channels=16)


SMALL: dict[str, Callable[[int], nn.Module]] = {
    "fcn": small_fcn,
    "deeplabv3": small_deeplab,
    "lraspp": small_lraspp,
}


def make_files(folder: Path, names: Iterable[str]) -> None:
    """Writes a file of random numbers for each of torchvision's names into torch's folder."""
    place = folder / "hub" / "checkpoints"
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        torch.manual_seed(len(name))
        module = SMALL[name.partition("_")[0]](classes(name))
        with torch.no_grad():
            for part in module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.running_mean.normal_(0, 0.2)
                    part.running_var.uniform_(0.5, 1.5)
        file = place / "new.pth"
        torch.save(module.state_dict(), file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(place / f"{name}-{digest[:8]}.pth")


def classes(name: str) -> int:
    return len(get_model_weights(name)["DEFAULT"].meta["categories"])


Put = Callable[[Any, str, Any], None]


def put(owner: Any, name: str, value: Any) -> None:
    """Sets an attribute, or the entry of a mapping."""
    if isinstance(owner, MutableMapping):
        owner[name] = value
    else:
        setattr(owner, name, value)


def install(folder: str, change: Put = put) -> None:
    """Lets torchvision build the small networks and take the files of `folder` for its own.

    Args:
        folder: what `make_files` was given.
        change: sets an attribute or entry; a test passes one that is undone at its end.
    """
    change(os.environ, "TORCH_HOME", folder)
    for file in Path(folder).glob("hub/checkpoints/*-????????.pth"):
        name = file.name.rpartition("-")[0]
        value = get_model_weights(name)["DEFAULT"].value
        change(value, "url", ADDRESS + file.name)
        change(value, "transforms", partial(SemanticSegmentation, resize_size=SIDE))
        change(value.meta, "_file_size", file.stat().st_size / 2**20)
        change(_api.BUILTIN_MODELS, name, builder(name))


def undoable(monkeypatch: pytest.MonkeyPatch) -> Put:
    """What `install` changes with in a test."""

    def change(owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, MutableMapping):
            monkeypatch.setitem(owner, name, value)
        else:
            monkeypatch.setattr(owner, name, value)

    return change


def prepare(folder: Path) -> str:
    """Python that installs the stand-ins of `folder`, to stand before what runs a script."""
    return START.format(tests=str(Path(__file__).parent), folder=str(folder))


def builder(name: str) -> Callable[..., nn.Module]:
    """A function that builds the small network as torchvision's would build the large one."""

    def build(*, weights: Any = None, **_: Any) -> nn.Module:
        module = SMALL[name.partition("_")[0]](classes(name))
        if weights is not None:
            module.load_state_dict(weights.get_state_dict(progress=True, check_hash=True))
        return module

    # Torchvision finds the enum of a model in the signature of its builder.
    build.__signature__ = inspect.signature(_api.BUILTIN_MODELS[name])
    return build
