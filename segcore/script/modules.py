"""The modules of segcore taken apart: which names they define, and which they import."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType


@dataclass(frozen=True)
class File:
    """A module of segcore taken apart: source, definitions and imports by name."""

    module: ModuleType
    source: str
    definitions: dict[str, ast.stmt]
    imports: dict[str, tuple[str, str]]  # name -> (module, import statement)

    @property
    def settings(self) -> dict[str, str]:
        """Name -> plain type of the aliases that stand for an annotated setting, such as Zoom."""
        return {
            name: value.__origin__.__name__
            for name, value in vars(self.module).items()
            if hasattr(value, "__metadata__")
        }


@lru_cache(maxsize=256)
def read(name: str) -> File:
    """A module by its name.

    Raises:
        TypeError: it imports something of segcore by another name, which a script could not follow.
    """
    module = importlib.import_module(name)
    source = inspect.getsource(module)
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in _top_level(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=own) | ast.ClassDef(name=own):
                definitions[own] = node
            case ast.Assign(targets=[ast.Name(id=own)]) | ast.AnnAssign(target=ast.Name(id=own)):
                definitions[own] = node
            case ast.Import(names=aliases):
                for alias in aliases:
                    bound = alias.asname or alias.name.partition(".")[0]
                    statement = ast.unparse(ast.Import([alias]))
                    imports[bound] = (alias.name, statement)
            case ast.ImportFrom(module=origin, names=aliases):
                for alias in aliases:
                    if alias.asname and (origin or "").startswith("segcore"):
                        raise TypeError(f"{name} renames {alias.name} of {origin} on import.")
                    statement = ast.unparse(ast.ImportFrom(origin, [alias], 0))
                    imports[alias.asname or alias.name] = (origin or "", statement)
    return File(module, source, definitions, imports)


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, and the imports that it makes for its type checker only.

    A script evaluates its annotations, so that it makes those imports for good.
    """
    for node in tree.body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=imports):
                yield from imports
            case _:
                yield node
