"""`python -m report`."""

import contextlib
import os
import sys

for descriptor in range(3):  # a scheduler may close them, and whatever is opened next would take their place
    with contextlib.suppress(OSError):
        os.fstat(descriptor)
        continue
    os.open(os.devnull, os.O_RDWR)
for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
    if getattr(sys, name) is None:
        setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - until the end

from report.cli import run  # noqa: E402

run()
