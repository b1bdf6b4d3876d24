r"""Segment Anything (SAM): click a thing, get its mask

Idea
No classes, only a **prompt**: where you click, there is something, and its mask is asked for. The
work is split so that a click costs little. A large vision transformer, the **image encoder**, looks
at the image once and leaves an **embedding**, 64×64 places of 256 numbers. A click becomes a token:
its place as sines and cosines of random frequencies, plus a learned "this is inside" or "this is
outside". A small **mask decoder** lets these tokens and the embedding attend to each other twice,
both ways; then the dot product of a mask token $t_i$ with the enlarged embedding $e$ says at every
place whether it belongs to the mask:
$$m_i(x, y) = \sigma\big(t_i \cdot e(x, y)\big)$$
One click is ambiguous: a shirt, a person, or a crowd? So there are **three** masks, and a further
token predicts how well each would agree with the truth, its **IoU**. In training only the best of
the three is corrected, so that they part into smaller and larger things by themselves.

Used for
Labelling images for other networks, cutting things out, following what a person points at: cells,
leaves, organs, parts of machines. Behind a detector, whose boxes serve as prompts, it turns boxes
into masks.

When it fails
It names nothing, and it does not know which thing you mean: on the `textures` there are no things,
and a click gives a patch of one texture, a brick, or everything. Things with holes and thin
branches, in low contrast, come out with smooth outlines. Many clicks on one thing help, and so
does one on what is not the thing; it was trained for that.

References
A. Kirillov et al., *Segment anything*, 2023. Z. Chen, G. Fang, X. Ma, X. Wang, *SlimSAM: 0.1% data
makes Segment Anything slim*, 2024.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.charts import Frames, Table
from segcore.networks.network import Network
from segcore.networks.pictures import diagram, feature_maps, heat, mark
from segcore.networks.processed import LAYOUT, as_seen, prepare, run_prepared
from segcore.result import Image, Labels, Point, Segment, Segmentation, count_labels
from segcore.technique import (
    Architecture,
    Choice,
    Download,
    Label,
    Points,
    Preset,
    Show,
    Technique,
    check_inside,
    ignore,
)
from segcore.weights.hub import HubFiles, LoadHub, build_hub, load_hub

if TYPE_CHECKING:
    import torch
    from torch import nn

SLIM = "Zigeng/SlimSAM-uniform-77"
PUBLISHED = {
    SLIM: "SlimSAM (a tenth of it)",
    "facebook/sam-vit-base": "SAM (ViT-B, its smallest)",
}
Embedding: TypeAlias = npt.NDArray[np.float32]
Remember: TypeAlias = Callable[[tuple[str, ...], Callable[[], Embedding]], Embedding]
"""From what names an embedding and the way to make it to the embedding, made now or before."""

OUTSIDE = (255, 140, 0)  # the colour of a click on what is not the thing
EXTENTS = ("smallest", "middle", "largest")


def open_sam(files: HubFiles) -> Network:
    """The library's SAM with these numbers, its encoder apart, and its processor."""
    import torch
    from torch import nn
    from transformers import SamConfig, SamImageProcessor, SamModel

    library = build_hub(SamModel, SamConfig, files)

    class Encoder(nn.Module):
        """Does what the library's own image encoder does, with the same parts."""

        def __init__(self) -> None:
            super().__init__()
            self.patches: nn.Module = library.vision_encoder.patch_embed
            self.positions: nn.Parameter | None = library.vision_encoder.pos_embed
            self.layers: nn.ModuleList = library.vision_encoder.layers
            self.neck: nn.Module = library.vision_encoder.neck

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = self.patches(x)
            if self.positions is not None:
                tokens = tokens + self.positions
            return self.think(tokens)

        def think(self, tokens: torch.Tensor) -> torch.Tensor:
            """From tokens (1, rows, columns, channels) to the embedding."""
            for layer in self.layers:
                tokens = layer(tokens)
            embedding: torch.Tensor = self.neck(tokens)
            return embedding

    class SegmentAnything(nn.Module):
        """The encoder, and the whole of the library's model, to which it belongs."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = Encoder()
            vars(self)["library"] = library  # no part of its own: it would count twice

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """The embedding (1, channels, rows, columns) of a prepared image."""
            embedding: torch.Tensor = self.encoder(x)
            return embedding

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            """The embedding of an image of any size, without places, for a timing."""
            patches: Any = self.encoder.patches
            return self.encoder.think(patches.projection(x).permute(0, 2, 3, 1))

        def answer(self, embedding: torch.Tensor, prompt: Prompt) -> Any:
            """Three masks and their predicted IoU for one object."""
            model: Any = vars(self)["library"]
            with torch.inference_mode():
                return model(
                    image_embeddings=embedding,
                    input_points=prompt.points,
                    input_labels=prompt.inside,
                    multimask_output=True,
                )

    processor = SamImageProcessor.from_dict(files.preprocessor)
    side = int(processor.size["longest_edge"])
    return Network(SegmentAnything(), ("Object",), side, processor=processor)


@dataclass(frozen=True, eq=False)
class Prompt:
    """The clicks for one object, as the model takes them.

    Attributes:
        points: float32 (1, 1, clicks, 2), (x, y) in pixels of what the encoder sees.
        inside: int64 (1, 1, clicks): 1 for a click on the thing, 0 for one on what is not.
    """

    points: torch.Tensor
    inside: torch.Tensor


@dataclass(frozen=True, eq=False)
class Candidates:
    """Three masks for one prompt.

    Attributes:
        scores: float32 3×H×W: above 0 belongs to the mask.
        ious: predicted IoU of each with the thing that is meant.
        chosen: which of them is taken.
    """

    scores: npt.NDArray[np.float32]
    ious: npt.NDArray[np.float32]
    chosen: int

    @property
    def iou(self) -> float:
        return float(np.clip(self.ious[self.chosen], 0.0, 1.0))


def at_once(_key: tuple[str, ...], make: Callable[[], Embedding]) -> Embedding:
    """Remembers nothing: an embedding is made whenever it is asked for."""
    return make()


def segment(
    image: Image,
    *,
    weights: Annotated[
        str,
        Download(**PUBLISHED),
        Label("Model"),
        "Both learned from a billion masks; the slim one was cut out of the other.",
    ] = SLIM,
    seeds: Annotated[
        tuple[Point, ...],
        Points(16),
        Label("The thing"),
        "Click on the thing. Without a click it is the middle of the image.",
    ] = (),
    not_seeds: Annotated[
        tuple[Point, ...],
        Points(16),
        Label("Not the thing"),
        "Click on what was wrongly taken along; it holds for every thing.",
    ] = (),
    clicks: Annotated[
        str,
        Choice(together="All on one thing", each="One thing each"),
        Label("What the clicks mean"),
        "Several clicks on one thing say more about it; or each asks for a thing of its own.",
    ] = "together",
    extent: Annotated[
        str,
        Choice(best="The likeliest", smallest="Smallest", middle="Middle", largest="Largest"),
        Label("Which of three masks"),
        "A click on a shirt may mean the shirt, the person or the crowd.",
    ] = "best",
    show: Show = ignore,
    load_repository: LoadHub = load_hub,
    remember: Remember = at_once,
) -> Segmentation:
    check_inside(seeds, image, "seeds")
    check_inside(not_seeds, image, "not_seeds")
    network = load_repository(open_sam, weights)
    places = seeds or ((image.shape[1] // 2, image.shape[0] // 2),)
    objects = (places,) if clicks == "together" else tuple((place,) for place in places)
    given = prepare(network, image)
    seen = as_seen(network, given["pixel_values"])
    show(
        "What the encoder sees",
        seen,
        f"The image with its longer side at {network.side} pixels, the rest of the square empty.",
    )
    embedding = embed(network, weights, given["pixel_values"], remember)
    show(
        "Image embedding",
        lambda: feature_maps(embedding),
        f"{embedding.shape[1]} maps of {embedding.shape[3]}×{embedding.shape[2]} (those that vary "
        "most): all that is kept of the image, whatever is asked of it later.",
    )
    prompts = to_prompts(network, image, objects, not_seeds)
    show(
        "The prompt",
        lambda: mark(mark(image, places), not_seeds, OUTSIDE),
        "The clicks, and nothing else, are asked for: light blue on the thing, orange on what is "
        "not.",
    )
    show(
        "What resembles the first click",
        lambda: _resemblance(seen, given, embedding, prompts[0]),
        "How alike (cosine) the embedding of the first clicked place is to that of all others: the "
        "decoder starts from this, and must find out where the thing ends.",
    )
    found = [_candidates(network, given, embedding, prompt, extent) for prompt in prompts]
    _show_candidates(image, found, show=show)
    numbers = put_on_top(found)
    show("Things", numbers.copy, "Where masks overlap, the one with the higher predicted IoU wins.")
    show(
        "The encoder",
        lambda: diagram(_encoder(network), *seen.shape[:2]),
        "Every block with the size of its result and how many numbers it learned. The prompt and "
        "mask decoders, small beside it, are not drawn.",
    )
    visible = np.flatnonzero(count_labels(numbers)[1:])
    segments = (
        Segment(int(index) + 1, f"Object {index + 1}", True, found[index].iou) for index in visible
    )
    return Segmentation(numbers, tuple(segments))


def embed(network: Network, weights: str, x: torch.Tensor, remember: Remember) -> torch.Tensor:
    """The embedding of a prepared image, which many clicks can share."""
    import torch

    key = weights, hashlib.sha256(x.numpy().tobytes()).hexdigest()
    kept = remember(key, lambda: run_prepared(network, x).numpy())
    return torch.from_numpy(kept.copy())  # a copy: what is remembered must not be written to


def to_prompts(
    network: Network,
    image: Image,
    objects: Sequence[Sequence[Point]],
    outside: Sequence[Point],
) -> list[Prompt]:
    """The clicks on each object, and those on none of them, as the library prepares them."""
    import torch
    from transformers import SamProcessor

    given = SamProcessor(network.processor)(
        images=image.copy(),
        input_points=[[[list(place) for place in (*inside, *outside)] for inside in objects]],
        input_labels=[[[1] * len(inside) + [0] * len(outside) for inside in objects]],
        return_tensors="pt",
        **LAYOUT,
    )
    points, labels = given["input_points"].to(torch.float32), given["input_labels"]
    return [Prompt(points[:, [n]], labels[:, [n]]) for n in range(len(objects))]


def _candidates(
    network: Network, given: Any, embedding: torch.Tensor, prompt: Prompt, extent: str
) -> Candidates:
    """The three masks of one object at the size of the image, and the one that is taken."""
    module: Any = network.module
    answer = module.answer(embedding, prompt)
    masks = network.processor.post_process_masks(
        answer.pred_masks,
        given["original_sizes"],
        given["reshaped_input_sizes"],
        binarize=False,
    )[0]
    scores = masks.reshape(-1, *masks.shape[-2:]).float().numpy()
    ious = answer.iou_scores.reshape(-1).float().numpy()
    if extent in EXTENTS:
        by_area = np.argsort((scores > 0).sum(axis=(1, 2)), kind="stable")
        return Candidates(scores, ious, int(by_area[EXTENTS.index(extent)]))
    return Candidates(scores, ious, int(ious.argmax()))


def put_on_top(found: list[Candidates]) -> Labels:
    """H×W: 0 for nothing, else 1 + the place of the object, the likeliest on top."""
    numbers = np.zeros(found[0].scores.shape[1:], np.int32)
    for index in sorted(range(len(found)), key=lambda place: found[place].iou):
        numbers[found[index].scores[found[index].chosen] > 0] = index + 1
    return numbers


def _encoder(network: Network) -> nn.Module:
    module: Any = network.module
    encoder: nn.Module = module.encoder
    return encoder


# Pictures ----------------------------------------------------------------------------------------


def _show_candidates(image: Image, found: list[Candidates], *, show: Show) -> None:
    first = found[0]
    show(
        "Three masks",
        lambda: Frames(
            tuple(
                heat(image, 1.0 / (1.0 + np.exp(-scores.clip(-30, 30)))) for scores in first.scores
            ),
            tuple(f"mask {n}, predicted IoU {iou:.2f}" for n, iou in enumerate(first.ious, 1)),
        ),
        "What the decoder proposes for the first thing: bright belongs to it. Often they are a "
        "part, a larger part and the whole.",
    )
    show(
        "Predicted IoU",
        lambda: _list_candidates(found),
        "How well each mask would cover the thing that was meant, as the network itself believes.",
    )
    show(
        "The mask that is taken",
        first.scores[first.chosen] > 0,
        f"Mask {first.chosen + 1} of the first thing, where its value is above 0.",
    )


def _list_candidates(found: list[Candidates]) -> Table:
    rows = [
        (
            f"Object {number}",
            f"mask {index + 1}",
            float(one.ious[index]),
            int((one.scores[index] > 0).sum()),
            "yes" if index == one.chosen else "",
        )
        for number, one in enumerate(found, 1)
        for index in range(len(one.ious))
    ]
    return Table(("thing", "mask", "predicted IoU", "pixels", "taken"), tuple(rows))


def _resemblance(seen: Image, given: Any, embedding: torch.Tensor, prompt: Prompt) -> Image:
    """Cosine similarity of the first click's place to all others, on the image as it is seen."""
    import torch

    height, width = given["reshaped_input_sizes"][0].tolist()
    rows, columns = embedding.shape[2:]
    x, y = (prompt.points[0, 0, 0] / torch.tensor([seen.shape[1], seen.shape[0]])).tolist()
    column, row = min(int(x * columns), columns - 1), min(int(y * rows), rows - 1)
    unit = torch.nn.functional.normalize(embedding[0].float(), dim=0)
    alike = (unit * unit[:, row, column, None, None]).sum(0).numpy()
    glow = heat(seen, alike)
    dot = int(x * seen.shape[1]), int(y * seen.shape[0])
    return np.ascontiguousarray(mark(glow, (dot,))[:height, :width])


TECHNIQUE = Technique(
    "Segment Anything",
    year=2023,
    segment=segment,
    sample="coffee",
    fails=Preset("There is no thing to find", {}, "textures"),
    presets=(
        Preset("The smallest of three masks", {"extent": "smallest"}, "astronaut"),
        Preset("The largest of three masks", {"extent": "largest"}, "astronaut"),
    ),
    network=Architecture(
        None,
        paper_network="SAM on ViT-H, its largest",
        paper_parameters=641_000_000,
        paper_score="mask AP 0.465 on COCO and 0.447 on LVIS, of which it had learned neither, "
        "prompted by the boxes of a detector (ViTDet-H)",
        smaller="SAM's own smallest weights, of 94 M numbers, and SlimSAM of 10 M, which was cut "
        "out of them and corrected with a thousandth of the images.",
    ),
)
