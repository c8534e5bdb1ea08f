"""What is the same for every run and dear to make: made once, and kept beside the environment's packages."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def cache_text(name: str, make: Callable[[], str]) -> str:
    """Give a text that is the same for every run, made once and kept beside the environment's packages."""
    path = _find_cache_path(name)
    with suppress(OSError):  # not made yet, or by another user who let nobody read it
        return path.read_text(encoding="utf-8")
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, made)
    except OSError:
        pass  # an environment that can't be written to makes it anew each time
    return made


def cache_folder(name: str, make: Callable[[Path], None]) -> Path | None:
    """Give a folder that is the same for every run, filled once and kept there too; None where that can't be."""
    path = _find_cache_path(name)
    if path.is_dir():
        return path
    with suppress(OSError):  # nobody may write there, or another run was faster
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as place:
            new = Path(place) / name
            new.mkdir()
            make(new)
            new.rename(path)
    return path if path.is_dir() else None


def write_atomically(path: Path, text: str) -> None:
    """Write a text that others may look for meanwhile, or write too: they find it whole, or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(path)


def _find_cache_path(name: str) -> Path:
    return Path(sys.prefix) / "share" / "listener-segments" / name
