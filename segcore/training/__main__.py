"""The command line: python -m segcore.training train|evaluate|table."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import cache, partial

import torch

from segcore.catalog import get_method
from segcore.errors import SegcoreError
from segcore.networks.network import Build, Network
from segcore.networks.tuning import is_bfloat16_faster
from segcore.training.cards import read_digests, write_card, write_joint_card, write_scores
from segcore.training.evaluate import Scores, evaluate_sizes
from segcore.training.kinds import JOINTS, kind_of, measure, set_of
from segcore.training.loop import Progress, Report, train
from segcore.training.recipes import RECIPES, Recipe, get_recipe
from segcore.training.sets import WORK
from segcore.training.table import write_table
from segcore.training.tags import take_over
from segcore.weights import FOLDER, from_file, load_network, read_card, shipped, to_file


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m segcore.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("train", "train by its recipe, from the last checkpoint if there is one"),
        ("evaluate", "measure the shipped weights again"),
        ("sizes", "measure street weights on the same scenes at four sizes"),
    ):
        command = commands.add_parser(name, help=about)
        known = (*RECIPES, *JOINTS) if name == "evaluate" else RECIPES
        command.add_argument("weights", nargs="+", help="all, or some of " + ", ".join(known))
        if name == "evaluate":
            command.add_argument(
                "--write", action="store_true", help="put the scores on the card, as they are now"
            )
    commands.add_parser("table", help="write the comparison of all weights into README.md")
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        if given.command == "table":
            write_table()
        else:
            _each(given.weights, _act(given))
    except SegcoreError as error:
        sys.exit(str(error))


def _act(given: argparse.Namespace) -> Callable[[str], None]:
    """What is to be done with each of the weights."""
    if given.command == "evaluate":
        return partial(_evaluate, write=given.write)
    return {"train": _train, "sizes": _sizes}[given.command]


def _each(names: list[str], act: Callable[[str], None]) -> None:
    ready = list(RECIPES) if act is _train else shipped()
    for name in ready if names == ["all"] else names:
        act(name)


def _train(name: str) -> None:
    recipe = get_recipe(name)
    WORK.mkdir(exist_ok=True)
    kind, data = kind_of(recipe), set_of(recipe)
    build = _architecture(recipe)
    torch.manual_seed(recipe.seed)
    module = build(len(data.names))
    if recipe.start is not None:
        take_over(module, recipe.start)
    fast = is_bfloat16_faster(module)
    examples = data.train()
    kind.begin(module, examples, data)
    objective = kind.objective(recipe, examples, data)
    average, seconds = train(
        module, recipe, objective, work=WORK, report=_reporter(recipe.name), fast=fast
    )
    file = to_file(Network(average, data.names, data.side, data.stretched))
    network = from_file(build, file, recipe.name)  # measured is what the file holds
    scores = kind.evaluate(recipe, data, lambda _build, _name: network)
    count = sum(p.numel() for p in average.parameters())
    write_card(FOLDER, recipe, data, file, parameters=count, seconds=seconds, scores=scores)
    print(recipe.name, json.dumps(scores, ensure_ascii=False), flush=True)


def _architecture(recipe: Recipe) -> Build:
    network = get_method(recipe.network).network
    if network is None or network.build is None:
        raise SegcoreError(f"{recipe.network} is no network of its own and cannot be trained.")
    return network.build


def _reporter(name: str) -> Report:
    begun = time.monotonic()

    def report(at: Progress) -> None:
        if at.step % 100 == 0:
            minutes = (time.monotonic() - begun) / 60
            print(
                f"{name} {at.step}/{at.steps} loss {at.loss:.3f} "
                f"processor {at.seconds / 60:.1f} min, wall {minutes:.1f} min",
                flush=True,
            )

    return report


def _evaluate(name: str, *, write: bool = False) -> None:
    """Prints the scores, and puts them on the card or exits with 1 if it has others."""
    scores = measure(name, cache(load_network))
    print(name, json.dumps(scores, ensure_ascii=False), flush=True)
    if not write:
        _compare(name, scores)
    elif name in JOINTS:
        write_joint_card(FOLDER, name, JOINTS[name], scores)
    else:
        write_scores(FOLDER, name, scores)


def _compare(name: str, scores: Scores) -> None:
    """Exits with 1 where the card has other scores, or those of other weights."""
    card = read_card(name)
    if scores != card["scores"]:
        sys.exit(f"The card of {name} says otherwise: {card['scores']}")
    if name in JOINTS and card["parts"] != read_digests(FOLDER, JOINTS[name]):
        sys.exit(f"The card of {name} was written for other weights; evaluate it with --write.")


def _sizes(name: str) -> None:
    scores = evaluate_sizes(get_recipe(name), cache(load_network))
    print(name, json.dumps(scores), flush=True)


if __name__ == "__main__":
    main()
