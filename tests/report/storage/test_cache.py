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
