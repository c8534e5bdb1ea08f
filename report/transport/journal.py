"""What was handed over, a line each, in files that only grow: evidence that a ledger is missing, or older than the mail."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

UNKNOWN_DIGEST = "-"  # the digest of a message that was handed over before digests were of the words alone
_LINE_PATTERN = re.compile(rf"([^\t]+)\t([^\t]+)\t([^\t]+)\t([0-9a-f]{{64}}|{UNKNOWN_DIGEST})")


@dataclass(frozen=True, slots=True)
class Handover:
    """One message that was about to be handed over.

    Attributes
    ----------
    at : str
        When, ISO 8601.
    message_id, recipient : str
        Which message, and to whom.
    digest : str
        SHA-256 of its words.
    """

    at: str
    message_id: str
    recipient: str
    digest: str

    @classmethod
    def parse_line(cls, line: str) -> Self | None:
        """Read a line; None for an empty one, or one that was cut off while it was written."""
        found = _LINE_PATTERN.fullmatch(line)
        return cls(*found.groups()) if found else None


def read_journal(file: Path) -> Counter[Handover]:
    """Count the handovers in a journal; none where there is no file.

    Raises
    ------
    UnicodeError
        If there is text, and no line of it can be read. A single line may have been cut off while it was written.
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
    """Write handovers at a journal's end, and wait for the disk.

    Each begins a line of its own, so that one which was cut off spoils no other.
    """
    text = "".join("\n" + "\t".join(astuple(one)) for one in handovers).encode()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    there = open_private(file, os.O_APPEND)
    try:
        while text:
            text = text[os.write(there, text) :]
            os.fsync(there)
    finally:
        os.close(there)


def open_private(file: Path, flags: int = 0) -> int:
    """Open a file that only its owner may read, made if there is none."""
    found = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
    os.fchmod(found, 0o600)
    return found
