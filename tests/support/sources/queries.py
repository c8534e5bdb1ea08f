"""Queries asked of a database beside which a secret lies."""

from pathlib import Path

import pytest

from report.errors import InputError, describe_error
from report.settings import Settings
from report.sources.loader import LoadedUsers, load_users
from report.storage.location import parse_location

PRIVATE = "only-its-owner-may-read-this"


def ask(place: Path, query: str, data: str = "") -> LoadedUsers:
    """Open the month that a query gives."""
    query = query.format(secret=place / "secret.txt", place=place)
    return load_users(
        parse_location(data or f"duckdb:///{place}/music.db"),
        "2026-10",
        Settings(scale={"query": query}),
        place / "scratch",
    )


def refused(place: Path, query: str, data: str = "") -> str:
    """Give the sentence with which a query is refused, having held that nothing of the secret is anywhere."""
    with pytest.raises(InputError) as error:
        ask(place, query, data)
    said = describe_error(error.value)
    assert PRIVATE not in said
    assert said.endswith(".")
    for path in place.rglob("*"):
        assert path.name == "secret.txt" or not path.is_file() or PRIVATE.encode() not in path.read_bytes()
    assert not list(place.rglob("written*"))
    return said
