r"""Mask2Former: a hundred queries, each with one mask and one class

Idea
Panoptic FPN needs two networks and a rule to settle their quarrel. Here one network gives a
**set**: a hundred pairs of a mask and a class, one for each thing and one for each stuff, most of
them "no object". A backbone (here a **Swin** transformer, attention in windows that shift) and a
**pixel decoder** give every pixel an embedding $e$. A hundred **queries**, learned starting points,
pass through nine layers in which they read from the image and talk to each other. In the end a
query $q_i$ gives a class by a linear layer and a mask by a dot product:
$$m_i(x, y) = \sigma\big(\mathrm{MLP}(q_i) \cdot e(x, y)\big)$$
What is new against its forerunner is **masked attention**: in each layer a query reads only inside
the mask that it gave in the layer before, so that it soon stops looking around. In training every
thing in the truth is assigned to one query (the best match), and the others must say "no object":
nothing has to be suppressed afterwards.

For the panoptic answer queries below a score are dropped, every pixel goes to the query with the
highest mask × score, and a query that loses most of its mask to others is dropped as well.

Used for
Semantic, instance and panoptic segmentation with one network; labelling of photographs, robots,
driving. The idea of queries goes on in OneFormer, Mask DINO and SAM 2.

When it fails
It knows the 133 classes of COCO, everyday photographs. In `cells` it finds something it knows, or
nothing: where no query claims a pixel it stays void. Two things of a kind that touch may share a
query, and a crowd may hold more things than there are queries.

References
B. Cheng, I. Misra, A. G. Schwing, A. Kirillov, R. Girdhar, *Masked-attention mask transformer for
universal image segmentation*, 2022. Z. Liu et al., *Swin transformer*, 2021. T.-Y. Lin et al.,
*Microsoft COCO: Common objects in context*, 2014.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Frames, Table
from segcore.networks.network import Network
from segcore.networks.pictures import feature_maps, sheet
from segcore.networks.processed import as_seen, prepare, run_prepared
from segcore.networks.settings import LeastMask, LeastScore, Share, TrainedOn, Zoom
from segcore.result import Image, Labels, Segment, Segmentation
from segcore.technique import (
    Architecture,
    Download,
    Label,
    Preset,
    Show,
    Technique,
    ignore,
)
from segcore.weights.hub import HubFiles, LoadHub, build_hub, load_hub, titles_of

if TYPE_CHECKING:
    import torch

TINY = "facebook/mask2former-swin-tiny-coco-panoptic"
PUBLISHED = {TINY: "Photographs (COCO), Swin-T"}
N_THINGS = 80  # COCO's order of its 133 panoptic classes: things first, then stuff
LARGEST = 1600  # pixels of the longer side at which queries compete; memory goes with the area
SHOWN = 12  # queries in a picture


def open_mask2former(files: HubFiles) -> Network:
    """The library's Mask2Former with these numbers, showing its steps, and its processor."""
    from torch import nn
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
    )

    library = build_hub(Mask2FormerForUniversalSegmentation, Mask2FormerConfig, files)

    class Mask2Former(nn.Module):
        """The library's model; its inside is shown from the states that it gives out."""

        def __init__(self) -> None:
            super().__init__()
            self.library: nn.Module = library

        def forward(self, x: torch.Tensor, show: Show = ignore, pixel_mask: Any = None) -> Any:
            output = self.library(
                pixel_values=x,
                pixel_mask=pixel_mask,
                output_hidden_states=True,
                output_auxiliary_logits=True,
            )
            for number, maps in enumerate(output.encoder_hidden_states, 1):
                show(
                    f"Backbone, stage {number}",
                    lambda maps=maps: feature_maps(maps),
                    f"{maps.shape[1]} maps of {maps.shape[3]}×{maps.shape[2]} (those that vary "
                    "most): attention in windows, which shift from block to block.",
                )
            pixels = output.pixel_decoder_last_hidden_state
            show(
                "Embedding of every pixel",
                lambda: feature_maps(pixels),
                f"{pixels.shape[1]} numbers at {pixels.shape[3]}×{pixels.shape[2]} places (those "
                "that vary most): a mask is the dot product of a query with them.",
            )
            return output

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            """The masks of all queries, for a timing."""
            masks: torch.Tensor = self.library(pixel_values=x).masks_queries_logits
            return masks

    processor = Mask2FormerImageProcessor.from_dict(files.preprocessor)
    names = titles_of(files.config["id2label"])
    return Network(Mask2Former(), names, 0, processor=processor)


def segment(
    image: Image,
    *,
    weights: Annotated[TrainedOn, Download(**PUBLISHED)] = TINY,
    score: LeastScore = 0.5,
    mask: LeastMask = 0.5,
    overlap: Annotated[
        Share,
        Label("Kept share"),
        "Share of its mask that a query must win against the others; else it is dropped.",
    ] = 0.8,
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_repository: LoadHub = load_hub,
) -> Segmentation:
    network = load_repository(open_mask2former, weights)
    given = prepare(network, image, zoom)
    seen = as_seen(network, given["pixel_values"])
    show(
        "What the network sees",
        seen,
        f"The image at {seen.shape[1]}×{seen.shape[0]} pixels, as the publisher's processor makes "
        "it.",
    )
    output = run_prepared(network, given["pixel_values"], show=show, pixel_mask=given["pixel_mask"])
    _show_queries(network, output, show=show)
    numbers, found = _compete(
        network, output, image, threshold=score, mask=mask, overlap=overlap, show=show
    )
    result = fuse_stuff(numbers, found, network.names)
    show(
        "Panoptic labels",
        result.labels,
        "One segment for each thing; stuff of one class, such as sky, is one segment. Where no "
        "query was left the pixel is void.",
    )
    show(
        "The parts",
        lambda: _list_parts(network),
        "How many numbers each part learned.",
    )
    return result


