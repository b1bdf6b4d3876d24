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
from torchvision.models import MobileNetV3, ResNet, VisionTransformer, _api, get_model_weights
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.ssd import SSD
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.resnet import BasicBlock
from torchvision.models.segmentation import FCN, LRASPP, DeepLabV3
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.transforms._presets import ImageClassification, SemanticSegmentation

ADDRESS = "http://127.0.0.1:9/"  # nobody answers there
SIDE = 64  # pixels that the shorter side is resized to
CROP = 48  # pixels of it that a classifier sees

START = """
import sys
sys.path.insert(0, {tests!r})
from stand_ins import install
install({folder!r})
"""


def backbone(**returned: str) -> IntermediateLayerGetter:
    return IntermediateLayerGetter(layers(), returned)


def layers() -> nn.Sequential:
    """Named like torchvision's ResNets; strides 4, 8, 8, 8."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())

    parts = OrderedDict(
        conv1=nn.Conv2d(3, 8, 7, 2, padding=3),
        bn1=nn.BatchNorm2d(8),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, 2, padding=1),
        layer1=block(8, 8),
        layer2=block(8, 16, 2),
        layer3=block(16, 16),
        layer4=block(16, 32),
    )
    return nn.Sequential(parts)


def small_fcn(n: int) -> nn.Module:
    return FCN(backbone(layer3="aux", layer4="out"), FCNHead(32, n), FCNHead(16, n))


def small_deeplab(n: int) -> nn.Module:
    return DeepLabV3(backbone(layer3="aux", layer4="out"), DeepLabHead(32, n), FCNHead(16, n))


def small_lraspp(n: int) -> nn.Module:
    return LRASPP(backbone(layer2="low", layer4="high"), 16, 32, n, inter_channels=16)


def detector_parts(n: int) -> dict[str, Any]:
    """What a small Mask R-CNN and a small Faster R-CNN are made of; four levels of a pyramid."""
    returned = {"layer1": "0", "layer2": "1", "layer4": "2"}
    return {
        "backbone": BackboneWithFPN(layers(), returned, [8, 16, 32], 16),
        "min_size": SIDE,
        "max_size": 2 * SIDE,
        "rpn_anchor_generator": AnchorGenerator(
            ((8,), (16,), (32,), (64,)), ((0.5, 1.0, 2.0),) * 4
        ),
        "rpn_pre_nms_top_n_test": 100,
        "rpn_post_nms_top_n_test": 60,
        "box_head": TwoMLPHead(16 * 7 * 7, 24),
        "box_predictor": FastRCNNPredictor(24, n),
    }


def small_mask_rcnn(n: int) -> nn.Module:
    heads = {
        "mask_head": MaskRCNNHeads(16, (16,), 1),
        "mask_predictor": MaskRCNNPredictor(16, 8, n),
    }
    return MaskRCNN(**detector_parts(n), **heads)


def small_faster_rcnn(n: int) -> nn.Module:
    return FasterRCNN(**detector_parts(n))


def small_ssd(n: int) -> nn.Module:
    body = backbone(layer1="0", layer2="1", layer4="2")
    body.out_channels = [8, 16, 32]
    boxes = DefaultBoxGenerator([[2, 3]] * 3, min_ratio=0.2, max_ratio=0.95)
    limits = {"score_thresh": 0.001, "nms_thresh": 0.55, "topk_candidates": 300}
    return SSD(body, boxes, (SIDE, SIDE), n, **limits)


def small_mobilenet(n: int) -> nn.Module:
    block = partial(InvertedResidualConfig, dilation=1, width_mult=1.0)
    blocks = [block(16, 3, 16, 16, True, "RE", 2), block(16, 5, 32, 24, True, "HS", 2)]
    return MobileNetV3(blocks, 32, n)


def small_resnet(n: int) -> nn.Module:
    return ResNet(BasicBlock, [1, 1, 1, 1], n)


def small_vit(n: int) -> nn.Module:
    return VisionTransformer(CROP, 8, 4, 2, 16, 32, num_classes=n)


SMALL: dict[str, Callable[[int], nn.Module]] = {
    "fcn": small_fcn,
    "deeplabv3": small_deeplab,
    "lraspp": small_lraspp,
    "maskrcnn": small_mask_rcnn,
    "fasterrcnn": small_faster_rcnn,
    "ssdlite320": small_ssd,
    "mobilenet": small_mobilenet,
    "resnet50": small_resnet,
    "vit": small_vit,
}
# What the names of the last layers' numbers begin with, and how far these spread.
LOUD = {
    "roi_heads.box_predictor.cls_score.": 4.0,
    "roi_heads.mask_predictor.": 0.4,
    "head.": 0.4,
    "heads.": 0.4,
    "fc.": 0.1,
    "classifier.3.": 4.0,  # of a MobileNetV3; no network of pixels has numbers there
}
PRESETS: dict[str, partial[nn.Module]] = {
    "SemanticSegmentation": partial(SemanticSegmentation, resize_size=SIDE),
    "ImageClassification": partial(ImageClassification, resize_size=SIDE, crop_size=CROP),
}


def make_files(folder: Path, names: Iterable[str]) -> None:
    """Writes a file of random numbers for each of torchvision's names into torch's folder."""
    place = folder / "hub" / "checkpoints"
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        torch.manual_seed(len(name))
        module = make_decided(SMALL[name.partition("_")[0]](classes(name)))
        file = place / "new.pth"
        torch.save(module.state_dict(), file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(place / f"{name}-{digest[:8]}.pth")


def make_decided(module: nn.Module) -> nn.Module:
    """The module with numbers by lot that are not those of a beginning, where nothing is likely."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 1.5)
        for name, numbers in module.named_parameters():
            for start, spread in LOUD.items():
                if name.startswith(start):
                    numbers.normal_(0, spread)
    return module


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
        preset = value.transforms()
        change(value, "transforms", PRESETS.get(type(preset).__name__, value.transforms))
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
