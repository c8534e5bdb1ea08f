"""`make doctor`: list what this machine lacks.

It runs before set-up, so it imports the standard library alone. It runs under Python 3.6, too, which it then calls too old: types
that such a Python can't evaluate stand in quotes.
"""

import ctypes.util
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent  # before Python 3.9 the path of a script is relative
REQUIRED_BYTES = 2_000_000_000  # for the environment and some months
NEEDED, FOR_TESTS, OPTIONAL = "needed", "for tests", "if wished"
_APT = "Debian, Ubuntu: apt-get install"


def collect_findings() -> "list[tuple[str, str, bool, str]]":
    """Check everything that the README and the tests need.

    Of each: its purpose, its name, whether it is there, and what to do if it isn't.
    """
    needed = [
        ("Python 3.11 or later", sys.version_info >= (3, 11), "Install it, or name one: make PYTHON=python3.12"),
        ("venv and pip", all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")), f"{_APT} python3-venv"),
        (
            "Pango, which sets the PDF",
            _find_libraries("pango-1.0", "pangoft2-1.0"),
            f"{_APT} libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; macOS: brew install pango",
        ),
        ("room on the disk: 2 GB", shutil.disk_usage(_ROOT).free > REQUIRED_BYTES, "Make room"),
        (
            f"leave to write in {_ROOT.name}/",
            os.access(_ROOT, os.W_OK),
            "Give permission, or clone it where you may write",
        ),
    ]
    optional = [
        ("the environment, .venv/", (_ROOT / ".venv" / ".installed").exists(), "make report sets it up by itself"),
        (
            "HarfBuzz's subsetter, for the PDF's fonts",
            _find_libraries("harfbuzz-subset"),
            f"Nothing, or: {_APT} libharfbuzz-subset0; fontTools cuts the fonts without it",
        ),
        _find_fonts(),
        (
            "Quarto",
            bool(shutil.which("quarto") or (_ROOT / ".venv" / "bin" / "quarto").exists()),
            "Nothing: the embedded engine makes the same pages",
        ),
        (
            "a mail server, for make send",
            bool(os.environ.get("SMTP_HOST") or (_ROOT / ".env").exists()),
            'docs/operations.md, "The briefs, by mail"',
        ),
    ]
    for_tests = [
        ("libatomic, which drives Chromium", _find_libraries("atomic"), f"{_APT} libatomic1"),
        ("chromium, which opens the pages", bool(shutil.which("chromium")), f"{_APT} chromium"),
        ("npm, which installs the web's own checkers", bool(shutil.which("npm")), f"{_APT} npm"),
        ("java, which runs the W3C's", bool(shutil.which("java")), f"{_APT} default-jre-headless"),
        ("pdftoppm, which draws the PDF", bool(shutil.which("pdftoppm")), f"{_APT} poppler-utils"),
        ("unshare, which gives full disks to tests", bool(shutil.which("unshare")), f"{_APT} util-linux"),
    ]
    purposes = ((NEEDED, needed), (OPTIONAL, optional), (FOR_TESTS, for_tests))
    return [(purpose, *finding) for purpose, findings in purposes for finding in findings]


def _find_fonts() -> "tuple[str, bool, str]":
    """Check that common scripts have a font."""
    missing = _load_beside("style/coverage.py").find_missing_samples()
    scripts = ", ".join(one.script for one in missing)
    packages = " ".join(dict.fromkeys(one.package for one in missing))
    return (
        "fonts for names in other scripts",
        not missing,
        f"Nothing where names, offers and the brand need none of {scripts}; else {_APT} {packages}",
    )


def _load_beside(name: str) -> Any:
    """Load a module by its path, as this file is run by its own."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, Path(__file__).parent / name)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _find_libraries(*names: str) -> bool:
    return all(ctypes.util.find_library(name) for name in names)


def print_findings() -> int:
    """Print the findings; return 1 if something is missing."""
    findings = collect_findings()
    for purpose, thing, there, remedy in findings:
        print(f"  {purpose:<10} {thing:<42} {'there' if there else f'missing. {remedy}.'}")
    lacking = [thing for purpose, thing, there, _ in findings if purpose == NEEDED and not there]
    print(
        f"make doctor: {', '.join(lacking)}: needed, and not there."
        if lacking
        else "All that `make report` needs is there."
    )
    return int(bool(lacking))


if __name__ == "__main__":
    sys.exit(print_findings())
