"""The house's rules, read off the syntax trees: the analysis is pure, and documents never compute."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

PURE = sorted((ROOT / "segmentation").glob("**/*.py"))
DOCUMENTS = sorted((ROOT / "report").glob("*.qmd"))

SHELL = {"report", "altair", "rich", "typer", "jinja2", "weasyprint", "vl_convert"}
DISK = {"io", "os", "pathlib", "shutil", "sys", "tempfile", "subprocess", "socket", "urllib", "logging", "importlib"}
CHANCE = {"random", "secrets", "uuid"}
BUILTINS = {"open", "print", "input", "exec", "eval", "breakpoint", "__import__"}
FILES = re.compile(
    r"open|(read|write)_(text|bytes)|(read|scan|sink)_(csv|parquet|excel|json|table|pickle|feather|ipc)"
    r"|to_(parquet|excel|pickle|feather|hdf|sql)|write_(csv|parquet)|savez?|savetxt|loadtxt|genfromtxt|tofile|fromfile"
)
NUMBER_CRUNCHERS = {"numpy", "pandas", "narwhals", "sklearn", "scipy", "kneed", "pyarrow"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Give the full name of every module that is imported anywhere in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module if node.module and not node.level else "." * node.level + (node.module or "")


def impurities(source: str) -> list[str]:
    """List what an analysis may not do: reach for the shell, the disk, the screen, the clock or unseeded chance."""
    tree = ast.parse(source)
    found = [
        f"imports {module}"
        for module in imported(tree)
        if module.split(".")[0] in SHELL | DISK | CHANCE or module.startswith("..")
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in BUILTINS or FILES.fullmatch(last):
            found.append(f"calls {name}")
        elif last in ("to_csv", "to_json") and (node.args or {word.arg for word in node.keywords} & {"path_or_buf"}):
            found.append(f"writes by {name}")  # without a path they give a text
        elif last in ("now", "today", "utcnow") or name in ("time.time", "time.time_ns", "time"):
            found.append(f"asks the clock by {name}")
        elif (last == "default_rng" and not node.args) or name.startswith(("np.random.rand", "np.random.seed")):
            found.append(f"draws without a seed by {name}")
    return found


def cells(document: str) -> tuple[list[str], list[str]]:
    """Give a document's code cells and its inline expressions."""
    blocks = re.findall(r"^```\{python\}\n(.*?)^```$", document, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL)
    return blocks, re.findall(r"`\{python\}\s*([^`]*)`", prose)


def computations(cell: str) -> list[str]:
    """List what a cell does beside laying out: it may set parameters, import, and call one function."""
    body = ast.parse(cell).body
    if re.search(r"^#\|\s*tags:.*\bparameters\b", cell, flags=re.MULTILINE):
        return [ast.unparse(s) for s in body if not (isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant))]
    rest = [statement for statement in body if not isinstance(statement, ast.Import | ast.ImportFrom)]
    found = [f"{len(rest)} statements"] if len(rest) > 1 else []
    for statement in rest:
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if not isinstance(value, ast.Call):
            found.append(f"no single call: {ast.unparse(statement)}")
            continue
        for part in ast.walk(value):
            plain = isinstance(part, ast.Attribute | ast.Name | ast.Constant | ast.keyword | ast.expr_context)
            if part is not value and not plain:
                found.append(f"{type(part).__name__}: {ast.unparse(part)}")
    return found


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_the_analysis_is_pure(path: Path) -> None:
    """It knows no chart, opens no file, prints nothing; the month, the seed and the clock come in as arguments."""
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import altair as alt", "imports altair"),
        ("def f():\n    from report.charts import theme", "imports report.charts"),
        ("from report import words", "imports report"),
        ("from ..report import words", "imports ..report"),
        ("import rich.table", "imports rich.table"),
        ("import typer", "imports typer"),
        ("from pathlib import Path", "imports pathlib"),
        ("import importlib", "imports importlib"),
        ("open('x')", "calls open"),
        ("path.open()", "calls path.open"),
        ("p.write_text('x')", "calls p.write_text"),
        ("pd.read_csv('x')", "calls pd.read_csv"),
        ("frame.to_parquet('x')", "calls frame.to_parquet"),
        ("frame.to_csv('x')", "writes by frame.to_csv"),
        ("frame.to_csv(path_or_buf='x')", "writes by frame.to_csv"),
        ("np.save('x', y)", "calls np.save"),
        ("print(1)", "calls print"),
        ("datetime.now(tz=UTC)", "asks the clock by datetime.now"),
        ("np.random.default_rng()", "draws without a seed by np.random.default_rng"),
        ("np.random.rand(3)", "draws without a seed by np.random.rand"),
    ],
)
def test_an_impure_line_would_be_seen(source: str, found: str) -> None:
    """A rule that nothing breaks has to be shown to be one."""
    assert impurities(source) == [found]


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nfrom segmentation.schema import check",
        "text = frame.to_csv(index=False)",
        "np.random.default_rng(seed)",
        "reported = opened(printed)",
        "'print(1); open(2)'",
    ],
)
def test_a_pure_line_is_let_be(source: str) -> None:
    """Nor may the rule see what isn't there: names that only begin alike, text, a seeded generator."""
    assert impurities(source) == []


