"""Networks: milliseconds per image, tuned as on a page, against the plain module.

    python -m tests.benchmarks.networks [threads]

The plain pass is the module itself in eager float32 on the same input. Tuned is what a page runs:
the fastest way that a short timing found on this machine, from the image to the labels. Passes take
turns, so that a busy machine slows them alike.
"""

import sys
import time
from collections.abc import Callable

import torch

import segcore
from segcore.networks.inference import compute_scores
from segcore.networks.network import PLAIN, Network
from segcore.networks.tuning import tuned
from segcore.scenes.street import street
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


def way(network: Network) -> str:
    if network.way == PLAIN:
        return "plain"
    return "bfloat16" if network.way.bfloat16 else "channels last"


def measure(key: str, side: int) -> list[str]:
    technique = segcore.TECHNIQUES[key]
    plain = load_network(technique.network.build, f"{key}_street")
    fast = tuned(plain)
    image = street(side, side, seed=1_000_000).image
    x = torch.zeros(1, 3, side, side)

    def eager() -> None:
        with torch.inference_mode():
            plain.module(x)

    ours, theirs = in_turns([lambda: compute_scores(fast, image), eager])
    same = compute_scores(fast, image).argmax(1) == compute_scores(plain, image).argmax(1)
    agree = f"{100 * same.float().mean().item():.2f} %"
    return [
        key,
        f"{side}²",
        way(fast),
        f"{ours:.1f}",
        f"{theirs:.1f}",
        f"{ours / theirs:.2f}",
        agree,
    ]


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    keys = [t.key for t in segcore.TECHNIQUES.values() if t.network is not None]
    rows = [measure(key, side) for key in keys for side in (256, 512)]
    print_table(
        ["network", "size", "way", "tuned ms", "plain ms", "tuned ÷ plain", "same labels"], rows
    )


if __name__ == "__main__":
    main()
