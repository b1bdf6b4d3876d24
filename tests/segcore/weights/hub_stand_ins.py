"""Tiny networks of transformers' own classes under the names of the Hub's repositories.

They are saved by the library's own `save_pretrained`, and lie where a download would leave them.
Their numbers are drawn by lot, and some are enlarged so that answers differ from place to place.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from segcore.weights.download import git_id_of
from segcore.weights.hub import ANSWER, FILES, NUMBERS, folder_of
from tests.segcore.weights.publisher import Publisher

NOWHERE = "http://127.0.0.1:9"  # nobody answers there
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIDE = 64  # pixels that the tiny networks see
N_CLASSES = 84  # of COCO's 133: things and some stuff


def labels(n: int) -> dict[str, Any]:
    names = {number: f"kind_{number}, also {number}" for number in range(n)}
    return {"id2label": names, "label2id": {name: number for number, name in names.items()}}


def tiny_segformer(n: int) -> tuple[Any, Any]:
    from transformers import (
        SegformerConfig,
        SegformerForSemanticSegmentation,
        SegformerImageProcessor,
    )

    config = SegformerConfig(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        **labels(n),
    )
    module = SegformerForSemanticSegmentation(config)
    module.decode_head.classifier.weight.data *= 20
    return module, SegformerImageProcessor(size={"height": SIDE, "width": SIDE})


def tiny_sam() -> tuple[Any, Any]:
    from transformers import SamConfig, SamImageProcessor, SamModel

    patch, mask = {"patch_size": 8, "image_size": SIDE}, SIDE // 2
    config = SamConfig(
        vision_config={
            **patch,
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "window_size": 4,
            "global_attn_indexes": [1],
            "mlp_dim": 32,
            "num_pos_feats": 8,
        },
        prompt_encoder_config={**patch, "hidden_size": 16, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "iou_head_depth": 2,
            "iou_head_hidden_dim": 16,
        },
    )
    module = SamModel(config)
    for part in module.modules():
        if isinstance(part, torch.nn.Linear | torch.nn.Conv2d):
            part.weight.data.normal_(0, 0.3)
    processor = SamImageProcessor(
        size={"longest_edge": SIDE},
        pad_size={"height": SIDE, "width": SIDE},
        mask_size={"longest_edge": mask},
        mask_pad_size={"height": mask, "width": mask},
    )
    return module, processor


def tiny_mask2former() -> tuple[Any, Any]:
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
    )

    config = Mask2FormerConfig(
        backbone_config={
            "model_type": "swin",
            "embed_dim": 8,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window_size": 4,
            "image_size": SIDE,
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=3,
        num_attention_heads=2,
        dim_feedforward=32,
        num_queries=12,
        **labels(N_CLASSES),
    )
    module = Mask2FormerForUniversalSegmentation(config)
    module.class_predictor.weight.data.normal_(0, 2)
    module.model.transformer_module.queries_features.weight.data *= 3
    # Twice the size: group normalisation takes no map of a single place.
    return module, Mask2FormerImageProcessor(size={"height": 2 * SIDE, "width": 2 * SIDE})


KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "segformer": lambda: tiny_segformer(7),
    "mask2former": tiny_mask2former,
    "sam": tiny_sam,
}


def make_repository(folder: Path, name: str) -> None:
    """Writes the files of a tiny network into a folder, as its publisher's are."""
    kind = next(make for word, make in KINDS.items() if word in name.lower())
    torch.manual_seed(len(name))
    module, processor = kind()
    module.eval().save_pretrained(folder)
    processor.save_pretrained(folder)


def make_hub(cache: Path, names: Iterable[str]) -> None:
    """A folder of the Hub's as downloads of all these repositories would leave it."""
    for name in names:
        folder = cache / folder_of(name) / "snapshots" / COMMIT
        make_repository(folder, name)
        for file in FILES:
            digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            (folder / f"{file}.sha256").write_text(f"{digest}  {file}\n", "ascii")
        answer = cache / folder_of(name) / ANSWER
        answer.write_bytes(say(folder))
        (answer.parent / f"{ANSWER}.sha256").write_text("0" * 64, "ascii")


def say(folder: Path, terms: str | None = "apache-2.0") -> bytes:
    """What the Hub says of a repository with these files, in its own form."""
    siblings = []
    for file in FILES:
        data = (folder / file).read_bytes()
        said = {"rfilename": file, "size": len(data), "blobId": git_id_of(data)}
        if file == NUMBERS:
            digest = hashlib.sha256(data).hexdigest()
            said["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
        siblings.append(said)
    card = {"license": terms} if terms else {}
    return json.dumps({"sha": COMMIT, "cardData": card, "siblings": siblings}).encode()


def publish(publisher: Publisher, cache: Path, name: str) -> None:
    """Lets a host publish a repository of `cache` as the Hub does, the large file elsewhere."""
    folder = cache / folder_of(name) / "snapshots" / COMMIT
    publisher.files[question(name)] = say(folder)
    for file in FILES:
        address = f"{name}/resolve/{COMMIT}/{file}"
        if file == NUMBERS:
            publisher.moved[address] = f"elsewhere/{folder_of(name)}"
            address = publisher.moved[address]
        publisher.files[address] = (folder / file).read_bytes()


def question(name: str) -> str:
    """What the Hub is asked."""
    return f"api/models/{name}/revision/main?blobs=true"


def install_hub(cache: Path, change: Callable[[Any, str, Any], None]) -> None:
    """Takes a folder for that of the Hub, which nobody can reach.

    Args:
        cache: what `make_hub` was given, or an empty one.
        change: sets an attribute, and undoes it at the end of a test.
    """
    from huggingface_hub import constants

    change(constants, "HF_HUB_CACHE", str(cache))
    change(constants, "ENDPOINT", NOWHERE)
