"""How many small mistakes the tests see, by room.

In segmentation/ mutmut makes each mistake, and the room's own tests are asked; in the shell (report/, templates/,
settings.toml) mistakes.py makes them, and shell.py asks the tests that reach the line. A score is mistakes seen, or that
never end, over all; one that no test reaches counts as not seen. PART=2 makes two tenths of each room's mistakes: of all,
they take hours. SEED chooses which of the shell's; SAMPLE=200 makes so many of the shell alone, from all its files
together. KEEP names a folder that keeps the shell's run without a mistake for the next time. SURVIVORS=yes shows those that
no test sees. Exit code 1 if those of the core are under 85 % together, or those of the shell under 80 %.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.mutants import shell
from tests.support import ROOT

LEAST, LEAST_OF_SHELL = 0.85, 0.80
COPIED = ["report", "data", "templates", "docs", "settings.toml", "README.md", "Makefile", "_quarto.yml", "tests"]
# modules that the tests of others look at
TOLD_BY = {
    "clustering/refine": ["clustering/grid"],
    "clustering/sampling": ["clustering/grid"],
    "population": ["pipeline", "clustering/grid", "clustering/engines_agree"],
    "preprocessing/aggregate": [
        "preprocessing/aggregate",
        "preprocessing/quantiles",
        "clustering/grid",
        "profiling/distributions",
    ],
    "thresholds": ["validation/stability"],
    "tracking/matching": ["tracking/matching", "tracking/compare"],
    "tracking/migration": ["tracking/migration", "tracking/compare"],
    "tracking/transitions": ["tracking/matching", "tracking/compare"],
    "validation/null_model": ["validation/gap"],
    "validation/selection": ["validation/selection", "pipeline", "reliability"],
}
DIGITS = "3719502846"  # of a mutant's number, in the order in which PART takes them
TOO_MANY = {"test_a_quiet_month_is_never_held"}  # a simulation, which takes its time for each mutant
ASKED = """

def pytest_configure(config):
    from tests.bench.mutants.asked import Asked

    config.pluginmanager.register(Asked())
"""


def modules() -> list[str]:
    """List the modules of segmentation/ by their path in it, without packages' own files."""
    found = sorted((ROOT / "segmentation").rglob("*.py"))
    names = [path.relative_to(ROOT / "segmentation").with_suffix("") for path in found]
    return [str(name) for name in names if name.name != "__init__"]


def tests_of(room: str) -> list[str]:
    """Give the test files that tell whether a room does what it should."""
    own = [Path("tests/segmentation", name) for name in TOLD_BY.get(room, [room])]
    files = [str(path.with_name(f"test_{path.name}.py")) for path in own]
    return [name for name in files if (ROOT / name).exists()]


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
                [sys.executable, "-m", "mutmut", "results"], cwd=copy, capture_output=True, text=True, check=True
            )
            for name in (line.split(":")[0].strip() for line in found.stdout.splitlines() if "survived" in line):
                shown = subprocess.run(
                    [sys.executable, "-m", "mutmut", "show", name], cwd=copy, capture_output=True, text=True, check=True
                )
                print("\n".join(line for line in shown.stdout.splitlines() if line[:1] in "+-#"), flush=True)
        counts: dict[str, int] = json.loads((copy / "mutants" / "mutmut-cicd-stats.json").read_text())
        return counts


def main(rooms: list[str]) -> int:
    """Make the mistakes, and print the score of each room and of all."""
    part = int(os.environ.get("PART") or len(DIGITS))
    most = int(os.environ["SAMPLE"]) if os.environ.get("SAMPLE") else None
    rooms = rooms or [*(() if most else modules()), *shell.rooms()]
    files = [room for room in rooms if "." in room]
    core: dict[str, tuple[int, int]] = {}
    others: dict[str, tuple[int, int]] = {}
    for room in (room for room in rooms if "." not in room):
        if not tests_of(room):
            print(f"{room:<28} has no tests that are known to tell of it (TOLD_BY)", flush=True)
            continue
        counts = mutate(room, part)
        seen = counts["killed"] + counts["timeout"] + counts["segfault"]
        core[room] = seen, seen + counts["survived"] + counts["no_tests"] + counts["suspicious"]
        print(said_of(room, *core[room]), flush=True)
    if files:
        others = shell.main(files, share=part / len(DIGITS), seed=int(os.environ.get("SEED") or 2026), most=most)
        for folder in sorted({Path(file).parent for file in others}):
            inside = [numbers for file, numbers in others.items() if Path(file).parent == folder]
            print(said_of(str(folder), *map(sum, zip(*inside, strict=True))), flush=True)
    lacking = False
    for name, found, least in (("core", core, LEAST), ("shell", others, LEAST_OF_SHELL)):
        if found:
            seen, made = (sum(numbers) for numbers in zip(*found.values(), strict=True))
            print(said_of(name, seen, made))
            lacking |= seen < least * made
    return int(lacking)


def said_of(room: str, seen: int, made: int) -> str:
    """Write a room's score."""
    return f"{room:<28} {seen:>5} of {made:>5} mistakes seen  {seen / max(made, 1):.0%}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
