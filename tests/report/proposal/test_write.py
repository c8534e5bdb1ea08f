"""The file that is written: TOML that the dictionary takes, with a comment for every guess."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from report.columns.dictionary import ColumnsFile, read_columns
from report.proposal.roles import propose_table
from report.proposal.table import build_table
from report.proposal.write import write_columns
from tests.report.proposal.public_tables import PUBLIC_TABLES

TODAY = date(2026, 11, 28)
NUMBERS = [["visits", "spend"], *([str(i % 17), str(i * 7 % 101)] for i in range(60))]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
odd_cells = st.one_of(
    texts,
    st.sampled_from(["12", "-1", "999", "1,5", "$3k", "20-35", "65+", "2026-10-01", "yes", "NA", "45%", '"', "\\"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(header=texts, cells=st.lists(odd_cells, min_size=1, max_size=12))
def test_whatever_a_column_holds_the_file_is_valid(header: str, cells: list[str]) -> None:
    """Beside two numbers, a column of any name and any cells."""
    rows = [[*NUMBERS[0], header], *([*row, cells[i % len(cells)]] for i, row in enumerate(NUMBERS[1:]))]

    text = write_columns(propose_table(build_table("any \n file.csv", rows), TODAY))

    assert ColumnsFile.model_validate(tomllib.loads(text)).build_schema().features


@pytest.mark.parametrize("name", PUBLIC_TABLES)
def test_every_public_table_gets_a_valid_file(tmp_path: Path, name: str) -> None:
    from report.proposal.table import read_text_table

    (tmp_path / "table.csv").write_text(PUBLIC_TABLES[name](), encoding="utf-8")
    proposal = propose_table(read_text_table(tmp_path / "table.csv"), TODAY)
    (tmp_path / "columns.toml").write_text(write_columns(proposal), encoding="utf-8")

    schema = read_columns(tmp_path / "columns.toml")

    assert 2 <= len(schema.features) <= 8
    assert len(schema.columns) == len(proposal.columns)


def test_the_file_reads_like_the_shipped_one() -> None:
    rows = [["customer_id", "age", "spend"], *([f"C{i}", str(20 + i % 50), f"{i * 7 % 101}.50 €"] for i in range(60))]

    text = write_columns(propose_table(build_table("shop.csv", rows), TODAY, "2026-10"))

    assert (
        text
        == """\
# What shop.csv holds, and what the report does with each column: a first proposal, guessed from names and 60 rows.
# Read it through and correct it; docs/columns.md explains every key.

[service]
title = "Customer segments"         # the report's name
user = ["customer", "customers"]    # what one user is called, and several
main = "spend"                      # the number that matters most, and whose total is shared out
currency = "EUR"                    # of money
locale = "en"                       # whose way of writing numbers is used
unit = "person"                     # or "thing" (a shop, a product), which has no privacy

[columns.user_id]                   # who it is, so that users can be followed from month to month
source = "customer_id"              # its name in the file
kind = "id"                         # "number", "category", "ordered", "date" or "id"
label = "customer"                  # on the pages, in the middle of a sentence

# --- Features: segments are made by them. Two are needed; four to eight are usual.

[columns.age]
kind = "number"
role = "feature"                    # "feature" makes the segments, "describe" describes them, "ignore" is for others' use
format = "years"                    # "plain", "count", "money", "minutes", "percent", "share", "years" or "days"
valid = [0, 120]                    # smallest and largest possible value; rows outside are left out and counted
words = { adjective = ["young", "older"], comparative = ["younger", "older"] } # of users with low and with high values
portrait = "{} old"                 # a value in a sentence

[columns.spend]
kind = "number"
role = "feature"
format = "money"
unit = "EUR"                        # what a value of 1 means
total = "spend"                     # what all users' values add up to; take it out if they don't
valid = [0, inf]
words = { adjective = ["low-spending", "high-spending"], noun = ["low spenders", "high spenders"], comparative = ["less spent", "more spent"] }
"""
    )


def test_the_dictionary_reads_what_was_meant() -> None:
    rows = [
        ["Kunde", "Alter", "Umsatz (EUR)", "Bestellungen", "aktiv"],
        *([f"K{i:03d}", str(20 + i % 50), f"{i * 37 % 1010},50", str(i % 9), "10"[i % 2]] for i in range(60)),
    ]

    schema = ColumnsFile.model_validate(
        tomllib.loads(write_columns(propose_table(build_table("shop.csv", rows), TODAY)))
    ).build_schema()

    assert schema.features == ("alter", "umsatz", "bestellungen")
    assert (schema.main, schema.currency, schema.locale) == ("umsatz", "EUR", "de")
    assert schema["user_id"].source == ("Kunde",)
    assert schema["aktiv"].recoded == (("0", "no"), ("1", "yes"))
