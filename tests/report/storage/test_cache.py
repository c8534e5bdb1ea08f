"""What is dear to make is made once an environment, and where it can't be kept the run goes on."""

import sys
from pathlib import Path

import pytest

from report.storage import cache


def test_a_text_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the environment's packages; where nothing can be written or read there, it is made each time."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    made = []

    def make() -> str:
        made.append(1)
        return "text é"

    assert [cache.cache_text("a.js", make), cache.cache_text("a.js", make)] == ["text é", "text é"]
    assert len(made) == 1
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))
    assert [cache.cache_text("a.js", make), cache.cache_text("a.js", make)] == ["text é", "text é"]
    assert len(made) == 3


def test_a_folder_is_filled_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whole or not at all: what a broken run began is gone."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    times = []

    def make(folder: Path) -> None:
        times.append(folder)
        (folder / "a").write_text("x")
        if len(times) == 1:
            raise OSError("no room")

    assert cache.cache_folder("some", make) is None
    assert list((tmp_path / "share" / "listener-segments").iterdir()) == []
    for _ in range(2):
        found = cache.cache_folder("some", make)
        assert found is not None
        assert (found / "a").read_text() == "x"
    assert len(times) == 2
