"""The columns file as a checked schema."""

from collections.abc import Callable
from pathlib import Path

import pytest

from report.columns.dictionary import read_columns
from report.errors import SettingsError
from segmentation.schema import Schema

TWO = """
[columns.spend]
kind = "number"
role = "feature"
[columns.visits]
kind = "number"
role = "feature"
"""
Read = Callable[[str], Schema]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a columns file of this text."""

    def read_text(text: str) -> Schema:
        path = tmp_path / "shop.toml"
        path.write_text(text, encoding="utf-8")
        return read_columns(path)

    return read_text


def test_two_numbers_are_enough(read: Read) -> None:
    """Everything else has a default: a label from the name, words from the label."""
    schema = read(TWO)

    assert (schema.numbers, schema.categories, schema.features) == (("spend", "visits"), (), ("spend", "visits"))
    assert (schema.user, schema.title, schema.main) == (("user", "users"), "Segments", "")
    spend = schema["spend"]
    assert (spend.label, spend.comparatives, spend.portrait) == ("spend", ("lower spend", "higher spend"), "spend {}")
    assert (spend.source, spend.missing, spend.valid) == (("spend",), "drop", None)


def test_only_a_feature_drops_a_user_without_a_value(read: Read) -> None:
    schema = read(f'{TWO}\n[columns.town]\nkind = "category"\n[columns.user_id]\nkind = "id"\n')

    assert [schema[name].missing for name in ("spend", "town", "user_id")] == ["drop", "keep", "drop"]


def test_columns_keep_their_order_and_their_keys(read: Read) -> None:
    """Every key reaches the schema."""
    schema = read(
        """
        [service]
        title = "Shop segments"
        user = ["customer", "customers"]
        main = "spend"
        currency = "EUR"
        locale = "de"
        unit = "thing"
        [columns.spend]
        kind = "number"
        role = "feature"
        source = ["Umsatz", "Umsatz (EUR)"]
        label = "annual spend"
        format = "money"
        unit = "EUR a year"
        digits = 1
        total = "sales"
        valid = [0, inf]
        missing = "median"
        missing_values = [-1, "unknown"]
        transform = "log"
        portrait = "{} spent a year"
        words = { adjective = ["thrifty", "lavish"], noun = ["savers", "spenders"], comparative = ["less", "more"] }
        [columns.age]
        kind = "number"
        role = "feature"
        value = "2026 - born"
        [columns.born]
        kind = "number"
        role = "ignore"
        required = false
        [columns.plan]
        kind = "ordered"
        values = ["Free", "Basic", "Pro"]
        [columns.member]
        kind = "category"
        values = { 0 = "no", 1 = "yes" }
        """
    )

    assert (schema.title, schema.user, schema.main, schema.currency, schema.locale, schema.unit) == (
        *("Shop segments", ("customer", "customers"), "spend"),
        *("EUR", "de", "thing"),
    )
    assert [column.name for column in schema.columns] == ["spend", "age", "born", "plan", "member"]
    spend = schema["spend"]
    assert (spend.source, spend.label, spend.format, spend.unit, spend.digits) == (
        *(("Umsatz", "Umsatz (EUR)"), "annual spend"),
        *("money", "EUR a year", 1),
    )
    assert (spend.total, spend.valid, spend.missing, spend.missing_values, spend.transform) == (
        *("sales", (0, None), "median"),
        *(("-1", "unknown"), "log"),
    )
    assert (spend.adjectives, spend.nouns, spend.comparatives) == (
        *(("thrifty", "lavish"), ("savers", "spenders")),
        ("less", "more"),
    )
    assert (schema["age"].expression, schema["age"].source) == ("2026 - born", ())
    assert (schema["plan"].values, schema["member"].recoded) == (("Free", "Basic", "Pro"), (("0", "no"), ("1", "yes")))
    assert (schema.numbers, schema.categories) == (("spend", "age"), ("plan", "member"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns: field required"),
        ('[columns.a]\nkind = "number"\nrole = "feature"\n', "line 1: columns: dictionary should have at least 2 items"),
        (TWO.replace('"feature"', '"describe"', 1), 'columns: 1 with role = "feature", expected 2 or more'),
        (f"{TWO}\n[columns.town]\nkind = 'word'\n", "line 10: columns.town.kind: input should be 'number'"),
        (f"{TWO}\n[columns.town]\nkind = 'category'\nrole = 'feature'\n", "needs numbers"),
        (f"{TWO}\n[columns.town]\nkind = 'category'\nunit = 'x'\n", "`unit` means nothing for a column of kind 'category'"),
        (f"{TWO}\n[columns.town]\nkind = 'ordered'\n", "expected `values`, the lowest first"),
        (f"{TWO}\n[columns.no]\nkind = 'id'\n", "the id is the column [columns.user_id]"),
        (f"{TWO}\n[columns.x]\nkind = 'number'\nvalue = '2 * spent'\n", "uses 'spent', which is no column of this file; did you mean 'spend'?"),
        (f"{TWO}\n[columns.x]\nkind = 'number'\nvalue = '__import__(1)'\n", "line 11: columns.x.value: '__import__(1)': expected numbers"),
        (f"{TWO}\n[columns.x]\nkind = 'number'\nvalid = [3, 2]\n", "[3, 2]: the smallest must be below the largest"),
        (f"{TWO}\n[columns.x]\nkind = 'number'\nportrait = 'old'\n", "expected {} once"),
        (f"[service]\nmain = 'town'\n{TWO}", "service.main: 'town' is no number that the report uses"),
        (f"[service]\ncurency = 'EUR'\n{TWO}", "line 2: unknown key 'curency' in service; did you mean 'currency'?"),
        (f"{TWO}\n[columns.Town]\nkind = 'category'\n", "columns.Town"),
        (f"{TWO}\n[columns.segment]\nkind = 'category'\n", "columns.segment: the report itself adds a column of this name"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(read: Read, text: str, said: str) -> None:
    """In a sentence, with the line where there is one."""
    with pytest.raises(SettingsError) as error:
        read(text)

    assert said in str(error.value)
    assert str(error.value).startswith("shop.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: no such file.*make columns"):
        read_columns(tmp_path / "none.toml")
