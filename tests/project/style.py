"""Style figures of the code: sizes, names and docstrings. `make style` prints them."""

import ast
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("segmentation", "report")
FULL_FOLDERS = ("segmentation", "report", "templates", "tests", "data", "docs")  # where folders are counted
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class StyleFigures:
    """What `make style` prints."""

    files: int
    lines: int
    fullest_folder: tuple[str, int]
    one_word_share: float
    """Share of the functions whose name is one word; dunder methods are left out."""
    repeated_names: tuple[str, ...]
    """Public functions and classes that two modules define."""
    docstring_words: float
    """Median words of a docstring's first line."""
    long_docstrings: float
    """Share of first lines with more than nine words."""
    module_lines: float
    function_lines: float
    readme_words: int


def measure_style(root: Path = ROOT) -> StyleFigures:
    """Measure the code of both packages, and the README."""
    files = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    owners: dict[str, set[Path]] = defaultdict(set)
    names, firsts, functions, modules = [], [], [], []
    for path in files:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        modules.append(len(text.splitlines()))
        for node in tree.body:
            if isinstance(node, FUNCTIONS | ast.ClassDef) and not node.name.startswith("_"):
                owners[node.name].add(path)
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                functions.append((node.end_lineno or node.lineno) - node.lineno + 1)
                if not node.name.startswith("__"):
                    names.append(node.name.strip("_"))
            if isinstance(node, FUNCTIONS | ast.ClassDef | ast.Module) and (doc := ast.get_docstring(node)):
                firsts.append(len(doc.splitlines()[0].split()))
    folder, most = max(count_files(root).items(), key=lambda item: item[1])
    return StyleFigures(
        files=len(files),
        lines=sum(modules),
        fullest_folder=(folder, most),
        one_word_share=sum("_" not in name for name in names) / len(names),
        repeated_names=tuple(sorted(name for name, where in owners.items() if len(where) > 1)),
        docstring_words=statistics.median(firsts),
        long_docstrings=sum(words > 9 for words in firsts) / len(firsts),
        module_lines=statistics.median(size for size in modules if size > 1),
        function_lines=statistics.median(functions),
        readme_words=len((root / "README.md").read_text(encoding="utf-8").split()),
    )


def count_files(root: Path = ROOT) -> Counter[str]:
    """Count the files of each folder, `__init__.py` and what tools make left out."""
    skipped = {"node_modules", "__pycache__", "_site"}
    return Counter(
        str(path.parent.relative_to(root))
        for name in FULL_FOLDERS
        for path in (root / name).rglob("*")
        if path.is_file() and path.name != "__init__.py" and not skipped & set(path.parts) and path.name[0] != "."
    )


def print_style() -> None:
    """Print each figure on a line."""
    found = measure_style()
    rows = {
        "files, lines": f"{found.files}, {found.lines:,}",
        "fullest folder": f"{found.fullest_folder[0]}, {found.fullest_folder[1]} files",
        "one-word function names": f"{found.one_word_share:.0%}",
        "public names twice": ", ".join(found.repeated_names) or "none",
        "first line of a docstring": f"{found.docstring_words:g} words (median); {found.long_docstrings:.0%} above nine",
        "module, function": f"{found.module_lines:g} and {found.function_lines:g} lines (median)",
        "README": f"{found.readme_words:,} words",
    }
    for label, value in rows.items():
        print(f"{label:28}{value}")


if __name__ == "__main__":
    print_style()
