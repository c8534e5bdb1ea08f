"""Time, memory and sizes of the second `make report`: the environment is there, as it is every month but the first.

Memory is the sum over all processes of the run (proportional shares, so that what they share counts once), sampled
twenty times a second. Prints one table.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
RUNS = 5


def once(output: Path) -> tuple[float, float, float]:
    """Run one report; give seconds, and MB of all its processes together and of the largest."""
    start = time.perf_counter()
    run = psutil.Popen(
        [
            sys.executable,
            "-m",
            "report",
            "report",
            "--engine",
            "embedded",
            "--output",
            str(output),
            *sys.argv[1:],
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
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
    if run.returncode:
        sys.exit(run.returncode)
    return time.perf_counter() - start, together, largest


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def main() -> None:
    """Run it a few times, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        once(output)  # what is made once an environment
        runs = [once(output) for _ in range(RUNS)]
        month = next(output.glob("*/executive.pdf")).parent
        sizes = {name: (month / name).stat().st_size / 1e6 for name in ("executive.pdf", "report.html")}
    for name, unit, values in zip(
        ("time", "memory, all processes", "memory, the largest"),
        ("s", "MB", "MB"),
        zip(*runs, strict=True),
        strict=True,
    ):
        print(
            f"{name:24}{statistics.median(values):8.1f} {unit}   ({min(values):.1f} to {max(values):.1f}, {RUNS} runs)"
        )
    for name, size in sizes.items():
        print(f"{name:24}{size:8.2f} MB")


if __name__ == "__main__":
    main()
