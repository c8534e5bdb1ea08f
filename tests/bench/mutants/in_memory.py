"""Mistakes put into a process that has imported the shell and collected its tests: nothing is started anew for each.

A function's code is exchanged in a fork of that process. A mistake outside functions is not: it is made while a module is
imported, so it needs a process that hasn't imported it.
"""

import ast
import gc
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.bench.mutants.mistakes import Mistake


@dataclass(frozen=True, slots=True)
class Question:
    """One mistake, and what is asked of it.

    Attributes
    ----------
    mistake : Mistake
        The mistake.
    tests : list of str
        The tests, in this order.
    seconds : float
        Processor time that they took without it.
    rendered : set of str
        Folders rendered before that it can't reach.
    """

    mistake: Mistake
    tests: list[str]
    seconds: float
    rendered: set[str]


def find_changed_functions(before: str, after: str) -> dict[str, CodeType] | None:
    """Give the functions that differ, by qualified name; None where something outside functions differs."""
    old, new = (compile(text, "", "exec", dont_inherit=True) for text in (before, after))
    changed: dict[str, CodeType] = {}
    names = Counter(code.co_qualname for code in _functions(old))
    if not _compare(old, new, changed) or any(names[name] != 1 for name in changed):
        return None
    return changed


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Give the outermost functions of a module."""
    for part in _parts(code):
        if _is_function(part):
            yield part
        else:
            yield from _functions(part)


def _parts(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _is_function(code: CodeType) -> bool:
    """Tell a function from a class, and from a comprehension, which runs at once."""
    return bool(code.co_flags & CO_OPTIMIZED) and (code.co_name == "<lambda>" or not code.co_name.startswith("<"))


def _compare(old: CodeType, new: CodeType, changed: dict[str, CodeType]) -> bool:
    """Tell whether two modules or classes differ in functions alone, and collect these."""
    olds, news = _parts(old), _parts(new)
    same = [
        (code.co_code, code.co_names, [None if isinstance(one, CodeType) else repr(one) for one in code.co_consts])
        for code in (old, new)
    ]
    if same[0] != same[1] or len(olds) != len(news):
        return False
    for one, other in zip(olds, news, strict=True):
        if one == other:
            continue
        if not _is_function(one):
            if one.co_flags & CO_OPTIMIZED or not _compare(one, other, changed):
                return False
        elif one.co_freevars != other.co_freevars or one.co_qualname != other.co_qualname:
            return False
        else:
            changed[other.co_qualname] = other
    return True


def exchange(changed: dict[str, CodeType], path: Path) -> bool:
    """Give the functions of a file that was imported their changed code; tell whether each was found."""
    if not any(getattr(module, "__file__", None) == str(path) for module in list(sys.modules.values())):
        return True  # whoever imports it reads the file
    found = set()
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == str(path):
            code = changed.get(one.__code__.co_qualname)
            if code is not None:
                one.__code__ = code.replace(co_filename=str(path))
                found.add(code.co_qualname)
    return found == set(changed)


class Loop:
    """A plugin of pytest that asks tests about one mistake after the other, each in a fork.

    Parameters
    ----------
    copy, kept : Path
        The copy of the project that the tests belong to, and the folder of what was drawn and rendered before.
    questions : iterator of (int, Question)
        What is asked.
    fork : callable
        Does work in a fork for so many seconds, and gives its exit code.
    answer : callable
        Is told the number, the exit code and the test that failed.
    """

    NOT_POSSIBLE = 71

    def __init__(
        self,
        copy: Path,
        kept: Path,
        questions: Iterator[tuple[int, Question]],
        fork: Callable[..., int | None],
        answer: Callable[[int, int | None, str], None],
    ) -> None:
        self.copy, self.kept, self.questions, self.fork, self.answer = copy, kept, questions, fork, answer
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the test that fails."""
        if report.failed:
            self.failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Ask in place of running all tests."""
        items = {item.nodeid: item for item in session.items}
        told = self.copy.parent / "told"
        for number, question in self.questions:
            changed = None
            if question.mistake.file.endswith(".py"):
                before = ast.unparse(ast.parse((self.copy / question.mistake.file).read_text(encoding="utf-8")))
                changed = find_changed_functions(before, question.mistake.text)
            if changed is None and question.mistake.file.endswith(".py"):
                continue
            told.write_text("")

            def work(question: Question = question, changed: Any = changed) -> int:
                if changed and not exchange(changed, self.copy / question.mistake.file):
                    return self.NOT_POSSIBLE
                return self._run([items[name] for name in question.tests if name in items], question, told)

            with written(question.mistake, self.copy):
                code = self.fork(work, seconds=30 + 4 * question.seconds)
            if code != self.NOT_POSSIBLE:
                self.answer(number, code, told.read_text())
        return True

    def _run(self, items: list[pytest.Item], question: Question, told: Path) -> int:
        """Run tests until one fails."""
        factory = items[0].session.config._tmp_path_factory  # type: ignore[attr-defined]
        base = factory.getbasetemp() / str(os.getpid())
        base.mkdir()
        lay_out(base, self.kept, question.rendered)
        factory._basetemp = base
        forget()
        try:
            for place, item in enumerate(items):
                after = items[place + 1] if place + 1 < len(items) else None
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if self.failed:
                    told.write_text(self.failed)
                    return 1
            return 0
        finally:
            shutil.rmtree(base, ignore_errors=True)


def forget() -> None:
    """Let no test take what another one remembered."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("tests.", "report.")):
            for thing in list(vars(module).values()):
                if callable(getattr(thing, "cache_clear", None)):
                    thing.cache_clear()


def lay_out(base: Path, kept: Path, rendered: set[str]) -> None:
    """Lay out what was drawn and rendered before."""
    (base / "drawings").symlink_to(kept / "drawings")
    (base / "rendered").mkdir()
    for name in rendered:
        (base / "rendered" / name).symlink_to(kept / "rendered" / name)


@contextmanager
def written(mistake: Mistake, copy: Path) -> Iterator[None]:
    """Have a mistake in the copy's file, for the time being."""
    path = copy / mistake.file
    good, when = path.read_bytes(), path.stat()
    path.write_text(mistake.text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(good)
        os.utime(path, ns=(when.st_atime_ns, when.st_mtime_ns))
