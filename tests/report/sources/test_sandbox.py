"""A database's query reads the database's own tables, and nothing else: no file, no network, no writing."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from report.errors import MachineError
from report.settings import Settings
from report.sources import duckdb as duck
from report.sources import faults
from tests.support import ROOT
from tests.support.facts.factory import users
from tests.support.sources.postgresql import OWNER, do, lay, postgresql  # noqa: F401 - a fixture
from tests.support.sources.queries import PRIVATE, ask, refused

COLUMNS = "age, gender, employment_status, annual_income, usage_per_month, num_of_days_active"
# What a database's own views and macros may hold: {secret} is a file that the account may read, {place} a folder
REACHING = {
    "a view": f"CREATE VIEW v AS SELECT {COLUMNS}, (SELECT content FROM read_text('{{secret}}')) AS top_genre FROM users",
    "a view of a table of a file": f"CREATE VIEW v AS SELECT {COLUMNS}, w.content AS top_genre FROM users, read_text('{{secret}}') w",
    "a view of a file's bytes": f"CREATE VIEW v AS SELECT {COLUMNS}, w.filename AS top_genre FROM users, read_blob('{{secret}}') w",
    "a view of a CSV file": f"CREATE VIEW v AS SELECT {COLUMNS}, w.only AS top_genre FROM users, read_csv('{{secret}}', header = false, names = ['only']) w",
    "a view of names of files": f"CREATE VIEW v AS SELECT {COLUMNS}, w.file AS top_genre FROM users, glob('{{place}}/*') w",
    "a scalar macro": f"CREATE MACRO m() AS (SELECT content FROM read_text('{{secret}}')); CREATE VIEW v AS SELECT {COLUMNS}, m() AS top_genre FROM users",
    "a table's macro": f"CREATE MACRO m() AS TABLE SELECT {COLUMNS}, (SELECT content FROM read_text('{{secret}}')) AS top_genre FROM users; CREATE VIEW v AS FROM m()",
}  # fmt: skip
# What the query in settings may try
ASKING = {
    "a file": "SELECT * FROM read_text('{secret}')",
    "a file as a table": "SELECT * FROM '{secret}'",
    "another database": "SELECT * FROM other.users",
    "attaching": "ATTACH '{place}/other.db' AS other",
    "attaching, then asking": "ATTACH '{place}/other.db' AS other (READ_ONLY); SELECT * FROM other.users",
    "the network": "SELECT * FROM read_csv('https://192.0.2.1/x.csv')",
    "an extension": "INSTALL httpfs",
    "loading": "LOAD httpfs",
    "writing": "COPY users TO '{place}/written.csv'",
    "writing where this program does": "COPY users TO '{place}/scratch/written.csv'",
    "writing, then asking": "COPY users TO '{place}/scratch/written.csv'; SELECT * FROM users",
    "exporting": "EXPORT DATABASE '{place}/written.csv'",
    "a table": "CREATE TABLE more AS SELECT * FROM users",
    "a table for a while": "CREATE TEMP TABLE more AS SELECT * FROM users",
    "deleting": "DELETE FROM users",
    "a setting": "SET enable_external_access = true",
    "a pragma": "PRAGMA enable_profiling",
    "two questions": "SELECT * FROM users; SELECT * FROM users",
    "nothing": "-- nothing",
    "a variable of this program": "SELECT * FROM settings",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a folder with a database of 60 users, another one, and a secret beside them."""
    (tmp_path / "secret.txt").write_text(PRIVATE, encoding="utf-8")
    (tmp_path / "secret.txt").chmod(0o600)
    some = users(60)
    for name in ("music", "other"):
        with duckdb.connect(str(tmp_path / f"{name}.db")) as connection:
            connection.register("given", some)
            connection.execute("CREATE TABLE users AS SELECT * FROM given")
    return tmp_path


def test_a_view_of_the_database_s_own_tables_is_read(place: Path) -> None:
    """So the refusals below are of what reaches out, and not of views and macros."""
    with duckdb.connect(str(place / "music.db")) as connection:
        connection.execute(
            "CREATE MACRO twice(x) AS 2 * x; CREATE VIEW v AS SELECT * REPLACE (twice(age) AS age) FROM users"
        )
    before = (place / "music.db").read_bytes()

    assert ask(place, "SELECT * FROM v").frame["age"].sum() == 2 * users(60)["age"].sum()
    assert (place / "music.db").read_bytes() == before


