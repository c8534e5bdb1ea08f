"""Small mistakes to make in the shell's code, documents, templates and settings, one at a time.

mutmut, which makes those of the core, mutates functions alone; cosmic-ray starts the tests anew for each mutant, for
hours; neither knows templates. What is made here is what goes wrong in a shell: two heads swapped, a call left out,
the first segment taken for each. Nothing is made of docstrings, annotations and decorators.
"""

import ast
import difflib
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

_OTHER = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_PAIRS = ("now last", "low high", "left right", "before after", "do avoid", "name id", "share users", "read kept")
TWIN = {a: b for pair in _PAIRS for a, b in (pair.split(), pair.split()[::-1])}
_SAME = {"strict", "frozen", "slots"}  # arguments that change nothing in a program that is right
_NUMBER = re.compile(r"(?<![\w.\"#-])\d[\d_]*(\.\d+)?(?![\w.\"])")
_VALUE = re.compile(r"\{\{.*?\}\}")
_TAG = re.compile(r"\{%.*?%\}")
Change = tuple[Any, str, Any]  # a node of the syntax tree, one of its fields, and what it holds instead


@dataclass(frozen=True, slots=True)
class Mistake:
    """One file with one mistake.

    Attributes
    ----------
    file : str
        Where it is, seen from the project.
    lines : tuple of int
        Its line, from 1, and that on which its statement begins.
    name : str
        The name that is bound there, where it is outside functions: who reads it sees the mistake. Else empty.
    text : str
        The whole file with it.
    shown : str
        The lines that differ.
    """

    file: str
    lines: tuple[int, int]
    name: str
    text: str
    shown: str


def sample_mistakes(root: Path, files: Sequence[str], *, most: int, seed: int) -> list[Mistake]:
    """Make so many of all mistakes that can be made in these files, chosen and ordered at random."""
    each = [file for file in files for _ in range(count_mistakes(root, file))]
    chance = random.Random(seed)
    chosen = Counter(chance.sample(each, min(most, len(each))))
    made = [one for file, number in chosen.items() for one in mistakes_in(root, file, most=number, seed=seed)]
    chance.shuffle(made)
    return made


def count_mistakes(root: Path, file: str) -> int:
    """Count the mistakes that can be made in a file."""
    text = (root / file).read_text(encoding="utf-8")
    return sum(1 for _ in (_in_code(ast.parse(text)) if file.endswith(".py") else _in_lines(file, text)))


def share_of_mistakes(root: Path, file: str, *, share: float, seed: int) -> list[Mistake]:
    """Make a share of the mistakes that can be made in a file."""
    return mistakes_in(root, file, most=math.ceil(share * count_mistakes(root, file)), seed=seed)


def mistakes_in(root: Path, file: str, *, most: int, seed: int) -> list[Mistake]:
    """Make so many of the mistakes that can be made in a file; more of them have those of fewer, too."""
    text = (root / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        tree = ast.parse(text)
        made = [(file, lines, name, change) for lines, name, change in _in_code(tree)]
    else:
        made = [(file, (line, line), "", new) for line, new in _in_lines(file, text)]
    random.Random(f"{seed} {file}").shuffle(made)
    some = made[:most]
    if not file.endswith(".py"):
        return [Mistake(file, lines, name, new, _difference(text, new)) for file, lines, name, new in some]
    before = ast.unparse(tree)
    texts = [_changed_code(tree, *change) for *_, change in some]
    return [
        Mistake(file, lines, name, after, _difference(before, after))
        for (file, lines, name, _), after in zip(some, texts, strict=True)
        if after != before
    ]


def _changed_code(tree: ast.AST, owner: ast.AST, field: str, value: object) -> str:
    """Write a file with one change."""
    old = getattr(owner, field)
    setattr(owner, field, value)
    text = ast.unparse(ast.fix_missing_locations(tree))
    setattr(owner, field, old)
    return text


def _in_code(
    node: Any, line: int = 1, name: str = "", *, inside: bool = False, ordered: bool = True
) -> Iterator[tuple[tuple[int, int], str, Change]]:
    """Make mistakes in Python: each with its lines and, outside functions, the name that is bound there."""
    here = getattr(node, "lineno", line)
    if isinstance(node, ast.stmt):
        line = here
        if not inside:
            target = getattr(node, "target", None) or getattr(node, "targets", [None])[0]
            name = ast.unparse(target) if target else getattr(node, "name", "")
    for change in _changes(node):
        if ordered or change[1] != "elts":
            yield (here, line), name, change
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        for place, statement in enumerate(block if isinstance(block, list) else ()):
            if _is_dropped(statement):
                lines = statement.lineno, statement.lineno
                yield lines, name, (node, field, [*block[:place], ast.Pass(), *block[place + 1 :]])
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        if not _is_left(node, child):
            within = inside or (function and child in node.body)
            yield from _in_code(
                child, line, "" if within else name, inside=within, ordered=not _is_set_of_choices(node, child)
            )


def _is_set_of_choices(node: Any, child: ast.AST) -> bool:
    """Tell whether a part of a node is looked through as a whole, in whatever order it stands."""
    match node:
        case ast.ExceptHandler(type=some):
            return child is some
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[some]):
            return child is some
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, some]):
            return child is some
    return False


