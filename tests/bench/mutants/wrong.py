"""Wrong values, and functions that return them."""

import contextlib
import copy
import dataclasses
import enum
import functools
import pickle
import types
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pydantic

PRODUCT = ("report", "segmentation")
TEXT = "nonsense"


def _wrong_number(value: Any, *, empty: bool) -> Any:
    if empty or not abs(value) < 1e100:
        return type(value)(0)
    return type(value)(-1 - value * abs(value))


def _wrong_array(value: Any, *, empty: bool) -> Any:
    if empty and value.ndim:
        return value[:0]
    if value.dtype.kind in "if":
        return -1 - value * np.abs(value)
    return np.array([make_wrong(one, empty=empty) for one in value.ravel()], value.dtype).reshape(value.shape)


def _wrong_member(value: enum.Enum, **_: bool) -> enum.Enum:
    members = list(type(value))
    return members[(members.index(value) + 1) % len(members)]


def _wrong_mapping(value: dict[Any, Any], *, empty: bool) -> dict[Any, Any]:
    return {} if empty else {key: make_wrong(one, empty=False) for key, one in value.items()} or {TEXT: TEXT}


def _wrong_items(value: Any, *, empty: bool) -> Any:
    items = [make_wrong(one, empty=empty) for one in value]
    if hasattr(value, "_fields"):
        return type(value)(*items)
    return type(value)(() if empty else items or [TEXT])


def _wrong_table(value: Any, *, empty: bool) -> Any:
    return value.head(0) if empty else value.map(lambda one: make_wrong(one, empty=False))


def _wrong_function(value: Callable[..., Any], *, empty: bool) -> Callable[..., Any]:
    return functools.wraps(value)(lambda *given, **how: make_wrong(value(*given, **how), empty=empty))


def _wrong_model(value: pydantic.BaseModel, *, empty: bool) -> pydantic.BaseModel:
    return value.model_copy(update={name: make_wrong(one, empty=empty) for name, one in dict(value).items()})


def _wrong_object(value: Any, *, empty: bool) -> Any:
    if not dataclasses.is_dataclass(value):
        return value if type(value).__module__.partition(".")[0] in PRODUCT else type(value)()
    wrong = copy.copy(value)
    for field in dataclasses.fields(value):
        object.__setattr__(wrong, field.name, make_wrong(getattr(value, field.name), empty=empty))
    return wrong


RULES: tuple[tuple[Any, Callable[..., Any]], ...] = (  # the first that fits
    (bool | np.bool_, lambda value, *, empty: type(value)(not empty and not value)),
    (enum.Enum, _wrong_member),
    (int | float | np.number, _wrong_number),
    (str, lambda _, *, empty: "" if empty else TEXT),
    (bytes, lambda _, *, empty: b"" if empty else TEXT.encode()),
    (Path, lambda value, **_: value.with_name(TEXT)),
    (date, lambda value, **_: value + timedelta(days=400)),
    (pd.DataFrame | pd.Series, _wrong_table),
    (nw.DataFrame, lambda value, *, empty: nw.from_native(_wrong_table(value.to_native(), empty=empty))),
    (np.ndarray, _wrong_array),
    (dict, _wrong_mapping),
    (list | tuple | set | frozenset, _wrong_items),
    (pydantic.BaseModel, _wrong_model),
    (BaseException, lambda value, *, empty: type(value)(*_wrong_items(value.args, empty=empty))),
    (types.FunctionType | types.MethodType | functools.partial, _wrong_function),
    (object, _wrong_object),
)


def make_wrong(value: Any, *, empty: bool) -> Any:
    """Give a value of the same type: its content replaced, or taken away; what can't be changed stays."""
    if value is None or isinstance(value, type):
        return value
    try:
        return next(rule for kinds, rule in RULES if isinstance(value, kinds))(value, empty=empty)
    except Exception:  # noqa: BLE001 - of whatever type; then no test is judged by it
        return value


def _same(value: Any, other: Any) -> bool:
    try:
        return pickle.dumps(value) == pickle.dumps(other)
    except Exception:  # noqa: BLE001 - whatever can't be pickled
        return value is other


def _pick(value: Any, kind: str, noted: set[str]) -> Any:
    if kind == "right":
        noted.add("none" if value is None else "value")
        return value
    wrong = 1 if value is None and kind == "other" else make_wrong(value, empty=kind == "empty")
    noted.add("same" if _same(value, wrong) else "changed")
    return wrong


@contextlib.contextmanager
def _around(right: Any, kind: str, noted: set[str]) -> Iterator[Any]:
    noted.add("managed")
    with right as value:
        yield _pick(value, kind, noted)


def wrap(function: Callable[..., Any], kind: str, noted: set[str]) -> Callable[..., Any]:
    """Give a function that returns nonsense of a kind, or the right values, and notes what happens."""

    @functools.wraps(function)
    def returning(*given: Any, **how: Any) -> Any:
        if kind in ("none", "nothing"):
            noted.add("changed")
            return contextlib.nullcontext() if kind == "nothing" else None
        try:
            right = function(*given, **how)
            if isinstance(right, types.GeneratorType) and kind != "right":
                return iter(_pick(list(right), kind, noted))
        except (Exception, SystemExit):
            noted.add("raised")
            if kind == "right":
                raise
            noted.add("changed")
            return None
        is_context = isinstance(right, contextlib.AbstractContextManager) and hasattr(right, "gen")
        return _around(right, kind, noted) if is_context else _pick(right, kind, noted)

    for name in {"cache_clear", "cache_info"} & set(dir(function)):
        setattr(returning, name, getattr(function, name))
    return returning
