"""Numbers, bands and dates as people write them."""

from datetime import date

import pytest

from report.proposal.cells import Band, find_decimal_mark, parse_band, parse_number, read_dates, tidy_cell


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("12", ".", 12.0),
        ("-3.5", ".", -3.5),
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("1 234", ".", 1234.0),
        ("1’234.50", ".", 1234.5),
        ("$1,200", ".", 1200.0),
        ("-$40", ".", -40.0),
        ("12,50 €", ",", 12.5),
        ("EUR 99", ".", 99.0),
        ("60k", ".", 60_000.0),
        ("$60K", ".", 60_000.0),
        ("1.5M", ".", 1_500_000.0),
        ("45%", ".", 45.0),
        ("1e3", ".", 1000.0),
    ],
)
def test_a_number_is_read_with_its_signs(text: str, mark: str, value: float) -> None:
    parsed = parse_number(text, mark)

    assert parsed is not None
    assert parsed.value == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "twelve", "1,23,4", "2026-10-01", "20-35", "0,123", "5 GB", "A1", "--", "1.2.3", "nan", "inf"]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert parse_number(text) is None


def test_a_number_knows_its_currency_percent_and_factor() -> None:
    money, part, thousands = parse_number("$12"), parse_number("45%"), parse_number("60k")

    assert money is not None
    assert money.currency == "USD"
    assert part is not None
    assert part.is_percent
    assert thousands is not None
    assert thousands.factor == 1000.0


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (["1,5", "22,75"], ","),
        (["1.5", "22.75"], "."),
        (["1.234,50"], ","),
        (["1.234"], ""),
        (["12", "15"], ""),
        (["1,234", "1,234,567"], "."),
    ],
)
def test_values_prove_their_decimal_mark(values: list[str], mark: str) -> None:
    """A value that both marks allow proves none."""
    assert find_decimal_mark(values) == mark


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("20-35", Band(20, 35)),
        ("20 – 35", Band(20, 35)),
        ("18 to 24", Band(18, 24)),
        ("$60K - $80K", Band(60_000, 80_000, currency="USD")),
        ("60-80K", Band(60_000, 80_000)),
        ("Less than $40K", Band(None, 40_000, currency="USD")),
        ("under 18", Band(None, 18)),
        ("<25", Band(None, 25)),
        ("$120K +", Band(120_000, None, currency="USD")),
        ("65+", Band(65, None)),
        (">= 60", Band(60, None)),
        ("65 and older", Band(65, None)),
        ("(20, 30]", Band(20, 30)),
        ("1-2 Year", Band(1, 2, "Year")),
        ("> 2 Years", Band(2, None, "Years")),
    ],
)
def test_a_band_has_its_ends(text: str, band: Band) -> None:
    assert parse_band(text) == band


@pytest.mark.parametrize("text", ["35-20", "20", "2026-10-01", "Mr-20", "A-B", "7590-VHVEG"])
def test_other_texts_are_no_bands(text: str) -> None:
    assert parse_band(text) is None


def test_a_band_is_read_as_its_middle() -> None:
    """An open end above has no middle: its end counts."""
    assert [Band(20, 30).middle, Band(None, 40).middle, Band(65, None).middle] == [25, 20, 65]


@pytest.mark.parametrize(
    ("values", "order", "first"),
    [
        (["2026-10-31", "2026-01-02"], "year first", date(2026, 10, 31)),
        (["2026/10/31"], "year first", date(2026, 10, 31)),
        (["2026-10-31 12:30:00", "2026-10-31T12:30:00Z"], "year first", date(2026, 10, 31)),
        (["31/10/2026", "02/01/2026"], "day first", date(2026, 10, 31)),
        (["10/31/2026", "01/02/2026"], "month first", date(2026, 10, 31)),
        (["10/31/2026 11:05 PM"], "month first", date(2026, 10, 31)),
        (["31.10.2026"], "day first", date(2026, 10, 31)),
        (["01.02.2026"], "day first", date(2026, 2, 1)),
        (["01/02/2026"], "unclear", date(2026, 2, 1)),
        (["31 October 2026", "2 Jan 2026"], "year first", date(2026, 10, 31)),
        (["31-Oct-26"], "year first", date(2026, 10, 31)),
        (["October 31, 2026"], "year first", date(2026, 10, 31)),
        (["31. Okt 2026"], "year first", date(2026, 10, 31)),
        (["31-10-99"], "day first", date(1999, 10, 31)),
    ],
)
def test_dates_are_read_in_their_order(values: list[str], order: str, first: date) -> None:
    reading = read_dates(values)

    assert reading is not None
    assert reading.order == order
    assert reading.dates[values[0]] == first


@pytest.mark.parametrize(
    "values", [["31/12/2026", "12/31/2026"], ["20-35"], ["1.2.3.4"], ["20261031"], ["99/99/2026"], []]
)
def test_other_texts_are_no_dates(values: list[str]) -> None:
    """Days and months in both orders, bands, addresses, eight digits without a name that says so."""
    assert read_dates(values) is None


def test_eight_digits_are_a_date_where_a_header_says_so() -> None:
    reading = read_dates(["20261031"], allow_compact=True)

    assert reading is not None
    assert reading.dates == {"20261031": date(2026, 10, 31)}


@pytest.mark.parametrize(
    ("cell", "text"),
    [(" a  b ", "a b"), ("", None), (" ", None), ("N/A", None), ("NULL", None), (None, None), ("?", "?")],
)
def test_cells_are_tidied(cell: str | None, text: str | None) -> None:
    assert tidy_cell(cell) == text
