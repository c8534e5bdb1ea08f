"""Columns worked out from others: "2026 - year_birth", as any engine can.

A few operations on numbers are all that a columns file needs. Narwhals expresses them for pandas, Arrow, DuckDB and Spark
alike, and nothing else can be written in them: no file, no query, no code.
"""

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw

_MAX_LENGTH = 500  # characters of an expression
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS = ("days_since", "years_since", "log", "sqrt", "abs", "round", "coalesce")
_DAYS_PER_YEAR = 365.25
_KNOWN = f"numbers, names of columns, + - * / ( ), comparisons, and {', '.join(_FUNCTIONS)}"


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression over columns."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]  # of the columns that it uses

    def express(self) -> nw.Expr:
        """Return the expression for Narwhals.

        A date is the days from it to the end of the month. A division by zero is missing.
        """
        return _express(self.tree)


def parse_expression(text: str) -> Expression:
    """Return a checked expression.

    Raises ValueError if it holds anything but numbers, columns, arithmetic, comparisons and the known functions.
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"expected at most {_MAX_LENGTH} characters, found {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} can't be worked out; expected {_KNOWN}") from None
    names: dict[str, None] = {}
    _check_node(tree, text, names)
    if not names:
        raise ValueError(f"{text!r} uses no column, so it would be the same for every user")
    return Expression(text, tree, tuple(names))


def _check_node(node: ast.expr, text: str, names: dict[str, None]) -> None:
    """Require known operations, and collect the columns' names."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return
        case ast.Name(id=name):
            names[name] = None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _check_node(left, text, names)
            _check_node(right, text, names)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check_node(operand, text, names)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            _check_node(left, text, names)
            _check_node(right, text, names)
        case ast.Call(func=ast.Name(id="days_since" | "years_since"), args=[ast.Name(id=name)], keywords=[]):
            names[name] = None
        case ast.Call(func=ast.Name(id="log" | "sqrt" | "abs" | "round"), args=[argument], keywords=[]):
            _check_node(argument, text, names)
        case ast.Call(func=ast.Name(id="coalesce"), args=[_, _, *_] as arguments, keywords=[]):
            for argument in arguments:
                _check_node(argument, text, names)
        case _:
            raise ValueError(f"{text!r}: expected {_KNOWN}")


def _express(node: ast.expr) -> nw.Expr:
    """Return one node's value as floats."""
    match node:
        case ast.Constant(value=value):
            return nw.lit(float(value))  # type: ignore[arg-type]  # a number, by `_check_node`
        case ast.Name(id=name):
            return nw.col(name).cast(nw.Float64)
        case ast.UnaryOp(op=op, operand=operand):
            signed = _express(operand)
            return signed * -1.0 if isinstance(op, ast.USub) else signed
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _express(left), _express(right)
            if isinstance(op, ast.Div):
                other = nw.when(other != 0.0).then(other)
            return _OPERATORS[type(op)](one, other)  # type: ignore[no-any-return]
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            holds = _COMPARISONS[type(op)](_express(left), _express(right))
            return nw.when(holds).then(nw.lit(1.0)).when(~holds).then(nw.lit(0.0))
        case ast.Call(func=ast.Name(id=function), args=arguments):
            values = [_express(argument) for argument in arguments]
            return _apply_function(function, values)
    raise AssertionError(ast.dump(node))  # refused by `_check_node`


def _apply_function(function: str, values: list[nw.Expr]) -> nw.Expr:
    """Apply a known function."""
    value = values[0]
    by_name: dict[str, Callable[[], nw.Expr]] = {
        "days_since": lambda: value,  # dates are days before the month's end already
        "years_since": lambda: value / _DAYS_PER_YEAR,
        "log": lambda: nw.when(value > 0.0).then(value).log(),
        "sqrt": lambda: nw.when(value >= 0.0).then(value).sqrt(),
        "abs": value.abs,
        "round": lambda: value.round(0),
        "coalesce": lambda: nw.coalesce(*values),
    }
    return by_name[function]()
