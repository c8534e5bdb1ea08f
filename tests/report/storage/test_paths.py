import hashlib
import json
import re
import shutil
import stat
from pathlib import Path

import jsonschema
import pytest

from report.errors import InputError, ReportError
from report.pages.profiles import slugify_name, write_profiles
from report.storage import paths
from report.storage.months import DATA_SUFFIXES, find_newest_month_file, get_previous_month, list_month_files
from segmentation.errors import FactsError
from segmentation.facts import build_facts_schema
from tests.support.facts.factory import awkward, month, named


def put(folder: Path, *names: str) -> Path:
    """Put empty files into a folder."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_the_newest_month_is_taken(tmp_path: Path) -> None:
    """By its name, and whatever else lies there."""
    folder = put(
        tmp_path,
        "2026-09.csv",
        "2025-12.xlsx",
        "2026-10.parquet",
        "2026-11.md",
        "2026-13.csv",
        "README.md",
        "2027.csv",
        "~$2026-12.xlsx",
    )

    assert paths.find_month_file(folder).name == "2026-10.parquet"


@pytest.mark.parametrize("name", ["2026-11.tsv", "2026-11.txt", "2026-11.CSV", "2026-11.xlsx"])
def test_every_kind_that_is_read_is_a_month(tmp_path: Path, name: str) -> None:
    """One list of endings: what can be read when it is named is found when it isn't."""
    folder = put(tmp_path, "2026-10.csv", name)

    assert paths.find_month_file(folder).name == name
    assert name.lower().endswith(DATA_SUFFIXES)


@pytest.mark.parametrize(
    "name",
    [
        "2026-11.csv.gz",
        "2026-11.xlsm",
        "2026-11 (1).csv",
        "2026-11-users.parquet",
        "users_2026-11.csv",
        "2026-11.csv.part",
        "2026_11.csv",
        "2026-11.xls",
        "2026-11.json",
        "202611.csv",
        "users-202611.csv",
        "users2026-11.csv",
        "November 2026.csv",
        "2026-11.sql",
        "2026-11",
        "2026-11.pdf",
        "11-2026.csv",
    ],
)
def test_a_newer_month_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """And not passed over for the month before; unless that is asked for."""
    folder = put(tmp_path, "2026-10.csv", name)

    for asked in ("", "2026-11"):
        with pytest.raises(
            InputError, match=r"^.*: (.*) is November.2026 and can't be read\. Expected a name like 2026-11\.csv"
        ) as error:
            paths.find_month_file(folder, asked)
        assert name in str(error.value)
    newest = find_newest_month_file(folder)
    assert newest is not None
    assert newest.name == "2026-10.csv", "it silences no notice that a file is missing"
    assert paths.find_month_file(folder, "2026-10").name == "2026-10.csv"
    put(tmp_path, "2026-12.csv")
    assert paths.find_month_file(folder).name == "2026-12.csv"


@pytest.mark.parametrize(
    "name",
    [
        "2026-11.md",
        "2026-11.csv.sha256",
        "2026-11.toml",
        "2026-11.csv~",
        ".2026-11.csv.swp",
        "~$2026-11.xlsx",
        "2026-09 (1).csv",
        "2026-13.csv.gz",
    ],
)
def test_what_is_no_newer_table_holds_nothing_up(tmp_path: Path, name: str) -> None:
    """Notes, hashes, an editor's own files, a second copy of an older month."""
    assert paths.find_month_file(put(tmp_path, "2026-10.csv", name)).name == "2026-10.csv"


def test_the_month_that_was_named_is_taken(tmp_path: Path) -> None:
    """Not the newest under another month's name."""
    folder = put(tmp_path, "2026-08.csv", "2026-10.csv")

    assert paths.find_month_file(folder, "2026-08").name == "2026-08.csv"
    with pytest.raises(InputError, match=r"holds no file of 2026-09; the newest is 2026-10\."):
        paths.find_month_file(folder, "2026-09")


def test_two_files_of_one_month_are_not_chosen_between(tmp_path: Path) -> None:
    folder = put(tmp_path, "2026-10.csv", "2026-10.xlsx", "2026-09.csv")

    with pytest.raises(InputError, match=r"2026-10\.csv and 2026-10\.xlsx are the same month. Keep one"):
        paths.find_month_file(folder)
    assert paths.find_month_file(folder, "2026-09").name == "2026-09.csv"


def test_a_month_is_found_however_its_ending_is_written(tmp_path: Path) -> None:
    """What is found when it is asked for is found when the history asks for it, too; of two, the text comes first."""
    folder = put(tmp_path, "2026-08.CSV", "2026-09.xlsx", "2026-09.csv")

    assert (
        paths.find_month_file(folder, "2026-08")
        == paths.look_up_month_file(folder, "2026-08")
        == folder / "2026-08.CSV"
    )
    assert paths.look_up_month_file(folder, "2026-09") == folder / "2026-09.csv"
    assert paths.look_up_month_file(folder, "2026-10") is None
    assert list_month_files(folder / "none") == []


