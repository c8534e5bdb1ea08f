"""Texts that take long to make, kept on disk."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def cache_text(name: str, make: Callable[[], str]) -> str:
    """Return a text, made once an environment."""
    path = Path(sys.prefix) / "share" / "listener-segments" / name
    with suppress(OSError):  # not there yet, or another user's own
        return path.read_text(encoding="utf-8")
    text = make()
    with suppress(OSError):  # an environment that can't be written to makes it anew each time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    return text


def write_atomically(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(path)
