"""A look inside a network: its maps, its doubts and its build as pictures and charts."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Block, Curve, Diagram, Frames, Series
from segcore.networks.inference import Probabilities
from segcore.result import Image, Point

if TYPE_CHECKING:
    import torch
    from torch import nn

GAP = 1  # pixels between two maps of a sheet


def feature_maps(x: torch.Tensor, most: int = 12) -> npt.NDArray[np.uint8]:
    """A sheet of those maps of (1, channels, h, w) that vary most, each stretched to 0-255.

    The sheet has rows of six; h and w are those of the maps, so that their coarseness shows.
    """
    maps = x[0].detach().float()
    spread = maps.flatten(1).std(1, correction=0)
    order = spread.argsort(descending=True, stable=True)[:most]
    return sheet([stretched(maps[i].numpy()) for i in order.sort().values.tolist()])


def stretched(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Real numbers (h×w) from their smallest to their greatest as 0 to 255."""
    low, high = float(plane.min()), float(plane.max())
    return np.asarray((plane - low) * (255.0 / max(high - low, 1e-6)), np.uint8)


def profile(means: torch.Tensor) -> Curve:
    """The pooled features of the first image as a line."""
    values = means[0].float().numpy()
    return Curve((Series("mean", np.arange(len(values)), values),), "map", "mean activation")


def heat(image: Image, weights: npt.NDArray[np.float32]) -> Image:
    """Weights (rows×columns) as light on the darkened image."""
    size = image.shape[1], image.shape[0]
    smooth = cv2.resize(stretched(weights), size, interpolation=cv2.INTER_LINEAR)
    glow = cv2.cvtColor(cv2.applyColorMap(smooth, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.addWeighted(image, 0.4, glow, 0.8, 0.0), np.uint8)


def mark(
    picture: Image, places: tuple[Point, ...], paint: tuple[int, int, int] = (0, 255, 255)
) -> Image:
    """A picture with a dot at each place (x, y); the picture given is left as it is."""
    drawn = picture.copy()
    radius = max(2, round(min(drawn.shape[:2]) / 60))
    for place in places:
        for color, size in (((0, 0, 0), radius + 2), (paint, radius)):
            cv2.circle(drawn, place, size, color, cv2.FILLED, cv2.LINE_AA)
    return drawn


def as_squares(values: torch.Tensor) -> npt.NDArray[np.uint8]:
    """The values of (1, channels, 1, 1) as a board of grey squares, eight in a column."""
    board = stretched(values[0].float().reshape(8, -1).numpy())
    return np.repeat(np.repeat(board, 16, axis=0), 16, axis=1)


def sheet(tiles: list[npt.NDArray[np.uint8]], columns: int = 6) -> npt.NDArray[np.uint8]:
    """Grey tiles (h×w) of one size in rows of `columns`, white lines between them."""
    height, width = tiles[0].shape
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    page = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        page[top : top + height, left : left + width] = tile
    return page


def probability_frames(probabilities: Probabilities, names: tuple[str, ...]) -> Frames:
    """One map of probability per class, black = 0, white = 1; the likeliest one last.

    The last frame is what a page shows first, and a class that is nowhere would be black.
    """
    order = np.argsort(probabilities.mean(axis=(1, 2)), kind="stable")
    planes = tuple(np.asarray(probabilities[c] * 255, np.uint8) for c in order)
    return Frames(planes, tuple(names[c] for c in order))


def entropy(probabilities: Probabilities) -> npt.NDArray[np.float32]:
    """Entropy of every pixel as a share, 0 (sure) to 1 (every class as likely as any other)."""
    n = max(2, len(probabilities))
    bits = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(0)
    return np.asarray(bits / np.log(n), np.float32)


def diagram(module: nn.Module, height: int, width: int) -> Diagram:
    """The network as blocks, with the sizes and counts that the module itself gives.

    The module is copied without its numbers and run on an input without values, so that the sizes
    are those of a real pass and yet cost nothing.

    Args:
        module: a network whose parts are its named children; `skips` names pairs of them, from a
            part to a later one that its result is handed to directly.
        height, width: size in pixels of what it sees.
    """
    import torch

    blocks: list[Block] = []
    names: dict[str, int] = {}

    def note(name: str, _part: object, _given: object, result: torch.Tensor) -> None:
        if name not in names:
            names[name] = len(blocks)
            count = sum(p.numel() for p in parts[name].parameters())
            blocks.append(Block(_title(name), tuple(result.shape[1:]), count))

    hollow = copy.deepcopy(module).to("meta")
    parts = dict(_parts(hollow))
    for name, part in parts.items():
        part.register_forward_hook(partial(note, name))
    with torch.inference_mode():
        hollow(torch.empty((1, 3, height, width), device="meta"))
    skips = tuple((names[a], names[b]) for a, b in getattr(module, "skips", ()))
    return Diagram((3, height, width), tuple(blocks), skips)


def _parts(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Named parts with parameters; a list of layers counts as its members."""
    from torch import nn

    found = []
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList):
            found += [(f"{name}.{index}", member) for index, member in enumerate(child)]
        else:
            found.append((name, child))
    return [(name, part) for name, part in found if any(True for _ in part.parameters())]


def _title(name: str) -> str:
    """`encoders.0` -> "Encoder 1"; `bottom` -> "Bottom"."""
    word, _, index = name.partition(".")
    if index:
        return f"{word.removesuffix('s').replace('_', ' ').capitalize()} {int(index) + 1}"
    return word.replace("_", " ").capitalize()
