"""What the documents say can be done: commands that run, files that are there, examples that come out as they say."""

import ctypes.util
import doctest
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from report import doctor
from tests.support import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/method.md", "data/README.md", "CHANGELOG.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
COMMANDS = sorted(
    {
        line.split("#")[0].strip()
        for text in TEXTS.values()
        for block in re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith("make ")
    }
    | {found.strip() for text in TEXTS.values() for found in re.findall(r"`(make [a-z-]+(?: [A-Z]+=[^`\s]+)*)`", text)}
)
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("segmentation", "report")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
NEEDED = {  # what `make report` needs, and how a machine looks that lacks it
    "Python 3.11 or later": (sys, "version_info", (3, 10, 9)),
    "venv and pip": (importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name),
    "Pango, which sets the PDF": (ctypes.util, "find_library", lambda name: None if name == "pangoft2-1.0" else name),
    "room on the disk: 2 GB": (shutil, "disk_usage", lambda _: SimpleNamespace(free=1_999_999_999)),
    f"leave to write in {ROOT.name}/": (os, "access", lambda *_: False),
}


def test_there_are_commands_to_run() -> None:
    assert {"make report", "make test", "make send CONFIRM=yes", "make doctor"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_documents_can_be_run(command: str) -> None:
    """`make` knows the target and every variable; what it would do is shown, and nothing is done."""
    done = subprocess.run([*command.split(), "-n", "QUARTO=no"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r" ([A-Z]+)=", command):
        assert f"$${name}" in makefile or f"$${{{name}" in makefile or f"{name} :=" in makefile


def test_the_two_that_change_nothing_are_run() -> None:
    """The others are: `make report` in test_month_folder, `make send` in test_send, `make unattended` in test_unattended."""
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert re.findall(r"^  make ([a-z-]+) ", listed, flags=re.MULTILINE) == targets

    said = subprocess.run([sys.executable, "report/doctor.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    assert [line.split(maxsplit=1)[1] for line in said.stdout.splitlines() if line.startswith("  needed ")] == [
        f"{thing:<42} there" for thing in NEEDED
    ]
    assert said.stdout.endswith("All that `make report` needs is there.\n")


@pytest.mark.parametrize("lacking", NEEDED)
def test_doctor_fails_where_something_needed_is_missing(
    lacking: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, and the line says what to install or to do."""
    place, name, without = NEEDED[lacking]
    monkeypatch.setattr(place, name, without)

    assert doctor.print_findings() == 1
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("  needed ") and "missing. " in line]
    assert line.removeprefix("  needed     ").startswith(lacking)
    assert re.search(r"missing\. (Install|Debian|Make room|Give permission)", line)
    assert said.endswith(f"make doctor: {lacking}: needed, and not there.\n")


def test_doctor_names_what_is_missing() -> None:
    """On a machine with nothing on its path, what only tests want is missing, and said with what to install."""
    said = subprocess.run(
        [sys.executable, "report/doctor.py"],
        cwd=ROOT,
        env={"PATH": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = [line for line in said.stdout.splitlines() if "pdftoppm" in line]
    assert line.endswith("missing. Debian, Ubuntu: apt-get install poppler-utils.")


@pytest.mark.parametrize("name", PAGES)
def test_a_file_that_a_document_names_is_there(name: str) -> None:
    """Links, and paths in code; those under `_output/` and hidden ones are made, and `any/` and `my_` are examples."""
    links = [link.split("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", TEXTS[name])]
    paths = re.findall(r"`((?:report|segmentation|templates|tests|docs|data)/[\w./-]+)`", TEXTS[name])
    missing = [link for link in links if link and not (ROOT / name).parent.joinpath(link).exists()]
    missing += [path for path in paths if "my_" not in path and not (ROOT / path).exists()]

    assert missing == []


def test_every_room_of_the_analysis_with_a_source_is_in_the_method() -> None:
    """A statistic that nobody can look up is one that nobody can check."""
    sourced = [
        str(path.relative_to(ROOT / "segmentation"))
        for path in sorted((ROOT / "segmentation").rglob("*.py"))
        if ".. [1]" in path.read_text(encoding="utf-8")
    ]
    assert len(sourced) > 10
    assert [name for name in sourced if f"`{name}`" not in TEXTS["docs/method.md"]] == []


def test_an_example_in_a_docstring_comes_out_as_it_says() -> None:
    results = [
        doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
        for name in WITH_EXAMPLES
    ]

    assert sum(result.attempted for result in results) >= 4
    assert [name for name, result in zip(WITH_EXAMPLES, results, strict=True) if result.failed] == []
