"""Which column of the file is which column of the schema, and the cells of those that are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from report.errors import InputError
from segmentation import schema
from segmentation.preprocessing.spelling import normalise_text

RUN_AGAIN = "Correct the export and run `make report` again."
MAX_QUOTED_CHARACTERS = 40  # characters of the file that a message repeats


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """A column of the schema, and where the file has it.

    Attributes
    ----------
    column : segmentation.schema.Column
        What the column means.
    header : str
        Its name in the file, which is the one that a message uses.
    index : int
        Its place among the file's columns, from 0.
    """

    column: schema.Column
    header: str
    index: int


@dataclass(frozen=True, slots=True)
class RawTable:
    """The cells as they stand in the file, before anyone says what they mean.

    Attributes
    ----------
    file : str
        The file's name, for messages.
    fields : tuple of Field
        In schema order.
    texts : tuple of pyarrow.ChunkedArray of string
        For each field the cells that are text, null elsewhere.
    values : tuple of (numpy.ndarray of float64, or None)
        For each field the cells that are numbers already, NaN elsewhere; None where the format has only text.
    rows : numpy.ndarray of int
        Number of each row as a spreadsheet counts, where the header usually is row 1.
    comma_is_delimiter : bool
        Whether a comma can't be a decimal mark, because it separates the fields.
    """

    file: str
    fields: tuple[MatchedColumn, ...]
    texts: tuple[Any, ...]
    values: tuple[np.ndarray | None, ...]
    rows: np.ndarray
    comma_is_delimiter: bool = False


def normalise_header(name: str) -> str:
    """Return the name as names are compared: no case, and `_` for runs of spaces and hyphens.

    Parameters
    ----------
    name : str
        As it stands in a header or in settings.toml.

    Returns
    -------
    str
        `num_of_days_active` for `" Num of Days-Active"`.
    """
    return re.sub(r"[\s-]+", "_", normalise_text(name).casefold())


def match_columns(
    headers: Sequence[str], names: Mapping[str, str], file: str, *, require_all: bool = True
) -> tuple[MatchedColumn, ...]:
    """Find the schema's columns among the file's.

    Parameters
    ----------
    headers : sequence of str
        Names in the file, in its order.
    names : mapping of str to str
        From a name in the schema to the name in the file, for those that differ by more than case, spaces and hyphens.
    file : str
        The file's name, for messages.
    require_all : bool
        Whether a required column may not be missing.

    Returns
    -------
    tuple of Field
        In schema order; optional columns that the file lacks are left out.

    Raises
    ------
    InputError
        If a required or mapped column is missing, one is there twice, or one would serve as two.
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
    """Return what a message repeats of a value found in the file.

    Parameters
    ----------
    value : object
        As found; of anything but text its `str` is shown.

    Returns
    -------
    str
        In quotes, with control characters escaped, cut after 40 characters.
    """
    text = str(value)
    return repr(text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "…")


def make_not_numeric_error(
    file: str, field: MatchedColumn, found: str, *, count: int, row: int | None
) -> InputError:
    """Return the error for cells of a number column that hold something else.

    Parameters
    ----------
    file : str
        The file's name.
    field : Field
        The column.
    found : str
        What the cells hold, in the plural: "dates".
    count : int
        How many do.
    row : int or None
        The first row that does, as a spreadsheet counts; None where rows have no order. What stands there is a user's,
        and no message repeats it: it would be mailed.

    Returns
    -------
    InputError
        To be raised.
    """
    column = field.column
    first = "" if row is None else f" (first on row {row})"
    return InputError(
        f"{file}: column {field.header!r} has {count:,} {found if count > 1 else found.removesuffix('s')} "
        f"where numbers are expected{first}. "
        f"Expected {column.label} ({column.unit}) as plain numbers. {RUN_AGAIN}"
    )


def _find_header(headers: Sequence[str], name: str, *, exact_first: bool) -> list[int]:
    """Where the name stands; a mapped one is first looked for letter by letter, so that it can settle a doubt."""
    if not name.strip():
        return []
    places = [i for i, header in enumerate(headers) if header.strip() == name.strip()] if exact_first else []
    return places or [
        i for i, header in enumerate(headers) if normalise_header(header) == normalise_header(name)
    ]


def _refuse_shared_columns(fields: tuple[MatchedColumn, ...], file: str) -> tuple[MatchedColumn, ...]:
    """Refuse a mapping that makes one column of the file serve as two of ours."""
    taken: dict[int, str] = {}
    for field in fields:
        other = taken.setdefault(field.index, field.column.name)
        if other != field.column.name:
            raise InputError(
                f"{file}: column {field.header!r} would serve as both {other} and {field.column.name}. "
                "Map each to its own column under [columns] in settings.toml."
            )
    return fields


def _list_headers(headers: Sequence[str], names: Mapping[str, str], most: int = 20) -> str:
    """List the names found, as many as a person will read; where none is known, they may be the cells of a user."""
    known = {normalise_header(name) for name in (*schema.COLUMNS_BY_NAME, *names.values())}
    if headers and not known & {normalise_header(header) for header in headers}:
        return f"{len(headers)} column{'s' if len(headers) > 1 else ''}, none with a name that is known"
    listed = ", ".join(quote_value(header) for header in headers[:most])
    return f"{listed} and {len(headers) - most} more" if len(headers) > most else listed or "none"
