"""A folder of months: whatever ends a run, there is always a whole month, and one run at a time."""

import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from report.errors import MachineError, ReportError
from report.storage import atomic


def listing(folder: Path) -> dict[str, str]:
    """Give every file below a folder with its text."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def build(output: Path, text: str, month_: str = "2026-10") -> None:
    """Make a month's folder with one page."""
    with atomic.atomic_folder(output, month_) as folder:
        (folder / "report.html").write_text(text)


def test_a_month_takes_its_place_whole(tmp_path: Path) -> None:
    """And others may look into it."""
    build(tmp_path / "deep" / "out", "new")

    assert listing(tmp_path / "deep" / "out") == {"2026-10/report.html": "new"}
    assert stat.S_IMODE((tmp_path / "deep" / "out" / "2026-10").stat().st_mode) == 0o755


def test_nobody_else_reads_a_month_that_is_being_made(tmp_path: Path) -> None:
    """It has a row a user in it before that file's own permissions are set."""
    with atomic.atomic_folder(tmp_path, "2026-10") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.name.startswith(".")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_run_replaces_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool) -> None:
    """A page that the second doesn't make is gone; on systems too where two folders can't change places at once."""
    if not at_once:
        monkeypatch.setattr(atomic, "_swap_folders", lambda *_: False)
    build(tmp_path, "old")
    (tmp_path / "2026-10" / "left.html").write_text("over")
    build(tmp_path, "new")

    assert listing(tmp_path) == {"2026-10/report.html": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["2026-10"]


@pytest.mark.parametrize("error", [ReportError("x"), KeyboardInterrupt(), SystemExit(1), RecursionError()])
def test_a_failed_run_leaves_the_last_good_one_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    """Whatever ends it, Ctrl-C too."""
    build(tmp_path, "good")
    with pytest.raises(type(error)), atomic.atomic_folder(tmp_path, "2026-10") as folder:  # noqa: PT012
        (folder / "report.html").write_text("half")
        raise error

    assert listing(tmp_path) == {"2026-10/report.html": "good"}
    assert [path.name for path in tmp_path.iterdir()] == ["2026-10"]


def test_a_month_that_cannot_take_its_place_leaves_the_last_one_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last good one was already moved aside: it comes back."""
    build(tmp_path, "good")
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if (self / "report.html").exists() and (self / "report.html").read_text() == "new":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(atomic, "_swap_folders", lambda *_: False)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="No space"):
        build(tmp_path, "new")

    assert listing(tmp_path) == {"2026-10/report.html": "good"}


def test_a_run_cut_off_at_the_worst_moment_is_made_good(tmp_path: Path) -> None:
    """Between its last two steps the last good month lies aside; the next run puts it back before it may fail."""
    build(tmp_path, "good")
    (tmp_path / "2026-10").rename(tmp_path / ".2026-10-old")
    with pytest.raises(ReportError), atomic.atomic_folder(tmp_path, "2026-10"):
        raise ReportError("x")

    assert listing(tmp_path) == {"2026-10/report.html": "good"}


def test_what_killed_runs_left_is_swept_before_the_next(tmp_path: Path) -> None:
    """Half a month goes; a month moved aside comes back where nothing took its place, else goes; others' files stay."""
    build(tmp_path, "good", "2026-09")
    build(tmp_path, "new")
    for name, text in (
        (".2026-10-k3_x9w2a", "half"),
        (".2026-10-old", "old"),
        (".2026-08-old", "august"),
        (".git-x", "theirs"),
        ("2026-10-mine", "mine"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_text(text)
    (tmp_path / ".2026-10-note").write_text("a file")

    with atomic.run_lock(tmp_path):
        assert listing(tmp_path) == {
            ".2026-10-note": "a file",
            ".git-x/report.html": "theirs",
            "2026-08/report.html": "august",
            "2026-09/report.html": "good",
            "2026-10-mine/report.html": "mine",
            "2026-10/report.html": "new",
        }


def test_one_run_at_a_time_has_a_folder_to_itself(tmp_path: Path) -> None:
    """The second is told so before it does anything; and when the first has ended, it may."""
    assert not atomic.is_locked(tmp_path / "out")
    with atomic.run_lock(tmp_path / "out"):
        (tmp_path / "out" / ".2026-10-abcdefgh").mkdir()
        assert atomic.is_locked(tmp_path / "out")
        with (
            pytest.raises(MachineError, match=r"out: another run is at work there\."),
            atomic.run_lock(tmp_path / "out"),
        ):
            pytest.fail("two at once")
        assert (tmp_path / "out" / ".2026-10-abcdefgh").exists()
        with atomic.run_lock(tmp_path / "elsewhere"):
            pass
    with atomic.run_lock(tmp_path / "out"):
        assert list((tmp_path / "out").iterdir()) == []


def test_a_place_where_no_run_can_write_is_named_before_it_works(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(MachineError, match=r"taken: nothing can be written"), atomic.run_lock(tmp_path / "taken"):
        pytest.fail("there is no folder")


def test_another_month_is_left_alone(tmp_path: Path) -> None:
    build(tmp_path, "september", "2026-09")
    build(tmp_path, "october")

    assert listing(tmp_path) == {"2026-09/report.html": "september", "2026-10/report.html": "october"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(MachineError, match=r"taken: nothing can be written there \(File exists\).*OUTPUT=folder"):
        build(tmp_path / "taken", "x")
    with pytest.raises(MachineError, match="nothing can be written there"):
        build(tmp_path / "taken" / "below", "x")


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_what_is_no_month_s_folder_is_not_moved_away(tmp_path: Path, kind: str) -> None:
    """A file of somebody's under the month's name is neither replaced nor hidden, and it is said before the work begins."""
    place = tmp_path / "2026-10"
    if kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / ("elsewhere" if kind == "link" else "nowhere"))
        (tmp_path / "elsewhere").mkdir()
    before = sorted(tmp_path.iterdir())

    with (
        pytest.raises(MachineError, match=r"2026-10 is a (file|link), expected the month's folder"),
        atomic.atomic_folder(tmp_path, "2026-10"),
    ):
        pytest.fail("work was begun")
    assert sorted(tmp_path.iterdir()) == before


def test_who_only_looks_keeps_no_run_out(tmp_path: Path) -> None:
    """`make notify` asks whether a run is at work at the moment at which one begins."""
    (tmp_path / "out").mkdir()
    looking = threading.Event()

    def look() -> None:
        while not looking.wait(0.001):
            atomic.is_locked(tmp_path / "out")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(200):
            with atomic.run_lock(tmp_path / "out"):
                assert atomic.is_locked(tmp_path / "out")
    finally:
        looking.set()
        thread.join()
    assert not atomic.is_locked(tmp_path / "out")


def test_what_a_process_of_the_run_left_goes_with_the_run(tmp_path: Path) -> None:
    """Ctrl-C ends it too fast to clear up: a row a user would lie there until the next month."""

    def run() -> None:
        with atomic.run_lock(tmp_path / "out"):
            (tmp_path / "out" / ".2026-08-abcdefgh").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert list((tmp_path / "out").iterdir()) == []


def test_temporary_files_lie_in_the_month_that_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the run and of what it starts: they may hold users' rows, and go with the month even after kill -9."""
    monkeypatch.setenv("TMPDIR", "/nowhere")
    before = tempfile.tempdir
    with atomic.use_temporary_folder(tmp_path / "tmp"):
        assert Path(tempfile.mkdtemp()).parent == tmp_path / "tmp"
        started = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]
        assert subprocess.run(started, capture_output=True, text=True, check=True).stdout.strip() == str(
            tmp_path / "tmp"
        )
        assert (tmp_path / "tmp").stat().st_mode & 0o077 == 0

    assert not (tmp_path / "tmp").exists()
    assert (os.environ["TMPDIR"], tempfile.tempdir) == ("/nowhere", before)
