"""The formula of a multi grader: arithmetic over the names of its graders, read as a tree and nothing else."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

FORMULA_CHARS_MAX = 4_096
_OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
"""What a formula may call (azure-api.md §8)."""
_MANY = frozenset({"min", "max"})


class FormulaError(ValueError):
    """A formula that cannot be read, or has no value."""


def names_in(text: str) -> frozenset[str]:
    """Return the graders that a formula names.

    Raises: FormulaError when it is none.
    """
    return frozenset(_names(_tree(text)))


def value_of(text: str, values: Mapping[str, float]) -> float:
    """Return what a formula comes to.

    Raises: FormulaError when it is none, names something else, or has no finite value.
    """
    try:
        result = float(_value(_tree(text), values))
    except (ArithmeticError, ValueError, TypeError) as cause:
        raise FormulaError(f"The formula has no value: {cause}.") from cause
    if not math.isfinite(result):
        raise FormulaError("The formula has no finite value.")
    return result


def _tree(text: str) -> ast.expr:
    if len(text) > FORMULA_CHARS_MAX:
        raise FormulaError(f"The formula has more than {FORMULA_CHARS_MAX} characters.")
    try:
        # A power is written with a caret.
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        _check(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as cause:
        raise FormulaError("The formula cannot be parsed.") from cause
    return tree


def _check(node: ast.expr) -> None:
    """Let nothing through but numbers, names, the operators and the functions."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return
    if isinstance(node, ast.Name):
        return
    for inner in _parts(node):
        _check(inner)


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return [node.operand]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        count = len(node.args)
        if node.func.id in _FUNCTIONS and (count == 1 or (count > 1 and node.func.id in _MANY)):
            return node.args
    raise FormulaError("The formula has something that is no part of one.")


def _names(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    return [] if isinstance(node, ast.Constant) else [name for part in _parts(node) for name in _names(part)]


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(str(node.value))
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise FormulaError(f"The formula names '{node.id}', which is no grader.")
        return values[node.id]
    parts = [_value(part, values) for part in _parts(node)]
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](*parts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _FUNCTIONS[node.func.id](*parts) if len(parts) > 1 or node.func.id not in _MANY else parts[0]
    return -parts[0] if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else parts[0]
