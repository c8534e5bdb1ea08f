"""How many small mistakes in segmentation/ its tests see: mutmut makes each, and the room's own tests are asked.

Each room is mutated in a copy of the project of its own. A score is mutants seen, or that never end, over all; a mutant
that no test reaches counts as not seen. PART=2 asks of every room only the mutants whose number ends in one of two
digits, which is a fifth of them: of all, they take hours. Exit code 1 if all together are under 85 %.
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
# rooms that the tests of others look at
TOLD_BY = {
    "chosen": ["chosen", "analysis", "structure"],
    "crowd": ["analysis", "cells", "engines"],
    "drawn": ["cells"],
    "exact": ["cells"],
    "fates": ["history", "change"],
    "flows": ["flows", "change"],
    "history": ["history", "change"],
    "kept_names": ["history"],
    "readings": ["stability"],
    "reference": ["gap"],
    "tally": ["tally", "cells", "spreads", "distributions"],
    "trend": ["history"],
}
DIGITS = "3719502846"  # of a mutant's number, in the order in which PART takes them
TOO_MANY = {"test_a_quiet_month_is_never_held"}  # a simulation, which takes its time for each mutant
ASKED = """

sys.path.insert(0, str(Path(__file__).parent / "bench"))


def pytest_configure(config):
    from asked import Asked

    config.pluginmanager.register(Asked())
"""


def tests_of(room: str) -> list[str]:
    """Give the test files that tell whether a room does what it should."""
    own = [f"tests/test_{name}.py" for name in TOLD_BY.get(room, [room])]
    return [name for name in own if (ROOT / name).exists()]


def mutate(room: str, part: int) -> dict[str, int]:
    """Give how many mutants of a room were tried, and what became of them."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        ignored = shutil.ignore_patterns(
            ".venv", ".git", "_output", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
        )
        shutil.copytree(ROOT, copy, ignore=ignored)
        extra = ["-p", "no:cacheprovider", "-x"]
        for name in TOO_MANY:
            extra += [word for file in tests_of(room) for word in ("--deselect", f"{file}::{name}")]
        some = [f"*__mutmut_*[{DIGITS[:part]}]"] if part < len(DIGITS) else []
        with (copy / "tests" / "conftest.py").open("a") as file:
            file.write(ASKED)
        with (copy / "pyproject.toml").open("a") as file:
            file.write(
                f'\n[tool.mutmut]\nsource_paths = ["segmentation"]\nonly_mutate = ["segmentation/{room}.py"]\n'
                f"also_copy = {json.dumps(COPIED)}\npytest_add_cli_args = {json.dumps(extra)}\n"
                f"pytest_add_cli_args_test_selection = {json.dumps(tests_of(room))}\n"
            )
        for step in (["run", "--max-children", str(os.cpu_count() or 1), *some], ["export-cicd-stats"]):
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
    part = int(os.environ.get("PART") or len(DIGITS))
    for room in rooms:
        if not tests_of(room):
            print(f"{room:<14} has no tests that are known to tell of it (TOLD_BY)", flush=True)
            continue
        counts = mutate(room, part)
        killed = counts["killed"] + counts["timeout"] + counts["segfault"]
        made = killed + counts["survived"] + counts["no_tests"] + counts["suspicious"]
        print(
            f"{room:<14} {killed:>5} of {made:>5} mutants seen  {killed / max(made, 1):.0%}"
            f"  ({counts['no_tests']} reached by no test)",
            flush=True,
        )
        seen, total = seen + killed, total + made
    print(f"{'all':<14} {seen:>5} of {total:>5} mutants seen  {seen / max(total, 1):.0%}")
    return int(seen < LEAST * total)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
