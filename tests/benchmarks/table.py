"""Printing of results: aligned columns, medians, percentiles."""

import math
import os
from collections.abc import Sequence

import numpy as np


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a Markdown table: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in (head, rule, *rows):
        first, *others = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(f"| {' | '.join([first, *others])} |")


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}" if math.isfinite(seconds) else "never"


def median(values: Sequence[float]) -> float:
    return float(np.percentile(values, 50, method="inverted_cdf"))  # may be infinite


def p90(values: Sequence[float]) -> float:
    return float(np.percentile(values, 90, method="inverted_cdf"))  # may be infinite


def verdict(good: bool) -> str:
    return "met" if good else "MISSED"


def print_load() -> None:
    """Says so if others keep the machine busy: goals in milliseconds then say little."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 0.5 * cores:
        print(f"Mind: {cores} processors with a load of {load:.1f} before this began.\n")
