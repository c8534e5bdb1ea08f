"""Three services that are not music: what their files hold, and that their columns files and playbooks fit."""

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from report.columns.dictionary import ColumnsFile, read_columns
from report.proposal.roles import propose_table
from report.proposal.table import read_text_table
from report.proposal.write import write_columns
from tests.gallery.publisher.generate import make_publisher, write_euros
from tests.gallery.service import MONTH, GalleryService
from tests.gallery.shop.generate import make_shop
from tests.gallery.telephone.generate import make_telephone

SERVICES: dict[str, Callable[[], GalleryService]] = {
    "shop": make_shop,
    "telephone": make_telephone,
    "publisher": make_publisher,
}
SHAPES = {"shop": (200, 5), "telephone": (7000, 13), "publisher": (1200, 20)}
TEXT_LENGTHS = {"name": 60, "offer": 60}  # all others: 240
MUST = {
    "name",
    "objective",
    "offer",
    "message",
    "channel",
    "timing",
    "tone_is",
    "tone_is_not",
    "do",
    "avoid",
    "unknown",
    "measure",
}
PROPOSED = {
    "shop": "orders spend days_since_last_order",
    "telephone": "tenure monthly_charge call_minutes data_mb support_calls",
    "publisher": "age years_since_abo days_since_letzter_besuch umsatz umsatz_im_shop artikel_pro_monat lesezeit",
}


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> GalleryService:
    return SERVICES[request.param]()


def test_a_seed_always_makes_the_same_file(service: GalleryService) -> None:
    again = SERVICES[service.name]()

    assert service.frame.equals(again.frame)
    assert service.frame.shape == SHAPES[service.name]


def test_planted_groups_are_found_by_kmeans(service: GalleryService) -> None:
    """On the standardised features, transformed as the columns file says."""
    schema = read_columns(service.columns_file)
    values = service.features[list(schema.features)].to_numpy(dtype=float)
    is_log = [schema[name].transform == "log" for name in schema.features]
    values[:, is_log] = np.log1p(values[:, is_log])
    values = (values - values.mean(axis=0)) / values.std(axis=0)

    found = KMeans(len(set(service.groups)), n_init=20, random_state=0).fit_predict(values)

    assert adjusted_rand_score(service.groups, found) > 0.95


def test_the_columns_file_fits_the_file(service: GalleryService) -> None:
    """Every column that is read is there, and every one of the file is declared."""
    schema = read_columns(service.columns_file)
    read = {name for column in schema.columns for name in column.source}

    assert read == set(service.frame.columns)
    assert set(schema.features) == set(service.features.columns)
    assert not set(schema.categories) & set(schema.features)


def test_the_playbook_asks_the_services_own_features(service: GalleryService) -> None:
    """In the form of templates/playbook.toml: every play can be reached, and the last fits everybody."""
    schema = read_columns(service.columns_file)
    plays = tomllib.loads(service.playbook_file.read_text(encoding="utf-8"))["play"]

    for place, play in enumerate(plays):
        asked = play.pop("when", {})
        assert set(play) == MUST
        assert set(asked) <= set(schema.features)
        assert set(asked.values()) <= {"low", "average", "high"}
        assert bool(asked) == (place < len(plays) - 1)
        assert all(not (above.get("when", {}).items() <= asked.items()) for above in plays[:place] if "when" in above)
        assert play["measure"]["column"] in schema.numbers
        assert -1 < play["measure"]["change"] <= 1
        texts = {key: text for key, text in play.items() if isinstance(text, str)}
        assert all(3 <= len(text) <= TEXT_LENGTHS.get(key, 240) for key, text in texts.items())
        play["when"] = asked


def test_every_planted_group_gets_a_play_of_its_own(service: GalleryService) -> None:
    """By the rules of the playbook: 0.4 SD or more from the average is low or high."""
    schema = read_columns(service.columns_file)
    plays = tomllib.loads(service.playbook_file.read_text(encoding="utf-8"))["play"]
    values = service.features[list(schema.features)].copy()
    for name in schema.features:
        values[name] = np.log1p(values[name]) if schema[name].transform == "log" else values[name]
    centres = ((values - values.mean()) / values.std(ddof=0)).groupby(service.groups).mean()
    levels = centres.map(lambda sds: "low" if sds <= -0.4 else "high" if sds >= 0.4 else "average")

    chosen = [
        next(play["name"] for play in plays if all(row[name] == level for name, level in play.get("when", {}).items()))
        for _, row in levels.iterrows()
    ]

    assert len(set(chosen)) == len(levels)
    assert "Everybody else" not in chosen


def test_make_columns_proposes_a_file_that_runs(service: GalleryService, tmp_path: Path) -> None:
    """The features that a person chose are proposed, or nearly."""
    table = read_text_table(service.write_month(tmp_path))
    proposal = propose_table(table, date(2026, 11, 1), MONTH)

    schema = ColumnsFile.model_validate(tomllib.loads(write_columns(proposal))).build_schema()

    assert " ".join(schema.features) == PROPOSED[service.name]
    assert (schema.currency, schema.locale) == (("EUR", "de") if service.name == "publisher" else ("USD", "en"))


def test_euros_are_written_as_in_germany() -> None:
    assert write_euros(1234.5) == "1.234,50 €"
