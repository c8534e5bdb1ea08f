"""What is installed is what was locked."""

import re
from importlib.metadata import requires, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import ROOT


def locked(name: str) -> dict[str, Requirement]:
    """Give what a lock pins on this machine, by name: its requirements whose markers hold here."""
    lines = (ROOT / name).read_text().splitlines()
    pins = (Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line))
    return {canonicalize_name(pin.name): pin for pin in pins if pin.marker is None or pin.marker.evaluate()}


def needed(name: str, extras: set[str]) -> list[Requirement]:
    """List what an installed package asks for here, with the extras that it is asked for with."""
    asked = [Requirement(text) for text in requires(name) or []]
    return [
        one
        for one in asked
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras | {""})
    ]


@pytest.mark.parametrize(("lock", "extra"), [("requirements.txt", ""), ("requirements-test.txt", "test")])
def test_a_lock_is_whole(lock: str, extra: str) -> None:
    """Everything that a locked package needs is locked beside it, at a version that it accepts.

    So a package of next month can't come in by the side, and pip needn't resolve anything.
    """
    pins = locked(lock)
    todo = [("listener-segments", {extra})]
    seen: set[tuple[str, str]] = set()
    while todo:
        package, extras = todo.pop()
        for one in needed(package, extras):
            name = canonicalize_name(one.name)
            assert name in pins, f"{package} needs {one}, which {lock} does not have"
            exact = next(iter(pins[name].specifier)).version
            assert one.specifier.contains(exact, prereleases=True), f"{package} needs {one}, {lock} has {exact}"
            if not {(name, extra) for extra in one.extras | {""}} <= seen:
                seen |= {(name, extra) for extra in one.extras | {""}}
                todo.append((name, set(one.extras)))
    assert len({name for name, _ in seen}) > 50


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-test.txt"])
def test_what_is_installed_is_what_is_locked(lock: str) -> None:
    """The environment has the locked versions, and no newer ones."""
    assert {name: version(name) for name in locked(lock)} == {
        name: next(iter(pin.specifier)).version for name, pin in locked(lock).items()
    }


def test_pip_asks_for_hashes_and_resolves_nothing() -> None:
    """Each of the Makefile's installs of a lock checks hashes and takes what the lock has, no more."""
    recipe = (ROOT / "Makefile").read_text()
    installs = [line for line in recipe.splitlines() if "pip install" in line and " -r " in line]
    assert len(installs) == 3
    assert all("--no-deps" in line and "--require-hashes" in line for line in installs)
