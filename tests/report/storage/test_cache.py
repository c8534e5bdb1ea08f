"""What is dear to make is made once an environment, and where it can't be kept the run goes on."""

import codecs
import sys
from collections.abc import Callable
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


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda raw: raw[: len(raw) // 2], lambda _: b"\xff", lambda _: b"text"]
)
def test_a_text_that_a_full_disk_cut_short_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    """Empty, cut in two, no text, or of before it had a hash."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert cache.cache_text("a.js", lambda: "one\r\ntwo\n") == "one\r\ntwo\n"
    (kept,) = (one for one in tmp_path.rglob("a.js"))
    kept.write_bytes(damage(kept.read_bytes()))

    assert cache.cache_text("a.js", lambda: "anew") == "anew"
    assert cache.cache_text("a.js", lambda: "never") == "anew"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["", "\x1a", "\r\n\x1a"])
def test_a_small_file_s_text_is_the_same_whatever_its_mark(encoding: str, end: str) -> None:
    """As Notepad, PowerShell and DOS write it; a mark may stand twice."""
    raw = f"A=é\r\nB=1{end}".encode(encoding)
    assert cache.decode_marked_text(raw).rstrip("\n") == "A=é\nB=1"
    assert cache.decode_marked_text(codecs.BOM_UTF8 + "\ufeffA=1".encode()) == "A=1"
