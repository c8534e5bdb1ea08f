"""Whole reports of services that are not music: from their file, columns and playbook alone."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from report.cli import app
from report.columns.dictionary import read_columns
from report.text.formatting import NumberStyle, find_number_style, use_number_style
from segmentation.facts import Facts, facts_from_dict
from tests.gallery.publisher.generate import make_publisher
from tests.gallery.service import MONTH, GalleryService
from tests.gallery.shop.generate import make_shop
from tests.gallery.telephone.generate import make_telephone
from tests.support.music import MUSIC
from tests.support.pages.documents import Reader

SERVICES = {"shop": make_shop, "telephone": make_telephone, "publisher": make_publisher}
MUSIC_WORDS = re.compile(r"\b(listen\w*|genre|usage|music|earners?)\b", re.IGNORECASE)


class Made:
    """A service's month, made."""

    def __init__(self, service: GalleryService, folder: Path, said: str) -> None:
        self.service, self.folder, self.said = service, folder / MONTH, said
        self.facts: Facts = facts_from_dict(json.loads((self.folder / "facts.json").read_bytes()))
        self.page = Reader((self.folder / "report.html").read_text(encoding="utf-8")).text.replace("\u00a0", " ")


def make_report(
    service: GalleryService, folder: Path, columns: Path | None = None, playbook: str | None = None
) -> Made:
    """Make a service's report with the command."""
    data = service.write_month(folder)
    settings = folder / "settings.toml"
    plays = service.playbook_file if playbook is None else playbook
    settings.write_text(
        f'[brand]\nname = "Kiosk"\n[data]\ncolumns = "{columns or service.columns_file}"\n'
        + (f'playbook = "{plays}"\n' if plays else "")
    )
    asked = [
        "report",
        "--data",
        str(data),
        "--settings",
        str(settings),
        "--output",
        str(folder / "out"),
        "--engine",
        "embedded",
    ]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    use_number_style(MUSIC)
    assert done.exit_code == 0, done.output
    return Made(service, folder / "out", done.output)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Give a service's report, made once."""
    known: dict[str, Made] = {}

    def give(name: str) -> Made:
        if name not in known:
            known[name] = make_report(SERVICES[name](), tmp_path_factory.mktemp(name))
        return known[name]

    return give


@pytest.mark.parametrize("name", SERVICES)
def test_the_planted_groups_are_found(made: Callable[[str], Made], name: str) -> None:
    """As many, with the same users, and an inertia that scikit-learn's best of 200 doesn't better by 0.05 %."""
    month = made(name)
    segments = pd.read_parquet(month.folder / "segments.parquet")["segment"]
    assert adjusted_rand_score(month.service.groups, segments) > 0.95
    assert month.facts.structure.evidence == "clear"

    columns = read_columns(month.service.columns_file)
    values = month.service.features[list(columns.features)].to_numpy(dtype=float)
    logs = [place for place, one in enumerate(columns.select(columns.features)) if one.transform == "log"]
    values[:, logs] = np.log1p(values[:, logs])
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    k = month.facts.elbow.chosen
    best = KMeans(k, n_init=200 if len(scaled) < 2_000 else 20, random_state=1, tol=0).fit(scaled).inertia_
    assert month.facts.elbow.inertia[month.facts.elbow.k.index(k)] == pytest.approx(best, rel=5e-4)


@pytest.mark.parametrize("name", SERVICES)
def test_pages_speak_of_the_service_alone(made: Callable[[str], Made], name: str) -> None:
    """Its title, its users, its columns' labels and its plays; nothing of music."""
    month = made(name)
    columns = read_columns(month.service.columns_file)

    assert columns.title in month.page
    assert f"kinds of {columns.user[1]}" in month.page
    for column in columns.shown:
        if column.kind != "id":
            assert column.label.casefold() in month.page.casefold(), column.name
    for segment in month.facts.segments:
        assert segment.name in month.page
        assert segment.play
        assert segment.play.offer in month.page
    assert MUSIC_WORDS.findall(month.page) == []


@pytest.mark.parametrize(("name", "money"), [("shop", r"\$\d"), ("publisher", r"\d\.\d{3} €")])
def test_money_is_the_service_s(made: Callable[[str], Made], name: str, money: str) -> None:
    """In its currency, written as its language writes numbers."""
    page = made(name).page

    assert re.search(money, page)
    assert (("$" in page), ("€" in page)) == ((True, False) if name == "shop" else (False, True))


def test_each_number_rests_on_those_who_have_it(made: Callable[[str], Made]) -> None:
    """Bands that nobody gave are missing in the publisher's file: those readers stay, and the base is smaller."""
    facts = made("publisher").facts
    income = facts.distributions.numbers["household_income"]

    assert facts.audit.kept == facts.audit.read
    assert income.missing == 0 or sum(n for n in income.after if n) <= facts.audit.kept


def test_a_column_is_one_table_in_one_file(tmp_path: Path) -> None:
    """Added there, it is in the facts, on the pages and in a brief's picture."""
    shop = make_shop()
    shop.frame["Basket size"] = [f"{value:.1f}" for value in np.linspace(1, 9, len(shop.frame))]
    columns = tmp_path / "columns.toml"
    table = '\n[columns.basket]\nsource = "Basket size"\nkind = "number"\nlabel = "things in a basket"\nunit = "things"\ndigits = 1\n'
    columns.write_text(shop.columns_file.read_text(encoding="utf-8") + table, encoding="utf-8")
    month = make_report(shop, tmp_path, columns)

    assert month.facts.averages["basket"] == pytest.approx(5)
    assert "Things in a basket" in month.page
    assert all("basket" in segment.means for segment in month.facts.segments)


def test_without_a_playbook_of_its_own_a_service_has_a_report_and_no_briefs(tmp_path: Path) -> None:
    """The shipped plays speak of music."""
    month = make_report(make_shop(), tmp_path, playbook="")

    assert "no playbook yet" in " ".join(month.said.split())
    assert all(segment.play is None for segment in month.facts.segments)
    assert [path.name for path in (month.folder / "briefs").glob("*.eml")] == ["notice.eml"]  # to the owner


def test_the_style_of_numbers_is_the_locale_s() -> None:
    """As Unicode's CLDR has them."""
    assert find_number_style("en", "USD") == NumberStyle()
    assert find_number_style("de", "EUR") == NumberStyle(".", ",", "€", is_currency_first=False)
    assert find_number_style("en-GB", "GBP") == NumberStyle(",", ".", "£", is_currency_first=True)
    assert find_number_style("fr", "EUR").decimal == ","