def _is_left(node: Any, child: ast.AST) -> bool:
    """Tell whether a part of a node is left as it is: annotations, decorators, and what makes no difference."""
    typed = (getattr(node, "annotation", None), getattr(node, "returns", None), getattr(node, "format_spec", None))
    literal = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
    return (
        literal
        or _is_docstring(child)
        or child in typed
        or child in getattr(node, "decorator_list", ())
        or (isinstance(child, ast.keyword) and child.arg in _SAME)
    )


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: Any) -> Iterator[Change]:  # noqa: C901, PLR0912 - one case a kind of mistake
    """Give each mistake as a field of a node and what it holds instead."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield node, "test", ast.UnaryOp(ast.Not(), test)
            yield node, "test", ast.Constant(value=True)
            yield node, "test", ast.Constant(value=False)
        case ast.For(iter=some) | ast.comprehension(iter=some) if not ast.unparse(some).startswith("range("):
            yield (
                node,
                "iter",
                ast.parse(f"(lambda some: some[:1] * len(some))([*({ast.unparse(some)})])").body[0].value,
            )
            if getattr(node, "ifs", None):
                yield node, "ifs", []
        case ast.Compare(ops=[op]) if type(op) in _OTHER:
            yield node, "ops", [_OTHER[type(op)]()]
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _OTHER and not _joins_texts(node):
            yield node, "op", _OTHER[type(op)]()
        case ast.Constant(value=bool(value)):
            yield node, "value", not value
        case ast.Constant(value=int(value) | float(value)):
            yield node, "value", value + 1
        case ast.Constant(value=str(value)):
            yield node, "value", f"XX{value}"
        case ast.Call(args=arguments, keywords=keywords):
            yield from ((node, "args", swapped) for swapped in _swaps(arguments))
            for one, other in pairwise(keywords):
                if ast.dump(one.value) != ast.dump(other.value):
                    new = {one: ast.keyword(one.arg, other.value), other: ast.keyword(other.arg, one.value)}
                    yield node, "keywords", [new.get(keyword, keyword) for keyword in keywords]
        case ast.Tuple(elts=items) | ast.List(elts=items) if isinstance(node.ctx, ast.Load):
            yield from ((node, "elts", swapped) for swapped in _swaps(items))
        case ast.Dict(values=values):
            yield from ((node, "values", swapped) for swapped in _swaps(values))
        case ast.JoinedStr(values=values):
            for (a, one), (b, other) in pairwise(
                (n, part) for n, part in enumerate(values) if isinstance(part, ast.FormattedValue)
            ):
                yield (node, "values", [other if n == a else one if n == b else part for n, part in enumerate(values)])
        case ast.Attribute(attr=name) if name in TWIN:
            yield node, "attr", TWIN[name]


def _is_dropped(statement: ast.stmt) -> bool:
    """Tell whether a statement may be left out: a call for what it does, or one that makes of a value a better one."""
    match statement:
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign() | ast.Continue() | ast.Break():
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(value))
    return False


def _joins_texts(node: Any) -> bool:
    """Tell whether an operator stands beside a text: the other one would be refused at once."""
    sides = [getattr(node, side, None) for side in ("left", "right")]
    return any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str) for side in sides)


def _swaps(items: Sequence[ast.expr]) -> Iterator[list[ast.expr]]:
    """Swap each two neighbours that differ."""
    for place, (one, other) in enumerate(pairwise(items)):
        if ast.dump(one) != ast.dump(other) and not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred):
            yield [*items[:place], other, one, *items[place + 2 :]]


def _in_lines(file: str, text: str) -> Iterator[tuple[int, str]]:
    """Make mistakes in what is read line by line: documents, templates, settings. Not in how a page looks."""
    lines = text.splitlines(keepends=True)
    swap = _swapped_values if file.endswith(".toml") else _swapped_lines
    for place, line in enumerate(lines):
        if not _is_whole(line.strip()):
            continue
        after = lines[place + 1] if place + 1 < len(lines) else ""
        changed = [[], *([new] for new in _changed(line, settings=file.endswith(".toml")))]
        made = [[*lines[:place], *new, *lines[place + 1 :]] for new in changed]
        if _is_whole(after.strip()):
            made += [[*lines[:place], *pair, *lines[place + 2 :]] for pair in swap(line, after)]
        yield from ((place + 1, "".join(new)) for new in made if new != lines)


def _swapped_lines(one: str, other: str) -> Iterator[tuple[str, str]]:
    yield other, one


def _swapped_values(one: str, other: str) -> Iterator[tuple[str, str]]:
    """Swap what two keys are set to."""
    (a, equal, x), (b, also, y) = one.partition(" = "), other.partition(" = ")
    if equal and also:
        yield f"{a} = {y}", f"{b} = {x}"


def _changed(line: str, *, settings: bool) -> Iterator[str]:
    """Give a line with one thing changed in it."""
    if settings:
        for found in _NUMBER.finditer(line.split(" #", maxsplit=1)[0]):
            new = f"{found[0]}0" if "." in found[0] else str(int(found[0]) + 1)
            yield f"{line[: found.start()]}{new.replace('.', '.1', 1)}{line[found.end() :]}"
        return
    shown = list(_VALUE.finditer(line))
    for one, other in pairwise(shown):
        if one[0] != other[0]:
            yield f"{line[: one.start()]}{other[0]}{line[one.end() : other.start()]}{one[0]}{line[other.end() :]}"
    for found in (*shown, *_TAG.finditer(line)):
        for word in re.finditer(rf"\b({'|'.join(TWIN)})\b", found[0]):
            at = found.start() + word.start()
            yield f"{line[:at]}{TWIN[word[0]]}{line[at + len(word[0]) :]}"
    for tag in re.finditer(r"\{% (el)?if (.*?) %\}", line):
        yield f"{line[: tag.start(2)]}not ({tag[2]}){line[tag.end(2) :]}"
    for tag in re.finditer(r"\{% for \w+ in (.*?) %\}", line):
        yield f"{line[: tag.start(1)]}(({tag[1]})[:1] * (({tag[1]}) | length)){line[tag.end(1) :]}"


def _is_whole(line: str) -> bool:
    """Tell whether a line says something, and closes all that it opens: without it, the rest can still be read."""
    if not line or line.startswith(("{#", "# ", "#}", "//", "--", "```", ":::")) or line.endswith((";", "; }", "} }")):
        return False
    opened, closed = re.findall(r"\{% (?:if|for|macro|call)\b", line), re.findall(r"\{% end", line)
    blocks, ends = re.findall(r"\b(?:function|then|do)\b", line), re.findall(r"\bend\b", line)
    tags = re.findall(r"<[a-z][^<>]*[^/<>]>|<[a-z]>", line)
    return (
        (len(opened), len(blocks) if "{" not in line else 0, len(tags))
        == (len(closed), len(ends) if "{" not in line else 0, line.count("</"))
        and not re.search(r"\{% (else|elif)", line)
        and all(line.count(a) == line.count(b) for a, b in ("()", "[]", "{}"))
    )


def _difference(before: str, after: str) -> str:
    """Give the lines that differ."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))
