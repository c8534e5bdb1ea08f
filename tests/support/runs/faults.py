"""Runs of `make report` with something wrong, each a process of its own that a fault really ends.

Called by test_faults.py as a program: a month is made once in it, and each further run is a fork of it. The analysis and
the cells run in that process; what becomes of processes that lose their parent is tested apart. All runs but the first and
the last take what was analysed, drawn, converted and printed before, unless it is that which fails: what they may write
and when they end is what differs.
"""

import contextlib
import hashlib
import importlib
import io
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import weasyprint

from report import cli, history, publish
from report import run as runs
from report.rendering import embedded
from report.rendering.cells import QuartoDocument, run_document
from report.rendering.embedded import EmbeddedEngine
from report.rendering.quarto import QuartoEngine
from report.settings import Settings
from report.storage import atomic, cache
from report.style.fonts import build_font_css
from segmentation.pipeline import Analysis
from tests.support.facts.factory import users
from tests.support.pages.rendered import run_here
from tests.support.runs.cached import conversions, drawings, printings
from tests.support.runs.in_process import here

for late in ("sklearn.cluster", "kneed", "report.pages.profiles", "report.mail.brief", "report.readers.files"):
    importlib.import_module(late)  # a run imports them when it needs them: once for all forks
SETTINGS = '[segments]\nk = 2\nk_range = [2, 4]\nn_init = 1\n[brand]\nname = "Larkspur Radio"\n'
FACES = build_font_css(frozenset("Larkspur Radio"))  # once for all forks: it takes a second
Change = Callable[[], contextlib.AbstractContextManager[object]]


@dataclass
class Ended:
    """How a run ended: where it was to be killed, its exit code or the signal, what it said, and what is there now."""

    where: str
    code: int
    said: str
    month: dict[str, str]
    left: list[str]


class Runs:
    """Runs in a folder.

    Parameters
    ----------
    place : Path
        Where the month's file and the settings lie.
    output : Path
        Where the months go.
    """

    def __init__(self, place: Path, output: Path) -> None:
        self.place, self.output = place, output
        self._analysis: Analysis | None = None
        self._shown: dict[tuple[str, bytes], tuple[Any, dict[str, str]]] = {}
        users(240).to_csv(place / "2026-10.csv", index=False)
        (place / "settings.toml").write_text(SETTINGS)

    def run(
        self, change: Change = contextlib.nullcontext, *arguments: str, where: str = "", anew: tuple[str, ...] = ()
    ) -> Ended:
        """Run once, with something changed in that process alone; perhaps with some of what it takes made anew."""
        said = self.place / "said.txt"
        child = os.fork()
        if not child:
            with said.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            os._exit(self._make(change, arguments, anew))
        _, status = os.waitpid(child, 0)
        return Ended(
            where,
            os.waitstatus_to_exitcode(status),
            said.read_text(),
            listing(self.output / "2026-10"),
            left(self.output),
        )

    def warm_up(self) -> None:
        """Make the month in this process: a fork then finds all imported that a run needs, and what the analysis found."""
        analyse = history.analyse

        def once(*arguments: Any, **how: Any) -> Analysis:
            self._analysis = analyse(*arguments, **how)
            return self._analysis

        with contextlib.redirect_stdout(io.StringIO()), mock.patch.object(history, "analyse", once):
            assert self._make(contextlib.nullcontext, (), ("segments",)) == 0

    def _run_cells(self, document: QuartoDocument, folder: Path, facts: Path, _: object) -> str:
        """Run a document's cells, or give what they showed and drew of the same facts in `warm_up`."""
        figures, key = folder / "figures", (document.name, facts.read_bytes())
        if key not in self._shown:
            markdown = run_document(document, folder, facts)
            drawn = {path.name: path.read_text("utf-8") for path in sorted(figures.iterdir())}
            self._shown[key] = markdown, drawn
        markdown, drawn = self._shown[key]
        figures.mkdir(exist_ok=True)
        for name, text in drawn.items():
            cache.write_atomically(figures / name, text)  # a profile may look for it meanwhile
        return markdown

    def _make(self, change: Change, arguments: tuple[str, ...], anew: tuple[str, ...]) -> int:
        """Make the month, and give the exit code."""
        common = ["--data", str(self.place / "2026-10.csv"), "--settings", str(self.place / "settings.toml")]
        asked = ["report", "report", *common, "--output", str(self.output), "--engine", "embedded", *arguments]
        plan, code = Settings.build_options, 99
        found = mock.patch.object(history, "analyse", return_value=self._analysis)
        try:
            with (
                mock.patch.object(sys, "argv", asked),
                mock.patch.object(embedded, "_run_in_worker", run_here if "cells" in anew else self._run_cells),
                mock.patch.object(runs, "start_worker", here),
                mock.patch.object(history, "start_worker", return_value=contextlib.nullcontext()),
                mock.patch.object(publish, "build_font_css", return_value=FACES),
                mock.patch.object(EmbeddedEngine, "warm_up", return_value=contextlib.nullcontext()),
                mock.patch.object(Settings, "build_options", lambda dials: replace(plan(dials), draws=2, bootstraps=4)),
                mock.patch.object(cli, "read_clock", return_value=datetime(2026, 11, 2, 7, tzinfo=UTC)),
                contextlib.nullcontext() if "segments" in anew else found,
                drawings(self.place / ("anew" if "charts" in anew else "drawings")),
                contextlib.nullcontext() if "pages" in anew else conversions(self.place / "conversions"),
                contextlib.nullcontext() if "pdf" in anew else printings(self.place / "printings"),
                change(),
            ):
                cli.run_command_line()
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:  # noqa: BLE001 - whatever it is, the test is to see it
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        return code


