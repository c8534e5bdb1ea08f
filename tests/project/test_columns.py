"""No code knows a column by its name: `data/columns.toml` declares them."""

import ast
import re
from pathlib import Path

import pytest

from segmentation.schema import USER_ID
from tests.support import ROOT
from tests.support.music import COLUMNS

NAMES = {column.name for column in COLUMNS} - {USER_ID}
TELLING = {name for name in NAMES if "_" in name}  # "age" and "gender" are words as well
HINTS = "report/proposal"  # words by which a stranger's columns are guessed
CODE = sorted(
    path
    for folder in ("segmentation", "report")
    for path in (ROOT / folder).rglob("*.py")
    if not path.is_relative_to(ROOT / HINTS)
)
SHIPPED = ("playbook.toml",)  # of the music service, as the columns file is


def list_strings(path: Path) -> list[str]:
    """List the texts in a module's syntax tree that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_names_a_column(path: Path) -> None:
    assert NAMES & set(list_strings(path)) == set()
    assert not [name for name in TELLING if name in path.read_text(encoding="utf-8")]


def test_no_template_names_a_column() -> None:
    documents = [*(ROOT / "templates").rglob("*"), *(ROOT / "report").glob("*.qmd")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in documents if path.is_file()}

    assert [
        (file, name)
        for file, text in texts.items()
        for name in sorted(NAMES)
        if file not in SHIPPED and re.search(rf"\b{name}\b", text) and (name in TELLING or f"'{name}'" in text)
    ] == []
