"""Ids that a spreadsheet or a program has changed.

They are restored where no digit is lost, else refused. Ids are never joined by more than Unicode's composed form and
blanks at their ends: mixing up two users is worse than losing one. Zeros lost in front of every id can't be known.
"""

from report.errors import InputError
from report.readers.columns import RUN_AGAIN, MatchedColumn

# 1.12913E+11, with a sign or Fortran's D too
SCIENTIFIC_NOTATION = r"^[+-]?[0-9]+(?:[.,][0-9]+)?[eEdD]\+[0-9]+$|^[+-]?[0-9][.,][0-9]+[eEdD]\+?[0-9]+$"
FLOAT_ID = r"^[0-9]+\.0+$"  # what pandas makes of whole numbers beside a gap
LONG_FLOAT_ID = r"^[0-9]{16,}\.0+$"
INTEGER_ID = r"^[0-9]+$"
LONG_ID, ROUNDED_ID = r"^[1-9][0-9]{15,}$", r"^[1-9][0-9]{14}0+$"  # a spreadsheet keeps 15 digits
ZERO_PADDED_ID, UNPADDED_ID = r"^0[0-9]+$", r"^(?:0|[1-9][0-9]*)$"
TRAILING_DECIMALS = r"\.0+$"
MAX_EXACT_INTEGER = {64: 2.0**53, 32: 2.0**24}  # by a float's bits: up to which it knows every whole number
# What may be wrong with an id, and what it takes to put it right.
ID_FAULTS = {
    "shortened": "in scientific notation, so that digits are lost. Expected every digit. Format the column as text",
    "long": "as floating-point numbers too large for every digit, so that the last digits are lost. Expected every digit. "
    "Store the column as text or as whole numbers",
    "rounded": "whose digits after the 15th are all 0, and no longer id has others, so that digits may be lost. Expected every "
    "digit. Format the column as text",
    "padded": "that start with 0, and shorter ones that don't, so that zeros in front may be lost. Expected them on every id or "
    "none. Format the column as text",
    "mixed": "that end in .0, and others that don't. Expected one form throughout. Format the column as text",
    "zeros": "as text that starts with 0, and others as numbers, so that zeros in front may be lost. Expected text "
    "throughout. Format the column as text",
}


def make_faulty_id_error(file: str, field: MatchedColumn, fault: str, count: int, row: int | None) -> InputError:
    """Return the error for ids with one of `ID_FAULTS`.

    The first such row is counted as a spreadsheet does, and None where rows have no order.
    """
    first = "" if row is None else f" (first on row {row})"
    what = "id" if field.column.kind == "id" else "value"
    return InputError(
        f"{file}: column {field.header!r} has {count:,} {what}{'s' if count > 1 else ''}{first} {ID_FAULTS[fault]} before it is "
        f"exported. {RUN_AGAIN}"
    )
