"""Whatever is written into settings, the playbook, a name or a file, it is understood or refused in a sentence."""

import csv
import importlib.util
import re
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from report.errors import InputError, ReportError
from report.pages.document import escape_markdown
from report.rendering.pandoc import PageOptions, convert_to_html_page
from report.settings import Settings, read_settings
from report.sources import large_csv as large_text
from report.sources.loader import load_users
from report.storage import paths
from tests.report.readers.corpus.made import ONE, text
from tests.report.readers.corpus.table import HOSTILE
from tests.support.music import read_playbook, read_users
from tests.support.pages.documents import Reader

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
PAGES = settings(FUZZ, max_examples=25)
SHIPPED = (paths.ROOT / "settings.toml").read_text(encoding="utf-8")
PLAYS = (paths.TEMPLATES / "playbook.toml").read_text(encoding="utf-8")

a_value = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.sampled_from(["true", '""', "[]", "{}", "inf", "nan", "[1, 2]", "[[1]]", "2026-10-01", '"=1+1"', "'''\n'''"]),
    st.text(st.characters(exclude_categories=["C"], exclude_characters="'"), max_size=30).map(lambda word: f"'{word}'"),
)
keys = re.findall(r"(?m)^#? ?([a-z_]+) = ", SHIPPED)


def understood(read: Callable[[Path], object], path: Path) -> None:
    """Hold that a file is read, or refused in a sentence that names it."""
    try:
        assert read(path) is not None
    except ReportError as error:
        said = str(error)
        assert path.name in said
        assert "\n" not in said
        assert len(said) < 2000


@FUZZ
@given(key=st.sampled_from(keys), value=a_value)
@example(key="seed", value="-1")
@example(key="k_range", value="[10, 1]")
@example(key="folder", value='"\\u0000"')
def test_any_value_of_any_dial_is_understood_or_refused(tmp_path: Path, key: str, value: str) -> None:
    """What is accepted is accepted for good: the plan and the signature can be made of it."""
    path = tmp_path / "settings.toml"
    path.write_text(re.sub(rf"(?m)^#? ?{key} = .*$", lambda _: f"{key} = {value}", SHIPPED, count=1), encoding="utf-8")

    def read(path: Path) -> object:
        found = read_settings(path)
        assert found.build_brand().name
        return found.build_options()

    understood(read, path)


@FUZZ
@given(content=st.binary(max_size=80), place=st.integers(0, len(SHIPPED)))
def test_settings_with_anything_put_in_are_understood_or_refused(tmp_path: Path, content: bytes, place: int) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(SHIPPED[:place].encode() + content + SHIPPED[place:].encode())

    understood(read_settings, path)


@FUZZ
@given(content=st.text(st.sampled_from("[]{}=\"'#\n., abc019_-\\"), max_size=40), place=st.integers(0, len(PLAYS)))
def test_a_playbook_with_anything_put_in_is_understood_or_refused(tmp_path: Path, content: str, place: int) -> None:
    """What is understood are the plays as a reader of TOML alone finds them."""
    path = tmp_path / "playbook.toml"
    path.write_text(PLAYS[:place] + content + PLAYS[place:], encoding="utf-8")

    def read(path: Path) -> object:
        found = read_playbook(path)
        assert found.model_dump(mode="json", exclude_unset=True) == tomllib.loads(path.read_text(encoding="utf-8"))
        return found

    understood(read, path)


def test_what_is_shipped_is_understood() -> None:
    """And says what the program would do without it, but for the brand: settings.toml is documentation too."""
    assert len(keys) > 20
    shipped, usual = read_settings(paths.ROOT / "settings.toml").segments, Settings().segments
    assert shipped == usual
    assert tomllib.loads(PLAYS)["play"]


NUMBERS_LAST = (
    *("gender", "employment_status", "top_genre", "num_of_days_active", "usage_per_month"),
    *("age", "annual_income"),
)
A_NUMBER = st.sampled_from(
    [
        "7",
        "1234",
        "-5",
        "007",
        "1.234",
        "0.234",
        "45.000",
        "1,234",
        "12,5",
        "12.5",
        "1.234,5",
        "1,234.5",
        "1.000.000",
        "1 234",
        "1'234",
        "1e3",
        "1_000",
        "",
        "-",
        " 8 ",
        "inf",
        "thirty",
    ]
)


