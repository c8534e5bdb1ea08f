"""`make columns`: a first columns file for a stranger's file."""

import re
import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from report.errors import InputError, SettingsError
from report.proposal.column import ColumnProposal
from report.proposal.roles import TableProposal, propose_table
from report.proposal.table import read_text_table
from report.proposal.write import write_columns
from report.storage import paths
from report.storage.months import MONTH_PATTERN, read_clock

_CONSOLE = Console(highlight=False)
_NAME_WIDTH = 22  # letters of a name that the table shows
_NOTES_FROM = 20  # letters that a note needs


def propose_columns(data: str, target: Path, *, force: bool = False, month: str = "") -> TableProposal:
    """Write a first columns file for a data file, and show it.

    Raises ReportError if the data file is no table, or the columns file is there and `force` isn't given.
    """
    if not data:
        raise InputError("Name the file to look at: make columns DATA=file COLUMNS=shop.toml.")
    if "://" in data:  # it may hold a password, which no message repeats
        raise InputError(
            "DATA names a database, and `make columns` reads a file. Export some of its rows as CSV or Parquet."
        )
    if not target.name:
        raise SettingsError("Name the file to write: make columns DATA=file COLUMNS=shop.toml.")
    if target.suffix.lower() != ".toml":
        raise SettingsError(f"{target}: expected a name that ends in .toml. Write COLUMNS=shop.toml.")
    if target.exists() and not (force and target.is_file()):
        raise SettingsError(
            f"{target}: is there already. Name another file with COLUMNS=, or write over it with FORCE=yes."
        )
    if not target.parent.is_dir():
        raise SettingsError(f"{target}: there is no folder {target.parent}. Create it, or name another file.")
    source = Path(data)
    month = paths.check_month(month) if month else source.stem if MONTH_PATTERN.fullmatch(source.stem) else ""
    proposal = propose_table(read_text_table(source), read_clock().date(), month)
    with target.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
        file.write(write_columns(proposal))
    _print_proposal(proposal, source, target)
    return proposal


def _print_proposal(proposal: TableProposal, source: Path, target: Path) -> None:
    """Print a line a column, and what to do next."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    rows = [_describe_column(column) for column in proposal.columns]
    widths = [min(_NAME_WIDTH, max(len(row[place]) for row in rows)) for place in range(4)]
    room = _CONSOLE.width - sum(max(width, 8) + 2 for width in widths) - 2
    has_notes = room >= _NOTES_FROM  # else the file alone has them
    for heading in ("Column", "In the file", "Kind", "Role", *(["Note"] if has_notes else [])):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        cells = [*(_shorten(cell, _NAME_WIDTH) for cell in row[:4]), _shorten(row[4], room)]
        table.add_row(*map(escape, cells[: len(table.columns)]))
    _CONSOLE.print(table)
    for warning in proposal.warnings:
        _CONSOLE.print(f"  [bold]note[/]  {escape(warning)}", soft_wrap=True)
    counts = {role: len(proposal.list_role(role)) for role in ("feature", "describe", "ignore")}
    _CONSOLE.print(
        f"{escape(str(paths.shorten_path(target)))}: {counts['feature']} features, {counts['describe']} described, "
        f"{counts['ignore']} left out. Read it through, then:",
        soft_wrap=True,
    )
    month = "" if MONTH_PATTERN.fullmatch(source.stem) else " MONTH=2026-10"
    command = f"make report DATA={shlex.quote(str(source))} COLUMNS={shlex.quote(str(target))}{month}".replace(
        "$", "$$"
    )
    _CONSOLE.print(f"  {escape(command)}", soft_wrap=True)


def _describe_column(column: ColumnProposal) -> tuple[str, ...]:
    """Return a column's cells of the table."""
    source = column.source or f"= {column.value}"
    has_format = column.kind == "number" and column.role != "ignore" and column.format != "plain"
    marks = {"bands": column.has_bands, column.format: has_format, "hashed": column.is_hashed}
    kind = ", ".join([column.kind, *(mark for mark, holds in marks.items() if holds)])
    note = re.split(r"[:,;] ", next(iter(column.reasons), ""))[0].removesuffix(".")
    return column.name, source, kind, "" if column.kind == "id" else column.role, note


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
