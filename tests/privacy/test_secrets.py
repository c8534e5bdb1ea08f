"""No secret leaves: neither a password, whichever way it came in, nor a file that a database's query reaches for."""

import json
import random
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from report.errors import InputError, ReportError, SettingsError, describe_error
from report.operations.lenient import read_mail_server_leniently
from report.settings import Settings, read_settings
from report.sources import postgres
from report.sources.loader import describe_source
from report.storage import paths
from report.storage.location import DatabaseSource, parse_location, parse_postgres_url
from report.storage.passwords import MIN_PIECE_LENGTH, Password, redact_secrets
from report.transport.server import MailServer, read_mail_server
from report.transport.smtp import AbortSendError, Deadline, SmtpSession
from tests.support.facts.factory import users
from tests.support.music import MUSIC
from tests.support.sources.postgresql import do, lay, postgresql  # noqa: F401 - a fixture

SEED = 20261127
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "#@:/%?&=",
    "'\"\\` $;|<>()[]{}^~*!,+-._",
    "éßøłжλ漢字🎧\u00a0\u200b",
)


def hostile() -> list[str]:
    """Draw 200 passwords: each sign that could end one in every place, long and short, escaped, beyond ASCII."""
    draw = random.Random(SEED)
    found = ["", "x", "#", "%", "a@b", "a:b/c?d#e", "%41%42%43%44", "pa%23ss%40wq", "x" * 300, "y=z&q=w", "\\\\'\\'\"'"]
    for sign in ALPHABETS[1] + ALPHABETS[2] + ALPHABETS[3]:
        word = "".join(draw.choices(ALPHABETS[0], k=12))
        found += [word[:6] + sign + word[6:], sign + word, word + sign]
    while len(found) < 200:
        some = "".join(draw.sample(ALPHABETS, k=draw.randint(1, 4)))
        found.append("".join(draw.choices(some, k=draw.choice([5, 9, 20, 64]))))
    return found[:200]


PASSWORDS = hostile()
# DATA, SPARK and MONTH, by how a password gets into them
WAYS: dict[str, Callable[[str], tuple[str, str, str]]] = {
    "a URL, as it is": lambda word: (f"postgresql://reader:{word}@127.0.0.1:1/music", "", ""),
    "a URL, escaped": lambda word: (f"postgresql://reader:{quote(word, safe='')}@127.0.0.1:1/music", "", ""),
    "a URL, half escaped": lambda word: (f"postgres://reader:{quote(word)}@127.0.0.1:1/music", "", ""),
    "a URL without a database": lambda word: (f"postgresql://reader:{word}@127.0.0.1:1", "", ""),
    "a URL without a host": lambda word: (f"postgresql://reader:{word}/music", "", ""),
    "a parameter": lambda word: (f"postgresql://reader@127.0.0.1:1/music?password={word}", "", ""),
    "a parameter, escaped": lambda word: (
        f"postgresql://127.0.0.1:1/music?user=a&password={quote(word, safe='')}",
        "",
        "",
    ),
    "a key's password": lambda word: (
        f"postgresql://a@127.0.0.1:1/music?sslkey=none&sslpassword={quote(word)}",
        "",
        "",
    ),
    "a parameter that isn't one": lambda word: (f"postgresql://a@127.0.0.1:1/music?passwort={word}", "", ""),
    "a database's name": lambda word: (f"postgresql://h/{quote(f'host=x password={word}')}", "", ""),
    "keywords": lambda word: (f"host=127.0.0.1 port=1 dbname=music password='{word}'", "", ""),
    "one slash": lambda word: (f"postgresql:/reader:{word}@127.0.0.1/music", "", ""),
    "no scheme": lambda word: (f"reader:{word}@127.0.0.1/music", "", ""),
    "another scheme": lambda word: (f"mysql://reader:{word}@127.0.0.1/music", "", ""),
    "a scheme that is none": lambda word: (f"reader:{word}@127.0.0.1://music", "", ""),
    "a token": lambda word: (f"duckdb:///md:music?motherduck_token={word}", "", ""),
    "Spark's master": lambda word: (f"spark://reader:{word}@127.0.0.1:1", "", ""),
    "Spark's master, given apart": lambda word: ("users", f"spark://reader:{word}@127.0.0.1:1", ""),
    "Spark's master, without data": lambda word: ("", f"spark://reader:{word}@127.0.0.1:1", ""),
    "a bucket's key": lambda word: (f"s3a://KEY:{word}@bucket/2026-10", "local[1]", ""),
    "a bucket's key, and no folder": lambda word: (f"s3a://KEY:{word}@bucket", "local[1]", ""),
    "a signature": lambda word: (f"wasbs://c@a.blob.core.windows.net/2026-10?sig={word}", "local[1]", ""),
    "JDBC": lambda word: (f"jdbc:postgresql://127.0.0.1/music?password={word}", "local[1]", ""),
    "the month": lambda word: ("", "", f"postgresql://reader:{word}@127.0.0.1:1/music"),
}