def test_a_folder_without_a_month_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no month. Put a file there named like 2026-10\.csv"):
        paths.find_month_file(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        paths.find_month_file(tmp_path / "none")


@pytest.mark.parametrize(
    "month_", ["2026-13", "2026-00", "2026-1", "26-10", "2026-10 ", "2026/10", "октябрь", "２０２６-10", "../2026-10"]
)
def test_what_is_no_month_is_refused(month_: str) -> None:
    """It becomes a folder's name."""
    with pytest.raises(InputError, match="is no month"):
        paths.check_month(month_)


def test_a_month_is_read_off_the_file_s_name_unless_it_is_said(tmp_path: Path) -> None:
    assert paths.resolve_month(tmp_path / "2026-10.csv", "") == "2026-10"
    assert paths.resolve_month(tmp_path / "2026-10.csv", "2026-09") == "2026-09"
    with pytest.raises(InputError, match=r"users\.csv: which month is it\?"):
        paths.resolve_month(tmp_path / "users.csv", "")


def test_the_shipped_months_are_known_byte_for_byte(tmp_path: Path) -> None:
    """A copy under another name is still made up; one changed byte may be a real user."""
    sample = paths.ROOT / "data" / "2026-10.csv"
    copy = tmp_path / "users.csv"
    copy.write_bytes(sample.read_bytes())

    assert paths.is_sample(sample)
    assert paths.is_sample(copy)
    copy.write_bytes(sample.read_bytes() + b"\n")
    assert not paths.is_sample(copy)


def test_a_row_a_user_is_for_the_owner_s_eyes(tmp_path: Path) -> None:
    path = tmp_path / "segments.parquet"
    path.touch()
    paths.restrict_to_owner(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["four", "later", "nothing found", "script", "letters"])
def test_facts_come_back_from_their_file(tmp_path: Path, what: str) -> None:
    """And fit the schema that is published beside them."""
    path = tmp_path / "facts.json"
    path.write_text(paths.dump_facts_json(awkward(what)), encoding="utf-8")

    assert paths.dump_facts_json(paths.read_facts(path)) == path.read_text("utf-8")
    published = json.loads((paths.ROOT / "docs" / "facts.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.Draft202012Validator(published).validate(json.loads(path.read_text("utf-8")))


def test_the_published_schema_is_the_current_one() -> None:
    """`make schema` writes it."""
    assert json.loads((paths.ROOT / "docs" / "facts.schema.json").read_text("utf-8")) == build_facts_schema()


@pytest.mark.parametrize(("text", "said"), [("{", "is no JSON"), ("", "is no JSON"), (None, "can't be read")])
def test_facts_that_cannot_be_read_are_named(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "facts.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ReportError, match=rf"facts\.json: {said}.*make report"):
        paths.read_facts(path)


def test_facts_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"format": 999}))

    with pytest.raises(FactsError, match="format 999"):
        paths.read_facts(path)


def test_the_newest_facts_are_those_of_the_newest_month(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no month was made yet"):
        paths.find_newest_facts(tmp_path)
    for name in ("2026-09", "2026-10", ".2026-11-x", "backup"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "facts.json").touch()

    assert paths.find_newest_facts(tmp_path).parent.name == "2026-10"
    assert [path.parent.name for path in paths.list_earlier_facts(tmp_path, "2026-10")] == ["2026-09"]


def test_the_month_before_january_is_december() -> None:
    assert get_previous_month("2026-01") == "2025-12"
    assert get_previous_month("2026-10") == "2026-09"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Young light listeners", "young-light-listeners"),
        ("R&B / Soul: 90's", "r-b-soul-90-s"),
        ("../../etc/passwd", "etc-passwd"),
        ("مستمعون شباب", "مستمعون-شباب"),
        ("🎧🎶", "segment"),
        ("", "segment"),
    ],
)
def test_a_name_becomes_a_file_s_name(name: str, said: str) -> None:
    assert slugify_name(name) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [("x" * 300, "x" * 80), ("é" * 300, "é" * 40), ("日" * 300, "日" * 26), ("a " * 300, "a-" * 39 + "a")],
)
def test_a_long_name_is_still_a_file_s_name(name: str, said: str) -> None:
    """A file's name has at most 255 bytes: 80 are kept, whole letters, and no dash at the end."""
    assert slugify_name(name) == said


def test_no_profile_takes_another_s_place(tmp_path: Path) -> None:
    """Names that differ in signs alone, one of no letters, and one that is called as a document is."""
    facts = awkward("four")
    names = ("Rock!", "Rock?", "🎧", "Report")
    facts = named(facts, *names)
    bench = paths.create_workspace(tmp_path / "shop") / "report"
    (bench / "report.html").write_text("the report")
    pages = write_profiles(facts, bench, tmp_path / "profiles")

    assert [page.name for page in pages] == ["rock.html", "rock-s2.html", "segment.html", "report.html"]
    assert (bench / "report.html").read_text() == "the report"
    for page, name in zip(pages, names, strict=True):
        assert f"<title>{name} · " in page.read_text("utf-8")


def test_hashes_are_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a\r\nb")

    assert paths.hash_file(path) == hashlib.sha256(b"a\r\nb").hexdigest()
    assert re.fullmatch(r"[0-9a-f]{64}", month(4).source.sha256)


def test_without_the_sample_s_hashes_no_month_is_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody emptied data/ for months of their own."""
    (tmp_path / "data").mkdir()
    month = shutil.copy(paths.ROOT / "data" / "2026-10.csv", tmp_path / "data")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert not paths.is_sample(Path(month))
