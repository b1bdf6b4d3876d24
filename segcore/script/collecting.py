"""Following names: everything that a run uses, wherever in segcore it stands."""

import ast
import builtins
from dataclasses import dataclass
from functools import lru_cache

from segcore.script.cleaning import clean, names_used
from segcore.script.modules import File, read


@dataclass(frozen=True)
class Part:
    """One top-level definition, ready for the script."""

    text: str
    is_definition: bool


@lru_cache(maxsize=256)
def collect(module: str, segment: str) -> tuple[dict[str, Part], frozenset[str]]:
    """Everything that `segment` of the module and `read_image` need, dependencies first.

    Args:
        module: name of the module.
        segment: text of its `segment`, pruned.

    Returns:
        name -> definition, and the import statements of what is not segcore's.

    Raises:
        TypeError: two functions have one name, or a name is nowhere defined.
    """
    parts: dict[str, Part] = {}
    imports = {"import sys", "import pathlib", "import cv2", "import numpy as np"}
    pending: set[str] = set()

    def visit(file: File, name: str) -> None:
        if name in file.definitions:
            owner = f"{file.module.__name__}.{name}"
            if owner in pending:
                return
            pending.add(owner)
            if owner == f"{module}.segment":
                text, names = segment, names_used(segment, file)
            else:
                text, names = clean(file, file.definitions[name])
            for used in names:
                visit(file, used)
            if name in parts:
                raise TypeError(f"{owner} has the name of another function that the script needs.")
            definition = isinstance(file.definitions[name], ast.FunctionDef | ast.ClassDef)
            parts[name] = Part(text, definition)
        elif name in file.imports:
            origin, statement = file.imports[name]
            if origin.partition(".")[0] == "segcore":
                visit(read(origin), name)
            else:
                imports.add(statement)
        elif not hasattr(builtins, name) and name != "__file__":
            raise TypeError(
                f"{file.module.__name__} uses {name}, which it neither has nor imports."
            )

    visit(read(module), "segment")
    visit(read("segcore.images"), "read_image")
    return parts, frozenset(imports)
