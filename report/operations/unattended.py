"""`make unattended`: set up, report, send, and mail failures.

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
from report.operations.notices import PROJECT_ROOT, UNATTENDED_LOG, OwnerNotifier, find_run_month, make_failure_notice
from report.transport import deliver

_SELF_REPORTED_EXIT_CODES = (1, 75)  # of `send`, which has told the owner itself then
_INTERRUPTED_EXIT_CODE = 130
_ERROR_LINE = re.compile(r"make(?: report| send)?: (?!\*\*\*)(.+)")


def run_unattended(make: str, environ: Mapping[str, str]) -> int:
    """Make the newest month's report and send its briefs.

    The exit code is 0 if every brief was sent.
    """
    notifier = OwnerNotifier.from_settings(environ)
    report = [str(PROJECT_ROOT / ".venv" / "bin" / "python"), "-m", "report"]
    send_options = _build_options(environ, "MONTH TO ACCEPT OUTPUT")
    steps = (
        ("make setup", [make, "--no-print-directory", "setup"]),
        ("make report", [*report, "report", *_build_options(environ, "DATA SPARK MONTH ENGINE OUTPUT")]),
        ("make send CONFIRM=yes", [*report, "send", "--confirm=yes", *send_options]),
    )
    with contextlib.ExitStack() as stack:
        write = _open_log(notifier, stack)
        notifier = replace(notifier, print_line=lambda text: write(f"{text}\n"))
        if not (PROJECT_ROOT / "settings.toml").is_file():
            return _notify_owner(
                notifier, environ, "make report", f"{PROJECT_ROOT / 'settings.toml'} is missing. Restore it."
            )
        for command, words in steps:
            write(f"{notifier.clock():%Y-%m-%d %H:%M:%S %Z} {command}\n")
            status, sentence = _run_command(words, environ, write)
            if status == 0:
                continue
            if command.startswith("make send") and status in _SELF_REPORTED_EXIT_CODES and not sentence:
                return 1
            return _notify_owner(notifier, environ, command, sentence or _describe_silent_exit(command, status))
        return 0


def _notify_owner(notifier: OwnerNotifier, environ: Mapping[str, str], command: str, why: str) -> int:
    """Mail the owner that a command failed; return 1."""
    month = find_run_month(notifier, environ)
    notice = make_failure_notice(command, why, month=month, at=notifier.clock())
    notifier.send_notices([notice], command=command, month=month, retry_delays=deliver.RETRY_DELAYS)
    return 1


def _describe_silent_exit(command: str, status: int) -> str:
    """Describe a command's end without a message."""
    if status in (_INTERRUPTED_EXIT_CODE, -signal.SIGTERM):
        return "It was stopped before it had ended."
    end = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
    return (
        f"`{command}` {end} and gave no reason; the last lines of the log named below have more. If they speak of packages or of "
        "Python: `make clean` deletes the environment, and the next run sets it up anew."
    )


def _run_command(words: Sequence[str], environ: Mapping[str, str], write: Callable[[str], None]) -> tuple[int, str]:
    """Run a command; return exit code and error.

    Its output is shown and logged.
    """
    sentence = ""
    quiet = {"REPORT_DEBUG": "", "PYTHONUNBUFFERED": "1"}  # no traceback, and lines in their order
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
        remedy = "`make clean`, then `make unattended` sets it up anew."
        return 127, f"{words[0]} can't be run: {error.strerror}. {remedy}"
    # stops the command alone, so that there is time to tell the owner
    before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
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
    """Return `make`'s variables as options of the command."""
    return [f"--{name.lower()}={environ[name]}" for name in names.split() if environ.get(name)]


def _open_log(notifier: OwnerNotifier, stack: contextlib.ExitStack) -> Callable[[str], None]:
    """Return a function that writes to terminal and log.

    A full disk stops neither. Only its owner may read the log.
    """
    log = None
    with contextlib.suppress(OSError):
        notifier.output.mkdir(parents=True, exist_ok=True)
        number = os.open(notifier.output / UNATTENDED_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
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
