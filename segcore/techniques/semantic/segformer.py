r"""SegFormer: a transformer that gets finer answers from coarser questions

Idea
A vision transformer keeps one coarse grid of patches from beginning to end, and needs a position
embedding to know where they lie. SegFormer changes both. Its **encoder** has four stages, like a
convolutional network: patches that **overlap** are merged, so that the maps shrink to 1/4, 1/8,
1/16 and 1/32 of the image while their channels grow. Attention on a large map would be too dear,
$N$ places asking $N$ others, so the keys and values come from a map that a strided convolution has
made $R$ times smaller on each side:
$$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\Big(\frac{Q\,K_R^\top}{\sqrt{d}}\Big)\,V_R,
\qquad N^2 \;\rightarrow\; \frac{N^2}{R^2}$$
with $R = 8, 4, 2, 1$. A 3×3 convolution inside each block tells where a place lies (**mix-FFN**),
so that no position is learned and images of other sizes do no harm. The **decoder** is the smallest
thinkable: every stage is brought to one width by a linear layer and enlarged to 1/4, the four are
stacked, and two 1×1 convolutions give the scores.

Used for
Rooms and streets seen by robots and cars, land cover, tissue: wherever a photograph must be parted
into many classes fast. B0, the smallest of six sizes, runs on a processor in a fraction of a
second, and is a usual start for classes of one's own.

When it fails
Every pixel gets one of the classes that were learned, fitting or not. Nothing in `cells` is among
the 150 of ADE20K, and each cell is called something all the same; the map of uncertainty does not
always say so. And what is smaller than the quarter of the size at which the scores come, wires and
far poles, is lost.

References
E. Xie, W. Wang, Z. Yu, A. Anandkumar, J. M. Alvarez, P. Luo, *SegFormer: Simple and efficient
design for semantic segmentation with transformers*, 2021. B. Zhou et al., *Scene parsing through
ADE20K dataset*, 2017. M. Cordts et al., *The Cityscapes dataset for semantic urban scene
understanding*, 2016.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from segcore.charts import Frames
from segcore.networks.answer import answer_probabilities, show_network
from segcore.networks.network import Network
from segcore.networks.pictures import feature_maps, heat, mark
from segcore.networks.processed import as_seen, enlarged_winners, prepare, run_prepared
from segcore.networks.settings import LookFrom, TrainedOn, Zoom
from segcore.result import Image, Segmentation, regions
from segcore.technique import (
    Architecture,
    Download,
    Preset,
    Show,
    Technique,
    check_inside,
    ignore,
)
from segcore.weights.hub import HubFiles, LoadHub, build_hub, load_hub, titles_of

if TYPE_CHECKING:
    import torch

ADE20K = "nvidia/segformer-b0-finetuned-ade-512-512"
PUBLISHED = {
    ADE20K: "Rooms and streets (ADE20K)",
    "nvidia/segformer-b0-finetuned-cityscapes-1024-1024": "Street photographs (Cityscapes)",
}


def open_segformer(files: HubFiles) -> Network:
    """The library's SegFormer with these numbers, showing its steps, and its processor."""
    from torch import nn
    from transformers import (
        SegformerConfig,
        SegformerForSemanticSegmentation,
        SegformerImageProcessor,
    )

    library = build_hub(SegformerForSemanticSegmentation, SegformerConfig, files)
    processor = SegformerImageProcessor.from_dict(files.preprocessor)

    class SegFormer(nn.Module):
        """Does what the library's own forward pass does, with the same parts, stage by stage."""

        def __init__(self) -> None:
            super().__init__()
            self.stages: nn.ModuleList = library.segformer.stages
            self.decoder: nn.Module = library.decode_head

        def forward(
            self, x: torch.Tensor, show: Show = ignore, look_from: tuple[float, float] = (0.5, 0.5)
        ) -> torch.Tensor:
            """Scores; `look_from` (x, y), from 0 to 1, is the place whose attention is shown."""
            levels = [x]
            for number, stage in enumerate(self.stages, 1):
                levels.append(stage(levels[-1]))
                maps = levels[-1]
                show(
                    f"Encoder, stage {number}",
                    partial(feature_maps, maps),
                    f"{maps.shape[1]} maps of {maps.shape[3]}×{maps.shape[2]} (those that vary "
                    "most): each stage merges patches that overlap, sees farther and means more.",
                )
            show(
                "Where the heads look",
                partial(attention_frames, self.stages, levels, processor, look_from),
                "How much the dotted place takes from all others in the last block of each stage, "
                "head by head: dark is nothing. The grid that is asked is the coarse one.",
            )
            show(
                "Four stages at one size",
                partial(_unified, self.decoder, levels[1:]),
                "What the decoder stacks: each stage after its linear layer, at a quarter of the "
                "size (the maps that vary most).",
            )
            scores: torch.Tensor = self.decoder(levels[1:])
            return scores

    names = titles_of(files.config["id2label"])
    return Network(SegFormer(), names, int(processor.size["height"]), processor=processor)


