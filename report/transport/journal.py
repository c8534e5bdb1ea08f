"""Journals: append-only files with a line per handover.

They show that a ledger was lost, or is older than the mail that was sent.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

_LINE_PATTERN = re.compile(r"([^\t]+)\t([^\t]+)\t([^\t]+)\t([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Handover:
    """One message that was about to be handed over."""

    at: str  # ISO 8601
    message_id: str
    recipient: str
    digest: str  # SHA-256 of the body

    @classmethod
    def parse_line(cls, line: str) -> Self | None:
        """Return a line's handover; None for an incomplete line."""
        found = _LINE_PATTERN.fullmatch(line)
        return cls(*found.groups()) if found else None


def read_journal(file: Path) -> Counter[Handover]:
    """Count the handovers in a journal.

    Raises UnicodeError if the file has text, and no line of it can be read. A single line may have been cut off by a
    crash.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return Counter()
    found = Counter(one for line in lines if (one := Handover.parse_line(line)))
    written = [line for line in lines if line.strip()]
    if not found and (len(written) > 1 or any(not line[0].isdecimal() for line in written)):
        raise UnicodeError("none of its lines can be read")
    return found


def append_to_journal(file: Path, handovers: Iterable[Handover]) -> None:
    """Append handovers to a journal, and sync the disk.

    Each starts a new line, so that a line that was cut off spoils no other.
    """
    text = "".join("\n" + "\t".join(astuple(one)) for one in handovers).encode()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = open_private(file, os.O_APPEND)
    try:
        while text:
            text = text[os.write(descriptor, text) :]
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_private(file: Path, flags: int = 0) -> int:
    """Open or create a private file."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
