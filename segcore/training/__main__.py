"""The command line: python -m segcore.training train|evaluate|table."""

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch

from segcore.catalog import get_method
from segcore.errors import SegcoreError
from segcore.networks.network import Build, Network
from segcore.networks.tuning import is_bfloat16_faster
from segcore.training.cards import write_card
from segcore.training.evaluate import evaluate_sizes
from segcore.training.kinds import kind_of, set_of
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
        command.add_argument("weights", nargs="+", help="all, or some of " + ", ".join(RECIPES))
    commands.add_parser("table", help="write the comparison of all weights into README.md")
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        if given.command == "table":
            write_table()
        else:
            _each(given.weights, COMMANDS[given.command])
    except SegcoreError as error:
        sys.exit(str(error))


def _each(names: list[str], act: Callable[[Recipe], None]) -> None:
    ready = list(RECIPES) if act is _train else shipped()
    for name in ready if names == ["all"] else names:
        act(get_recipe(name))


def _train(recipe: Recipe) -> None:
    WORK.mkdir(exist_ok=True)
    kind, data = kind_of(recipe), set_of(recipe)
    build = _architecture(recipe)
    torch.manual_seed(recipe.seed)
    module = build(len(data.names))
    if recipe.start is not None:
        take_over(module, recipe.start)
    fast = is_bfloat16_faster(module)
    objective = kind.objective(recipe, data.train(), data)
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
        raise SegcoreError(f"{recipe.network} is no network of ours and cannot be trained.")
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


def _evaluate(recipe: Recipe) -> None:
    """Prints the scores now and on the card; exits with 1 if they are not the same."""
    scores = kind_of(recipe).evaluate(recipe, set_of(recipe), load_network)
    print(recipe.name, json.dumps(scores, ensure_ascii=False), flush=True)
    if scores != read_card(recipe.name)["scores"]:
        sys.exit(f"The card of {recipe.name} says otherwise: {read_card(recipe.name)['scores']}")


def _sizes(recipe: Recipe) -> None:
    print(recipe.name, json.dumps(evaluate_sizes(recipe, load_network)), flush=True)


COMMANDS = {"train": _train, "evaluate": _evaluate, "sizes": _sizes}


if __name__ == "__main__":
    main()