@pytest.mark.parametrize("made", REACHING.values(), ids=REACHING.keys())
def test_what_a_database_holds_reaches_no_file_and_no_network(place: Path, made: str) -> None:
    """Views and macros are written by whoever made the database; with the file closed to it, each would give the secret."""
    made = made.format(secret=place / "secret.txt", place=place)
    with duckdb.connect(str(place / "music.db")) as connection:
        connection.execute(made)
        assert connection.execute("SELECT top_genre FROM v LIMIT 1").fetchone()

    assert refused(place, "SELECT * FROM v").startswith(
        "music.db: the query was refused (it, or a view or a macro of the database, reaches for a file or an address outside)."
    )


def test_a_default_and_a_computed_column_reach_for_nothing(place: Path) -> None:
    """DuckDB takes neither with a subquery; a default is not worked out by reading, a computed column is."""
    with duckdb.connect(str(place / "music.db")) as connection:
        for made in (
            f"DEFAULT (SELECT content FROM read_text('{place}/secret.txt'))",
            f"AS (read_text('{place}/secret.txt'))",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(f"CREATE TABLE t (x VARCHAR, top_genre VARCHAR {made})")
        connection.execute(f"CREATE MACRO m() AS (SELECT content FROM read_text('{place}/secret.txt'))")
        with pytest.raises(duckdb.Error):
            connection.execute("CREATE TABLE t (x VARCHAR, top_genre VARCHAR AS (m()))")
        connection.execute("ALTER TABLE users ADD COLUMN more VARCHAR DEFAULT ('a' || 'b')")

    assert ask(place, "SELECT * FROM users").rows == 60


@pytest.mark.parametrize("query", ASKING.values(), ids=ASKING.keys())
def test_a_query_reads_the_database_s_tables_and_does_nothing_else(place: Path, query: str) -> None:
    """Nothing is written, attached, loaded or set, and no other file is read."""
    assert refused(place, query).startswith("music.db: the query was refused (")


def test_duckdb_keeps_to_its_memory_and_fetches_no_extension(tmp_path: Path) -> None:
    """80 MB of rows within 50: the rest is on the disk. What only an extension knows is refused, and none is there after it."""
    known = "SELECT extension_name FROM duckdb_extensions() WHERE loaded ORDER BY 1"
    with duck.connect_duckdb(Settings(scale={"memory_limit": "50 MB", "threads": 1}), tmp_path) as connection:
        connection.execute("CREATE TABLE t AS SELECT hash(range) AS h, repeat('x', 40) || h AS w FROM range(1000000)")
        held, spilt = connection.execute(
            "SELECT sum(memory_usage_bytes), sum(temporary_storage_bytes) FROM duckdb_memory()"
        ).fetchone()
        assert held <= 50_000_000 < 80_000_000 - spilt < 80_000_000
        before = connection.execute(known).fetchall()
        for query in ("SELECT * FROM 'https://127.0.0.1:1/a.parquet'", "SELECT * FROM st_read('a')"):
            with pytest.raises(duckdb.Error, match=r"INSTALL (httpfs|spatial)"):
                connection.execute(query)
        assert connection.execute(known).fetchall() == before
        asked = "current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions')"
        assert connection.execute(f"SELECT {asked}").fetchone() == (False, False)


def test_what_duckdb_says_of_a_query_is_told_without_its_texts_and_without_cells(place: Path) -> None:
    """A column's name is; a text of the query may be a password, and what can't be a number is a user's cell."""
    assert '(Binder Error: Referenced column "nope" not found' in refused(
        place, "SELECT nope FROM users WHERE gender = 'hunter2'"
    )
    assert "hunt" not in refused(place, "SELECT * FROM users WHERE nope = 'hunter2' OR \"pass=hunter2\" = 1")
    assert "(Conversion Error)" in refused(place, "SELECT * REPLACE (CAST(gender AS INT) AS age) FROM users")
    assert "(Parser Error)" in refused(place, "SELEC 'hunter2'")


def test_a_database_that_cannot_be_opened_is_told_by_its_own_fault(place: Path) -> None:
    """Open elsewhere for writing, cut short, or none at all; none of them lacks memory."""
    with duckdb.connect(str(place / "music.db")) as _:
        script = "import sys; from tests.support.sources.queries import refused; from pathlib import Path; print(refused(Path(sys.argv[1]), 'SELECT 1'))"
        said = subprocess.run(
            [sys.executable, "-c", script, str(place)], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert said.startswith(
            "music.db can't be opened: another process has it open for writing; wait until that has closed it"
        )
    whole = (place / "music.db").read_bytes()
    for broken in (whole[: len(whole) // 2], b"SQLite format 3\0" + bytes(5000), b"no database at all" * 900):
        (place / "music.db").write_bytes(broken)
        assert "music.db can't be opened: it is no whole DuckDB database" in refused(place, "SELECT * FROM users")


def test_what_an_engine_says_on_the_way_is_not_repeated() -> None:
    """DuckDB's words quote the cell that it can't read; they go to a log and to the owner's mail."""
    with pytest.raises(MachineError) as error, faults.translate_errors():
        duckdb.sql("SELECT CAST(x AS INT) FROM (VALUES ('1'), ('Ann Smith')) v(x)").fetchall()
    assert str(error.value).startswith("DuckDB could not go on: ConversionException; ")
    assert "Ann" not in str(error.value)


@pytest.mark.parametrize(
    ("cell", "column", "told"),
    [
        ("uuid()", "age", "column 'age' holds UUID, expected age as numbers (years)"),
        ("'\"Pop\"'::JSON", "top_genre", "column 'top_genre' holds JSON, expected top genre as text"),
        ("'101'::BIT", "age", "column 'age' holds BIT, expected age as numbers (years)"),
        ("INTERVAL '1 day'", "age", "column 'age' holds Duration"),
        ("repeat('x', 256)", "top_genre", "column 'top_genre' has 60 texts of more than 255 characters"),
    ],
)
def test_a_column_of_a_type_that_is_neither_text_nor_number_is_named(
    place: Path, cell: str, column: str, told: str
) -> None:
    """DuckDB's own fault with it would speak of functions and of memory."""
    assert told in refused(place, f"SELECT * REPLACE ({cell} AS {column}) FROM users")


def test_uuids_are_words_and_ids(place: Path) -> None:
    """As text, in their usual form."""
    found = ask(place, "SELECT * REPLACE ('00000000-0000-0000-0000-00000000000A'::UUID AS top_genre) FROM users").frame
    assert set(found["top_genre"]) == {"00000000-0000-0000-0000-00000000000a"}


# --- PostgreSQL

SELECTED = f"SELECT {COLUMNS}, top_genre FROM users"


@pytest.fixture(scope="module")
def music(postgresql: int) -> str:  # noqa: F811
    """Give the address of a server with 60 users, and with a reader who may read them; the owner may do everything."""
    import pyarrow as pa

    lay(postgresql, pa.Table.from_pandas(users(60), preserve_index=False))
    do(
        postgresql,
        "CREATE TYPE mood AS ENUM ('Rock', 'Pop')",
        "CREATE DOMAIN dear AS money",
        "CREATE DOMAIN years AS int",
    )
    return OWNER.format(port=postgresql)


def chosen(kind: str, column: str) -> str:
    """Give the query of the users, with one column given as something else."""
    return re.sub(rf"\b{column}\b", f"{kind} AS {column}", SELECTED, count=1)


def count(address: str, query: str) -> int:
    """Ask as the owner, beside this program."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("COPY users TO PROGRAM 'touch {place}/written'", "it is no single SELECT"),
        ("COPY (SELECT 1) TO '{place}/written'", "it is no single SELECT"),
        ("/* /* */ SELECT */ COPY users TO PROGRAM 'touch {place}/written'", "it is no single SELECT"),
        ("SELECT 1) TO PROGRAM 'touch {place}/written' --", "a mistake in its syntax"),
        ("SELECT 1; DELETE FROM users", "a mistake in its syntax"),
        ("COMMIT", "it is no single SELECT"),
        ("DO $$ BEGIN DELETE FROM users; END $$", "it is no single SELECT"),
        ("DELETE FROM users", "it is no single SELECT"),
        ("WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone", "it would write"),
        ("SELECT * INTO more FROM users", "it would write"),
        ("SELECT * FROM users FOR UPDATE", "it would write"),
        ("SELECT set_config('transaction_read_only', 'off', false), u.* FROM users u", ""),
        ("SELECT nope FROM users WHERE gender = 'hunter2'", "no such column"),
        ("SELECT * FROM nobody", "no such table"),
        ("SELECT CAST('hunter2' AS int)", "a text is no number"),
        ("SELECT CAST(gender AS int) AS age" + SELECTED.removeprefix("SELECT age"), "a row of it can't be worked out"),
        ("SELECT 1 / (age - age) AS age" + SELECTED.removeprefix("SELECT age"), "a row of it can't be worked out"),
    ],
)  # fmt: skip
def test_a_query_to_postgresql_only_reads(place: Path, music: str, query: str, why: str) -> None:
    """Even of an account that may do everything; a server's program would have been run by COPY in a transaction that only reads."""
    place.chmod(0o777)
    said = refused(place, query, music)

    assert said.startswith(f"postgresql: music: the query was refused ({why}")
    assert not {"hunter2", "Female", "Male", "owns"} & set(said.replace("'", " ").replace('"', " ").split())
    assert count(music, "SELECT count(*) FROM users") == 60
    assert count(music, "SELECT count(*) FROM pg_class WHERE relname = 'more'") == 0


def test_a_query_that_begins_with_a_comment_or_a_bracket_is_read(place: Path, music: str) -> None:
    for query in (f"-- the month\n/* all */ ({SELECTED})", f"WITH u AS ({SELECTED}) SELECT * FROM u;", "TABLE users"):
        assert ask(place, query, music).rows == 60


@pytest.mark.parametrize(
    ("kind", "column", "gives"),
    [
        ("annual_income::numeric(12, 2)", "annual_income", None),
        ("annual_income::float4", "annual_income", None),
        ("annual_income::text", "annual_income", None),
        ("annual_income::bigint", "annual_income", None),
        ("age::int::years", "age", None),
        ("top_genre::varchar", "top_genre", None),
        ("top_genre::char(9)", "top_genre", None),
        ("'Pop'::mood", "top_genre", "Pop"),
        ("'7e6ad645-e512-4ba8-add4-7914388a8f6c'::uuid", "top_genre", "7e6ad645-e512-4ba8-add4-7914388a8f6c"),
        ("true", "top_genre", "True"),
        ("NULL::int", "top_genre", ...),
    ],
)
def test_a_type_of_postgresql_is_read_as_what_it_is(
    place: Path, music: str, kind: str, column: str, gives: object
) -> None:
    """Whatever the driver calls it; decimals come as text, enums as text, domains as what they are made of."""
    found = ask(place, chosen(kind, column), music).frame[column]

    if gives is None:
        expected = ask(place, SELECTED, music).frame[column]
        assert sorted(found) == sorted(expected)
    elif gives is ...:
        assert found.isna().all()
    else:
        assert set(found) == {gives}


@pytest.mark.parametrize(
    ("kind", "column", "named"),
    [
        ("annual_income::numeric::money", "annual_income", "money"),
        ("annual_income::numeric::money::dear", "annual_income", "money"),
        ("ARRAY[annual_income]", "annual_income", "_float8"),
        ("interval '1 day'", "age", "interval"),
        ("current_date", "age", "date"),
        ("point(1, 2)", "age", "point"),
        ("now()", "top_genre", "timestamptz"),
        ("inet '10.0.0.1'", "top_genre", "inet"),
        ("top_genre::bytea", "top_genre", "bytea"),
        ("ARRAY['Pop'::mood]", "top_genre", "_mood"),
        ("'<x/>'::xml", "top_genre", "xml"),
        ("to_jsonb(top_genre)", "top_genre", "jsonb"),
    ],
)
def test_a_type_that_the_driver_gives_as_another_is_refused_by_name(
    place: Path, music: str, kind: str, column: str, named: str
) -> None:
    """Money comes in cents, so that 20,250 would be read as 2,025,000; others come as bytes. A column that isn't ours may be any."""
    said = refused(place, chosen(kind, column), music)
    wanted = "text" if column == "top_genre" else "numeric"

    assert f"column '{column}' is of PostgreSQL's type {named}, expected" in said
    assert f"such as {column}::{wanted}." in said
    assert ask(place, SELECTED.replace(" FROM", f", {kind} AS other FROM"), music).rows == 60
