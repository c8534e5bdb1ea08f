"""The program: `python -m report` or `listener-segments`."""

import contextlib
import os
import sys


def main() -> None:
    """Run the command line with standard streams and UTF-8."""
    _open_missing_streams()
    _require_utf8()
    from report.cli import run_command_line  # noqa: PLC0415 - not before the streams are there

    run_command_line()


def _open_missing_streams() -> None:
    """Open the standard streams that a scheduler closed.

    Otherwise the next file that is opened would take their place. The processes that this one starts have them, too.
    """
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            continue
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - until the end


def _require_utf8() -> None:
    """Start again with UTF-8 and docstrings, which Altair needs."""
    if sys.getfilesystemencoding() != "utf-8" or sys.flags.optimize > 1:
        os.environ |= {"PYTHONUTF8": "1", "PYTHONOPTIMIZE": ""}
        os.execv(sys.executable, [sys.executable, "-m", "report", *sys.argv[1:]])  # noqa: S606 - this program


if __name__ == "__main__":
    main()
