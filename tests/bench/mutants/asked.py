"""What mutmut has to know of tests that share what takes long to make; a plugin of pytest, for the copies it mutates.

mutmut asks of a mutant the tests during which the mutated function was called. What a fixture of many tests called it
notes for the first of them alone, and the others are never asked: here they are noted, too. And what one test
remembers for the others is forgotten, since it would hide in the same way.
"""

import sys
import time
from collections.abc import Generator
from typing import Any

import pytest
from mutmut.state import state

Steps = Generator[None, Any, Any]


class Asked:
    """Notes every function that a test rests on, and has the tests that are quickly done asked first."""

    def __init__(self) -> None:
        self.made: dict[object, set[str]] = {}  # by fixture: the functions that were called to make it

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Ask quick tests first: the first that fails ends it."""
        items.sort(key=lambda item: state().duration_by_test.get(item.nodeid, 0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Steps:
        """Forget what was remembered, and count the time that fixtures take."""
        for name, module in list(sys.modules.items()):
            if name.startswith(("tests.", "segmentation.")):
                for thing in vars(module).values():
                    if hasattr(thing, "cache_clear"):
                        thing.cache_clear()
        begun = time.perf_counter()
        yield
        state().duration_by_test[item.nodeid] += time.perf_counter() - begun

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Steps:
        """Note what is called to make a fixture."""
        before, state()._stats = state()._stats, set()
        try:
            return (yield)
        finally:
            self.made[fixturedef] = state()._stats
            state()._stats = before | state()._stats

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Steps:
        """Let a test rest on whatever its fixtures rest on, made for it or before."""
        for defined in item._fixtureinfo.name2fixturedefs.values():
            state()._stats |= self.made.get(defined[-1], set())
        return (yield)