def listing(folder: Path) -> dict[str, str]:
    """Give a digest of every file of a month, but of the one that says how long it took."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def left(output: Path) -> list[str]:
    """List what lies in an output folder."""
    return sorted(path.name for path in output.iterdir()) if output.is_dir() else []


@contextlib.contextmanager
def killed(number: int, note: Path) -> Iterator[None]:
    """Kill the process at its n-th point: as each stage begins, and before and after the month takes its place."""
    passed = 0
    stage, change_places = runs.StageTimer.time_stage, atomic._swap_folders

    def point(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            note.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def noting(self: runs.StageTimer, name: str) -> contextlib.AbstractContextManager[None]:
        point(name)
        return stage(self, name)

    def exchanging(one: Path, other: Path) -> bool:
        point("before the exchange")
        done = change_places(one, other)
        point("after the exchange")
        return done

    with (
        mock.patch.object(runs.StageTimer, "time_stage", noting),
        mock.patch.object(atomic, "_swap_folders", exchanging),
    ):
        yield


def everything(place: Path) -> list[Ended]:
    """Make a month; let everything go wrong that can, one after the other; and let a last run come through."""
    disk = place / "disk"
    disk.mkdir()
    own = mount(disk, "size=8m")
    some = Runs(place, disk / "out")
    ended = [some.run(where="first", anew=("segments",))]
    some.warm_up()
    ended += kill_everywhere(some, place / "note.txt")
    ended += [
        some.run(partial(limited, most), where=f"at most {most} bytes", anew=("pages",))
        for most in (100, 30_000, 700_000)
    ]
    ended += break_tools(some)
    if own:
        ended += [run_on_full_disk(some, room) for room in (0, 250_000, 1_000_000)]
        mount(disk, "remount,ro")
        ended.append(some.run(where="read-only"))
        mount(disk, "remount,rw")
    return [*ended, some.run(where="last", anew=("segments", "cells", "charts", "pages", "pdf"))]


def kill_everywhere(some: Runs, note: Path) -> list[Ended]:
    """Kill a run at every point, until there is none that is left."""
    ended: list[Ended] = []
    while not ended or ended[-1].code == -signal.SIGKILL:
        note.write_text("no point is left")
        ended.append(some.run(partial(killed, len(ended) + 1, note)))
        ended[-1].where = note.read_text()
    return ended


@contextlib.contextmanager
def limited(most: int) -> Iterator[None]:
    """Limit the length of every file that this process writes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    yield


def run_on_full_disk(some: Runs, room: int) -> Ended:
    """Leave so many bytes on the disk."""
    filler, there = some.output.parent / "filler", os.statvfs(some.output)
    filler.write_bytes(bytes(there.f_bavail * there.f_frsize - room))
    ended = some.run(where=f"room for {room} bytes")
    filler.unlink()
    return ended


def mount(place: Path, options: str) -> bool:
    """Mount a disk in memory, where this account may; it goes with this process, which has mounts of its own."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return "own mounts" in sys.argv and subprocess.run(command, capture_output=True, check=False).returncode == 0


def break_tools(some: Runs) -> list[Ended]:
    """Let what renders and prints fail in all ways that come to mind, and the clock go back."""
    ended, place = [], some.place
    for where, change, *arguments in (
        ("WeasyPrint raises", partial(raising, AssertionError("box"))),
        ("WeasyPrint runs out of memory", partial(raising, MemoryError())),
        ("WeasyPrint logs an error", logging_error),
        ("Quarto fails", partial(quarto, place, "echo no such thing >&2; exit 3"), "--engine", "quarto"),
        ("Quarto says that all is well", partial(quarto, place, "exit 0"), "--engine", "quarto"),
        ("Quarto makes an empty page", partial(quarto, place, 'touch "${2%.qmd}.html"'), "--engine", "quarto"),
        ("Quarto is killed", partial(quarto, place, "kill -9 $$"), "--engine", "quarto"),
        ("Quarto can't be run", partial(quarto, place, ""), "--engine", "quarto"),
        ("something unforeseen", partial(mock.patch.object, publish, "write_profiles", None)),
        (
            "the clock is set back",
            partial(mock.patch.object, cli, "read_clock", lambda: datetime(1999, 1, 1, tzinfo=UTC)),
        ),
    ):
        anew = ("pdf",) if where.startswith("WeasyPrint") else ()
        ended.append(some.run(change, *arguments, where=where, anew=anew))
    return ended


def raising(error: BaseException) -> contextlib.AbstractContextManager[object]:
    """Let WeasyPrint raise."""
    return mock.patch.object(weasyprint.Document, "write_pdf", side_effect=error)


def logging_error() -> contextlib.AbstractContextManager[object]:
    """Let WeasyPrint log an error and go on."""
    write = weasyprint.Document.write_pdf

    def complain(self: weasyprint.Document, *arguments: object, **options: object) -> object:
        logging.getLogger("weasyprint").error("Failed to load image")
        return write(self, *arguments, **options)

    return mock.patch.object(weasyprint.Document, "write_pdf", complain)


@contextlib.contextmanager
def quarto(place: Path, script: str) -> Iterator[None]:
    """Put a Quarto on the path that does this; an empty one can't even be run."""
    command = place / "bin" / "quarto"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\ntest "$1" = --version && echo 1.9.38 && exit\n{script}\n' if script else "")
    command.chmod(0o755)
    with mock.patch.object(QuartoEngine, "find_installed", return_value=QuartoEngine(str(command))):
        yield


if __name__ == "__main__":
    print(json.dumps([asdict(one) for one in everything(Path(sys.argv[1]))]))
