"""Passwords, and how they are removed from texts."""

import re
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import quote, unquote

MIN_PIECE_LENGTH = 4  # letters in a row that no text may show


@dataclass(frozen=True, slots=True)
class Password:
    """A password that no repr, log or traceback shows."""

    _secret: str = field(repr=False)

    def get_secret_value(self) -> str:
        """Return the password itself, for the server alone."""
        return self._secret


NO_PASSWORD = Password("")


def redact_secrets(text: str, *secrets: str) -> str:
    """Replace pieces of secrets in a text.

    A piece is four letters in a row, as they are, with %-escapes, or without. A shorter secret is replaced only as a
    whole word: else every "a" would be.
    """
    forms = {form for word in secrets for form in (word, unquote(word), quote(word), quote(word, safe="")) if form}
    for form in forms:
        if len(form) < MIN_PIECE_LENGTH:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "***", text)
    pieces = {form[at : at + MIN_PIECE_LENGTH] for form in forms for at in range(len(form) - MIN_PIECE_LENGTH + 1)}
    hidden = {
        place
        for at in range(len(text) - MIN_PIECE_LENGTH + 1)
        if text[at : at + MIN_PIECE_LENGTH] in pieces
        for place in range(at, at + MIN_PIECE_LENGTH)
    }
    runs = groupby(range(len(text)), key=hidden.__contains__)
    return "".join("***" if secret else "".join(text[at] for at in run) for secret, run in runs)
