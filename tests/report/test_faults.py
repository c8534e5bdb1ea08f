"""Faults while running, really done: whatever ends a run, the last good month stays whole, and the next run works."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.facts.factory import users
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

BESIDE = ["2026-10", "last-run.json"]  # all that is ever there
Ended = list[dict[str, Any]]


def own_mounts() -> list[str] | None:
    """Give what starts a program with mounts of its own, which go with it; None where this account can't."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        with contextlib.suppress(OSError), tempfile.TemporaryDirectory() as place:
            trying = [*command, "mount", "-t", "tmpfs", "tmpfs", place]
            if subprocess.run(trying, capture_output=True, check=False).returncode == 0:
                return command
    return None


@pytest.fixture(scope="session")
def ended(rendered: Rendered) -> Ended:  # noqa: F811
    """Give how the runs of support/runs/faults.py ended, made once for all workers: the first and the last are those that nothing hinders."""

    def make(place: Path) -> None:
        start = own_mounts()
        command = [
            *(start or []),
            sys.executable,
            "-m",
            "tests.support.runs.faults",
            str(place),
            *(["own mounts"] if start else []),
        ]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-2000:]
        (place / "ended.json").write_text(run.stdout)

    return json.loads((rendered._once("faults", make) / "ended.json").read_text())


def said(one: dict[str, Any]) -> str:
    """Give the sentence with which a run ended, having held that it is one: no traceback, and exit code 1."""
    lines = one["said"].strip().splitlines()
    assert one["code"] == 1, one
    assert len(lines) == 1, one["said"]
    assert lines[0].startswith("make report: ")
    assert lines[0].endswith(".")
    assert len(lines[0]) < 500
    return lines[0]


def test_whatever_ends_a_run_the_last_good_month_stays_whole_and_nothing_is_left(ended: Ended) -> None:
    """Every file of it, to the byte. A killed run leaves one hidden folder, which the next one sweeps before anything else."""
    assert {"facts.json", "segments.parquet", "executive.pdf", "report.html"} <= set(ended[0]["month"])
    for one in ended:
        assert one["month"] == ended[0]["month"], one["where"]
        if one["code"] >= 0:
            assert one["left"] == BESIDE, one["where"]
        else:
            assert len(one["left"]) <= len(BESIDE) + 1, one["where"]


def test_the_next_run_works(ended: Ended) -> None:
    """After every fault at once; and it makes the same bytes as the first."""
    assert [(one["where"], one["code"]) for one in (ended[0], ended[-1])] == [("first", 0), ("last", 0)]
    assert ended[-1]["month"] == ended[0]["month"]


def test_runs_were_killed_at_every_stage(ended: Ended) -> None:
    """As each stage begins, and right before and after the new month takes its place, by kill -9."""
    killed = {one["where"] for one in ended if one["code"] == -signal.SIGKILL}

    assert {
        "Finding segments",
        "Rendering the executives' pages",
        "Printing the PDF",
        "Writing the profiles",
        "Writing the briefs",
        "Rendering the report",
        "before the exchange",
        "after the exchange",
    } <= killed
    assert [one["code"] for one in ended if one["where"] == "no point is left"] == [0]


def test_on_a_full_disk_the_run_says_so(ended: Ended) -> None:
    """Full from the start, and full at two later moments."""
    full = [one for one in ended if one["where"].startswith("room for")]
    if not full:
        pytest.skip("this account may mount no disk of its own (unshare --mount)")

    assert len(full) == 3
    assert all("No space left on device" in said(one) for one in full)


def test_where_no_file_may_grow_the_run_says_so(ended: Ended) -> None:
    """The same for every account: the system refuses each write beyond a length, and kills a Pandoc that tries."""
    told = [said(one) for one in ended if one["where"].startswith("at most")]

    assert len(told) == 3
    assert all("File too large" in one or "Pandoc ended with -25" in one for one in told), told


