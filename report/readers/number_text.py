"""Numbers written as text.

A value such as "12,5" can be read in one way only and so proves its file's decimal mark; "1,234" can be read in two.
A column of which every value can be read in two ways follows what another column proves. With nothing proven it is refused.
So is "22.300" beside another column's decimal points: programs write these, and people group other numbers by points.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from report.errors import InputError
from report.readers.columns import RUN_AGAIN, MatchedColumn, RawTable
from segmentation.preprocessing.spelling import EDGE_BLANKS, INVISIBLE_CHARACTERS, MISSING_NUMBER_SPELLINGS
from segmentation.schema import Column

THOUSANDS_SPACES = r"[ \x{a0}\x{2009}\x{202f}]"  # between thousands: plain, no-break, thin and narrow no-break
THOUSANDS_APOSTROPHES = r"['\x{2019}]"
OTHER_MARK = {".": ",", ",": "."}
_CURRENCY = r"\p{Sc}|(?i:\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|INR|CNY|BRL|MXN|ZAR|TRY)\b)"
_EDGE_SPACES = rf"^{THOUSANDS_SPACES}+|{THOUSANDS_SPACES}+$"


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number column's text and its possible readings."""

    field: MatchedColumn
    cells: Any  # an Arrow array of strings, trimmed, null where missing
    fits_mark: dict[str, Any]  # for "." and ",": which cells are numbers with this decimal mark

    @property
    def possible_marks(self) -> tuple[str, ...]:
        """The decimal marks that make every cell a number."""
        return tuple(mark for mark, fits in self.fits_mark.items() if pc.all(fits, min_count=0).as_py())

    @property
    def proven_mark(self) -> str | None:
        """The only possible decimal mark, or None."""
        return self.possible_marks[0] if len(self.possible_marks) == 1 else None

    def contains_pattern(self, pattern: str) -> bool:
        """Whether any cell has the pattern in it."""
        return bool(pc.any(pc.match_substring_regex(self.cells, pattern), min_count=0).as_py())


def find_decimal_marks(table: RawTable) -> dict[str, str]:
    """Return each number column's decimal mark by name.

    Raises InputError if a column mixes decimal marks, or nothing settles which mark it has.
    """
    columns = _list_number_columns(table)
    proofs = {column.proven_mark for column in columns if column.proven_mark}
    return {column.field.column.name: _choose_mark(column, proofs, table) for column in columns}


def find_proven_marks(table: RawTable) -> dict[str, str]:
    """Return the proven decimal marks by column name."""
    columns = _list_number_columns(table)
    return {column.field.column.name: column.proven_mark for column in columns if column.proven_mark}


def build_number_pattern(mark: str, *, grouped: bool = True) -> str:
    r"""Return the RE2 pattern of a number.

    Thousands come in threes after a first group that doesn't start with 0: "0,123" can't be 123.
    One number keeps to one separator, and scientific notation has none.
    """
    kinds = [rf"(?:\d+(?:\{mark}\d*)?|\{mark}\d+)(?:[eE][+-]?\d+)?", "(?i:inf(?:inity)?)"]
    if grouped:
        by = "|".join(rf"(?:{by}\d{{3}})+" for by in (rf"\{OTHER_MARK[mark]}", THOUSANDS_SPACES, THOUSANDS_APOSTROPHES))
        kinds.append(rf"[1-9]\d{{0,2}}(?:{by})(?:\{mark}\d+)?")
    return rf"^[+-]?(?:{'|'.join(kinds)})$"


def list_marks(column: Column) -> list[tuple[str, str]]:
    """List what stands beside a column's numbers, and its meaning.

    Pairs of RE2 pattern and replacement: currencies and "k" of money, the sign of percent.
    """
    if column.format == "money":
        return [(_CURRENCY, ""), (_EDGE_SPACES, ""), (r"\s*[kK]$", "e3"), (r"\s*(?:[mM]|[mM]io)$", "e6")]
    if column.format in ("percent", "share"):
        return [(r"\s*%$", "e-2" if column.format == "share" else "")]
    return []


def strip_marks(text: nw.Expr, column: Column) -> nw.Expr:
    """Return numbers as text without what stands beside them."""
    for pattern, meaning in list_marks(column):
        text = text.str.replace_all(pattern, meaning)
    return text


def build_separator_pattern(mark: str) -> str:
    """Return the RE2 pattern of what separates thousands."""
    return rf"\{OTHER_MARK[mark]}|{THOUSANDS_SPACES}|{THOUSANDS_APOSTROPHES}"


def _list_number_columns(table: RawTable) -> list[NumberColumn]:
    """Return every number column, trimmed, null where missing."""
    columns = []
    for field, text in zip(table.fields, table.cells, strict=True):
        if field.column.kind == "number":
            cells = pc.replace_substring_regex(text, INVISIBLE_CHARACTERS, "")
            cells = pc.replace_substring_regex(cells, EDGE_BLANKS, "")
            for pattern, meaning in list_marks(field.column):
                cells = pc.replace_substring_regex(cells, pattern, meaning)
            missing = pa.array(
                [*MISSING_NUMBER_SPELLINGS, *(value.casefold() for value in field.column.missing_values)]
            )
            cells = pc.if_else(pc.is_in(pc.utf8_lower(cells), missing), pa.scalar(None, pa.string()), cells)
            fits = {mark: pc.match_substring_regex(cells, build_number_pattern(mark)) for mark in ".,"}
            columns.append(NumberColumn(field, cells, fits))
    return columns


def _choose_mark(column: NumberColumn, proofs: set[str], table: RawTable) -> str:
    """Return a column's decimal mark."""
    # Its own values decide first, then what other columns prove
    name = column.field.header
    if not column.possible_marks:
        point, comma = (table.rows[_find_flagged(pc.invert(column.fits_mark[OTHER_MARK[mark]]))[0]] for mark in ".,")
        raise InputError(
            f"{table.file}: column {name!r} mixes decimal points (row {point}) and commas (row {comma}). "
            f"Expected one of the two throughout. {RUN_AGAIN}"
        )
    if len(column.possible_marks) == 1 or not column.contains_pattern("[.,]"):
        return column.possible_marks[0]
    # each before exactly three digits, or its value would prove a mark
    has_points = column.contains_pattern(r"\.")
    if proofs == {","} or (proofs == {"."} and not has_points):
        return next(iter(proofs))
    if table.comma_is_delimiter and not has_points:
        return "."
    place = int(_find_flagged(pc.match_substring_regex(column.cells, "[.,]"))[0])
    mark = "point" if "." in column.cells[place].as_py() else "comma"
    raise InputError(
        f"{table.file}: column {name!r} is ambiguous: the {mark} on row {table.rows[place]} can be a decimal mark or stand "
        "between thousands, and no other value settles which. "
        "Export without separators between thousands, or with more or fewer than three decimals, and run `make report` again."
    )


def _find_flagged(flags: Any) -> np.ndarray:
    """Return the places of flagged cells."""
    return np.flatnonzero(flags.fill_null(fill_value=False).to_numpy())
