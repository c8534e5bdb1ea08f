"""Text files: decoded by their mark, and kept if they take long to make."""

import codecs
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# UTF-32 before UTF-16, whose mark its own starts with
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def decode_marked_text(raw: bytes) -> str:
    r"""Return a small file's text, without byte order marks.

    UTF-8, or UTF-16 and UTF-32 with their mark, as Notepad and PowerShell save it. An end mark of DOS at the end is left out.
    Lines end in "\n". Raises UnicodeDecodeError if it is no such text.
    """
    mark = next((mark for mark in _MARKS if raw.startswith(mark)), b"")
    text = raw.removeprefix(mark).decode(_MARKS.get(mark, "utf-8"))
    return re.sub("\r\n?", "\n", text.lstrip("\ufeff").rstrip("\x1a"))


def cache_text(name: str, make: Callable[[], str]) -> str:
    """Return a text, made once an environment.

    Its first line is a hash of the rest: a file that a full disk cut short is made anew.
    """
    path = Path(sys.prefix) / "share" / "listener-segments" / name
    with suppress(OSError, UnicodeDecodeError):  # not there yet, damaged, or another user's own
        digest, _, text = path.read_bytes().decode().partition("\n")
        if digest == _hash_text(text):
            return text
    text = make()
    with suppress(OSError):  # an environment that can't be written to makes it anew each time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{_hash_text(text)}\n{text}")
    return text


def write_atomically(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="") as file:
        try:
            file.write(text)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
