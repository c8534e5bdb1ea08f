"""Passwords, and the scrubber that keeps them out of other programs' words."""

import re
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import quote, unquote

MIN_PIECE_LENGTH = 4  # letters of a password in a row that no text may show


@dataclass(frozen=True, slots=True)
class Password:
    """A password that no repr, log or traceback shows."""

    _secret: str = field(repr=False)

    def get_secret_value(self) -> str:
        """Give the password itself: to the server, and to nobody else."""
        return self._secret


NO_PASSWORD = Password("")


def redact_secrets(text: str, *secrets: str) -> str:
    """Blot out of a text every piece of a secret.

    A piece is four letters in a row, as they stand, with %-escapes, or without. Of a secret that is shorter, only the whole
    is blotted out, and only where it stands alone: else every "a" would be.
    """
    forms = {
        form for word in secrets for form in (word, unquote(word), quote(word), quote(word, safe="")) if form
    }
    for form in forms:
        if len(form) < MIN_PIECE_LENGTH:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "***", text)
    pieces = {
        form[at : at + MIN_PIECE_LENGTH] for form in forms for at in range(len(form) - MIN_PIECE_LENGTH + 1)
    }
    hit = {
        place
        for at in range(len(text) - MIN_PIECE_LENGTH + 1)
        if text[at : at + MIN_PIECE_LENGTH] in pieces
        for place in range(at, at + MIN_PIECE_LENGTH)
    }
    runs = groupby(range(len(text)), key=hit.__contains__)
    return "".join("***" if found else "".join(text[at] for at in run) for found, run in runs)