def segment(
    image: Image,
    *,
    weights: Annotated[TrainedOn, Download(**PUBLISHED)] = ADE20K,
    zoom: Zoom = 1.0,
    seeds: LookFrom = (),
    show: Show = ignore,
    load_repository: LoadHub = load_hub,
) -> Segmentation:
    check_inside(seeds, image, "seeds")
    network = load_repository(open_segformer, weights)
    x = prepare(network, image, zoom)["pixel_values"]
    seen = as_seen(network, x)
    show(
        "What the network sees",
        seen,
        f"The image at {seen.shape[1]}×{seen.shape[0]} pixels, whatever its shape was: the "
        "publisher's processor squeezes it, since the network was trained on squares.",
    )
    x_part, y_part = seeds[0] if seeds else (image.shape[1] // 2, image.shape[0] // 2)
    place = (x_part + 0.5) / image.shape[1], (y_part + 0.5) / image.shape[0]
    scores = run_prepared(network, x, show=show, look_from=place)
    answer_probabilities(network, scores, show=show)
    classes = enlarged_winners(scores, (image.shape[1], image.shape[0]))
    result = regions(classes + 1, network.names)
    show(
        "Labels",
        result.labels,
        "The scores, enlarged to the image, and the class with the highest one at every pixel.",
    )
    show_network(network, seen, show=show)
    return result


# Pictures of the steps ---------------------------------------------------------------------------


def attention_frames(
    stages: Any, levels: list[torch.Tensor], processor: Any, place: tuple[float, float]
) -> Frames:
    """What a place (x, y), from 0 to 1, attends to: a frame for each head of each stage.

    Args:
        stages: the library's stages.
        levels: what came into each, the prepared image (1, 3, h, w) first.
        processor: undoes the normalisation of the image.
        place: where to look from.
    """
    seen = as_seen(Network(stages, (), 0, processor=processor), levels[0])
    dot = int(place[0] * seen.shape[1]), int(place[1] * seen.shape[0])
    frames, names = [], []
    for number, (stage, x) in enumerate(zip(stages, levels, strict=False), 1):
        for head, plane in enumerate(attention(stage, x, place), 1):
            frames.append(mark(heat(seen, plane), (dot,)))
            names.append(f"stage {number}, head {head}")
    return Frames(tuple(frames), tuple(names))


def attention(stage: Any, x: torch.Tensor, place: tuple[float, float]) -> Any:
    """The weights (heads, rows, columns), float32, of a place in the last block of a stage.

    Args:
        stage: one of the library's stages.
        x: what comes into it, (1, channels, h, w).
        place: (x, y) from 0 to 1.
    """
    tokens, rows, columns = stage.patch_embeddings(x)
    *earlier, last = stage.blocks
    for block in earlier:
        tokens = block(tokens, rows, columns)
    tokens, ask = last.layernorm_before(tokens), last.attention
    ratio = ask.sequence_reduction_ratio
    at = int(place[1] * rows) * columns + int(place[0] * columns)
    heads = ask.num_attention_heads
    query = ask.q_proj(tokens[:, at]).reshape(heads, 1, -1).float()
    asked = ask.sequence_reduction(tokens, rows, columns) if ratio > 1 else tokens
    keys = ask.k_proj(asked)[0].unflatten(1, (heads, -1)).transpose(0, 1).float()
    weights = (query @ keys.transpose(1, 2) * ask.scaling).softmax(-1)
    return weights.reshape(heads, rows // ratio, columns // ratio).float().numpy()


def _unified(decoder: Any, levels: list[torch.Tensor]) -> Frames:
    """Each stage as the decoder enlarges it."""
    from torch import nn

    frames = []
    for maps, linear in zip(levels, decoder.linear_projections, strict=True):
        flat = linear(maps).transpose(1, 2).unflatten(2, maps.shape[2:])
        large = nn.functional.interpolate(flat.float(), size=levels[0].shape[2:], mode="bilinear")
        frames.append(feature_maps(large))
    return Frames(tuple(frames), tuple(f"stage {number + 1}" for number in range(len(frames))))


TECHNIQUE = Technique(
    "SegFormer",
    year=2021,
    segment=segment,
    sample="astronaut",
    fails=Preset("Nothing that it knows is there", {}, "cells"),
    presets=(
        Preset("Streets", {"weights": list(PUBLISHED)[1]}, "street"),
        Preset("Seen twice as large", {"zoom": 2.0}, "coffee"),
    ),
    network=Architecture(
        None,
        paper_network="SegFormer-B0",
        paper_parameters=3_800_000,
        paper_score="mIoU 0.374 on ADE20K, 0.762 on Cityscapes, both on the validation images",
        smaller="The paper's own weights, in the smallest of its six sizes.",
    ),
)