def test_facts_need_no_number_cruncher() -> None:
    """A document that only lays facts out starts fast: what facts import, and what that imports, is small."""
    seen, waiting = set(), ["segmentation.facts"]
    while waiting:
        module = waiting.pop()
        seen.add(module)
        if module.startswith("segmentation."):
            place = ROOT / module.replace(".", "/")
            path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            waiting += set(imported(ast.parse(path.read_text(encoding="utf-8")))) - seen

    assert "pydantic" in seen
    assert {module.split(".")[0] for module in seen} & NUMBER_CRUNCHERS == set()


def test_there_are_modules_and_documents_to_read() -> None:
    """Found by their names, so that none is forgotten; but then they must be found."""
    assert {"pipeline", "clean", "results", "scores"} <= {path.stem for path in PURE}
    assert {"report", "executive"} <= {path.stem for path in DOCUMENTS}
    for document in DOCUMENTS:
        blocks, inline = cells(document.read_text(encoding="utf-8"))
        assert len(blocks) >= 5
        assert len(inline) >= 3


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_never_compute(path: Path) -> None:
    """A cell calls one function and lays out what it gives, and a number in prose is inline code."""
    blocks, inline = cells(path.read_text(encoding="utf-8"))

    assert {code: computations(code) for code in blocks + inline if computations(code)} == {}


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("page.show(100 * share)", ["BinOp: 100 * share", "Mult: "]),
        ("page.show([x for x in facts])", ["ListComp"]),
        ("page.show(facts.users > 3)", ["Compare"]),
        ("page.show(round(share))", ["Call: round(share)"]),
        ("page.show(facts.segments[0])", ["Subscript"]),
        ("page.show(lambda: 1)", ["Lambda"]),
        ("page.show(f'{share:.0%}')", ["JoinedStr"]),
        ("page.show(a if b else c)", ["IfExp"]),
        ("a = f()\ng(a)", ["2 statements"]),
        ("share", ["no single call: share"]),
        ("total = 1 + 2", ["no single call: total = 1 + 2"]),
        ("for x in facts:\n    f(x)", ["no single call"]),
        ("import math\nmath.sqrt(x) + 1", ["no single call"]),
        ("#| tags: [parameters]\nfacts = make()", ["facts = make()"]),
    ],
)
def test_a_computing_cell_would_be_seen(cell: str, found: list[str]) -> None:
    """A rule that nothing breaks has to be shown to be one."""
    told = computations(cell)

    assert all(any(line.startswith(expected) for line in told) for expected in found)
    assert told


@pytest.mark.parametrize(
    "cell",
    [
        "page.show(segments.plot_sizes)",
        "page.say(words.headline, short=True)",
        "#| label: fig-elbow\nchart = choice.plot_elbow(facts)",
        "from report import words\n\npage = open_document(facts, 'screen')",
        '#| tags: [parameters]\nfacts = ""  # empty for the newest',
        "page.scripts()",
    ],
)
def test_a_cell_that_lays_out_is_let_be(cell: str) -> None:
    """One call of one function, with names, attributes and constants."""
    assert computations(cell) == []


def test_cells_and_inline_code_are_told_apart() -> None:
    """A fence of another language is no cell, and code in prose is read though it stands in a line."""
    text = (
        "Of `{python} f(x)` and `{python} g(y)`.\n\n```{python}\n#| a: b\nh(z)\n```\n\n```bash\nls `{python} no`\n```\n"
    )

    assert cells(text) == (["#| a: b\nh(z)\n"], ["f(x)", "g(y)"])
