"""The comparison of all shipped weights, written into README.md by the command, not by hand."""

from pathlib import Path
from typing import Any

from segcore.catalog import get_method
from segcore.errors import WeightsError
from segcore.weights import read_card, shipped

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- table of weights: begin -->", "<!-- table of weights: end -->"


def write_table() -> None:
    """Replaces what stands between the two marks in README.md.

    Raises:
        WeightsError: the marks are missing.
    """
    text = README.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise WeightsError(f"README.md must hold the lines {BEGIN} and {END}.")
    README.write_text(f"{before}{BEGIN}\n{comparison()}\n{END}{after}", "utf-8")


def comparison() -> str:
    """A Markdown table: one row per network and set, from the model cards."""
    rows = [
        "| network | trained on | parameters | file | minutes | held-out scores |",
        "|---|---|---|---|---|---|",
    ]
    cards = [read_card(name) for name in shipped()]
    for card in sorted(cards, key=lambda c: (c["weights"], *_rank(c["scores"]))):
        title = get_method(card["network"]).title
        rows.append(
            f"| {title} | {card['weights']} | {card['parameters'] / 1e6:.2f} M "
            f"| {card['bytes'] / 1e6:.1f} MB | {card['minutes']:.0f} | {_scores(card['scores'])} |"
        )
    return "\n".join(rows)


# Key of a score on a card -> what the table calls it; the first that a card has ranks it.
_SCORES = {
    "miou": "mIoU",
    "iou": "IoU",
    "dice": "Dice",
    "pq": "PQ",
    "ap50": "mask AP50",
    "ap": "mask AP",
    "box_ap50": "box AP50",
    "map": "mean AP",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
}


def _rank(scores: dict[str, Any]) -> tuple[int, float]:
    """Networks that are measured alike stand together, the best first."""
    key = next(key for key in _SCORES if isinstance(scores.get(key), float))
    return list(_SCORES).index(key), -float(scores[key])


def _scores(scores: dict[str, Any]) -> str:
    found = {n: scores[k] for k, n in _SCORES.items() if isinstance(scores.get(k), float)}
    return ", ".join(f"{name} {value:.3f}" for name, value in found.items())
