"""The comparison of all shipped weights, written into README.md by the command, not by hand."""

from pathlib import Path

from segcore.catalog import get_technique
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
    for card in sorted(cards, key=lambda c: (c["weights"], -_headline(c["scores"]))):
        title = get_technique(card["network"]).title
        rows.append(
            f"| {title} | {card['weights']} | {card['parameters'] / 1e6:.2f} M "
            f"| {card['bytes'] / 1e6:.1f} MB | {card['minutes']:.0f} | {_scores(card['scores'])} |"
        )
    return "\n".join(rows)


def _headline(scores: dict[str, float]) -> float:
    return float(scores.get("miou", scores.get("iou", 0.0)))


def _scores(scores: dict[str, float]) -> str:
    named = {"miou": "mIoU", "dice": "Dice", "ap50": "AP50 of instances"}
    if "dice" in scores and "ap50" not in scores:
        named = {"iou": "IoU", "dice": "Dice"}
    return ", ".join(f"{name} {scores[key]:.3f}" for key, name in named.items() if key in scores)