def pieces(word: str) -> set[str]:
    """Give every four letters in a row of a password, as it stands and without its escapes."""
    return {
        form[at : at + MIN_PIECE_LENGTH]
        for form in (word, unquote(word))
        for at in range(len(form) - MIN_PIECE_LENGTH + 1)
    }


def texts(way: str, word: str) -> str:
    """Give all that is said of a place with a password in it: what it is called, and what goes wrong with it, traces included."""
    data, spark, month = WAYS[way](word)
    said = []
    try:
        if month:
            paths.check_month(month)
        place = parse_location(data, spark)
        said += [place.name, str(place), repr(place), place.stem]
        if isinstance(place, DatabaseSource):
            said.append(describe_source(place, "2026-10", Settings(scale={"query": "SELECT 1"})).name)
        if isinstance(place, DatabaseSource) and place.engine == "postgresql":
            postgres.export_postgres_query(place.url, "SELECT 1", MUSIC, Path("never.parquet"), place.name)
        paths.resolve_month(place, "")
    except ReportError as error:
        said.append(describe_error(error))
        said += [line for line in traceback.format_exception(error) if not line.startswith("  File")]
    return "\n".join(said)


@pytest.mark.parametrize("way", WAYS)
def test_no_four_letters_of_200_hostile_passwords_are_said(way: str) -> None:
    """Whatever they hold, and whichever way they came in; nobody answers at the address, so every way ends in a sentence."""
    pytest.importorskip("adbc_driver_postgresql", reason="PostgreSQL's driver is an extra: make setup-postgres")
    fixed = texts(way, "Zq9") + texts(way, "Zq#9") + texts(way, "")  # what is said of any password

    assert len(set(PASSWORDS)) == 200
    for word in PASSWORDS:
        said = texts(way, word)
        assert said
        leaked = {piece for piece in pieces(word) if piece in said and piece not in fixed}
        assert not leaked, (word, leaked)


def test_the_test_would_see_a_password() -> None:
    """A place that told its address would be found out."""
    assert any(piece in "could not translate host name er2@127" for piece in pieces("hunt@er2@127"))


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("postgresql://ann@db/music", {"user": "ann", "host": "db", "dbname": "music"}),
        (
            "postgres://a:b%3Ac@[::1]:5/m%20n?sslmode=require",
            {"user": "a", "password": "b:c", "host": "::1", "port": "5", "dbname": "m n", "sslmode": "require"},
        ),
        ("postgresql://h:1,i/m", {"host": "h,i", "port": "1,", "dbname": "m"}),
        ("postgresql:///m?host=/run/pg&password=%C3%A9%FF", {"dbname": "m", "host": "/run/pg", "password": "é\udcff"}),
        ("postgresql://", {}),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(url: str, parameters: dict[str, str]) -> None:
    """Worked out by libpq's manual, 34.1.1.2; two hosts of which one has a port are two ports to it."""
    assert parse_postgres_url(url) == parameters


@pytest.mark.parametrize("word", ["hunt@er2", "hunter/two", "hun%ter2", "hun ter2", "pa#ss", "pa?ss"])
def test_a_url_that_can_be_read_in_two_ways_is_refused_with_what_to_write(word: str) -> None:
    with pytest.raises(InputError) as error:
        parse_location(f"postgresql://reader:{word}@127.0.0.1:55432/music")

    assert "DATA can't be read as a URL: write the letters : / ? # @ % of a password as %3A" in str(error.value)
    assert str(error.value).startswith("postgresql: music: " if word not in ("pa#ss", "pa?ss") else "postgresql: DATA")
    assert word not in str(error.value)