def test_where_nobody_may_write_the_run_says_so(ended: Ended) -> None:
    """A disk that is read-only, to root too."""
    closed = [one for one in ended if one["where"] == "read-only"]
    if not closed:
        pytest.skip("this account may mount no disk of its own (unshare --mount)")

    assert "nothing can be written there (Read-only file system). Name another folder" in said(closed[0])


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("WeasyPrint raises", "executive.pdf: printing went wrong: WeasyPrint failed with AssertionError: box."),
        ("WeasyPrint runs out of memory", "The memory is used up."),
        ("WeasyPrint logs an error", "executive.pdf: printing went wrong: Failed to load image."),
        ("Quarto fails", "executive.qmd: Quarto ended with 3: no such thing."),
        ("Quarto says that all is well", "executive.qmd: Quarto made no executive.html."),
        ("Quarto makes an empty page", "executive.qmd: the page wasn't made with templates/page.html"),
        ("Quarto is killed", "executive.qmd: Quarto ended with -9: nothing."),
        ("Quarto can't be run", "can't be run ([Errno 8] Exec format error"),
        ("something unforeseen", "Something unforeseen: TypeError: 'NoneType' object is not callable (publish.py"),
    ],
)
def test_a_broken_tool_ends_the_run_in_a_sentence(ended: Ended, where: str, sentence: str) -> None:
    (one,) = [one for one in ended if one["where"] == where]

    assert sentence in said(one)


def test_a_clock_that_is_set_back_changes_nothing(ended: Ended) -> None:
    """A run in 1999, after one in 2026, makes the same month: the briefs say what they said, and keep their date."""
    assert [one["code"] for one in ended if one["where"] == "the clock is set back"] == [0]


# --- processes that are at work

MARK = "RUN_OF_TEST_FAULTS"  # in the environment of a run and of all that it starts


@pytest.fixture
def beginning(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begin a run of a month that is there already; wait until it lays out, unless it shall not."""
    with tempfile.TemporaryDirectory() as scratch:
        users(240).to_csv(tmp_path / "2026-10.csv", index=False)
        (tmp_path / "settings.toml").write_text("[segments]\nk = 2\nk_range = [2, 4]\nn_init = 1\n")
        (tmp_path / "out" / "2026-10").mkdir(parents=True)
        (tmp_path / "out" / "2026-10" / "report.html").write_text("the last good one")
        begun: list[subprocess.Popen[str]] = []

        def begin(*, wait: bool = True) -> subprocess.Popen[str]:
            old = set((tmp_path / "out").glob(".2026-10-*"))
            command = [sys.executable, "-m", "report", "report", "--data", str(tmp_path / "2026-10.csv")]
            command += ["--settings", str(tmp_path / "settings.toml"), "--output", str(tmp_path / "out")]
            environment = os.environ | {"TMPDIR": scratch, MARK: str(tmp_path)}
            run = subprocess.Popen(
                [*command, "--engine", "embedded"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            run.scratch = scratch
            begun.append(run)
            while wait and not {made.parent for made in (tmp_path / "out").glob(".2026-10-*/facts.json")}.difference(
                old
            ):
                assert run.poll() is None, run.communicate()
                time.sleep(0.05)
            return run

        yield begin
        for run in begun:
            run.kill()
            run.communicate()


def children(folder: Path) -> list[str]:
    """List the processes that a run there has started, and the run itself."""
    mark, found = f"{MARK}={folder}".encode(), []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (one / "environ").read_bytes().split(b"\0"):
                found.append(f"{one.name} {(one / 'cmdline').read_text()}")
    return found


def gone(folder: Path) -> bool:
    """Wait, a minute at most, until no process works in a folder."""
    for _ in range(600):
        if not children(folder):
            return True
        time.sleep(0.1)
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="this system has no /proc to look into")


@needs_proc
def test_processes_that_lose_their_parent_end_by_themselves(beginning: Callable[..., Any], tmp_path: Path) -> None:
    """After kill -9 of the run alone, what runs the cells and what analyses end too; the next run sweeps what is left.

    While that one is at work a third is sent away, and harms nothing; and told to stop by SIGTERM, as systemd and a
    scheduler do, it leaves nothing. That a run after a kill comes to its end is tested above, at every stage.
    """
    first = beginning()
    first.kill()
    first.communicate()
    assert gone(tmp_path)

    second = beginning()
    assert len(children(tmp_path)) > 2  # the run, what analyses and what runs the cells

    third = beginning(wait=False)
    _, told = third.communicate()
    assert third.returncode == 1
    assert "out: another run is at work there. Wait until it has ended" in told
    assert second.poll() is None

    second.send_signal(signal.SIGTERM)
    _, told = second.communicate()
    assert second.returncode == 130
    assert told == "Stopped; the last good report is as it was.\n"
    assert gone(tmp_path)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == BESIDE
    assert (tmp_path / "out" / "2026-10" / "report.html").read_text() == "the last good one"
    note = json.loads((tmp_path / "out" / "last-run.json").read_text())
    assert (note["state"], note["why"]) == ("failed", "it was stopped before it had ended.")
    assert list(Path(second.scratch).iterdir()) == []
