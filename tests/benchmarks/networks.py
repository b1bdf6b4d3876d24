"""Networks: milliseconds per image, tuned as on a page, against the plain module.

    python -m tests.benchmarks.networks [threads]

The plain pass is the module itself in eager float32 on the same input, of Mask R-CNN torchvision's
own run of it; what runs several networks is timed against all of them. Tuned is what a page runs:
the fastest way that a short timing found on this machine, from the image to the labels. Passes take
turns, so that a busy machine slows them alike.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import segcore
from segcore.metrics import best_matching
from segcore.networks.inference import to_input, to_tensor
from segcore.networks.network import PLAIN, Network
from segcore.networks.rcnn import to_batch
from segcore.networks.tuning import tuned
from segcore.result import Image, Segmentation
from segcore.scenes.street import street
from segcore.technique import ignore
from segcore.weights import load_network
from tests.benchmarks.table import median, print_table

ROUNDS = 7


def in_turns(passes: list[Callable[[], object]]) -> list[float]:
    """Median milliseconds of each."""
    taken: list[list[float]] = [[] for _ in passes]
    for _ in range(ROUNDS + 1):  # the first round warms up and does not count
        for run, times in zip(passes, taken, strict=True):
            start = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - start))
    return [median(times[1:]) for times in taken]


def way(networks: dict[str, Network]) -> str:
    return ", ".join(dict.fromkeys(map(_way, networks.values())))


def _way(network: Network) -> str:
    if network.way == PLAIN:
        return "plain"
    return "bfloat16" if network.way.bfloat16 else "channels last"


def run_plainly(network: Network, image: Image) -> Callable[[], object]:
    """A pass of the same network in eager float32, by its module's or torchvision's own run.

    Args:
        network: the network.
        image: in the size that it sees.
    """
    module, x = network.module, to_tensor(image)
    if not hasattr(module, "roi_heads"):
        return lambda: module(x)
    images = to_batch(x)

    def find() -> object:
        pyramid = module.backbone(images.tensors)
        proposals, _ = module.rpn(images, pyramid)
        return module.roi_heads(pyramid, proposals, images.image_sizes)

    return find


def agreement(ours: Segmentation, theirs: Segmentation) -> float:
    """Share of the pixels that are of the same segment, whatever its number."""
    table = np.full(ours.labels.max() + 1, -1)
    for pair in best_matching(ours.labels, theirs.labels).pairs:
        table[pair.prediction] = pair.reference
    return float((table[ours.labels] == theirs.labels).mean())


def measure(key: str, side: int) -> list[str]:
    technique = segcore.TECHNIQUES[key]
    builds = [segcore.TECHNIQUES[part].network.build for part in technique.network.parts or (key,)]
    names = technique.weights_files("street")
    plain = {n: load_network(build, n) for build, n in zip(builds, names, strict=True)}
    fast = {name: tuned(network) for name, network in plain.items()}
    image = street(side, side * 3 // 4, seed=1_000_000).image
    zoom = side / max(network.side for network in plain.values())

    def answer(networks: dict[str, Network]) -> Segmentation:
        given = {"load_model": lambda _build, name: networks[name]}
        return segcore.run(key, image, zoom=zoom, show=ignore, **given).segmentation

    passes = [run_plainly(n, to_input(image, n.side * zoom)) for n in plain.values()]

    def eager() -> object:
        return [run() for run in passes]

    with torch.inference_mode():
        ours, theirs = in_turns([lambda: answer(fast), eager])
    return [
        key,
        f"{image.shape[1]}×{image.shape[0]}",
        way(fast),
        f"{ours:.1f}",
        f"{theirs:.1f}",
        f"{ours / theirs:.2f}",
        f"{100 * agreement(answer(fast), answer(plain)):.2f} %",
    ]


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    networks = [t for t in segcore.TECHNIQUES.values() if t.network is not None]
    keys = [t.key for t in networks if t.network.build is not None or t.network.parts]
    rows = [measure(key, side) for key in keys for side in (256, 512)]
    print_table(
        ["network", "size", "way", "tuned ms", "plain ms", "tuned ÷ plain", "same labels"], rows
    )


if __name__ == "__main__":
    main()