def test_pieces_of_a_password_are_blotted_out_in_all_their_forms() -> None:
    """Four letters in a row are a piece; of a password of fewer, only the whole where it stands alone."""
    assert redact_secrets("no such host er2@127, nor hunt", "hunt@er2") == "no such host er2@127, nor ***"
    assert redact_secrets("host=t@er2 and hunt%40er2", "hunt@er2") == "host=*** and ***"
    assert redact_secrets("said pa#ss1 for pa%23ss1", "pa%23ss1") == "said *** for ***"
    assert redact_secrets("a cat said a.", "a") == "*** cat said ***."
    assert redact_secrets("nothing to hide", "") == "nothing to hide"


def test_a_mail_server_that_repeats_a_password_in_part_is_not_repeated() -> None:
    """As it stands, and as AUTH PLAIN and AUTH LOGIN write it."""
    for word in PASSWORDS:
        if len(word) < MIN_PIECE_LENGTH:
            continue
        server = MailServer("localhost", 25, "none", "briefs", Password(word))
        for echo in (word, word[1:], word[:-1], server.auth_plain, server.auth_plain[3:]):
            said = server.redact_password(f"535 5.7.8 no: {echo}")
            assert not {
                piece
                for piece in pieces(word) | pieces(server.auth_plain)
                if piece in said.removeprefix("535 5.7.8 no: ")
            }


@pytest.mark.parametrize("name", ["SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_CA", "SMTP_HELO"])
def test_lines_of_env_that_were_swapped_show_no_password(tmp_path: Path, name: str) -> None:
    """What was written for the port, or within the host, may be the password."""
    (tmp_path / ".env").write_text("SMTP_HOST=localhost\n", encoding="utf-8")
    value = "smtp://briefs:hunter2@mail.example.com" if name == "SMTP_HOST" else "hunter2"

    with pytest.raises(SettingsError) as error:
        read_mail_server(tmp_path / ".env", {name: value})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("host", ["hunter2", "hun/ter#2", "hunter2 x"])
