"""How many small mistakes in segmentation/ its tests see: mutmut makes each, and the room's own tests are asked.

Each room is mutated in a copy of the project of its own; of a room without tests that are called like it, nothing is
said. A score is mutants seen, or that never end, over all. Exit code 1 if all together are under 85 %.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAST = 0.85
COPIED = [
    "report",
    "data",
    "templates",
    "docs",
    "settings.toml",
    "README.md",
    "Makefile",
    "_quarto.yml",
    "tests",
]
TOO_MANY = {"test_a_quiet_month_is_never_held"}  # a simulation, which takes its time for each mutant


def mutate(room: str) -> dict[str, int]:
    """Give how many mutants of a room there are, and what became of them."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        ignored = shutil.ignore_patterns(
            ".venv", ".git", "_output", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
        )
        shutil.copytree(ROOT, copy, ignore=ignored)
        tests = f"tests/test_{room}.py"
        extra = [
            "-p",
            "no:cacheprovider",
            "-x",
            *(part for name in TOO_MANY for part in ("--deselect", f"{tests}::{name}")),
        ]
        with (copy / "pyproject.toml").open("a") as file:
            file.write(
                f'\n[tool.mutmut]\nsource_paths = ["segmentation"]\nonly_mutate = ["segmentation/{room}.py"]\n'
                f"also_copy = {json.dumps(COPIED)}\npytest_add_cli_args = {json.dumps(extra)}\n"
                f"pytest_add_cli_args_test_selection = {json.dumps([tests])}\n"
            )
        for step in (["run", "--max-children", str(os.cpu_count() or 1)], ["export-cicd-stats"]):
            done = subprocess.run(
                [sys.executable, "-m", "mutmut", *step], cwd=copy, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(
                    f"{room}: mutmut {step[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}"
                )
        if os.environ.get("SURVIVORS"):
            found = subprocess.run(
                [sys.executable, "-m", "mutmut", "results"],
                cwd=copy,
                capture_output=True,
                text=True,
                check=True,
            )
            for name in (
                line.split(":")[0].strip() for line in found.stdout.splitlines() if "survived" in line
            ):
                shown = subprocess.run(
                    [sys.executable, "-m", "mutmut", "show", name],
                    cwd=copy,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                print("\n".join(line for line in shown.stdout.splitlines() if line[:1] in "+-#"), flush=True)
        counts: dict[str, int] = json.loads((copy / "mutants" / "mutmut-cicd-stats.json").read_text())
        return counts


def main(rooms: list[str]) -> int:
    """Mutate the rooms, and print the score of each and of all."""
    seen = total = 0
    for room in rooms:
        if not (ROOT / "tests" / f"test_{room}.py").exists():
            continue
        counts = mutate(room)
        killed = counts["killed"] + counts["timeout"] + counts.get("segfault", 0)
        made = counts["total"] - counts["skipped"]
        print(f"{room:<14} {killed:>5} of {made:>5} mutants seen  {killed / max(made, 1):.0%}", flush=True)
        seen, total = seen + killed, total + made
    print(f"{'all':<14} {seen:>5} of {total:>5} mutants seen  {seen / max(total, 1):.0%}")
    return int(seen < LEAST * total)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
