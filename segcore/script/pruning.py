"""Leaving out of `segment` what the settings rule out."""

import ast
import operator
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from segcore.script.cleaning import clean
from segcore.script.edits import Edit, Positions, apply
from segcore.script.modules import File

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, among: value in among,
    ast.NotIn: lambda value, among: value not in among,
}
_PLAIN_DATA = (str, int, float, tuple, dict, frozenset)


@dataclass(frozen=True)
class Pruned:
    """What is left of `segment` under certain settings.

    Attributes:
        text: its source.
        parameters: names of its parameters.
        decided: settings whose value has left something out.
    """

    text: str
    parameters: frozenset[str]
    decided: frozenset[str]


def prune_segment(file: File, settings: Mapping[str, Any]) -> Pruned:
    """The `segment` of a technique's module, with its settings' values."""
    text, _ = clean(file, file.definitions["segment"])
    constants = {n: v for n, v in vars(file.module).items() if isinstance(v, _PLAIN_DATA)}
    return prune(text, constants, settings)


def prune(text: str, constants: Mapping[str, Any], settings: Mapping[str, Any]) -> Pruned:
    """Leaves out each `if` at the top of a function that is never entered with these settings.

    One that is always entered and returns gives way to its body, and what follows is left out. Of
    one with an `else` the branch is left that is taken. So are parameters left out that only served
    what is gone.
    """
    function = _function(text)
    known = {**constants, **settings}
    for local in _names(function, ast.Store):
        known.pop(local, None)
    decided: set[str] = set()
    edits = []
    for node in function.body:
        match node, _holds(node.test, known) if isinstance(node, ast.If) else None:
            case ast.If(orelse=[]), False:
                edits.append(_left_out(text, node))
            case ast.If(body=[*_, ast.Return()]), True:
                edits.append(_taken(text, node, node.body))
            case ast.If(orelse=[first, *_]), bool(is_entered) if not _is_elif(text, first):
                branch = node.body if is_entered else node.orelse
                edits.append(replace(_taken(text, node, branch), end=_end(text, node)))
            case _:
                continue
        decided |= _names(node.test, ast.Load) & settings.keys()
        if edits[-1].end == len(text):
            break
    text, before = apply(text, edits), _names(function, ast.Load)
    function = _function(text)
    unused = (before - _names(function, ast.Load)) & _parameters(function)
    if unused:
        text = apply(text, [Positions(text).signature(function, unused)])
    return Pruned(text, _parameters(function) - unused, frozenset(decided))


def _function(text: str) -> ast.FunctionDef:
    return next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))


def _names(tree: ast.AST, use: type[ast.expr_context]) -> frozenset[str]:
    """Names that are read (Load) or written (Store)."""
    names = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, use))
    return frozenset(n.id for n in names)


def _parameters(function: ast.FunctionDef) -> frozenset[str]:
    args = function.args
    return frozenset(a.arg for a in args.posonlyargs + args.args + args.kwonlyargs)


def _holds(test: ast.expr, known: Mapping[str, Any]) -> bool | None:
    """Whether a test holds; None if it asks for more than names that are known and literals."""
    match test:
        case ast.BoolOp(op=joint, values=parts):
            said = [_holds(part, known) for part in parts]
            if None in said:
                return None
            return all(said) if isinstance(joint, ast.And) else any(said)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            said_not = _holds(part, known)
            return None if said_not is None else not said_not
        case ast.Compare(left=left, ops=[how], comparators=[right]) if type(how) in _COMPARISONS:
            if _is_known(left, known) and _is_known(right, known):
                return _COMPARISONS[type(how)](_value(left, known), _value(right, known))
        case ast.Name(id=name) if name in known:
            return bool(known[name])
    return None


def _is_known(node: ast.expr, known: Mapping[str, Any]) -> bool:
    return not any(
        isinstance(part, ast.expr)
        and not isinstance(part, ast.Constant | ast.Tuple)
        and not (isinstance(part, ast.Name) and part.id in known)
        for part in ast.walk(node)
    )


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return known[name]
        case ast.Tuple(elts=parts):
            return tuple(_value(part, known) for part in parts)
    return ast.literal_eval(node)


def _left_out(text: str, node: ast.If) -> Edit:
    """Without the statement, the comment on it, and one of the blank lines round it."""
    lines = text.splitlines()
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    if not lines[first - 1].strip() and not lines[last].strip():
        last += 1
    at = Positions(text).lines_at
    return Edit(at[first], at[last], "")


def _is_elif(text: str, node: ast.stmt) -> bool:
    return text[Positions(text).span(node)[0] :].startswith("elif")


def _end(text: str, node: ast.stmt) -> int:
    """Where the last line of a statement ends, its line break not counted."""
    return Positions(text).span(node)[1]


def _taken(text: str, node: ast.If, branch: list[ast.stmt]) -> Edit:
    """A branch of a statement in place of it and of all that follows."""
    position = Positions(text)
    first = position.lines_at[branch[0].lineno - 1]
    while text[:first].splitlines()[-1].lstrip().startswith("#"):
        first = position.lines_at[text[:first].count("\n") - 1]
    inner = text[first : position.span(branch[-1])[1]]
    body = textwrap.indent(textwrap.dedent(inner), " " * node.col_offset)
    return Edit(position.lines_at[node.lineno - 1], len(text), body)
