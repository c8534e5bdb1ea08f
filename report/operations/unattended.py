"""`make unattended`: set-up, report, send, and mail of what fails.

Imports the standard library alone.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from report.errors import ReportError
from report.operations.notices import (
    PROJECT_ROOT,
    UNATTENDED_LOG,
    OwnerNotifier,
    find_run_month,
    make_failure_notice,
)
from report.transport import deliver

_SELF_REPORTED_EXIT_CODES = (1, 75)  # how `send` ends where it has told the owner itself
_INTERRUPTED_EXIT_CODE = 130
_ERROR_LINE = re.compile(r"make(?: report| send)?: (?!\*\*\*)(.+)")


def run_unattended(make: str, environ: Mapping[str, str]) -> int:
    """Make the newest month's report and send its briefs.

    Gives the exit code: 0 if every brief is where it should be.
    """
    desk = OwnerNotifier.from_settings(environ)
    python = str(PROJECT_ROOT / ".venv" / "bin" / "python")
    steps = (
        ("make setup", [make, "--no-print-directory", "setup"]),
        (
            "make report",
            [python, "-m", "report", "report", *_build_options(environ, "DATA SPARK MONTH ENGINE OUTPUT")],
        ),
        (
            "make send CONFIRM=yes",
            [
                python,
                "-m",
                "report",
                "send",
                "--confirm=yes",
                *_build_options(environ, "MONTH TO ACCEPT OUTPUT"),
            ],
        ),
    )
    with contextlib.ExitStack() as stack:
        write = _open_log(desk, stack)
        desk = replace(desk, print_line=lambda text: write(f"{text}\n"))
        if not (PROJECT_ROOT / "settings.toml").is_file():
            return _notify_owner(
                desk, environ, "make report", f"{PROJECT_ROOT / 'settings.toml'} is missing. Restore it."
            )
        for command, words in steps:
            write(f"{desk.clock():%Y-%m-%d %H:%M:%S %Z} {command}\n")
            status, sentence = _run_command(words, environ, write)
            if status == 0:
                continue
            if command.startswith("make send") and status in _SELF_REPORTED_EXIT_CODES and not sentence:
                return 1
            return _notify_owner(desk, environ, command, sentence or _describe_silent_exit(command, status))
        return 0


def _notify_owner(desk: OwnerNotifier, environ: Mapping[str, str], command: str, why: str) -> int:
    """Mail the owner that a command failed; give the exit code."""
    month = find_run_month(desk, environ)
    notice = make_failure_notice(command, why, month=month, at=desk.clock())
    desk.send_notices([notice], command=command, month=month, retry_delays=deliver.RETRY_DELAYS)
    return 1


def _describe_silent_exit(command: str, status: int) -> str:
    """Say how a command ended that left no sentence."""
    if status in (_INTERRUPTED_EXIT_CODE, -signal.SIGTERM):
        return "It was stopped before it had ended."
    end = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
    return (
        f"`{command}` {end} and gave no reason; the last lines of the log named below have more. If they speak of packages or of "
        "Python: `make clean` deletes the environment, and the next run sets it up anew."
    )


def _run_command(
    words: Sequence[str], environ: Mapping[str, str], write: Callable[[str], None]
) -> tuple[int, str]:
    """Run a command; give its exit code and last sentence.

    What it says is shown and logged.
    """
    sentence = ""
    quiet = {"REPORT_DEBUG": "", "PYTHONUNBUFFERED": "1"}  # a sentence, and in the order in which it is said
    try:
        child = subprocess.Popen(
            words,
            cwd=PROJECT_ROOT,
            env={**environ, **quiet},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        return (
            127,
            f"{words[0]} can't be run: {error.strerror}. `make clean`, then `make unattended` sets it up anew.",
        )
    before = signal.signal(
        signal.SIGTERM, lambda *_: child.terminate()
    )  # then there is still time to tell the owner
    try:
        with child:
            for line in child.stdout or ():
                write(line)
                if found := _ERROR_LINE.fullmatch(line.rstrip()):
                    sentence = found[1]
    finally:
        signal.signal(signal.SIGTERM, before)
    return child.returncode, sentence if child.returncode else ""


def _build_options(environ: Mapping[str, str], names: str) -> list[str]:
    """Give the variables of `make` as options of the command."""
    return [f"--{name.lower()}={environ[name]}" for name in names.split() if environ.get(name)]


def _open_log(desk: OwnerNotifier, stack: contextlib.ExitStack) -> Callable[[str], None]:
    """Give what writes to the terminal and to the log.

    A full disk stops neither; the log is for its owner alone.
    """
    log = None
    with contextlib.suppress(OSError):
        desk.output.mkdir(parents=True, exist_ok=True)
        number = os.open(desk.output / UNATTENDED_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        log = stack.enter_context(open(number, "a", encoding="utf-8", errors="replace"))  # noqa: PTH123, SIM115 - a descriptor

    def write(text: str) -> None:
        for stream in (sys.stdout, log):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.write(text)
                    stream.flush()

    return write


if __name__ == "__main__":
    try:
        sys.exit(run_unattended(sys.argv[1], os.environ))
    except (ReportError, OSError) as error:
        sys.exit(f"make unattended: {error}")