@FUZZ
@given(
    cells=st.lists(st.tuples(A_NUMBER, A_NUMBER), min_size=2, max_size=8),
    delimiter=st.sampled_from(",;"),
    alone=st.booleans(),
)
@example(cells=[("24,0", "45.000"), ("30,5", "52.500")], delimiter=";", alone=True)
@example(cells=[("24", "1234"), ("30", "800"), ("20,5", "1.234")], delimiter=";", alone=True)
@example(cells=[("24", "1234"), ("30", "800"), ("20", "1,234")], delimiter=";", alone=True)
@example(cells=[("24", "7"), ("30", "7"), ("20", "1.234")], delimiter=",", alone=True)
@example(cells=[("7", "8"), ("1", "1.234"), ("9", "1234"), ("9", "inf")], delimiter=",", alone=True)
def test_numbers_of_any_style_mean_the_same_to_both_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[tuple[str, str]], delimiter: str, *, alone: bool
) -> None:
    """What proves a decimal mark may stand anywhere in the file: a head of two rows must not decide for all of it.

    What the reader of large files refuses is given to the other one, unless it is alone with it: then both refuse.
    """
    monkeypatch.setattr(large_text, "_MAX_IN_MEMORY_BYTES", 0 if alone else 1 << 20)
    monkeypatch.setattr(large_text, "HEAD_BYTES", 180)
    path = tmp_path / "2026-10.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter=delimiter)
        rows.writerow(NUMBERS_LAST)
        rows.writerows(["F", "Student", "Pop", "100", "60", age, income] for age, income in cells)

    def asked(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InputError as error:
            return "refused" if alone else str(error)

    def large() -> Any:
        found = load_users(path, "2026-10", Settings(scale={"exact_users": 1}), tmp_path / "scratch").frame
        frame = found if isinstance(found, pd.DataFrame) else found.df()
        return [tuple(row) for row in frame[["age", "annual_income"]].to_numpy(float).round(9)]

    def small() -> Any:
        frame = read_users(path, {})
        return [tuple(row) for row in frame[["age", "annual_income"]].to_numpy(float).round(9)]

    np.testing.assert_equal(asked(large), asked(small))


def letters(text: str) -> list[str]:
    """Give the words of a text without what can't be seen: what joins letters, and what turns them round."""
    return "".join(one for one in text if unicodedata.category(one) != "Cf").split()


@PAGES
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60) | st.sampled_from(HOSTILE))
@example("\\[a](b){.c} <b>&amp;</b> `{python} 1` $x$ {{< include /etc/passwd >}}")
@example("1. a")
@example("***")
def test_any_text_is_itself_on_a_page(tmp_path: Path, said: str) -> None:
    """Markdown, HTML, template syntax and code are letters like any: the page shows what was written, in one paragraph."""
    (tmp_path / "t.template").write_text("<main>$body$</main>")
    page = convert_to_html_page(
        f"x {escape_markdown(said)} y", PageOptions(title="t", template="t.template", css=()), tmp_path / "page.html"
    )
    read = Reader(page.read_text(encoding="utf-8"))

    assert [tag for tag, _ in read.elements if tag not in ("main", "p")] == []
    assert letters(read.text) == letters(f"x {said} y")


def test_a_guided_fuzzer_finds_no_traceback(tmp_path: Path) -> None:
    """Atheris mutates a good file by the branches that it takes; 3,000 files, each read or refused."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: it has wheels for few Pythons and systems (make setup-fuzz)")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "good").write_text(text({}, {"age": "1,5"}, dict.fromkeys(ONE, ""), sep=";"))
    script = tmp_path / "fuzz.py"
    script.write_text(
        "import sys, atheris\n"
        "with atheris.instrument_imports(include=['report.readers.csv_text', 'report.readers.number_text', 'report.readers.columns', 'report.readers.files']):\n"
        "    from report.readers.files import read_month_file\n"
        "from report.columns.dictionary import read_shipped_columns\n"
        "from pathlib import Path\n"
        "from report.errors import InputError\n"
        f"path = Path({str(tmp_path / 'm.csv')!r})\n"
        "def one(data):\n"
        "    path.write_bytes(data)\n"
        "    try:\n"
        "        read_month_file(path, read_shipped_columns())\n"
        "    except InputError as error:\n"
        "        if isinstance(error.__cause__, (NameError, AttributeError, TypeError, KeyError, IndexError)):\n"
        "            raise error.__cause__\n"
        "atheris.Setup(sys.argv, one)\n"
        "atheris.Fuzz()\n"
    )
    command = [sys.executable, str(script), "-runs=3000", "-seed=1", "-max_len=400", str(tmp_path / "seeds")]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