def _compete(
    network: Network,
    output: Any,
    image: Image,
    *,
    threshold: float,
    mask: float,
    overlap: float,
    show: Show,
) -> tuple[Labels, list[dict[str, Any]]]:
    """The library's own panoptic post-processing: a number for each pixel, and what each means."""
    import torch

    scale = min(1.0, LARGEST / max(image.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    with torch.inference_mode():
        answer = network.processor.post_process_panoptic_segmentation(
            output,
            threshold=threshold,
            mask_threshold=mask,
            overlap_mask_area_threshold=overlap,
            # Nothing is fused there: it would number a later segment like an earlier one.
            label_ids_to_fuse=set(),
            target_sizes=[(height, width)],
        )[0]
    # Without a single query the library answers -1 everywhere.
    numbers = answer["segmentation"].numpy().astype(np.int32).clip(0)
    if scale < 1.0:
        numbers = np.asarray(
            cv2.resize(numbers, image.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.int32
        )
    found = answer["segments_info"]
    show(
        "Queries that are left",
        numbers.copy,
        f"Each pixel goes to the query with the highest mask × score: {len(found)} queries keep "
        "enough of their mask.",
    )
    return numbers, found


def fuse_stuff(
    numbers: Labels, found: list[dict[str, Any]], names: tuple[str, ...]
) -> Segmentation:
    """Segments of things as they are, stuff of one class as one segment.

    Args:
        numbers: H×W, 0 = void, else the id of a segment.
        found: id, label_id and score of each segment, as the library lists them.
        names: the classes.
    """
    table = np.zeros(int(numbers.max(initial=0)) + 1, np.int32)
    first: dict[int, dict[str, Any]] = {}
    for one in found:
        is_thing = one["label_id"] < N_THINGS
        kept = one if is_thing else first.setdefault(one["label_id"], one)
        if one["id"] < len(table):
            table[one["id"]] = kept["id"]
    labels = table[numbers]
    here = set(np.unique(labels).tolist())
    segments = (
        Segment(
            one["id"],
            names[one["label_id"]],
            one["label_id"] < N_THINGS,
            float(np.clip(one["score"], 0.0, 1.0)),
        )
        for one in found
        if one["id"] in here
    )
    return Segmentation(labels, tuple(segments))


# Pictures ----------------------------------------------------------------------------------------


def _show_queries(network: Network, output: Any, *, show: Show) -> None:
    chances = output.class_queries_logits[0].float().softmax(-1)
    best, classes = chances[:, :-1].max(-1)
    is_thing = chances.argmax(-1) < chances.shape[1] - 1
    masks = output.masks_queries_logits[0].float().sigmoid().numpy()
    order = best.argsort(descending=True, stable=True)[:SHOWN].tolist()
    names = [f"{network.names[classes[q]]} {best[q]:.2f}" for q in order]
    show(
        "Queries and their classes",
        lambda: _list_queries(network, best, classes, is_thing, masks, order),
        f"The {len(order)} likeliest of {len(best)} queries. “No object” wins in most: they have "
        "nothing to say about this image.",
    )
    show(
        "Masks of the likeliest queries",
        lambda: Frames(
            tuple(np.asarray(masks[q] * 255, np.uint8) for q in reversed(order)),
            tuple(reversed(names)),
        ),
        "The mask that each query gives, white for certain; they may overlap.",
    )
    show(
        "One query, layer by layer",
        lambda: _by_layer(output, order[0]),
        f"The mask of the likeliest query ({names[0]}) after each layer of the decoder. In the "
        "next layer it reads only where it is bright.",
    )


def _list_queries(
    network: Network,
    best: torch.Tensor,
    classes: torch.Tensor,
    is_thing: torch.Tensor,
    masks: npt.NDArray[np.float32],
    order: list[int],
) -> Table:
    rows = [
        (
            f"{query}",
            network.names[classes[query]],
            float(best[query]),
            100.0 * float((masks[query] > 0.5).mean()),
            "" if is_thing[query] else "no object is likelier",
        )
        for query in order
    ]
    return Table(("query", "class", "probability", "% of the image", ""), tuple(rows))


def _by_layer(output: Any, query: int) -> npt.NDArray[np.uint8]:
    layers = [one["masks_queries_logits"] for one in output.auxiliary_logits]
    layers.append(output.masks_queries_logits)
    return sheet(
        [np.asarray(maps[0, query].float().sigmoid().numpy() * 255, np.uint8) for maps in layers],
        columns=5,
    )


def _list_parts(network: Network) -> Table:
    """The parts of the library's model with their counts of parameters."""
    module: Any = network.module
    library, model = module.library, module.library.model
    parts = {
        "backbone": model.pixel_level_module.encoder,
        "pixel decoder": model.pixel_level_module.decoder,
        "queries and their decoder": model.transformer_module,
        "class of a query": library.class_predictor,
    }
    rows = [(name, sum(p.numel() for p in part.parameters())) for name, part in parts.items()]
    return Table(("part", "parameters"), tuple(rows))


TECHNIQUE = Technique(
    "Mask2Former",
    year=2022,
    segment=segment,
    sample="coffee",
    fails=Preset("Nothing of COCO is there", {}, "cells"),
    presets=(
        Preset("Everything that might be something", {"score": 0.2, "overlap": 0.5}, "astronaut"),
        Preset("Seen twice as large", {"zoom": 2.0}, "street"),
    ),
    network=Architecture(
        None,
        paper_network="Mask2Former on Swin-T",
        paper_parameters=47_000_000,
        paper_score="PQ 0.532 on COCO's validation images",
        smaller="The paper's own weights, with the smallest of its Swin backbones.",
    ),
)
