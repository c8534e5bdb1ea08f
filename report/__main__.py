"""`python -m report`."""

import contextlib
import os
import sys

for descriptor in range(3):  # a scheduler may close them; a file opened next would take their place
    with contextlib.suppress(OSError):
        os.fstat(descriptor)
        continue
    os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - for child processes, too
for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
    if getattr(sys, name) is None:
        setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - until the end

# names are UTF-8, and Altair reads its own docstrings
if sys.getfilesystemencoding() != "utf-8" or sys.flags.optimize > 1:
    os.environ |= {"PYTHONUTF8": "1", "PYTHONOPTIMIZE": ""}
    os.execv(sys.executable, [sys.executable, "-m", "report", *sys.argv[1:]])  # noqa: S606 - restarts this program

from report.cli import run_command_line  # noqa: E402

run_command_line()
