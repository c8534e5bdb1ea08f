"""The file's columns matched to the schema's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from report.columns.derive import parse_expression
from report.errors import InputError
from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import Column, Schema

RUN_AGAIN = "Correct the export and run `make report` again."
MAX_TITLE_ROWS = 10  # that may stand above the header
_MIN_KNOWN_NAMES = 2  # of a header below titles
MAX_QUOTED_CHARACTERS = 40  # characters of the file that a message repeats


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """A schema's column and its place in the file."""

    column: Column  # as its cells are read: a column with codes, bands or dates is one of words first
    header: str  # its name in the file, which messages use
    index: int  # among the file's columns, from 0
    meaning: Column  # as the schema has it

    @property
    def allows_truth_values(self) -> bool:
        """Whether cells may be true or false: categories, and shares."""
        is_share = self.column.kind == "number" and self.column.format in ("share", "plain")
        return self.column.kind == "category" or is_share


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

    `days_active` for `" Days-Active"`.
    """
    return re.sub(r"[\s-]+", "_", normalise_text(name).casefold())


def match_columns(
    headers: Sequence[str], schema: Schema, file: str, *, require_all: bool = True
) -> tuple[MatchedColumn, ...]:
    """Return the schema's columns that the file has, in schema order.

    A name in the file may differ by case, spaces and hyphens. Of several names of a column the first that is there counts.
    Columns that are worked out from others are left out, and so are those that nothing uses. Raises InputError if a
    required column is missing, one is there twice, or one would serve as two.
    """
    fields: list[MatchedColumn] = []
    missing: list[Column] = []
    for column in _list_read_columns(schema):
        places = next(
            (
                found
                for name in column.source
                if (found := _find_header(headers, name, exact_first=column.source != (column.name,)))
            ),
            [],
        )
        if len(places) > 1:
            doubled = ", ".join(quote_value(headers[place]) for place in places)
            raise InputError(
                f"{file}: {len(places)} columns could be {column.name!r}: {doubled}. Expected one. "
                "Rename the others in the export, or give the right one as `source` in the columns file."
            )
        if places:
            fields.append(make_matched_column(column, headers[places[0]].strip(), places[0]))
        elif column.required:
            missing.append(column)
    if missing and require_all:
        names = ", ".join(_describe_missing_column(column) for column in missing)
        raise InputError(
            f"{file}: missing column{'s' if len(missing) > 1 else ''} {names}; found {_list_headers(headers, schema)}. "
            "Add what is missing to the export, or give its name there as `source` in the columns file."
        )
    return _refuse_shared_columns(tuple(fields), file)


def make_matched_column(column: Column, header: str, index: int) -> MatchedColumn:
    """Return a column matched to its place in the file."""
    is_coded = column.is_number and (column.kind == "date" or column.recoded or column.has_bands)
    cells = replace(column, kind="category") if is_coded or column.kind == "ordered" else column
    return MatchedColumn(cells, header, index, column)


def _list_read_columns(schema: Schema) -> list[Column]:
    """List the columns that are read from the file."""
    used = {name for column in schema.shown if column.expression for name in parse_expression(column.expression).names}
    return [
        column
        for column in schema.columns
        if not column.expression and (column.role != "ignore" or column.name in used)
    ]


def _describe_missing_column(column: Column) -> str:
    others = [name for name in column.source if name != column.name]
    return f"{column.name} ({' or '.join(map(quote_value, others))} in the file)" if others else column.name


def find_header_row(rows: Sequence[Sequence[str]], schema: Schema) -> int:
    """Return which of a file's first rows is the header.

    The first, unless it has no known name and one below it has several: then the rows above are titles.
    """
    wanted = {normalise_header(name) for name in list_known_headers(schema)}
    known = [len(wanted & {normalise_header(str(cell)) for cell in row}) for row in rows[: MAX_TITLE_ROWS + 1]]
    if not known or known[0]:
        return 0
    return next((place for place, count in enumerate(known) if count >= _MIN_KNOWN_NAMES), 0)


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
        f"Expected {column.label}{_describe_unit(column)} as plain numbers. {RUN_AGAIN}"
    )


def _describe_unit(column: Column) -> str:
    return f" ({column.unit})" if column.unit else ""


def make_type_error(file: str, field: MatchedColumn, kind: object) -> InputError:
    """Return the error for a column of another type."""
    expected = {"number": f"numbers{_describe_unit(field.column)}", "date": "dates"}.get(field.column.kind, "text")
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
    # A given name is first compared letter by letter, so that it can choose between two similar headers
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
                "Give each its own column as `source` in the columns file."
            )
    return fields


def list_known_headers(schema: Schema) -> set[str]:
    """Return all names that a file may give a column."""
    return {name for column in schema.columns for name in (column.name, *column.source)}


def _list_headers(headers: Sequence[str], schema: Schema, most: int = 20) -> str:
    """Return the headers as an error lists them."""
    # Where no name is known, they may be the cells of a user, and are only counted
    known = {normalise_header(name) for name in list_known_headers(schema)}
    if headers and not known & {normalise_header(header) for header in headers}:
        return f"{len(headers)} column{'s' if len(headers) > 1 else ''}, none with a name that is known"
    listed = ", ".join(quote_value(header) for header in headers[:most])
    return f"{listed} and {len(headers) - most} more" if len(headers) > most else listed or "none"
