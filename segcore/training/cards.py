"""Writing weights and their model card, and new scores on a card."""

import hashlib
import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from segcore.training.kinds import Joint
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet


def write_card(
    folder: Path,
    recipe: Recipe,
    data: DataSet,
    file: bytes,
    *,
    parameters: int,
    seconds: float,
    scores: dict[str, Any],
) -> None:
    """Writes weights and card; each replaces the one before only once it is whole.

    Args:
        folder: where they go.
        recipe, data: how and on what the network was trained.
        file: the weights.
        parameters: how many numbers the network learned.
        seconds: processor time of this recipe; the card adds that of earlier ones.
        scores: measured on the part of the set that is kept for it.
    """
    earlier = _read_earlier(folder / f"{recipe.name}.json") if recipe.start == recipe.name else []
    minutes = seconds / 60 + sum(one["minutes"] for one in earlier)
    card = {
        "name": recipe.name,
        "network": recipe.network,
        "weights": recipe.data,
        "sha256": hashlib.sha256(file).hexdigest(),
        "bytes": len(file),
        "parameters": parameters,
        "names": list(data.names),
        "data": data.about,
        "terms": data.terms,
        "recipe": asdict(recipe),
        "earlier": earlier,
        "minutes": round(minutes, 1),
        "machine": f"one thread of {_processor()}, torch {torch.__version__}",
        "scores": scores,
    }
    _replace(folder / f"{recipe.name}.safetensors", file)
    _replace_card(folder, card)


def write_scores(folder: Path, name: str, scores: dict[str, Any]) -> None:
    """Puts new scores on the card of some weights."""
    card = json.loads((folder / f"{name}.json").read_text("utf-8"))
    _replace_card(folder, card | {"scores": scores})


def write_joint_card(folder: Path, name: str, joint: Joint, scores: dict[str, Any]) -> None:
    """Writes the card of several networks: their scores, and with which weights they were measured.

    Args:
        folder: where the weights lie and the card goes.
        name: name of the card.
        joint: the networks.
        scores: measured on the part of the set that is kept for it.
    """
    card = {
        "name": name,
        "network": joint.network,
        "weights": joint.data,
        "parts": read_digests(folder, joint),
        "scores": scores,
    }
    _replace_card(folder, card)


def read_digests(folder: Path, joint: Joint) -> dict[str, str]:
    """Name -> sha256 of the weights that lie in the folder, of each network."""
    files = {part: (folder / f"{part}.safetensors").read_bytes() for part in joint.parts}
    return {part: hashlib.sha256(file).hexdigest() for part, file in files.items()}


def _replace_card(folder: Path, card: dict[str, Any]) -> None:
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    _replace(folder / f"{card['name']}.json", text.encode())


def _replace(path: Path, content: bytes) -> None:
    """Writes a file that takes the place of the one before only once it is whole."""
    begun = path.with_suffix(".begun")
    begun.write_bytes(content)
    begun.replace(path)


def _read_earlier(card: Path) -> list[dict[str, Any]]:
    """What had been done to the weights that a training went on from, the first recipe first."""
    if not card.is_file():
        return []
    before = json.loads(card.read_text("utf-8"))
    earlier = before.get("earlier", [])
    own = before["minutes"] - sum(one["minutes"] for one in earlier)
    same = {"data": before["data"], "recipe": before["recipe"], "minutes": round(own, 1)}
    return [*earlier, same]


def _processor() -> str:
    """What the machine calls its processor."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text("utf-8").splitlines() if facts.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
