"""`make doctor`: list what this machine lacks.

It runs before set-up, so it imports the standard library alone.
"""

import ctypes.util
import importlib.util
import os
import shutil
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
REQUIRED_BYTES = 2_000_000_000  # for the environment and some months
NEEDED, FOR_TESTS, OPTIONAL = "needed", "for tests", "if wished"
Finding = tuple[str, str, bool, str]  # its purpose, its name, whether it is there, what to do if it isn't


def collect_findings() -> list[Finding]:
    """Check everything that the README and the tests need."""
    return [
        (
            NEEDED,
            "Python 3.11 or later",
            sys.version_info >= (3, 11),
            "Install it, or name one: make PYTHON=python3.12",
        ),
        (
            NEEDED,
            "venv and pip",
            all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
            "Debian, Ubuntu: apt-get install python3-venv",
        ),
        (
            NEEDED,
            "Pango, which sets the PDF",
            all(ctypes.util.find_library(name) for name in ("pango-1.0", "pangoft2-1.0")),
            "Debian, Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; macOS: brew install pango",
        ),
        (NEEDED, "room on the disk: 2 GB", shutil.disk_usage(_ROOT).free > REQUIRED_BYTES, "Make room"),
        (
            NEEDED,
            f"leave to write in {_ROOT.name}/",
            os.access(_ROOT, os.W_OK),
            "Give permission, or clone it where you may write",
        ),
        (
            OPTIONAL,
            "the environment, .venv/",
            (_ROOT / ".venv" / ".installed").exists(),
            "make report sets it up by itself",
        ),
        (
            OPTIONAL,
            "HarfBuzz's subsetter, for the PDF's fonts",
            bool(ctypes.util.find_library("harfbuzz-subset")),
            "Nothing, or: Debian, Ubuntu: apt-get install libharfbuzz-subset0; fontTools cuts the fonts without it",
        ),
        (
            OPTIONAL,
            "Quarto",
            bool(shutil.which("quarto") or (_ROOT / ".venv" / "bin" / "quarto").exists()),
            "Nothing: the embedded engine makes the same pages",
        ),
        (
            OPTIONAL,
            "a mail server, for make send",
            bool(os.environ.get("SMTP_HOST") or (_ROOT / ".env").exists()),
            'docs/operations.md, "The briefs, by mail"',
        ),
        (
            FOR_TESTS,
            "libatomic, which drives Chromium",
            bool(ctypes.util.find_library("atomic")),
            "Debian, Ubuntu: apt-get install libatomic1",
        ),
        *(
            (FOR_TESTS, f"{name}, {why}", bool(shutil.which(name)), f"Debian, Ubuntu: apt-get install {package}")
            for name, why, package in (
                ("chromium", "which opens the pages", "chromium"),
                ("npm", "which installs the web's own checkers", "npm"),
                ("java", "which runs the W3C's", "default-jre-headless"),
                ("pdftoppm", "which draws the PDF", "poppler-utils"),
                ("unshare", "which gives full disks to tests", "util-linux"),
            )
        ),
    ]


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
