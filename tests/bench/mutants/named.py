"""Which functions of the product a test names, and how each is replaced."""

import ast
import enum
import functools
import importlib
import inspect
import sys
import textwrap
import types
from typing import Any

from tests.bench.mutants.wrong import PRODUCT, wrap

METHODS = types.FunctionType | classmethod | staticmethod | property | functools.cached_property
Targets = dict[str, tuple[Any, str, bool]]  # by name: a module or class, the attribute, whether its value is used


def named_by(test: Any) -> tuple[Targets, bool]:
    """Give what a test names, and whether it does so itself: else its fixtures and helpers do, which it uses directly."""
    function = getattr(getattr(test.function, "hypothesis", None), "inner_test", test.function)
    things = _things_in(function)
    if hasattr(test, "callspec"):
        things += [(one, True, set()) for one in test.callspec.params.values()]
    if found := _targets(things):
        return found, True
    known = test._fixtureinfo.name2fixturedefs
    helpers = [known[name][-1].func for name in inspect.signature(function).parameters if name in known]
    helpers += [thing for thing, _, _ in things if inspect.isfunction(thing) or inspect.isclass(thing)]
    things = [
        (thing, True, words)
        for helper in helpers
        if str(helper.__module__).startswith("tests.")
        for thing, _, words in _things_in(helper)
    ]
    return _targets(things), False


def _things_in(function: Any) -> list[tuple[Any, bool, set[str]]]:
    """Give what a function's body or a class names, whether its value is used, and the attributes that are read."""
    function = inspect.unwrap(function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    nodes = [node for part in tree.body for node in ast.walk(part)]  # type: ignore[attr-defined]
    scope = dict(vars(sys.modules[function.__module__]))
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            scope |= {one.asname or one.name: getattr(module, one.name, None) for one in node.names}
        elif isinstance(node, ast.arg):
            scope.pop(node.arg, None)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            scope.pop(node.id, None)
    if inspect.isfunction(function):
        for name in inspect.signature(function).parameters:
            scope.pop(name, None)

    def find(node: ast.AST) -> Any:
        if isinstance(node, ast.Attribute):
            owner = find(node.value)
            return getattr(owner, node.attr, None) if inspect.ismodule(owner) else None
        return scope.get(node.id) if isinstance(node, ast.Name) else None

    words = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    dropped = {id(node.value.func) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)}
    return [(thing, id(node) not in dropped, words) for node in nodes if (thing := find(node)) is not None]


def _targets(things: list[tuple[Any, bool, set[str]]]) -> Targets:
    """Give the product's functions among these, and of its classes what is read of them."""
    found: Targets = {}

    def add(owner: Any, attribute: str, *, is_used: bool) -> None:
        name = f"{getattr(owner, '__module__', '')}.{owner.__name__}.{attribute}".lstrip(".")
        found[name] = owner, attribute, is_used or (name in found and found[name][2])

    for thing, is_used, words in things:
        module = getattr(thing, "__module__", None)
        if str(module).partition(".")[0] not in PRODUCT or not callable(thing):
            continue
        if not inspect.isclass(thing):
            name = getattr(thing, "__qualname__", "")
            if getattr(sys.modules[module], name, None) is thing:
                add(sys.modules[module], name, is_used=is_used)
        elif not issubclass(thing, enum.Enum):
            for name in sorted({*words, "__post_init__"} & set(vars(thing))):
                if isinstance(vars(thing)[name], METHODS):
                    add(thing, name, is_used=True)
    return found


def list_kinds(function: Any, noted: set[str], *, is_used: bool) -> list[str]:
    """List the nonsense to put in place of a function, by what a first run noted of it."""
    function = getattr(function, "fget", None) or getattr(function, "func", None) or function
    may_return = getattr(function, "__annotations__", {}).get("return") is not None
    if not noted or (getattr(function, "__name__", "") == "__post_init__" and "raised" not in noted):
        return []
    if noted == {"none"} and is_used and may_return:
        return ["other"]
    none = "nothing" if "managed" in noted else "none"
    return [none, "empty", "other"] if "value" in noted and is_used else [none]


def replace(owner: Any, name: str, kind: str, noted: set[str]) -> None:
    """Replace a function of a module wherever it was imported, or a method of a class."""
    right = vars(owner)[name]
    if isinstance(owner, types.ModuleType):
        wrong = wrap(right, kind, noted)
        for module, things in [(one, vars(there)) for one, there in sys.modules.items()]:
            if module.partition(".")[0] in (*PRODUCT, "tests", "data"):
                for other in [other for other, thing in things.items() if thing is right]:
                    things[other] = wrong
    elif isinstance(right, property):
        setattr(owner, name, property(wrap(right.fget, kind, noted)))  # type: ignore[arg-type]
    elif isinstance(right, classmethod | staticmethod):
        setattr(owner, name, type(right)(wrap(right.__func__, kind, noted)))
    elif isinstance(right, functools.cached_property):
        new = functools.cached_property(wrap(right.func, kind, noted))
        new.__set_name__(owner, name)
        setattr(owner, name, new)
    else:
        setattr(owner, name, wrap(right, kind, noted))
