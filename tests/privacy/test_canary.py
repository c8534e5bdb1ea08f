"""No user's cell leaves with an error: neither on a terminal or in a log, nor in last-run.json, nor in the owner's mail."""

import datetime as dt
import logging
import re
import stat
import sys
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from report.errors import ReportError, describe_error
from report.operations.notices import OwnerNotifier, notify_last_failure
from report.settings import Settings
from report.sources import faults
from report.sources.loader import load_users
from report.storage.location import DataLocation, parse_location
from report.storage.runlog import read_last_run, record_run
from report.transport.message import SenderIdentity
from tests.report.readers.corpus.made import HEADER, ONE, ROW, parquet, repack, sheet, text, user, write
from tests.support.mail.briefs import NOW, dials
from tests.support.mail.server import Mailroom

CANARY = "Ann Canary 1987-06-05"  # what a user's cell may hold: no four letters of it are ours to tell
NUMBER = "98.761"  # readable in two ways
MANY = 40  # rows above which an engine reads
TRACES = ("Canary", "Ann C", "1987", "06-05", "98.761", "98,761", "98761")


def many(row: str) -> str:
    """Give a text file of 60 usual users, with a row of another kind among them."""
    return "\n".join([HEADER, *[ROW] * 50, row, *[ROW] * 10]) + "\n"


def row(**changes: str) -> str:
    return ",".join((ONE | changes).values())


def folder(place: Path, name: str, content: str) -> Path:
    """Write a folder of two files, one of them as given."""
    (place / "2026-10").mkdir()
    write(place / "2026-10", many(ROW), f"a.{name}")
    write(place / "2026-10", content, f"b.{name}")
    return place / "2026-10"


def table(place: Path, column: str, value: Any, *, inside: bool = False) -> Path:
    """Write a Parquet file of many users, one of whom has this value; perhaps within a folder."""
    frame = pd.DataFrame([ONE] * 60).astype(object)
    frame.loc[50, column] = value
    target = place / "2026-10" / "a.parquet" if inside else place / "2026-10.parquet"
    target.parent.mkdir(exist_ok=True)
    frame.to_parquet(target, index=False)
    return target.parent if inside else target


def database(place: Path, query: str) -> tuple[str, str]:
    """Make a database of DuckDB's in which a genre is the canary."""
    with duckdb.connect(str(place / "music.db")) as connection:
        frame = pd.DataFrame([ONE] * 60).assign(top_genre=np.where(np.arange(60) == 50, CANARY, "7"))
        connection.register("given", frame)
        connection.execute("CREATE TABLE users AS SELECT * FROM given")
    return f"duckdb:///{place}/music.db", query


def damaged(place: Path) -> Path:
    """Write a workbook whose cell says that it is a number, and isn't."""
    return repack(sheet(place, user(), user()), "xl/worksheets/sheet1.xml", '<c r="A3" t="n"><v>20</v></c>', f'<c r="A3" t="n"><v>{CANARY}</v></c>')  # fmt: skip


