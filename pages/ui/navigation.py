"""The pages of the dashboard, read from the files in pages/, so that a new page lists itself.

A page's docstring is its entry: title, blank line, summary, and a last line
`Icon: …  Group: …  Order: …`. The files are parsed, not imported: importing a page runs it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import streamlit as st

PAGES = Path(__file__).resolve().parents[1]
_FACTS = re.compile(r"^Icon: (?P<icon>\S+)\s+Group: (?P<group>.+?)\s+Order: (?P<order>\d+)$", re.M)


@dataclass(frozen=True)
class Page:
    """One entry of the navigation; `path` is relative to app.py."""

    path: str
    title: str
    summary: str
    icon: str
    group: str
    order: int


HOME = Page("app.py", "Home", "", ":material/home:", "", 0)


@cache
def all_pages() -> tuple[Page, ...]:
    """Every page of the folder, in the order that the pages give themselves.

    Raises:
        ValueError: a page's docstring lacks the line of facts.
    """
    return tuple(sorted((_read(file) for file in PAGES.glob("*.py")), key=lambda p: p.order))


def _read(file: Path) -> Page:
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    facts = _FACTS.search(text)
    if facts is None:
        raise ValueError(f"The docstring of pages/{file.name} lacks `Icon: … Group: … Order: …`.")
    title, _, summary = text[: facts.start()].partition("\n")
    icon = f":material/{facts['icon']}:"
    path = f"pages/{file.name}"
    summary = " ".join(summary.split())
    return Page(path, title, summary, icon, facts["group"], int(facts["order"]))


def page_of_category(category: str) -> Page | None:
    """The page that shows a category of techniques: the one named like it."""
    return next((page for page in all_pages() if page.path == f"pages/{category}.py"), None)


def groups() -> Iterator[tuple[str, list[Page]]]:
    """The pages by group."""
    for group, pages in groupby(all_pages(), key=lambda page: page.group):
        yield group, list(pages)


def draw_navigation() -> None:
    """Links to all pages in the sidebar."""
    st.page_link(HOME.path, label=HOME.title, icon=HOME.icon)
    for group, pages in groups():
        st.caption(group)
        for page in pages:
            st.page_link(page.path, label=page.title, icon=page.icon)
