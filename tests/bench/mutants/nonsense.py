"""Whether random tests fail when the code that they name returns nonsense.

`make mutants NONSENSE=100 SEED=2026` draws a hundred test functions; of a parametrised one it takes a single set of
parameters. ROOMS=tests/report/text draws from a part. A test names functions of report/ and segmentation/ in its own body
or parameters, else in the fixtures and helpers that it uses directly; of a class it names what its body reads of it.
A first run shows which of them are called. Each of these is then replaced wherever it was imported, and the test runs
again in a fork of its own, once for each nonsense:

- none: it isn't called, and None comes back (the only nonsense where None is right, or where the test drops the value);
- empty: the right value without its content: 0, False, "", [], a table without rows, a dataclass of such values;
- other: a value of the same type: each number x is -x - 1, each truth is negated, each text says "nonsense".

Where an error is right, None comes back. A test has to fail each time, or never end; of what only its helpers name, each
time for one function at least. If one passes that isn't listed in nonsense.toml with a reason, the exit code is 1. Tests that take over a minute aren't drawn. Tests that call no such code
in their own process can't be asked; they are listed, and have to be read.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from threadpoolctl import threadpool_limits

from tests.bench.mutants.named import Targets, list_kinds, named_by, replace
from tests.bench.mutants.shell import IMPORTED, QUIET, clock, copy_project, in_fork
from tests.support import ROOT

MOST = 60.0  # seconds of processor time that a test may take


class Draw:
    """A plugin of pytest that collects all tests, and asks some instead of running all."""

    def __init__(self, many: int, seed: int, place: Path) -> None:
        self.many, self.seed, self.place = many, seed, place
        self.known: dict[str, dict[str, str]] = tomllib.loads(
            (Path(__file__).with_suffix(".toml")).read_text(encoding="utf-8")
        )
        self.said: dict[str, list[str]] = defaultdict(list)
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what became of a test's parts."""
        self.reports.append(report)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Draw tests, and ask them."""
        functions: dict[str, list[Any]] = defaultdict(list)
        for item in session.items:
            functions[item.nodeid.partition("[")[0]].append(item)
        threadpool_limits(1)  # for all forks: finding the libraries takes longer than most tests
        sys.modules["tests.conftest"].threadpool_limits = contextlib.nullcontext  # type: ignore[attr-defined]
        gc.freeze()
        asked = 0
        for name in random.Random(self.seed).sample(sorted(functions), len(functions)):
            item = random.Random(f"{self.seed} {name}").choice(functions[name])
            if asked < self.many:
                asked += self.ask(item)
        print(f"\n{asked} tests asked of {len(functions)}")
        for what, tests in self.said.items():
            print(f"\n{len(tests)} {what}", *tests, sep="\n  ")
        return True

    def ask(self, item: Any) -> bool:
        """Run a test with each nonsense, and say whether it counts as asked."""
        begun = time.monotonic()
        targets, its_own = named_by(item)
        if not targets:
            self.said["name no such code"].append(item.nodeid)
            return True
        right = self.run_with_nonsense(item, targets, "right", seconds=MOST)
        if right is None or right["seconds"] > MOST or right["skipped"] or right["failed"]:
            why = "failed or never ended" if right is None or right["failed"] else "skipped here"
            self.said["took over a minute" if right and right["seconds"] > MOST else why].append(item.nodeid)
            return False
        passes: list[str] = []
        asked, seen = 0, False
        for name, (owner, attribute, is_used) in targets.items():
            kinds = list_kinds(vars(owner)[attribute], set(right["noted"][name]), is_used=is_used)
            before = len(passes)
            for kind in kinds:
                found = self.run_with_nonsense(item, {name: targets[name]}, kind, seconds=10 + 3 * right["seconds"])
                changed = found is None or found["failed"] or "changed" in found["noted"][name]
                asked += changed
                if found and not found["failed"]:
                    passes.append(f"{name} returns {kind}" if changed else f"({name}: {kind} can't be made)")
            seen |= bool(kinds) and not any(one[0] != "(" for one in passes[before:])
        print(f"{item.nodeid}: {asked} asked, {time.monotonic() - begun:.0f} s", *passes, sep="\n    ", flush=True)
        known = self.known.get(item.nodeid.partition("[")[0], {})
        passed = [one for one in passes if one[0] != "(" and one.partition(" ")[0] not in known]
        what = "failed each time" if asked else "can't be asked"
        self.said["pass with nonsense" if passed and (its_own or not seen) else what].append(item.nodeid)
        return True

    def run_with_nonsense(self, item: Any, targets: Targets, kind: str, *, seconds: float) -> dict[str, Any] | None:
        """Run a test in a fork, and give what became of it; None where it never ends."""
        told = self.place / "told.json"
        told.unlink(missing_ok=True)

        def run() -> int:
            noted: dict[str, set[str]] = {name: set() for name in targets}
            for name, (owner, attribute, _) in targets.items():
                replace(owner, attribute, kind, noted[name])
            base = Path(tempfile.mkdtemp(dir=self.place))
            (base / "drawings").symlink_to(self.place / "drawings")
            item.config._tmp_path_factory._basetemp = base
            if how := getattr(item.obj, "_hypothesis_internal_use_settings", None):
                quick = settings(how, phases=(Phase.explicit, Phase.generate), report_multiple_bugs=False)
                item.obj._hypothesis_internal_use_settings = quick
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            outcome = {name: any(getattr(one, name) for one in self.reports) for name in ("failed", "skipped")}
            told.write_text(json.dumps(outcome | {"noted": {name: sorted(words) for name, words in noted.items()}}))
            return 0

        begun = clock()
        if in_fork(run, seconds=seconds) is None:
            return None
        found: dict[str, Any] = json.loads(told.read_text()) if told.exists() else {"failed": True, "skipped": False}
        return found | {"seconds": clock() - begun}


def main(rooms: list[str]) -> int:
    """Ask in a copy of the project, and give the exit code."""
    if "ASKED_IN" not in os.environ:
        with tempfile.TemporaryDirectory() as place:
            work = copy_project(ROOT, Path(place).resolve() / "project")
            told = os.environ | {"ASKED_IN": place, "PYTHONPATH": str(work)}
            return subprocess.call([sys.executable, "-m", "tests.bench.mutants.nonsense", *rooms], cwd=work, env=told)
    place = Path(os.environ["ASKED_IN"])
    (place / "drawings").mkdir()
    draw = Draw(int(os.environ.get("NONSENSE") or 100), int(os.environ.get("SEED") or 2026), place)
    for name in IMPORTED:
        importlib.import_module(name)
    code = pytest.main([*QUIET, "-s", "--tb=no", f"--basetemp={place / 'first'}", *rooms], plugins=[draw])
    return int(bool(code or draw.said["pass with nonsense"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
