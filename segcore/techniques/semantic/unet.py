r"""U-Net: down to see what it is, up to see where, and shortcuts between

Idea
The **encoder** halves the image again and again: each pixel of the deepest map has seen a large
part of the scene, and knows what is there, but no longer exactly where. The **decoder** doubles the
maps back to full size. At each level it is handed the encoder's map of the same size over a
shortcut (a **skip connection**), so that the meaning from below meets the outlines from the left:
$$x_l = f\big(\,[\,\mathrm{up}(x_{l+1}),\; \mathrm{enc}_l\,]\,\big)$$
with $[\cdot,\cdot]$ putting channels behind one another. Drawn, the network is a U. The last layer
turns every pixel's channels into one score per class; softmax makes them probabilities.

Used for
Medicine above all: cells, organs, vessels, tumours; few labelled images are enough. Also roads and
houses from satellites, defects in manufacturing, and, in another role, the denoiser of diffusion
models.

When it fails
A network knows only what it was shown. These weights learned streets: on `coffee` there is no road
and no sky, yet every pixel gets one of the eleven classes, often with great confidence. The map of
uncertainty is the place to look, and it is no safeguard.

References
O. Ronneberger, P. Fischer, T. Brox, *U-Net: Convolutional networks for biomedical image
segmentation*, 2015.
"""

from __future__ import annotations

from typing import Annotated

from segcore.networks.answer import answer_classes, answer_probabilities, show_network
from segcore.networks.inference import compute_scores, look_at
from segcore.networks.instances import split_nuclei
from segcore.networks.network import LoadModel
from segcore.networks.settings import TrainedOn, Zoom
from segcore.networks.unet import build_unet
from segcore.result import Image, Segmentation
from segcore.technique import (
    Architecture,
    Choice,
    Label,
    Only,
    Preset,
    Show,
    Technique,
    ignore,
)
from segcore.weights import load_network


def segment(
    image: Image,
    *,
    weights: Annotated[
        TrainedOn,
        Choice(
            street="Street scenes, drawn",
            camvid="Street photographs (CamVid)",
            nuclei="Cell nuclei (DSB 2018)",
            pets="Cats and dogs (Oxford pets)",
        ),
    ] = "street",
    zoom: Zoom = 1.0,
    split: Annotated[
        bool,
        Only(weights="nuclei"),
        Label("Take nuclei apart"),
        "Number touching nuclei one by one: a watershed floods each from the middle of its inside.",
    ] = True,
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Segmentation:
    network = load_model(build_unet, f"unet_{weights}")
    seen = look_at(image, network, zoom, show=show)
    scores = compute_scores(network, seen, show=show)
    if weights == "nuclei" and split:
        probabilities = answer_probabilities(network, scores, show=show)
        result = split_nuclei(probabilities, (image.shape[1], image.shape[0]), show=show)
        show_network(network, seen, show=show)
        return result
    return answer_classes(network, image, seen, scores, show=show)


TECHNIQUE = Technique(
    "U-Net",
    year=2015,
    segment=segment,
    sample="street",
    fails=Preset("Streets are all it knows", {"weights": "street"}, "coffee"),
    presets=(
        Preset("Learned from photographs", {"weights": "camvid"}, "street"),
        Preset("Touching nuclei, taken apart", {"weights": "nuclei"}, "cells"),
        Preset("A cat", {"weights": "pets"}, "chelsea"),
    ),
    network=Architecture(
        build_unet,
        paper_network="U-Net of 64 to 1024 channels",
        paper_parameters=31_000_000,
        paper_score="IoU 0.92 on PhC-U373 and 0.78 on DIC-HeLa (cell tracking challenge 2015)",
        smaller="A quarter of the width, 16 to 256 channels, so that it trains in minutes and "
        "answers in a fraction of a second on a processor.",
    ),
)
