"""Which column of the file is which column of the schema, and the cells of those that are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from report.errors import InputError
from segmentation import schema
from segmentation.text import normalise_text

RUN_AGAIN = "Correct the export and run `make report` again."
SHOWN = 40  # characters of the file that a message repeats


@dataclass(frozen=True, slots=True)
class Field:
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
class Table:
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
    point_only : bool
        Whether a comma can't be a decimal mark, because it separates the fields.
    """

    file: str
    fields: tuple[Field, ...]
    texts: tuple[Any, ...]
    values: tuple[np.ndarray | None, ...]
    rows: np.ndarray
    point_only: bool = False


def simplified(name: str) -> str:
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


def find(
    headers: Sequence[str], names: Mapping[str, str], file: str, *, whole: bool = True
) -> tuple[Field, ...]:
    """Find the schema's columns among the file's.

    Parameters
    ----------
    headers : sequence of str
        Names in the file, in its order.
    names : mapping of str to str
        From a name in the schema to the name in the file, for those that differ by more than case, spaces and hyphens.
    file : str
        The file's name, for messages.
    whole : bool
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
    unknown = [name for name in names if name not in schema.BY_NAME]
    if unknown:
        raise InputError(
            f"settings.toml maps {', '.join(unknown)} under [columns], which the analysis doesn't know. "
            f"Expected some of {', '.join(schema.BY_NAME)}."
        )
    fields: list[Field] = []
    missing: list[str] = []
    for column in schema.COLUMNS:
        name = names.get(column.name, column.name)
        places = _places(headers, name, exact=column.name in names)
        if len(places) > 1:
            doubled = ", ".join(shown(headers[place]) for place in places)
            raise InputError(
                f"{file}: {len(places)} columns could be {column.name!r}: {doubled}. Expected one. "
                "Rename the others in the export, or map the right one under [columns] in settings.toml."
            )
        if places:
            fields.append(Field(column, headers[places[0]].strip(), places[0]))
        elif column.name in names and whole:
            raise InputError(
                f"{file}: settings.toml maps {column.name} to {name!r} under [columns], and the file has no such "
                f"column; found {_listed(headers, names)}. Correct the name there, or add the column to the export."
            )
        elif column.required:
            missing.append(column.name)
    if missing and whole:
        raise InputError(
            f"{file}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"found {_listed(headers, names)}. "
            "Add what is missing to the export, or map its name under [columns] in settings.toml."
        )
    return _each_once(tuple(fields), file)


def shown(value: object) -> str:
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
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def not_numbers(file: str, field: Field, what: str, *, count: int, row: int | None) -> InputError:
    """Return the error for cells of a number column that hold something else.

    Parameters
    ----------
    file : str
        The file's name.
    field : Field
        The column.
    what : str
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
        f"{file}: column {field.header!r} has {count:,} {what if count > 1 else what.removesuffix('s')} "
        f"where numbers are expected{first}. "
        f"Expected {column.label} ({column.unit}) as plain numbers. {RUN_AGAIN}"
    )


def _places(headers: Sequence[str], name: str, *, exact: bool) -> list[int]:
    """Where the name stands; a mapped one is first looked for letter by letter, so that it can settle a doubt."""
    if not name.strip():
        return []
    places = [i for i, header in enumerate(headers) if header.strip() == name.strip()] if exact else []
    return places or [i for i, header in enumerate(headers) if simplified(header) == simplified(name)]


def _each_once(fields: tuple[Field, ...], file: str) -> tuple[Field, ...]:
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


def _listed(headers: Sequence[str], names: Mapping[str, str], most: int = 20) -> str:
    """List the names found, as many as a person will read; where none is known, they may be the cells of a user."""
    known = {simplified(name) for name in (*schema.BY_NAME, *names.values())}
    if headers and not known & {simplified(header) for header in headers}:
        return f"{len(headers)} column{'s' if len(headers) > 1 else ''}, none with a name that is known"
    listed = ", ".join(shown(header) for header in headers[:most])
    return f"{listed} and {len(headers) - most} more" if len(headers) > most else listed or "none"
