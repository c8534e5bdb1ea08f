"""The layout and the style figures that README and CONTRIBUTING state."""

import ast
from collections.abc import Iterator
from itertools import product

import pytest

from tests.project.style import count_files, measure_style
from tests.support import ROOT

# From the ground up: a place imports from those before it, and from its own.
FLOORS = {
    "segmentation": "errors thresholds schema options frames disclosure facts preprocessing clustering tracking profiling population validation "
    "pipeline",
    "report": "errors storage transport columns settings readers proposal style text sources charts rendering operations pages history mail publish run "
    "cli __main__",
}


def find_imports(package: str, place: str) -> Iterator[tuple[str, str]]:
    """Yield each import of a place of a package: where it stands, and which other place of the package it names."""
    folder = ROOT / package / place
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith(f"{package}.") and (found := name.split(".")[1]) != place:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", found


@pytest.mark.parametrize("package", FLOORS)
def test_imports_run_one_way(package: str) -> None:
    """No place imports from one above it."""
    floors = FLOORS[package].split()
    upward = [
        (where, found)
        for floor, place in enumerate(floors)
        for where, found in find_imports(package, place)
        if found in floors[floor:]
    ]

    assert upward == []


@pytest.mark.parametrize("package", FLOORS)
def test_every_place_has_its_floor(package: str) -> None:
    """Files and folders of a package, but for one that stands alone: doctor runs under any Python."""
    there = {path.stem for path in (ROOT / package).glob("*.py")} | {
        path.name for path in (ROOT / package).iterdir() if list(path.glob("*.py"))
    }

    assert there - {"__init__", "doctor"} == set(FLOORS[package].split())


def test_no_folder_has_more_than_ten_files() -> None:
    crowded = {name: files for name, files in count_files().items() if files > 10}

    assert crowded == {}


def test_a_public_name_stands_once() -> None:
    """Functions and classes at the top of a module, without an underscore."""
    assert measure_style().repeated_names == ()


def test_the_style_figures_are_kept() -> None:
    found = measure_style()

    assert found.one_word_share <= 0.25
    assert found.docstring_words <= 9
    assert found.readme_words <= 900
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split()) <= 700


def test_tests_lie_in_the_folders_of_what_they_test() -> None:
    """A folder of tests below tests/segmentation or tests/report is one of that package."""
    stray = [
        folder.relative_to(ROOT / "tests")
        for package, folder in product(FLOORS, (ROOT / "tests").rglob("*"))
        if folder.is_dir()
        and folder.parent == ROOT / "tests" / package
        and folder.name != "__pycache__"
        and not (ROOT / package / folder.name).is_dir()
    ]

    assert stray == []
