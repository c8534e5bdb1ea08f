"""Starts Python programs of a checkout as forks of one process that has imported what they need: seconds less for each.

What is shared is libraries alone. The project's own modules come from the folder that a program is started in.

As a program it is that process: `python -m tests.support.runs.fork_server SOCKET`. It ends when its standard input does.
"""

import contextlib
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

from tests.support import ROOT

LIBRARIES = (
    *("pytest", "altair", "email_validator", "kneed", "pandas", "pikepdf", "pydantic", "pypandoc"),
    *("rich.table", "scipy.stats", "sklearn.cluster", "typer", "vl_convert", "weasyprint", "narwhals", "duckdb"),
    *("email.policy", "email.headerregistry", "smtplib", "sqlite3", "ssl", "unittest.mock", "yaml", "pyarrow.parquet"),
)
# what make runs in place of Python: hands the command, the environment and the streams over, and ends as the fork ends
CLIENT = """\
import array, json, os, signal, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect(sys.argv[1])
there.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
with there.makefile("rw") as lines:
    lines.write(json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]) + "\\n")
    lines.flush()
    pid = int(lines.readline())
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    code = int(lines.readline())
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextlib.contextmanager
def forge() -> Iterator[Path]:
    """Give a folder with `python`, which starts programs so; and `quarto`, the stand-in for it."""
    with tempfile.TemporaryDirectory(prefix="f") as short:  # a socket's path has at most 107 bytes
        folder = Path(short)
        (folder / "client.py").write_text(CLIENT)
        ask = f"{sys.executable} -IS {folder}/client.py {folder}/socket"
        for name, text in {
            "python": f'case "$1 $2" in "-m report"*|*.py" "*) exec {ask} "$@";; esac\nexec {sys.executable} "$@"\n',
            "quarto": f'exec {ask} quarto "$@"\n',
        }.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}")
            (folder / name).chmod(0o755)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.support.runs.fork_server", str(folder / "socket")],
            stdin=subprocess.PIPE,
            cwd=ROOT,
        ) as server:
            end = time.monotonic() + 300
            while not (folder / "socket").exists() and server.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            yield folder
            assert server.stdin is not None
            server.stdin.close()


EMPTY = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "data": {"values": []}, "mark": "bar"}


def serve(place: Path) -> None:
    """Fork for each program that is asked for."""
    for name in LIBRARIES:
        importlib.import_module(name)
    tempfile.tempdir = str(place.parent)  # for what they all draw alike
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [], 1)[0]):
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if ready:
                asked, _ = listener.accept()
                if not os.fork():
                    listener.close()
                    _attend(asked)
                    os._exit(0)
                asked.close()


def _attend(asked: socket.socket) -> None:
    """Run one program, and say how it ended."""
    _, streams, _, _ = socket.recv_fds(asked, 1, 3)
    with asked.makefile("rw") as lines:
        words, folder, environment = json.loads(lines.readline())
        child = os.fork()
        if not child:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            asked.close()
            _start(words, folder, environment)
        for stream in streams:
            os.close(stream)
        lines.write(f"{child}\n")
        lines.flush()
        lines.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


def _start(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Do what `python -m NAME ...` would do, in this process; or what Quarto would do."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # those of before may know that they can seek
        file = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115 - until the end
        setattr(
            sys, name, io.TextIOWrapper(file, "utf-8", line_buffering=number == 2 or "PYTHONUNBUFFERED" in environment)
        )
    code = 1
    try:
        place = Path(folder)
        root = next(one for one in (place, *place.parents) if (one / ".venv").exists())
        sys.path[0], sys.executable = str(root), str(root / ".venv" / "bin" / "python")
        with contextlib.ExitStack() as stack:
            if "quarto" in words or words[1:3] == ["report", "report"]:
                stack.enter_context(lighter())
            if words[0] == "quarto":
                importlib.import_module("tests.support.pages.quarto_standin").main(words[1:])
            elif words[0].endswith(".py"):
                sys.argv = words
                runpy.run_path(words[0], run_name="__main__")
            else:
                sys.argv = words[1:]
                runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - as Python itself would
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def lighter() -> Iterator[None]:
    """Let a run of a month do without what other tests look at.

    Its cells and its analysis run in its own process, few crowds are compared, charts are empty, and no page is printed
    twice. test_month_folder.py has runs with all of that. With KILL_AT the run is killed as that stage begins.
    """
    from report import history, publish
    from report import run as runs
    from report.charts import render
    from report.mail import layout
    from report.rendering import embedded
    from report.settings import Settings
    from tests.support.pages.rendered import run_here
    from tests.support.runs.cached import drawings, printings
    from tests.support.runs.in_process import here

    plan, stage, kill_at = Settings.build_options, runs.StageTimer.time_stage, os.environ.get("KILL_AT")

    def noting(self: runs.StageTimer, name: str) -> contextlib.AbstractContextManager[None]:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return stage(self, name)

    with (
        mock.patch.object(embedded, "_run_in_worker", run_here),
        mock.patch.object(runs, "start_worker", here),
        mock.patch.object(history, "start_worker", return_value=contextlib.nullcontext()),
        mock.patch.object(embedded.EmbeddedEngine, "warm_up", return_value=contextlib.nullcontext()),
        mock.patch.object(Settings, "build_options", lambda dials: replace(plan(dials), draws=4, bootstraps=8)),
        mock.patch.object(publish, "build_font_css", return_value=""),
        mock.patch.object(runs.StageTimer, "time_stage", noting),
        mock.patch.object(render, "build_chart_spec", return_value=EMPTY),
        mock.patch.object(layout, "build_chart_spec", return_value=EMPTY),
        drawings(Path(tempfile.gettempdir()) / "drawings"),
        printings(Path(tempfile.gettempdir()) / "printings"),
    ):
        yield


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
