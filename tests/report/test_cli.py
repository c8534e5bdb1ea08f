import contextlib
import json
import os
import re
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from report import cli
from report import run as month
from report.rendering.embedded import EmbeddedEngine
from report.rendering.quarto import QuartoEngine
from report.run import ReportRun
from report.storage import paths
from report.storage.months import read_clock
from report.storage.runlog import read_last_run
from report.transport.ledger import Ledger, OutgoingMessage
from tests.support.facts import factory
from tests.support.facts.factory import users
from tests.support.runs.in_process import here

Refuse = Callable[..., str]
QUICK = "[segments]\nn_init = 2\n"


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run the command on a month's file that it refuses, and give the sentence with which it does."""
    # in this process: test_month and test_faults have those of a run
    monkeypatch.setattr(month, "start_worker", here)
    monkeypatch.setattr(EmbeddedEngine, "warm_up", lambda *_: contextlib.nullcontext())

    def refuse(frame: pd.DataFrame | str | None = None, *arguments: str, settings: str = QUICK, code: int = 1) -> str:
        data, dials, output = tmp_path / "2026-10.csv", tmp_path / "settings.toml", tmp_path / "out"
        if isinstance(frame, pd.DataFrame):
            frame.to_csv(data, index=False)
        elif frame is not None:
            data.write_text(frame, encoding="utf-8")
        dials.write_text(settings, encoding="utf-8")
        good = output / "2026-10"
        good.mkdir(parents=True, exist_ok=True)
        (good / "report.html").write_text("the last good one")
        before = sorted(path for path in output.rglob("*") if path.name != "last-run.json")
        usual = ["--data", str(data), "--settings", str(dials), "--output", str(output), "--engine", "embedded"]
        monkeypatch.setattr(sys, "argv", ["report", "report", *usual, *arguments])
        with pytest.raises(SystemExit) as end:
            cli.run_command_line()
        said = capsys.readouterr()
        assert end.value.code == code
        assert said.out == ""
        assert said.err.startswith("make report: ")
        assert said.err.count("\n") == 1, "one line"
        assert "Traceback" not in said.err
        # that the run failed is written down, so that nothing is mailed of it
        left = sorted(path for path in output.rglob("*") if path.name != "last-run.json")
        assert left == before, "nothing half-written, nothing gone"
        assert len(re.findall(r"[.?!](?= [A-Z]|$)", said.err.strip())) <= 4
        return said.err.removeprefix("make report: ").strip()

    return refuse


def test_a_missing_file_is_named(refused: Refuse, tmp_path: Path) -> None:
    assert (
        refused()
        == f"{tmp_path}/2026-10.csv can't be opened: No such file or directory. Check the name and the folder."
    )


def test_a_pipe_is_no_month_and_a_folder_needs_files(refused: Refuse, tmp_path: Path) -> None:
    """A pipe that nobody writes into would be waited for without end."""
    os.mkfifo(tmp_path / "2026-09.csv")

    said = refused(None, "--data", str(tmp_path / "2026-09.csv"), "--month", "2026-10")
    assert said.startswith(f"{tmp_path / '2026-09.csv'} is a pipe or a device, expected ")
    said = refused(None, "--data", str(tmp_path), "--month", "2026-10")
    assert said.startswith(f"{tmp_path}: holds no Parquet and no CSV file, expected ")


def test_a_missing_column_is_named_with_what_is_there(refused: Refuse) -> None:
    said = refused(users(40).drop(columns=["age"]))

    assert said.startswith("2026-10.csv: missing column age; found 'user_id', 'gender', ")
    assert "give its name there as `source` in the columns file" in said


def test_a_doubled_column_is_named(refused: Refuse) -> None:
    frame = users(40)

    assert "2 columns could be 'age': 'age', 'Age '. Expected one." in refused(frame.assign(**{"Age ": frame["age"]}))


def test_text_in_a_number_column_is_named_with_its_row(refused: Refuse) -> None:
    frame = users(40).astype({"annual_income": object})
    frame.loc[4, "annual_income"] = "plenty"

    assert refused(frame).startswith(
        "2026-10.csv: column 'annual_income' has 1 text where numbers are expected (first on row 6)."
    )


def test_a_file_of_a_header_alone_is_refused(refused: Refuse) -> None:
    assert "has a header and no user rows" in refused(users(40).head(0))


def test_a_file_without_a_byte_is_refused(refused: Refuse) -> None:
    assert "2026-10.csv is empty." in refused("")


def test_no_row_left_after_cleaning_is_said(refused: Refuse) -> None:
    """With the rule that took them."""
    said = refused(users(40).assign(age=430))

    assert "40" in said
    assert "age" in said
    assert "left" in said


def test_fewer_users_than_segments_is_said(refused: Refuse) -> None:
    said = refused(users(480).head(3))

    assert "3" in said
    assert "users" in said