def test_a_password_as_the_host_is_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Not by strict reading, nor by the one that looks for a server in a broken `.env`, nor by the connection."""
    (tmp_path / ".env").write_text("no line at all\n", encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        read_mail_server(tmp_path / "none", {"SMTP_HOST": host, "SMTP_TLS": "none"})
    assert host not in str(error.value)

    server = read_mail_server_leniently(tmp_path / ".env", {"SMTP_HOST": host})
    assert (server is None) == (host != "hunter2")

    def lookup(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "as the resolver says")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    if server:
        with pytest.raises(AbortSendError) as stopped:
            SmtpSession.open(server, "briefs@example.com", Deadline(time.monotonic() + 5))
        assert host not in str(stopped.value)


def test_a_query_in_settings_is_not_repeated(tmp_path: Path) -> None:
    """It may hold a password of its own; a mistake in its type is told without it."""
    (tmp_path / "settings.toml").write_text("[scale]\nquery = ['SELECT hunter2']\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=r"line 2: scale.query") as error:
        read_settings(tmp_path / "settings.toml")
    assert "hunter2" not in str(error.value)


# --- a real server


# a dozen of the 200, and one with every sign at once; PostgreSQL takes no empty password
TRIED = [*[word for word in PASSWORDS if len(word) >= MIN_PIECE_LENGTH][::16][:12], "p#a@s:s/w%o?r'd \"\\é漢&=[]%41"]


@pytest.fixture(scope="module")
def music(postgresql: int) -> int:  # noqa: F811
    """Give the port of a server with 240 users, and with an account for each of a dozen hostile passwords."""
    lay(postgresql, pa.Table.from_pandas(users(240), preserve_index=False))
    for number, word in enumerate(TRIED):
        account = f"reader{number}"
        do(
            postgresql,
            f"CREATE ROLE {account} LOGIN PASSWORD E'{word.replace(chr(92), chr(92) * 2).replace(chr(39), chr(39) * 2)}'",
            f"GRANT SELECT ON users TO {account}",
        )
    return postgresql


def test_a_password_of_any_letters_opens_a_real_server(music: int, tmp_path: Path) -> None:
    """What we read out of the URL is what libpq logs in with; raw where it can be read in one way, else escaped."""
    for number, word in enumerate(TRIED):
        host = f"127.0.0.1:{music}/music"
        escaped = f"postgresql://reader{number}:{quote(word, safe='')}@{host}"
        for url in (escaped, f"postgresql://reader{number}@{host}?password={quote(word, safe='')}"):
            postgres.export_postgres_query(
                url, "SELECT * FROM users", MUSIC, tmp_path / "users.parquet", "postgresql: music"
            )
            assert pq.read_metadata(tmp_path / "users.parquet").num_rows == 240
        assert parse_location(escaped).name == "postgresql: music"


@pytest.mark.parametrize("way", ["the URL", "PGPASSWORD", "PGPASSFILE"])
def test_a_password_that_a_real_server_refuses_is_said_nowhere(
    music: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], way: str
) -> None:
    """The server says why, and libpq whence the password came."""
    word = "wr#ng-hunter2-é"
    if way == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", word)
    if way == "PGPASSFILE":
        (tmp_path / "pgpass").write_text(f"*:*:*:*:{word}\n", encoding="utf-8")
        (tmp_path / "pgpass").chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    given = f":{quote(word, safe='')}" if way == "the URL" else ""

    with pytest.raises(InputError) as error:
        postgres.export_postgres_query(
            f"postgresql://reader0{given}@127.0.0.1:{music}/music",
            "SELECT 1",
            MUSIC,
            tmp_path / "x.parquet",
            "postgresql: music",
        )
    assert str(error.value).startswith("postgresql: music: can't be asked (password authentication failed). Check DATA")
    said = "".join(traceback.format_exception(error.value)) + "".join(capfd.readouterr())
    assert not [piece for piece in pieces(word) if piece in said]


def everything(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the text of all that a run wrote: of the PDF what it shows and carries, of mail what it decodes to."""
    import pikepdf
    import pypdfium2

    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path.name, path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".pdf":
            yield (path.name, "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path)))
            with pikepdf.open(path) as pdf:
                yield path.name, str(pdf.docinfo)
                for name, attached in pdf.attachments.items():
                    yield name, attached.get_file().read_bytes().decode("utf-8", "replace")
        if path.suffix == ".eml":
            mail = message_from_bytes(path.read_bytes(), policy=default)
            yield path.name, str(mail.items())
            for part in mail.walk():
                if not part.is_multipart():
                    yield path.name, (part.get_payload(decode=True) or b"").decode("utf-8", "replace")


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_whole_run_leaves_its_password_in_no_file(music: int, tmp_path: Path, ends: str) -> None:
    """Every page, picture, mail, note and line of a month that a database gave; and of one that it refused."""
    number, word = len(TRIED) - 1, TRIED[-1]
    (tmp_path / "settings.toml").write_text(
        '[segments]\nk = 2\nk_range = [2, 4]\nn_init = 1\n[scale]\nquery = "SELECT * FROM users"\n[mail]\nsender = "a@example.com"\n'
    )
    account = f"reader{number if ends == 'well' else 0}"
    url = f"postgresql://{account}:{quote(word, safe='')}@127.0.0.1:{music}/music"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "report", "report", "--data", url, "--month", "2026-10", "--engine", "embedded"),
            *("--settings", str(tmp_path / "settings.toml"), "--output", str(tmp_path / "out")),
        ],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == (0 if ends == "well" else 1), done.stderr
    written = [*everything(tmp_path / "out"), ("terminal", done.stdout + done.stderr)]
    assert {"well": "report.html", "badly": "last-run.json"}[ends] in dict(written)
    for name, text in written:
        assert not [piece for piece in pieces(word) if piece in text], name
    if ends == "well":
        facts = json.loads((tmp_path / "out" / "2026-10" / "facts.json").read_text(encoding="utf-8"))
        assert facts["source"]["name"] == "postgresql: music"
