r"""Vision transformer: every patch may ask every other

Idea
The image is cut into **patches** of 16×16 pixels, and each becomes a **token** of 128 numbers. From
here on an image is a sequence, like words: no neighbourhood is built in, so that a **position
embedding**, learned for every place, is added. Then six times over each token asks all tokens at
once. Three matrices make of it a query, a key and a value; a **head** of attention compares queries
with keys and takes a mean of values, weighed by how well they fit:
$$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\Big(\frac{Q K^\top}{\sqrt{d}}\Big)\, V$$
Four heads do so in parallel, each with $d = 32$; then a small network works on every token by
itself. From the first block on the whole image is in view, where a convolution sees a few pixels.

Tokens are coarse. Here they come out of a **convolutional stem**, and a decoder brings them back to
pixels, meeting the maps of the stem at 1/8, 1/4 and 1/2 of the size, so that thin things survive.
With plain patches and no stem a trial lost ten points of mIoU, above all in poles.

Used for
The encoders of today's large models: Segmenter, SegFormer, SAM. Best where there are
very many images to learn from.

When it fails
What is not built in must be learned: neighbourhood, and that an object shifted is the same object.
Streets taught these weights that sky is above and road below. `gravel` is the same everywhere, yet
its stones get other classes at the top than at the bottom: the place answers where the patch says
nothing. (The simple CNN knows no places.) And attention compares all pairs of tokens: twice the
size costs sixteen times as much.

References
A. Dosovitskiy et al., *An image is worth 16×16 words: Transformers for image recognition at scale*,
2020. R. Strudel, R. Garcia, I. Laptev, C. Schmid, *Segmenter: Transformer for semantic
segmentation*, 2021. E. Xie et al., *SegFormer: Simple and efficient design for semantic
segmentation with transformers*, 2021. T. Xiao et al., *Early convolutions help transformers see
better*, 2021 (the stem).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Frames
from segcore.networks.answer import answer_classes
from segcore.networks.inference import compute_scores, to_input
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import LoadModel
from segcore.networks.pictures import feature_maps, heat, sheet, stretched
from segcore.networks.settings import LookFrom, StreetWeights, Zoom
from segcore.result import Image, Point, Segmentation
from segcore.technique import (
    Architecture,
    Preset,
    Show,
    Technique,
    check_inside,
    ignore,
)
from segcore.weights import load_network

if TYPE_CHECKING:
    import torch
    from torch import nn

PATCH = 16  # pixels of a patch's side


def build(n_outputs: int) -> nn.Module:
    """A vision transformer of six blocks between a convolutional stem and decoder."""
    import torch
    from torch import nn

    width = 128

    class ViT(nn.Module):
        """Stem, tokens with positions, transformer blocks, decoder with skips from the stem."""

        skips = (("stem.0", "decoders.2"), ("stem.1", "decoders.1"), ("stem.2", "decoders.0"))

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.ModuleList(
                (
                    nn.Sequential(conv_norm_relu(3, 32, stride=2), conv_norm_relu(32, 32)),
                    conv_norm_relu(32, 64, stride=2),
                    conv_norm_relu(64, 96, stride=2),
                )
            )
            self.patches = nn.Conv2d(96, width, 2, stride=2)
            self.positions = Positions()
            self.blocks = transformer(6, width, heads=4)
            self.norm = nn.LayerNorm(width)
            self.decoders = nn.ModuleList(
                conv_norm_relu(before + skip, after)
                for before, skip, after in ((width, 96, 96), (96, 64, 64), (64, 32, 32))
            )
            self.classifier = nn.Conv2d(32, n_outputs, 1)

        def forward(
            self, x: torch.Tensor, show: Show = ignore, look_from: Point = (0, 0)
        ) -> torch.Tensor:
            """Scores; `look_from` is the patch (column, row) whose attention is shown."""
            maps, levels = x, []
            for part in self.stem:
                maps = part(maps)
                show(
                    f"Stem, {maps.shape[3]}×{maps.shape[2]}",
                    partial(feature_maps, maps),
                    "Convolutions on the way to patches: edges and textures, which a transformer "
                    "learns from many more images only. The decoder meets these maps again.",
                )
                levels.append(maps)
            maps = self.patches(maps)
            show(
                "Patches as tokens",
                partial(feature_maps, maps),
                f"{maps.shape[2] * maps.shape[3]} tokens of {maps.shape[1]} numbers, one per "
                "patch; here 12 of those numbers as maps, one pixel per patch.",
            )
            maps = self.positions(maps, show=show)
            states = [maps.flatten(2).transpose(1, 2)]
            for block in self.blocks:
                states.append(block(states[-1]))
            show(
                "Where the heads look",
                partial(_attention_frames, x, self.blocks, states, look_from),
                "How much the framed patch takes from every other, by head and block: dark is "
                "nothing. Some heads stay close, others gather what looks alike from everywhere.",
            )
            show(
                "Tokens, block by block",
                partial(_token_frames, states, (maps.shape[2], maps.shape[3])),
                "The three main directions of all tokens as red, green and blue: patches that mean "
                "the same take on the same colour.",
            )
            maps = self.norm(states[-1]).transpose(1, 2).unflatten(2, maps.shape[2:])
            for decoder in self.decoders:
                skip = levels.pop()
                large = nn.functional.interpolate(maps, size=skip.shape[2:], mode="bilinear")
                maps = decoder(torch.cat([large, skip], dim=1))
                show(
                    f"Decoder, {maps.shape[3]}×{maps.shape[2]}",
                    partial(feature_maps, maps),
                    "What the tokens mean, enlarged by two and put together with the stem's maps "
                    "of this size, which know the outlines.",
                )
            scores: torch.Tensor = nn.functional.interpolate(
                self.classifier(maps), scale_factor=2.0, mode="bilinear"
            )
            return scores

    class Positions(nn.Module):
        """Adds to each token what was learned for its place."""

        def __init__(self) -> None:
            super().__init__()
            # As many places as a 256×192 image has; other sizes take values in between.
            self.places = nn.Parameter(0.02 * torch.randn(1, width, 12, 16))

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            places = nn.functional.interpolate(self.places, size=x.shape[2:], mode="bilinear")
            show(
                "Position embedding",
                partial(_similarity, places),
                "How alike (cosine) the embedding of a place is to all others, for 12 places: "
                "each knows its neighbours, row and column as far as training needed it.",
            )
            return x + places

    return ViT()


def transformer(depth: int, width: int, heads: int) -> nn.ModuleList:
    """Blocks that each change a sequence of tokens (batch, tokens, width)."""
    from torch import nn

    class Block(nn.Module):
        """Attention between the tokens, then a network on each; both are added to what came in."""

        def __init__(self) -> None:
            super().__init__()
            self.norm_attention = nn.LayerNorm(width)
            self.project = nn.Linear(width, 3 * width)
            self.merge = nn.Linear(width, width)
            self.norm_mlp = nn.LayerNorm(width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            """(batch, tokens, width) -> the same shape."""
            queries, keys, values = self.split(tokens)
            found = nn.functional.scaled_dot_product_attention(queries, keys, values)
            tokens = tokens + self.merge(found.transpose(1, 2).flatten(2))
            changed: torch.Tensor = tokens + self.mlp(self.norm_mlp(tokens))
            return changed

        def split(self, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
            """Queries, keys and values, each (batch, heads, tokens, width / heads)."""
            together = self.project(self.norm_attention(tokens))
            return together.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)

    return nn.ModuleList(Block() for _ in range(depth))


def segment(
    image: Image,
    *,
    weights: StreetWeights = "street",
    zoom: Zoom = 1.0,
    seeds: LookFrom = (),
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Segmentation:
    check_inside(seeds, image, "seeds")
    network = load_model(build, f"vit_{weights}")
    seen = to_input(image, network.side * zoom)
    rows, columns = seen.shape[0] // PATCH, seen.shape[1] // PATCH
    x, y = seeds[0] if seeds else (image.shape[1] // 2, image.shape[0] // 2)
    patch = x * columns // image.shape[1], y * rows // image.shape[0]
    show(
        "What the network sees",
        lambda: draw_patches(seen, patch),
        f"The image at {seen.shape[1]}×{seen.shape[0]} pixels, {columns}×{rows} patches of "
        f"{PATCH}×{PATCH}. The framed one is that whose attention is shown.",
    )
    scores = compute_scores(network, seen, show=show, look_from=patch)
    return answer_classes(network, image, seen, scores, show=show)


# Pictures of the steps ---------------------------------------------------------------------------


def draw_patches(seen: Image, patch: Point) -> Image:
    """The image, twice as large, with the borders of its patches and a frame round one of them."""
    drawn = cv2.resize(seen, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    drawn[2 * PATCH :: 2 * PATCH] = 255
    drawn[:, 2 * PATCH :: 2 * PATCH] = 255
    return _framed(drawn, patch, 2 * PATCH)


def _framed(picture: Image, patch: Point, side: int) -> Image:
    left, top = patch[0] * side, patch[1] * side
    corners = (left, top), (left + side, top + side)
    for color, thickness in (((0, 0, 0), 4), ((0, 255, 255), 2)):
        cv2.rectangle(picture, *corners, color, thickness)
    return picture


def _similarity(places: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Cosine similarity of twelve places with all of (1, channels, rows, columns), as a sheet."""
    unit = places[0] / places[0].norm(dim=0, keepdim=True).clamp_min(1e-6)
    rows, columns = unit.shape[1:]
    tiles = []
    for row in (rows // 6, rows // 2, rows * 5 // 6):
        for column in (columns // 8, columns * 3 // 8, columns * 5 // 8, columns * 7 // 8):
            alike = (unit[:, row, column, None, None] * unit).sum(0)
            tiles.append(stretched(alike.float().numpy()))
    return sheet(tiles, columns=4)


def _attention_frames(
    seen: torch.Tensor, blocks: Iterable[Any], states: list[torch.Tensor], patch: Point
) -> Frames:
    """What a patch (column, row) attends to: a frame per block, the image once per head in it."""
    image = ((seen[0].permute(1, 2, 0).numpy() * 0.25 + 0.5) * 255.0).round().astype(np.uint8)
    rows, columns = image.shape[0] // PATCH, image.shape[1] // PATCH
    frames = []
    for block, tokens in zip(blocks, states[:-1], strict=True):
        queries, keys, _ = block.split(tokens)
        query = queries[0, :, patch[1] * columns + patch[0], None].float()
        fits = query @ keys[0].float().transpose(1, 2) / query.shape[-1] ** 0.5
        weights = fits.softmax(-1).reshape(-1, rows, columns).float().numpy()
        heads = [_framed(heat(image, plane), patch, PATCH) for plane in weights]
        frames.append(np.vstack([np.hstack(heads[:2]), np.hstack(heads[2:])]))
    return Frames(tuple(frames), tuple(f"block {number + 1}" for number in range(len(frames))))


def _token_frames(states: list[torch.Tensor], shape: tuple[int, int]) -> Frames:
    """Tokens (1, tokens, channels) of each state, laid out in `shape`, as RGB."""
    import torch

    # Blocks add to the tokens, which grow; their directions are what later layers read.
    every = torch.nn.functional.layer_norm(torch.cat(states).float(), states[0].shape[-1:])
    points = every.flatten(0, 1).numpy()
    points = points - points.mean(0)
    directions = np.linalg.svd(points.T @ points)[0][:, :3]
    low, high = np.percentile(points @ directions, (1, 99), axis=0)
    colors = (points @ directions - low) / np.maximum(high - low, 1e-6)
    maps = np.asarray(colors.clip(0, 1) * 255, np.uint8).reshape(len(states), *shape, 3)
    large = maps.repeat(PATCH, axis=1).repeat(PATCH, axis=2)
    names = ("before", *(f"block {number}" for number in range(1, len(states))))
    return Frames(tuple(large), names)


TECHNIQUE = Technique(
    "Vision transformer",
    year=2020,
    segment=segment,
    sample="street",
    fails=Preset("One texture, many answers", {}, "gravel"),
    presets=(
        Preset("Learned from photographs", {"weights": "camvid"}, "street"),
        Preset("Four times as many patches", {"zoom": 2.0}, "street"),
    ),
    network=Architecture(
        build,
        paper_network="Segmenter on ViT-B/16, with a mask transformer",
        paper_parameters=106_000_000,
        paper_score="mIoU 0.485 on ADE20K's validation images, each seen at one size",
        smaller="Six blocks of width 128 instead of twelve of 768. The paper starts from a "
        "transformer that had learned to name 14 million photographs, ours from streets drawn in "
        "minutes; the convolutional stem stands in for what so few images cannot teach.",
    ),
)
