import hashlib
import json
import re
import stat
import sys
from pathlib import Path

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from facts_factory import awkward, month, named

from report import files
from report.errors import InputError, MachineError, ReportError
from report.profiles import slug, write_profiles
from segmentation.errors import FactsError
from segmentation.facts import schema


def listing(folder: Path) -> dict[str, str]:
    """Give every file below a folder with its text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def build(output: Path, text: str, month_: str = "2026-10") -> None:
    """Make a month's folder with one page."""
    with files.building(output, month_) as folder:
        (folder / "report.html").write_text(text)


def test_a_month_takes_its_place_whole(tmp_path: Path) -> None:
    """And others may look into it."""
    build(tmp_path / "deep" / "out", "new")

    assert listing(tmp_path / "deep" / "out") == {"2026-10/report.html": "new"}
    assert stat.S_IMODE((tmp_path / "deep" / "out" / "2026-10").stat().st_mode) == 0o755


def test_nobody_else_reads_a_month_that_is_being_made(tmp_path: Path) -> None:
    """It has a row a user in it before that file's own permissions are set."""
    with files.building(tmp_path, "2026-10") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.name.startswith(".")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_run_replaces_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """A page that the second doesn't make is gone; on systems too where two folders can't change places at once."""
    if not at_once:
        monkeypatch.setattr(files, "_exchanged", lambda *_: False)
    build(tmp_path, "old")
    (tmp_path / "2026-10" / "left.html").write_text("over")
    build(tmp_path, "new")

    assert listing(tmp_path) == {"2026-10/report.html": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["2026-10"]


@pytest.mark.parametrize("error", [ReportError("x"), KeyboardInterrupt(), SystemExit(1), RecursionError()])
def test_a_failed_run_leaves_the_last_good_one_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    """Whatever ends it, Ctrl-C too."""
    build(tmp_path, "good")
    with pytest.raises(type(error)), files.building(tmp_path, "2026-10") as folder:  # noqa: PT012
        (folder / "report.html").write_text("half")
        raise error

    assert listing(tmp_path) == {"2026-10/report.html": "good"}
    assert [path.name for path in tmp_path.iterdir()] == ["2026-10"]


def test_a_month_that_cannot_take_its_place_leaves_the_last_one_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last good one was already moved aside: it comes back."""
    build(tmp_path, "good")
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if (self / "report.html").exists() and (self / "report.html").read_text() == "new":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(files, "_exchanged", lambda *_: False)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="No space"):
        build(tmp_path, "new")

    assert listing(tmp_path) == {"2026-10/report.html": "good"}


def test_a_run_cut_off_at_the_worst_moment_is_made_good(tmp_path: Path) -> None:
    """Between its last two steps the last good month lies aside; the next run puts it back before it may fail."""
    build(tmp_path, "good")
    (tmp_path / "2026-10").rename(tmp_path / ".2026-10-old")
    with pytest.raises(ReportError), files.building(tmp_path, "2026-10"):
        raise ReportError("x")

    assert listing(tmp_path) == {"2026-10/report.html": "good"}


def test_what_killed_runs_left_is_swept_before_the_next(tmp_path: Path) -> None:
    """Half a month goes; a month moved aside comes back where nothing took its place, else goes; others' files stay."""
    build(tmp_path, "good", "2026-09")
    build(tmp_path, "new")
    for name, text in (
        (".2026-10-k3_x9w2a", "half"),
        (".2026-10-old", "old"),
        (".2026-08-old", "august"),
        (".git-x", "theirs"),
        ("2026-10-mine", "mine"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_text(text)
    (tmp_path / ".2026-10-note").write_text("a file")

    with files.alone(tmp_path):
        assert listing(tmp_path) == {
            ".2026-10-note": "a file",
            ".git-x/report.html": "theirs",
            "2026-08/report.html": "august",
            "2026-09/report.html": "good",
            "2026-10-mine/report.html": "mine",
            "2026-10/report.html": "new",
        }


def test_one_run_at_a_time_has_a_folder_to_itself(tmp_path: Path) -> None:
    """The second is told so before it does anything; and when the first has ended, it may."""
    assert not files.at_work(tmp_path / "out")
    with files.alone(tmp_path / "out"):
        (tmp_path / "out" / ".2026-10-abcdefgh").mkdir()
        assert files.at_work(tmp_path / "out")
        with (
            pytest.raises(MachineError, match=r"out: another run is at work there\."),
            files.alone(tmp_path / "out"),
        ):
            pytest.fail("two at once")
        assert (tmp_path / "out" / ".2026-10-abcdefgh").exists()
        with files.alone(tmp_path / "elsewhere"):
            pass
    with files.alone(tmp_path / "out"):
        assert list((tmp_path / "out").iterdir()) == []


def test_a_place_where_no_run_can_write_is_named_before_it_works(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(MachineError, match=r"taken: nothing can be written"), files.alone(tmp_path / "taken"):
        pytest.fail("there is no folder")


def test_another_month_is_left_alone(tmp_path: Path) -> None:
    build(tmp_path, "september", "2026-09")
    build(tmp_path, "october")

    assert listing(tmp_path) == {"2026-09/report.html": "september", "2026-10/report.html": "october"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(
        MachineError, match=r"taken: nothing can be written there \(File exists\).*OUTPUT=folder"
    ):
        build(tmp_path / "taken", "x")
    with pytest.raises(MachineError, match="nothing can be written there"):
        build(tmp_path / "taken" / "below", "x")


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
        "2026-11.txt",
        "2026-13.csv",
        "README.md",
        "2027.csv",
        "~$2026-12.xlsx",
    )

    assert files.find_month(folder).name == "2026-10.parquet"


def test_the_month_that_was_named_is_taken(tmp_path: Path) -> None:
    """Not the newest under another month's name."""
    folder = put(tmp_path, "2026-08.csv", "2026-10.csv")

    assert files.find_month(folder, "2026-08").name == "2026-08.csv"
    with pytest.raises(InputError, match=r"holds no file of 2026-09; the newest is 2026-10\."):
        files.find_month(folder, "2026-09")


def test_two_files_of_one_month_are_not_chosen_between(tmp_path: Path) -> None:
    folder = put(tmp_path, "2026-10.csv", "2026-10.xlsx", "2026-09.csv")

    with pytest.raises(InputError, match=r"2026-10\.csv and 2026-10\.xlsx are the same month. Keep one"):
        files.find_month(folder)
    assert files.find_month(folder, "2026-09").name == "2026-09.csv"


def test_a_folder_without_a_month_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no month. Put a file there named like 2026-10\.csv"):
        files.find_month(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        files.find_month(tmp_path / "none")


@pytest.mark.parametrize(
    "month_",
    ["2026-13", "2026-00", "2026-1", "26-10", "2026-10 ", "2026/10", "октябрь", "２０２６-10", "../2026-10"],
)
def test_what_is_no_month_is_refused(month_: str) -> None:
    """It becomes a folder's name."""
    with pytest.raises(InputError, match="is no month"):
        files.check_month(month_)


def test_a_month_is_read_off_the_file_s_name_unless_it_is_said(tmp_path: Path) -> None:
    assert files.month_of(tmp_path / "2026-10.csv", "") == "2026-10"
    assert files.month_of(tmp_path / "2026-10.csv", "2026-09") == "2026-09"
    with pytest.raises(InputError, match=r"users\.csv: which month is it\?"):
        files.month_of(tmp_path / "users.csv", "")


def test_the_shipped_months_are_known_byte_for_byte(tmp_path: Path) -> None:
    """A copy under another name is still made up; one changed byte may be a real user."""
    sample = files.ROOT / "data" / "2026-10.csv"
    copy = tmp_path / "users.csv"
    copy.write_bytes(sample.read_bytes())

    assert files.is_sample(sample)
    assert files.is_sample(copy)
    copy.write_bytes(sample.read_bytes() + b"\n")
    assert not files.is_sample(copy)


def test_a_row_a_user_is_for_the_owner_s_eyes(tmp_path: Path) -> None:
    path = tmp_path / "segments.parquet"
    path.touch()
    files.owner_only(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["four", "later", "nothing found", "script", "letters"])
def test_facts_come_back_from_their_file(tmp_path: Path, what: str) -> None:
    """And fit the schema that is published beside them."""
    path = tmp_path / "facts.json"
    path.write_text(files.facts_text(awkward(what)), encoding="utf-8")

    assert files.facts_text(files.read_facts(path)) == path.read_text("utf-8")
    published = json.loads((files.ROOT / "docs" / "facts.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.Draft202012Validator(published).validate(json.loads(path.read_text("utf-8")))


def test_the_published_schema_is_the_current_one() -> None:
    """`make schema` writes it."""
    assert json.loads((files.ROOT / "docs" / "facts.schema.json").read_text("utf-8")) == schema()


@pytest.mark.parametrize(("text", "said"), [("{", "is no JSON"), ("", "is no JSON"), (None, "can't be read")])
def test_facts_that_cannot_be_read_are_named(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "facts.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ReportError, match=rf"facts\.json: {said}.*make report"):
        files.read_facts(path)


def test_facts_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"format": 999}))

    with pytest.raises(FactsError, match="format 999"):
        files.read_facts(path)


def test_the_newest_facts_are_those_of_the_newest_month(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no month was made yet"):
        files.newest_facts(tmp_path)
    for name in ("2026-09", "2026-10", ".2026-11-x", "backup"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "facts.json").touch()

    assert files.newest_facts(tmp_path).parent.name == "2026-10"
    assert [path.parent.name for path in files.made_before(tmp_path, "2026-10")] == ["2026-09"]


def test_the_month_before_january_is_december() -> None:
    assert files.month_before("2026-01") == "2025-12"
    assert files.month_before("2026-10") == "2026-09"


def test_a_text_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the environment's packages; where nothing can be written or read there, it is made each time."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    made = []

    def make() -> str:
        made.append(1)
        return "text é"

    assert [files.kept("a.js", make), files.kept("a.js", make)] == ["text é", "text é"]
    assert len(made) == 1
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))
    assert [files.kept("a.js", make), files.kept("a.js", make)] == ["text é", "text é"]
    assert len(made) == 3


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
    assert slug(name) == said


@pytest.mark.parametrize("name", ["x" * 300, "é" * 300, "日" * 300, "a " * 300])
def test_a_long_name_is_still_a_file_s_name(name: str) -> None:
    """A file's name has at most 255 bytes."""
    assert 0 < len(f"{slug(name)}.html".encode()) <= 90
    assert not slug(name).endswith("-")


def test_no_profile_takes_another_s_place(tmp_path: Path) -> None:
    """Names that differ in signs alone, one of no letters, and one that is called as a document is."""
    facts = awkward("four")
    names = ("Rock!", "Rock?", "🎧", "Report")
    facts = named(facts, *names)
    bench = files.workshop(tmp_path / "shop") / "report"
    (bench / "report.html").write_text("the report")
    pages = write_profiles(facts, bench, tmp_path / "profiles")

    assert [page.name for page in pages] == ["rock.html", "rock-s2.html", "segment.html", "report.html"]
    assert (bench / "report.html").read_text() == "the report"
    for page, name in zip(pages, names, strict=True):
        assert f"<title>{name} · " in page.read_text("utf-8")


def test_hashes_are_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a\r\nb")

    assert files.sha256(path) == hashlib.sha256(b"a\r\nb").hexdigest()
    assert re.fullmatch(r"[0-9a-f]{64}", month(4).source.sha256)
