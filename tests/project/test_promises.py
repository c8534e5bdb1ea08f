"""What the documents promise stands in promises.toml beside the tests that hold it."""

import ast
import re
import tomllib

import pytest

from tests.support import ROOT

PROMISES = tomllib.loads((ROOT / "tests" / "promises.toml").read_text(encoding="utf-8"))
# A sentence with one of these says what the product does whatever happens
PROMISING = re.compile(
    r"\b(never|nobody|nothing|only|alone|once|same|refuse[sd]?|stays?|fails|held|keeps|exit code|at most)\b",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Give a document's sentences, each on one line; those of code and headings are none."""
    text = re.sub(r"^(```.*?^```|#.*?)$", "", text, flags=re.MULTILINE | re.DOTALL)
    parts = re.split(r"\n\s*\n|\n(?=[|-] ?|\d+\. )", text)
    cells = [cell for part in parts for cell in (part.split("|") if part.startswith("|") else [part])]
    return [one for cell in cells for one in re.split(r"(?<=[.:]) (?=[A-Z`*])", " ".join(cell.split()))]


@pytest.mark.parametrize("name", PROMISES)
def test_every_promise_is_in_the_table(name: str) -> None:
    """And what is in the table stands in the document, word for word."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = [one for one in sentences(text) if PROMISING.search(one) and len(one.split()) > 2]
    keys = PROMISES[name]

    assert [key for key in keys if key not in " ".join(text.split())] == []
    assert bool(found) == bool(keys)
    assert [one for one in found if not any(key in one for key in keys)] == []


def test_every_document_is_read() -> None:
    documents = {
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
    }

    assert set(PROMISES) == documents


def test_every_test_that_holds_a_promise_is_there() -> None:
    """As pytest collects it: a function of a file of tests that begins with test_."""
    there = {
        f"{path.parent.relative_to(ROOT / 'tests')}/{path.stem.removeprefix('test_')}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    named = {test for held in PROMISES.values() for tests in held.values() if isinstance(tests, list) for test in tests}

    assert len(named) > 50
    assert sorted(named - there) == []
