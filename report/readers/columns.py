"""The file's columns matched to the schema's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from report.errors import InputError
from segmentation import schema
from segmentation.preprocessing.spelling import normalise_text

RUN_AGAIN = "Correct the export and run `make report` again."
MAX_QUOTED_CHARACTERS = 40  # characters of the file that a message repeats


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """A schema's column and its place in the file."""

    column: schema.Column
    header: str  # its name in the file, which messages use
    index: int  # among the file's columns, from 0


@dataclass(frozen=True, slots=True)
class RawTable:
    """The cells of a file, not yet interpreted."""

    file: str  # its name, for messages
    fields: tuple[MatchedColumn, ...]  # in schema order
    cells: tuple[
        Any, ...
    ]  # an Arrow array for each field; of those in `numbers` the cells that are text, null elsewhere
    rows: np.ndarray  # each row's number, as a spreadsheet counts
    comma_is_delimiter: bool = False  # so that it can't be a decimal mark
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By column: the cells that are numbers in a format that mixes them with text, NaN elsewhere."""


def normalise_header(name: str) -> str:
    """Return a column's name without case, spaces and hyphens.

    `num_of_days_active` for `" Num of Days-Active"`.
    """
    return re.sub(r"[\s-]+", "_", normalise_text(name).casefold())


def match_columns(
    headers: Sequence[str], names: Mapping[str, str], file: str, *, require_all: bool = True
) -> tuple[MatchedColumn, ...]:
    """Return the schema's columns that the file has, in schema order.

    `names` maps a name in the schema to the name in the file, where they differ by more than case, spaces and hyphens.
    Raises InputError if a required or mapped column is missing, one is there twice, or one would serve as two.
    """
    unknown = [name for name in names if name not in schema.COLUMNS_BY_NAME]
    if unknown:
        raise InputError(
            f"settings.toml maps {', '.join(unknown)} under [columns], which the analysis doesn't know. "
            f"Expected some of {', '.join(schema.COLUMNS_BY_NAME)}."
        )
    fields: list[MatchedColumn] = []
    missing: list[str] = []
    for column in schema.COLUMNS:
        name = names.get(column.name, column.name)
        places = _find_header(headers, name, exact_first=column.name in names)
        if len(places) > 1:
            doubled = ", ".join(quote_value(headers[place]) for place in places)
            raise InputError(
                f"{file}: {len(places)} columns could be {column.name!r}: {doubled}. Expected one. "
                "Rename the others in the export, or map the right one under [columns] in settings.toml."
            )
        if places:
            fields.append(MatchedColumn(column, headers[places[0]].strip(), places[0]))
        elif column.name in names and require_all:
            raise InputError(
                f"{file}: settings.toml maps {column.name} to {name!r} under [columns], and the file has no such "
                f"column; found {_list_headers(headers, names)}. Correct the name there, or add the column to the export."
            )
        elif column.required:
            missing.append(column.name)
    if missing and require_all:
        raise InputError(
            f"{file}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"found {_list_headers(headers, names)}. "
            "Add what is missing to the export, or map its name under [columns] in settings.toml."
        )
    return _refuse_shared_columns(tuple(fields), file)


def quote_value(value: object) -> str:
    """Return a value as a message quotes it.

    Control characters are escaped, and it is cut after 40 characters.
    """
    text = str(value)
    return repr(text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "…")


def make_not_numeric_error(file: str, field: MatchedColumn, found: str, *, count: int, row: int | None) -> InputError:
    """Return the error for cells that aren't numbers, such as "dates".

    No message repeats a user's cell: it would be mailed. The first such row is counted as a spreadsheet does, and None
    where rows have no order.
    """
    column = field.column
    first = "" if row is None else f" (first on row {row})"
    return InputError(
        f"{file}: column {field.header!r} has {count:,} {found if count > 1 else found.removesuffix('s')} "
        f"where numbers are expected{first}. "
        f"Expected {column.label} ({column.unit}) as plain numbers. {RUN_AGAIN}"
    )


def make_type_error(file: str, field: MatchedColumn, kind: object) -> InputError:
    """Return the error for a column of another type."""
    expected = f"numbers ({field.column.unit})" if field.column.kind == "number" else "text"
    return InputError(
        f"{file}: column {field.header!r} holds {kind}, expected {field.column.label} as {expected}. {RUN_AGAIN}"
    )


def make_spreadsheet_error(file: str, field: MatchedColumn, count: int, row: int | None) -> InputError:
    """Return the error for a spreadsheet's error values."""
    first = "" if row is None else f" (first on row {row})"
    return InputError(
        f"{file}: column {field.header!r} has {count:,} of Excel's error values{first}. "
        f"Expected {field.column.label}. {RUN_AGAIN}"
    )


def _find_header(headers: Sequence[str], name: str, *, exact_first: bool) -> list[int]:
    """Return the places of a name among the headers."""
    # A mapped name is first compared letter by letter, so that it can choose between two similar headers
    if not name.strip():
        return []
    places = [i for i, header in enumerate(headers) if header.strip() == name.strip()] if exact_first else []
    return places or [i for i, header in enumerate(headers) if normalise_header(header) == normalise_header(name)]


def _refuse_shared_columns(fields: tuple[MatchedColumn, ...], file: str) -> tuple[MatchedColumn, ...]:
    """Refuse a mapping of two columns to one."""
    taken: dict[int, str] = {}
    for one in fields:
        other = taken.setdefault(one.index, one.column.name)
        if other != one.column.name:
            raise InputError(
                f"{file}: column {one.header!r} would serve as both {other} and {one.column.name}. "
                "Map each to its own column under [columns] in settings.toml."
            )
    return fields


def _list_headers(headers: Sequence[str], names: Mapping[str, str], most: int = 20) -> str:
    """Return the headers as an error lists them."""
    # Where no name is known, they may be the cells of a user, and are only counted
    known = {normalise_header(name) for name in (*schema.COLUMNS_BY_NAME, *names.values())}
    if headers and not known & {normalise_header(header) for header in headers}:
        return f"{len(headers)} column{'s' if len(headers) > 1 else ''}, none with a name that is known"
    listed = ", ".join(quote_value(header) for header in headers[:most])
    return f"{listed} and {len(headers) - most} more" if len(headers) > most else listed or "none"
