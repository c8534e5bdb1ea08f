"""Whether the tests see small mistakes in the shell: in report/, templates/ and settings.toml.

A first run without a mistake notes by coverage's contexts which test runs which line and opens which template, and how
long each takes. Then each mistake is written into a copy of the project, and the tests that reach its line are asked in a
fork of a process that has imported all that is not the shell: the quickest first, until one fails. What no mistake can
reach is shared: charts that were drawn, analyses of the core, and pages that were rendered without its line.

Tests that start `make report`, a browser or a database in processes of their own are not asked (`NOT_ASKED`).
"""

import ast
import contextlib
import hashlib
import importlib
import json
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import coverage
import pytest

from tests.bench.mutants.in_memory import Loop, Question, forget, lay_out, written
from tests.bench.mutants.mistakes import Mistake, sample_mistakes, share_of_mistakes
from tests.support import ROOT

NOT_ASKED = {  # each takes minutes a mistake, or asks another program
    "tests/privacy/test_attacks.py",
    "tests/privacy/test_no_user.py",
    "tests/project/test_docs.py",
    "tests/project/test_layout.py",
    "tests/project/test_lock.py",
    "tests/project/test_style.py",
    "tests/report/operations/test_unattended.py",
    "tests/report/pages/test_browser.py",
    "tests/report/pages/test_markup.py",
    "tests/report/readers/test_corpus.py",
    "tests/report/readers/test_fuzz.py",
    "tests/report/rendering/test_pdf_accessibility.py",
    "tests/report/rendering/test_quarto.py",
    "tests/report/sources/test_spark.py",
    "tests/report/test_faults.py",
    "tests/report/test_month_folder.py",
    "tests/segmentation/test_real_music.py",
}
READ = {
    ".py",
    ".qmd",
    ".lua",
    ".md",
    ".mjml",
    ".txt",
    ".html",
    ".toml",
}  # of .css and .js only a browser sees what they do
IMPORTED = (  # once for all: none of it imports the shell
    *("numpy", "pandas", "scipy.stats", "sklearn.cluster", "altair", "weasyprint", "jinja2", "narwhals", "pydantic"),
    *("duckdb", "openpyxl", "pyarrow.parquet", "vl_convert", "fontTools.ttLib"),
    *("pypandoc", "typer", "rich.console", "kneed", "css_inline", "mjml", "aiosmtpd.controller", "trustme"),
    *("pikepdf", "pypdfium2", "email_validator", "jsonschema", "yaml"),
    *("segmentation.pipeline", "segmentation.tracking.anomalies"),
)
MOST = 90.0  # seconds of processor time that tests may take for one mistake; the dearest aren't asked beyond
QUIET = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-W", "ignore", "--no-header"]
Place = tuple[str, int]  # a file and a line; 0 for a file that is no Python


def rooms() -> list[str]:
    """List the files of the shell in which mistakes are made."""
    found = [*ROOT.glob("report/**/*"), *ROOT.glob("templates/**/*"), ROOT / "settings.toml"]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.suffix in READ)


@dataclass(slots=True)
class Noted:
    """What the run without a mistake showed; a context is a test, a fixture that several share, or a rendered folder.

    Attributes
    ----------
    at : dict
        By place, the contexts that reach it.
    uses : dict
        By context, those that it rests on.
    seconds : dict
        By context, its own processor time.
    failed : set of str
        Tests that fail without any mistake.
    """

    at: dict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    uses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failed: set[str] = field(default_factory=set)

    def add(self, other: "Noted") -> None:
        """Add what another process noted, which ran other tests."""
        for place, contexts in other.at.items():
            self.at[place] |= contexts
        for context, used in other.uses.items():
            self.uses[context] |= used
        for context, seconds in other.seconds.items():
            self.seconds[context] = max(self.seconds[context], seconds)
        self.failed |= other.failed

    def rests_on(self, context: str) -> set[str]:
        """Give a context, and all that it rests on."""
        found, new = set(), {context}
        while new:
            found |= new
            new = {used for one in new for used in self.uses.get(one, ())} - found
        return found