# Each cell that is read, wrong in each way that ends a run, in each kind of file
CASES: dict[str, Callable[[Path], Path | tuple[str, str]]] = {
    "csv: text for a number": lambda place: write(place, text({}, {"age": CANARY})),
    "csv: in a mark of its own": lambda place: write(place, text({}, {"age": f"{NUMBER}"}, sep=";")),
    "csv: with marks mixed": lambda place: write(place, text({"age": "98,5"}, {"age": "1987.06"}, sep=";")),
    "csv: a row too long": lambda place: write(place, f"{HEADER}\n{CANARY},{ROW}\n"),
    "csv: a row too short": lambda place: write(place, f"{HEADER}\n{CANARY},1\n{ROW}\n"),
    "csv: no header": lambda place: write(place, f"{row(gender=CANARY, top_genre=NUMBER)}\n{ROW}\n"),
    "csv: another delimiter": lambda place: write(place, f"{HEADER}\n{CANARY};1\n"),
    "csv: an open quote": lambda place: write(place, f'{HEADER}\n"{CANARY},1\n'),
    "csv: a quote in the middle": lambda place: write(place, f'{HEADER}\n"{CANARY}"x,1\n'),
    "csv: a NUL": lambda place: write(place, text({"gender": f"{CANARY}\0"})),
    "csv: two encodings": lambda place: write(place, text({"gender": f"{CANARY} ęłж"}).encode() + f"{CANARY} \xe9".encode("cp1252")),
    "csv: UTF-8 by its mark alone": lambda place: write(place, b"\xef\xbb\xbf" + text({"gender": f"{CANARY} \xe9"}).encode("cp1252")),
    "csv: UTF-16, cut": lambda place: write(place, text({"gender": CANARY}).encode("utf-16")[:-1]),
    "csv: a word that looks like a date": lambda place: write(place, text({"num_of_days_active": "1987-06-05"})),
    "tsv: text for a number": lambda place: write(place, text({}, {"annual_income": CANARY}, sep="\t"), "2026-10.tsv"),
    "txt: a row too long": lambda place: write(place, f"{HEADER}\n{CANARY},{ROW}\n", "2026-10.txt"),
    "csv by mapping: no such column": lambda place: write(place, f"{CANARY},{NUMBER}\n{ROW}\n"),
    "xlsx: text for a number": lambda place: sheet(place, user(), user(age=CANARY)),
    "xlsx: a date for a number": lambda place: sheet(place, user(), user(age=dt.datetime.fromisoformat("1987-06-05"))),
    "xlsx: a date for text": lambda place: sheet(place, user(), user(top_genre=dt.date(1987, 6, 5))),
    "xlsx: a number as text, either way": lambda place: sheet(place, user(), user(age=NUMBER)),
    "xlsx: a cell that is none": damaged,
    "xlsx: no header": lambda place: sheet(place, user(gender=CANARY), user(), edit=lambda book: book.active.delete_rows(1)),
    "parquet: text for a number": lambda place: parquet(place, age=pa.array([CANARY, "20"])),
    "parquet: a number, either way": lambda place: parquet(place, age=pa.array([NUMBER, "20"])),
    "parquet: no text": lambda place: parquet(place, gender=pa.array([CANARY.encode() + b"\xff", b"x"])),
    "large csv: text for a number": lambda place: write(place, many(row(age=CANARY))),
    "large csv: a row too long": lambda place: write(place, many(f"{CANARY},{ROW}")),
    "large csv: a row too short": lambda place: write(place, many(CANARY)),
    "large csv: an open quote": lambda place: write(place, many(f'"{CANARY},1')),
    "large csv: not UTF-8": lambda place: write(place, many(row(gender=f"{CANARY} \x81")).encode("latin-1")),
    "large csv: either way": lambda place: write(place, many(row(age=NUMBER)).replace(",", ";")),
    "large csv: no header": lambda place: write(place, many(ROW).replace(HEADER, row(gender=CANARY))),
    "large parquet: text for a number": lambda place: table(place, "age", CANARY),
    "large parquet: no text": lambda place: table(place, "gender", CANARY.encode() + b"\xff"),
    "folder of csv: text for a number": lambda place: folder(place, "csv", many(row(age=CANARY))),
    "folder of csv: a row too long": lambda place: folder(place, "csv", many(f"{CANARY},{ROW}")),
    "folder of parquet: text for a number": lambda place: table(place, "age", CANARY, inside=True),
    "duckdb: text for a number": lambda place: database(place, "SELECT * REPLACE (top_genre AS age) FROM users"),
    "duckdb: a query that reads it as one": lambda place: database(place, "SELECT * REPLACE (CAST(top_genre AS INT) AS age) FROM users"),
    "duckdb: an error of the query's own": lambda place: database(place, "SELECT * REPLACE (CASE WHEN top_genre != '7' THEN error(top_genre) END AS age) FROM users"),
}  # fmt: skip


@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("by_memory", [500_000_000, 0], ids=["small enough for memory", "too large"])
def test_no_cell_of_a_user_leaves_with_an_error(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Path | tuple[str, str]],
    by_memory: int,
) -> None:
    """Each cell ends the run, by whichever reader; its row and column are told, and it is looked for wherever the error goes."""
    from report.sources import large_csv as reader

    monkeypatch.setattr(reader, "_MAX_IN_MEMORY_BYTES", by_memory)
    caplog.set_level(logging.DEBUG)
    made = make(tmp_path)
    data, query = made if isinstance(made, tuple) else (str(made), "")
    settings = Settings(scale={"exact_users": MANY, "query": query})
    place: DataLocation = parse_location(data)
    output = tmp_path / "out"

    with pytest.raises(ReportError) as error, record_run(output, "2026-10", lambda: NOW), faults.translate_errors():
        load_users(place, "2026-10", settings, tmp_path / "scratch")
    print(describe_error(error.value), file=sys.stderr)
    with Mailroom() as room:
        to = SenderIdentity(dials().mail.sender, dials().mail.owner)
        assert notify_last_failure(OwnerNotifier(output, tmp_path, to, room.server(), clock=lambda: NOW)) == 0
    ((_, raw),) = room.inbox
    mail = message_from_bytes(raw, policy=default).get_content()
    run = read_last_run(output)

    assert run is not None
    assert " ".join(describe_error(error.value).split()) in " ".join(mail.split())
    note = output / "last-run.json"
    places = {
        "mail": mail,
        "note": note.read_text(encoding="utf-8"),
        "log": caplog.text,
        "terminal": "".join(capfd.readouterr()),
    }
    for name, said in places.items():
        without = re.sub(r"\d{4}-\d\d-\d\dT[^ \"]*", "", said)  # the time of the run
        assert not [trace for trace in TRACES if trace in without], (name, said)
    assert stat.S_IMODE(note.stat().st_mode) == 0o600


def test_a_guess_at_an_encoding_tells_lines_and_no_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A warning goes to the scheduler's log, and from there by mail to whoever has that."""
    write(tmp_path, text({}, {"gender": "Zoë-Canary"}).encode("cp1252"))
    load_users(tmp_path / "2026-10.csv", "2026-10", Settings(), tmp_path / "scratch")

    assert "in line 3;" in caplog.text
    assert "Canary" not in caplog.text
    assert "Zo" not in caplog.text
