"""The catalogue: every technique and every task, found by itself in the folder of its category."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import TypeVar

import segcore.tasks
import segcore.techniques
from segcore.errors import SettingError
from segcore.task import Task
from segcore.technique import Method, Technique

M = TypeVar("M", bound=Method)


@dataclass(frozen=True)
class Category:
    """A folder of techniques or tasks; title and summary are the docstring of its `__init__.py`."""

    key: str
    title: str
    summary: str


def _discover(root: ModuleType, kind: type[M]) -> tuple[dict[str, Category], dict[str, M]]:
    """Imports every file of every category; a file without its constant fails loudly, at start."""
    categories: dict[str, Category] = {}
    found: dict[str, M] = {}
    for folder in pkgutil.iter_modules(root.__path__, root.__name__ + "."):
        package = importlib.import_module(folder.name)
        title, _, summary = (package.__doc__ or "").strip().partition("\n")
        key = folder.name.rpartition(".")[2]
        categories[key] = Category(key, title, " ".join(summary.split()))
        for file in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            method = getattr(importlib.import_module(file.name), kind.__name__.upper())
            if method.key in found:
                raise ImportError(f"Two files have the name {method.key!r}.")
            found[method.key] = method
    return categories, dict(sorted(found.items(), key=lambda item: (item[1].year, item[0])))


_categories, _techniques = _discover(segcore.techniques, Technique)
_kinds, _tasks = _discover(segcore.tasks, Task)
_shared = _techniques.keys() & _tasks.keys()
if _shared:
    raise ImportError(f"A technique and a task have the name {min(_shared)!r}.")

CATEGORIES: Mapping[str, Category] = MappingProxyType(_categories)
TECHNIQUES: Mapping[str, Technique] = MappingProxyType(_techniques)
"""Key -> technique, in the order of publication."""

KINDS: Mapping[str, Category] = MappingProxyType(_kinds)
TASKS: Mapping[str, Task] = MappingProxyType(_tasks)
"""Key -> task, in the order of publication."""


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


def get_task(key: str, kind: str | None = None) -> Task:
    """The task of that key.

    Args:
        key: name of the task.
        kind: the folder that it must lie in, such as "detection"; None takes any.

    Raises:
        SettingError: there is none.
    """
    known = [task.key for task in TASKS.values() if kind in (None, task.category)]
    if key not in known:
        raise SettingError("The task", "one of " + ", ".join(known), key)
    return TASKS[key]


def get_method(key: str) -> Technique | Task:
    """The technique or the task of that key; no two share one.

    Raises:
        SettingError: there is none.
    """
    return TASKS[key] if key in TASKS else get_technique(key)