class Notes:
    """A plugin of pytest that notes what each test reaches."""

    def __init__(self, root: Path, noted: Noted) -> None:
        self.root, self.noted = root, noted
        self.within = [""]
        self.since = clock()
        self.coverage = coverage.Coverage(
            data_file=None, source=[str(root / "report")], config_file=False, branch=False
        )
        self.coverage.start()
        sys.addaudithook(self._opened)

    def _opened(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(f"{self.root}{os.sep}"):
            name = str(Path(arguments[0]).relative_to(self.root))
            if name.startswith(("templates", "report", "settings.toml")) and not name.endswith((".py", ".pyc")):
                self.noted.at[name, 0].add(self.within[-1])

    @contextlib.contextmanager
    def in_context(self, name: str) -> Iterator[None]:
        """Note what is done meanwhile under a name."""
        self._switch()
        self.within.append(name)
        self.coverage.switch_context(name)
        try:
            yield
        finally:
            self._switch()
            self.within.pop()
            self.coverage.switch_context(self.within[-1])

    def _switch(self) -> None:
        now = clock()
        self.noted.seconds[self.within[-1]] += now - self.since
        self.since = now

    def pytest_collection_finish(self) -> None:
        """Note what is rendered for several tests apart from the first that asked."""
        rendered = sys.modules["tests.support.pages.rendered"].Rendered
        once = rendered._once

        def noting(this: Any, name: str, make: Callable[[Path], None]) -> Path:
            folder = "".join(letter if letter.isalnum() else "-" for letter in name)
            self.noted.uses[self.within[-1]].add(f"rendered {folder}")

            def made(place: Path) -> None:
                with self.in_context(f"rendered {folder}"):
                    make(place)

            return once(this, name, made)

        rendered._once = noting

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Let no test take what another one remembered; note what it does."""
        forget()
        with self.in_context(item.nodeid):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[Any]:
        """Note what is done for a fixture that several tests share apart from the first that asked."""
        if fixturedef.scope == "function":
            return (yield)
        with self.in_context(f"fixture {fixturedef.baseid}::{fixturedef.argname}"):
            return (yield)

    def pytest_runtest_setup(self, item: Any) -> None:
        """Let a test rest on its fixtures, and them on one another."""
        known = item._fixtureinfo.name2fixturedefs
        shared = {
            name: f"fixture {defined[-1].baseid}::{name}"
            for name, defined in known.items()
            if defined[-1].scope != "function"
        }
        self.noted.uses[item.nodeid] |= set(shared.values())
        for name, context in shared.items():
            self.noted.uses[context] |= {shared[used] for used in known[name][-1].argnames if used in shared}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails without a mistake."""
        if report.failed:
            self.noted.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Add what coverage knows."""
        self.coverage.stop()
        data = self.coverage.get_data()
        for path in data.measured_files():
            name = str(Path(path).relative_to(self.root))
            for line, contexts in data.contexts_by_lineno(path).items():
                self.noted.at[name, line] |= set(contexts)


class Asked:
    """A plugin of pytest that runs these tests in this order, on what can be shared, and says which one failed."""

    def __init__(self, tests: list[str], kept: Path, rendered: set[str], told: Path) -> None:
        self.order = {test: place for place, test in enumerate(tests)}
        self.kept, self.rendered, self.told = kept, rendered, told

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Lay out what was drawn and rendered before."""
        base = session.config._tmp_path_factory.getbasetemp()
        lay_out(base, self.kept, self.rendered)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests that are asked."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say which test failed."""
        if report.failed:
            self.told.write_text(report.nodeid)


def clock() -> float:
    """Give the processor time of this process and of those that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _remembered(analyse: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """Analyse nothing twice: the core has no mistake."""

    def once(*arguments: Any, **how: Any) -> Any:
        try:
            place = folder / hashlib.sha256(pickle.dumps((arguments, how))).hexdigest()
        except (pickle.PicklingError, AttributeError, TypeError):
            return analyse(*arguments, **how)
        if place.exists():
            return pickle.loads(place.read_bytes())  # noqa: S301 - our own
        made = analyse(*arguments, **how)
        with contextlib.suppress(pickle.PicklingError, AttributeError, TypeError):
            new = place.with_suffix(f".{os.getpid()}")
            new.write_bytes(pickle.dumps(made))
            new.rename(place)
        return made

    return once


def in_fork(work: Callable[[], int], *, seconds: float) -> int | None:
    """Give the exit code of work that is done in a fork of this process; None where it never ends."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
        silent = os.open(os.environ.get("SAID", os.devnull), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        code = 70
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - a fork ends here, whatever it is
            traceback.print_exc()
        finally:
            os._exit(code)
    patience, step = time.monotonic() + 120 + 8 * seconds, 0.02  # a machine may have more to do than this
    while time.monotonic() < patience:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # what it may have left behind
            return os.waitstatus_to_exitcode(status)
        time.sleep(step)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _enter(copy: Path, *, compiles: bool) -> None:
    """Be in a copy of the project."""
    os.chdir(copy)
    own = __name__.rpartition(".")[0]
    for name in [one for one in sys.modules if one.partition(".")[0] == "tests" and not one.startswith(own)]:
        del sys.modules[name]  # the copy has its own, which pytest finds there
    sys.dont_write_bytecode = not compiles
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "" if compiles else "1"}


def note(copy: Path, work: Path) -> None:
    """Run every test that may be asked, without a mistake."""
    files = [str(path.relative_to(copy)) for path in sorted((copy / "tests").rglob("test_*.py"))]
    asked = [name for name in files if name not in NOT_ASKED and _asks_shell(copy / name)]
    (work / "first").mkdir(exist_ok=True)

    def run(part: int) -> int:
        _enter(copy, compiles=True)
        os.environ["PYTEST_XDIST_WORKER"] = f"gw{part}"  # what is rendered lies where all of them find it
        noted = Noted()
        some = asked[part :: os.cpu_count() or 1]
        code = pytest.main([*QUIET, f"--basetemp={work / 'first' / str(part)}", *some], plugins=[Notes(copy, noted)])
        (work / f"noted-{part}").write_bytes(pickle.dumps(noted))
        return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else int(code)

    parts = range(os.cpu_count() or 1)
    with ThreadPoolExecutor(len(parts)) as pool:
        codes = list(pool.map(lambda part: in_fork(lambda: run(part), seconds=7200), parts))
    if any(code != 0 for code in codes):
        raise SystemExit(f"mutants: the run without a mistake ended with {codes}")
    whole = Noted()
    for part in parts:
        whole.add(pickle.loads((work / f"noted-{part}").read_bytes()))  # noqa: S301 - our own
    (work / "noted").write_bytes(pickle.dumps(whole))


def _asks_shell(test: Path) -> bool:
    text = test.read_text(encoding="utf-8")
    return bool(
        re.search(
            r"^(from|import) report\b|\brendered\b|tests\.support\.(pages|mail|runs)|\"report\"", text, re.MULTILINE
        )
    )


class Names:
    """Where in the shell and its tests a name is read that is bound outside functions."""

    def __init__(self, root: Path) -> None:
        self.read: dict[str, set[Place]] = defaultdict(set)
        self.bound: dict[Place, str] = {}
        for path in sorted(root.glob("report/**/*.py")):
            name = str(path.relative_to(root))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                word = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
                if word and isinstance(getattr(node, "ctx", None), ast.Load):
                    self.read[word].add((name, node.lineno))
            for node in tree.body:
                if isinstance(node, ast.Assign | ast.AnnAssign):
                    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                    for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                        self.bound[name, line] = ast.unparse(target)

    def places(self, name: str) -> set[Place]:
        """Give the lines that read a name, or one that is made of it."""
        found: set[Place] = set()
        names, new = set(), {name}
        while new:
            names |= new
            reached = {place for one in new for place in self.read.get(one, ())}
            found |= reached
            new = {self.bound[place] for place in reached if place in self.bound} - names
        return found


def choose(mistake: Mistake, noted: Noted, names: Names) -> tuple[list[str], float, set[str]]:
    """Give the tests that reach a mistake, the quickest first; the time they take; and the rendered folders that don't."""
    touched = _touched(mistake, noted, names)
    tests: dict[str, float] = {}
    for test in noted.seconds:
        if ".py::" in test and not test.startswith("fixture ") and test not in noted.failed:
            rests_on = noted.rests_on(test)
            if rests_on & touched:
                anew = {one for one in rests_on if not one.startswith("rendered ") or one in touched}
                tests[test] = sum(noted.seconds.get(one, 0) for one in anew)
    chosen, spent, paid = [], 0.0, set[str]()
    for test in sorted(tests, key=lambda one: (tests[one], one)):
        rests_on = {one for one in noted.rests_on(test) if not one.startswith("rendered ") or one in touched}
        more = sum(noted.seconds.get(one, 0) for one in rests_on - paid)
        if chosen and spent + more > MOST:
            break
        chosen, spent, paid = [*chosen, test], spent + more, paid | rests_on
    made = {one.removeprefix("rendered ") for one in noted.seconds if one.startswith("rendered ")}
    stale = {one for one in made if noted.rests_on(f"rendered {one}") & touched}
    return chosen, spent, made - stale


def _touched(mistake: Mistake, noted: Noted, names: Names) -> set[str]:
    """Give the contexts that reach a mistake."""

    def reach(places: Iterable[Place]) -> set[str]:
        return set().union(*(noted.at.get(place, ()) for place in places)) - {""}

    def reach_file(name: str) -> set[str]:
        return reach(place for place in noted.at if place[0] == name)

    if mistake.file.endswith(".lua"):  # which Pandoc reads
        return reach_file("report/rendering/pandoc.py")
    if not mistake.file.endswith(".py"):
        return reach_file(mistake.file)
    own = [(mistake.file, line) for line in mistake.lines]
    found = reach(own[:1]) or reach(own[1:])
    if found or not (mistake.name or any(noted.at.get(place) for place in own)):
        return found
    # outside functions: whoever reads the name, else whoever is in the file
    return (reach(names.places(mistake.name)) if mistake.name else set()) or reach_file(mistake.file)


def ask_about_all(made: list[Mistake], copy: Path, work: Path, noted: Noted, names: Names) -> None:
    """Write down beside a copy, for each mistake, whether a test sees it and which: in memory where that can be."""
    questions = [Question(mistake, *choose(mistake, noted, names)) for mistake in made]
    found = copy.parent / "found"
    found.write_text("")

    def answer(number: int, code: int | None, by: str) -> None:
        one, seen = questions[number], code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        where = {"number": number, "file": one.mistake.file, "line": one.mistake.lines[0], "shown": one.mistake.shown}
        said = {"seen": seen and bool(one.tests), "by": by or f"exit code {code}", "asked": len(one.tests)}
        with found.open("a") as file:
            print(json.dumps(where | said), file=file)

    def loop() -> int:
        _enter(copy, compiles=False)
        some = ((number, one) for number, one in enumerate(questions) if one.tests)
        files = sorted({test.partition("::")[0] for one in questions for test in one.tests})
        plugin = Loop(copy, work / "first", some, in_fork, answer)
        return int(pytest.main([*QUIET, f"--basetemp={copy.parent / 'temp'}", *files], plugins=[plugin]))

    in_fork(loop, seconds=10**6)
    answered = {json.loads(line)["number"] for line in found.open()}
    for number, one in enumerate(questions):
        if number not in answered:
            answer(number, *(ask(one, copy, work) if one.tests else (0, "")))


def ask(question: Question, copy: Path, work: Path) -> tuple[int | None, str]:
    """Give the exit code of a question's tests in a process that imports the shell anew, and the test that failed."""
    told = copy.parent / "told"
    told.write_text("")

    def run() -> int:
        _enter(copy, compiles=False)
        plugin = Asked(question.tests, work / "first", question.rendered, told)
        files = sorted({test.partition("::")[0] for test in question.tests})
        return int(pytest.main([*QUIET, "-x", f"--basetemp={copy.parent / 'temp'}", *files], plugins=[plugin]))

    with written(question.mistake, copy):
        code = in_fork(run, seconds=30 + 4 * question.seconds)
    return code, told.read_text()


def main(files: list[str], *, share: float, seed: int, most: int | None = None) -> dict[str, tuple[int, int]]:
    """Make mistakes in these files, and give by file how many were seen, of how many; the others are printed.

    They are a share of each file's, or so many of all files' together.
    """
    kept = os.environ.get("KEEP")  # a folder: the run without a mistake is read from there, if one was made before
    with contextlib.nullcontext(kept) if kept else _temporary() as place:
        work = Path(place).resolve()
        (work / "analyses").mkdir(parents=True, exist_ok=True)
        for name in IMPORTED:
            importlib.import_module(name)
        from segmentation import pipeline

        with mock.patch.object(pipeline, "analyse", _remembered(pipeline.analyse, work / "analyses")):
            if not (work / "noted").exists():
                note(copy_project(ROOT, work / "project"), work)
            noted: Noted = pickle.loads((work / "noted").read_bytes())  # noqa: S301 - our own
            if noted.failed:
                print("not asked, for they fail without a mistake:", *sorted(noted.failed), flush=True)
            names = Names(ROOT)
            copies = [
                copy_project(work / "project", work / f"worker-{number}" / "project")
                for number in range(os.cpu_count() or 1)
            ]
            if most is None:
                made = [one for file in files for one in share_of_mistakes(ROOT, file, share=share, seed=seed)]
            else:
                made = sample_mistakes(ROOT, files, most=most, seed=seed)
            children = []
            for number, copy in enumerate(copies):
                child = os.fork()
                if not child:
                    ask_about_all(made[number :: len(copies)], copy, work, noted, names)
                    os._exit(0)
                children.append(child)
            for child in children:
                os.waitpid(child, 0)
        found = [json.loads(line) for copy in copies for line in (copy.parent / "found").open()]
    return _count(found, files)


def _count(found: list[dict[str, Any]], files: list[str]) -> dict[str, tuple[int, int]]:
    """Count by file the mistakes that were seen, and all; print those that were not."""
    counts = dict.fromkeys(files, (0, 0))
    for one in found:
        seen, total = counts[one["file"]]
        counts[one["file"]] = (seen + one["seen"], total + 1)
        if os.environ.get("SURVIVORS") and not one["seen"]:
            print(f"{one['file']}:{one['line']} ({one['asked']} tests)\n{one['shown']}")
    return counts


def _temporary() -> contextlib.AbstractContextManager[str]:
    import tempfile

    return tempfile.TemporaryDirectory()


def copy_project(of: Path, place: Path) -> Path:
    """Copy the project."""
    shutil.rmtree(place, ignore_errors=True)
    ignored = shutil.ignore_patterns(".venv", ".git", "_output", "node_modules", ".*_cache", ".hypothesis")
    shutil.copytree(of, place, ignore=ignored)
    return place
