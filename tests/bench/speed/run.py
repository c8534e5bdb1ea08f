"""Time, memory and sizes of the second `make report`: the environment is there, as it is every month but the first.

Memory is the sum over all processes of the run (proportional shares, so that what they share counts once), sampled
twenty times a second. That holds the processes up, so time is taken of other runs. Prints one table.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.support import ROOT

RUNS = 5


def timed(output: Path) -> float:
    """Run one report; give seconds."""
    start = time.perf_counter()
    _end(_begun(output))
    return time.perf_counter() - start


def weighed(output: Path) -> tuple[float, float]:
    """Run one report; give MB of all its processes together, and of the largest."""
    run = _begun(output)
    together = largest = 0.0
    while run.poll() is None:
        sizes = []
        for process in [run, *_children(run)]:
            try:
                sizes.append(process.memory_full_info().pss / 1e6)
            except (psutil.Error, AttributeError):
                continue
        together, largest = max(together, sum(sizes)), max([largest, *sizes])
        time.sleep(0.05)
    _end(run)
    return together, largest


def _begun(output: Path) -> psutil.Popen:
    command = ["-m", "report", "report", "--engine", "embedded", "--output", str(output), *sys.argv[1:]]
    return psutil.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL)


def _end(run: psutil.Popen) -> None:
    if code := run.wait():
        sys.exit(code)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def main() -> None:
    """Run it a few times, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        timed(output)  # what is made once an environment
        times = [timed(output) for _ in range(RUNS)]
        sizes_in_memory = [weighed(output) for _ in range(RUNS)]
        month = next(output.glob("*/executive.pdf")).parent
        sizes = {name: (month / name).stat().st_size / 1e6 for name in ("executive.pdf", "report.html")}
    together, largest = zip(*sizes_in_memory, strict=True)
    for name, unit, values in (
        ("time", "s", times),
        ("memory, all processes", "MB", together),
        ("memory, the largest", "MB", largest),
    ):
        print(
            f"{name:24}{statistics.median(values):8.1f} {unit}   ({min(values):.1f} to {max(values):.1f}, {RUNS} runs)"
        )
    for name, size in sizes.items():
        print(f"{name:24}{size:8.2f} MB")


if __name__ == "__main__":
    main()
