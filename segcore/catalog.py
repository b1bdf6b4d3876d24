"""The catalogue: every technique that lies in segcore/techniques, found by itself."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import segcore.techniques
from segcore.errors import SettingError
from segcore.technique import Technique


@dataclass(frozen=True)
class Category:
    """A folder of techniques; title and summary are the docstring of its `__init__.py`."""

    key: str
    title: str
    summary: str


def _discover() -> tuple[dict[str, Category], dict[str, Technique]]:
    """Imports every file of every category; a file without TECHNIQUE fails loudly, at start."""
    categories, techniques = {}, {}
    for folder in pkgutil.iter_modules(segcore.techniques.__path__, "segcore.techniques."):
        package = importlib.import_module(folder.name)
        title, _, summary = (package.__doc__ or "").strip().partition("\n")
        key = folder.name.rpartition(".")[2]
        categories[key] = Category(key, title, " ".join(summary.split()))
        for file in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            technique: Technique = importlib.import_module(file.name).TECHNIQUE
            if technique.key in techniques:
                raise ImportError(f"Two techniques have the name {technique.key!r}.")
            techniques[technique.key] = technique
    return categories, dict(sorted(techniques.items(), key=lambda item: (item[1].year, item[0])))


_categories, _techniques = _discover()

CATEGORIES: Mapping[str, Category] = MappingProxyType(_categories)
TECHNIQUES: Mapping[str, Technique] = MappingProxyType(_techniques)
"""Key -> technique, in the order of publication."""


def get_technique(key: str) -> Technique:
    """The technique of that key.

    Raises:
        SettingError: there is none.
    """
    if key not in TECHNIQUES:
        raise SettingError("The technique", "one of " + ", ".join(TECHNIQUES), key)
    return TECHNIQUES[key]


def in_category(category: str) -> tuple[Technique, ...]:
    """The techniques of a category, in the order of publication."""
    return tuple(t for t in TECHNIQUES.values() if t.category == category)