@pytest.mark.parametrize("column", ["age", "annual_income", "usage_per_month", "num_of_days_active"])
def test_a_constant_column_is_named(refused: Refuse, column: str) -> None:
    """It tells nobody apart, and can't be put on a scale."""
    said = refused(users(100).assign(**{column: 40}))

    assert column in said
    assert "columns file" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[segments]\nkk = 3\n", "settings.toml, line 2: unknown key 'kk' in segments; did you mean 'k'? Known here: "),
        ("[segments\n", "settings.toml: "),
        (
            "[columns]\nage = 'Alter'\n",
            "settings.toml, line 1: unknown key 'columns'. It moved: write `source` of each column in data/columns.toml.",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(refused: Refuse, settings: str, said: str) -> None:
    assert refused(users(40), settings=settings).startswith(said)


def test_settings_that_are_not_there_are_refused(refused: Refuse, tmp_path: Path) -> None:
    """Were they the defaults, a misspelt name would go unseen."""
    assert refused(users(40), "--settings", str(tmp_path / "setings.toml")).startswith(
        f"{tmp_path}/setings.toml: no such file."
    )


@pytest.mark.parametrize("name", ["2026-13", "October", "2026", "../x"])
def test_a_month_that_is_none_is_refused(refused: Refuse, name: str) -> None:
    assert (
        refused(users(40), "--month", name) == f"MONTH={name} is no month. Write it as year and month: MONTH=2026-10."
    )


def test_an_engine_that_is_none_is_refused(refused: Refuse) -> None:
    assert refused(users(40), "--engine", "latex") == "ENGINE=latex is no engine. Choose auto, quarto or embedded."


def test_quarto_that_is_not_there_is_said_to_be_missing(refused: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuartoEngine, "find_installed", classmethod(lambda _: None))

    assert refused(users(40), "--engine", "quarto").startswith("ENGINE=quarto, but there is no quarto on this machine.")


def test_an_option_that_is_none_is_refused(refused: Refuse) -> None:
    assert refused(users(40), "--dta", "x", code=2).startswith("No such option: --dta")


def test_a_full_disk_is_a_sentence(refused: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So is any other refusal of the machine's."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "facts.json"))

    monkeypatch.setattr(month, "start_worker", full)

    assert refused(users(40)).startswith(f"{tmp_path}/facts.json: No space left on device.")


@pytest.mark.parametrize("said", ["99999999999999999999", "9" * 500])
def test_a_time_that_there_is_not_is_refused(refused: Refuse, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", said)
    assert refused(users(40)).startswith("SOURCE_DATE_EPOCH=99999999999999999999 is not a time")


def test_a_month_that_there_is_not_is_a_run_that_failed(refused: Refuse, tmp_path: Path) -> None:
    """So that `make notify` mails the owner of it."""
    assert "2026-13" in refused(None, "--month", "2026-13")
    assert read_last_run(tmp_path / "out").state == "failed"


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_scheduler_may_close_what_is_read_and_written(tmp_path: Path, closed: str) -> None:
    """What is opened first would take its place, and be written into."""
    (tmp_path / "users.csv").write_text("age\n1\n")
    command = f"'{sys.executable}' -m report report --data '{tmp_path}/users.csv' --output '{tmp_path}/out' {closed}"
    ended = subprocess.run(command, shell=True, cwd=paths.ROOT, capture_output=True, text=True, check=False)  # noqa: S602

    assert ended.returncode == 1
    assert (tmp_path / "users.csv").read_text() == "age\n1\n"
    assert json.loads((tmp_path / "out" / "last-run.json").read_text())["state"] == "failed"
    assert "which month is it?" in ended.stderr or "2>&-" in closed


def test_a_month_is_made_though_nobody_can_be_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A log on a full disk, or a pipe whose reader has gone: the month is there, and mail may go."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "2026-10.csv").touch()
    monkeypatch.setattr(
        cli, "build_report", lambda *_, **__: types.SimpleNamespace(folder=tmp_path / "out" / "2026-10")
    )
    monkeypatch.setattr(cli, "_print_summary", full)
    monkeypatch.setattr(os, "dup2", lambda *_: None)  # pytest's own
    arguments = ["report", "report", "--data", f"{tmp_path}/2026-10.csv", "--output", f"{tmp_path}/out"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        cli.run_command_line()

    assert end.value.code == 0
    assert capsys.readouterr().err.endswith("2026-10 is made; its summary can't be shown (No space left on device).\n")


@pytest.mark.parametrize(
    ("strange", "name", "said"),
    [
        ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "Größe.csv", "Größe.csv: which month is it?"),
        ({"PYTHONOPTIMIZE": "2"}, "2026-10.csv", "missing columns"),  # in the middle of making a month
    ],
)
def test_it_runs_where_python_is_set_up_strangely(
    tmp_path: Path, strange: dict[str, str], name: str, said: str
) -> None:
    """It begins anew as it needs to be, and refuses a file as anywhere."""
    (tmp_path / name).write_text("height\n1\n", encoding="utf-8")
    command = [sys.executable, "-m", "report", "report", "--data", tmp_path / name, "--output", tmp_path / "out"]
    ended = subprocess.run(command, cwd=paths.ROOT, env=os.environ | strange, capture_output=True, check=False)

    assert ended.returncode == 1
    assert said in ended.stderr.decode()


def test_names_that_need_a_person_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One that no longer fits, and one that settings give to no segment of the month."""
    month = factory.changed(factory.named(factory.month(4), "Young listeners"), name_now="Older listeners")
    run = cli.ReportRun(month, paths.ROOT / "_output" / "2026-10", "embedded", "", 7, 1.0)
    cli._print_summary(run, {"S2": month.segments[1].name, "S9": "Nobody"}, "")
    said = capsys.readouterr().out

    assert (
        "Name out of date: young listeners (S1) would now be older listeners. Rename under [names] in settings.toml."
        in said
    )
    assert "S9 under [names] in settings.toml: no such segment this month." in said
    cli._print_summary(replace(run, facts=factory.named(month, "Night owls")), {}, "")
    assert "[names]" not in capsys.readouterr().out


def test_a_failure_before_a_run_begins_is_noted(refused: Refuse, tmp_path: Path) -> None:
    """So that `make notify` alone tells of a mistake in settings, and nothing is mailed of the month before."""
    refused(users(40), settings="[segments]\nkk = 3\n")
    assert "unknown key 'kk'" in read_last_run(tmp_path / "out").why


def test_ctrl_c_ends_with_what_a_shell_expects(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    users(40).to_csv(tmp_path / "2026-10.csv", index=False)
    monkeypatch.setattr(cli, "build_report", stop)
    monkeypatch.setattr(
        sys, "argv", ["report", "report", "--data", str(tmp_path / "2026-10.csv"), "--output", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as end:
        cli.run_command_line()

    assert end.value.code == 130
    assert capsys.readouterr().err == "Stopped; the last good report is as it was.\n"


def test_month_alone_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MONTH=2026-08 without DATA is August's file, not the newest one under August's name."""
    asked = []

    def note(source: Path, name: str, *_: object, **__: object) -> None:
        asked.append((source.name, name))
        raise KeyboardInterrupt

    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("2026-08.csv", "2026-10.csv"):
        (folder / name).touch()
    (tmp_path / "settings.toml").write_text(f'[data]\nfolder = "{folder}"\n')
    monkeypatch.setattr(cli, "build_report", note)
    for arguments in (["--month", "2026-08"], ["--month", ""]):
        monkeypatch.setattr(
            sys,
            "argv",
            [
                *("r", "report", "--settings", str(tmp_path / "settings.toml")),
                *("--output", str(tmp_path / "out"), *arguments),
            ],
        )
        with pytest.raises(SystemExit):
            cli.run_command_line()

    assert asked == [("2026-08.csv", "2026-08"), ("2026-10.csv", "2026-10")]


def test_what_is_a_mistake_of_ours_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A person can't correct it but can tell whom it concerns; REPORT_DEBUG=1 gives those the whole traceback."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr(cli, "read_settings", broken)
    monkeypatch.setattr(sys, "argv", ["report", "report", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        cli.run_command_line()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("make report: Something unforeseen: ZeroDivisionError: of nothing (test_cli.py, line ")
    assert "Traceback" not in said

    monkeypatch.setenv("REPORT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.run_command_line()


def make(*arguments: str) -> str:
    """Give what make says."""
    done = subprocess.run(["make", "-s", "-C", str(paths.ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_make_help_lists_every_target_with_a_line() -> None:
    """A target without one would not be found."""
    text = (paths.ROOT / "Makefile").read_text("utf-8")
    joined = text.replace("\\\n", " ")
    phony = set(" ".join(re.findall(r"^\.PHONY:(.*)$", joined, re.MULTILINE)).split())
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make("help"), re.MULTILINE))
    there = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))

    assert {"help", "report", "test", "notebook", "schema", "clean"} <= set(listed)
    assert phony - there == set()
    assert {name for name in there if not name.startswith("setup")} - set(listed) == set()
    assert all(len(line) > 10 for line in listed.values())


def test_make_alone_is_help() -> None:
    assert make() == make("help")


@pytest.mark.parametrize(
    ("mailed", "line"),
    [
        ([], "4, unsent: make send"),
        (["S1"], "4, 1 sent before: make send shows to whom, and what has changed since"),
        (["S1", "S2", "S3", "S4"], "4, all sent before: make send shows to whom, and what has changed since"),
    ],
)
def test_the_summary_knows_which_briefs_are_out(tmp_path: Path, mailed: list[str], line: str) -> None:
    """A month that is made again is not called unsent."""
    month = factory.month(4)
    run = ReportRun(month, tmp_path / month.month, "embedded", "", 8, 1.0)
    if mailed:
        (tmp_path / "outbox").mkdir()
        with Ledger.open(tmp_path / "outbox" / f"{month.month}.sqlite", read_clock) as ledger:
            for id_ in mailed:
                key = f"<{month.month}.{id_}.brief@example.com>"
                message = OutgoingMessage(key, "ann@example.com", f"Message-ID: {key}\r\n\r\nx\r\n".encode())
                ledger.enqueue_messages([message])
                ledger.record_handover(message, "handed over")

    assert cli._describe_briefs(run, "") == line
