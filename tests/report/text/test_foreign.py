"""Words that read from right to left turn nothing beside them."""

from dataclasses import replace

import pytest

from report.text import holds, sentences
from report.text.foreign import isolate_facts, isolate_text, list_foreign_texts
from segmentation.facts import Anomaly, Brand
from tests.support.facts import factory

ISOLATED = f"\u2068{factory.ARABIC}\u2069"


@pytest.mark.parametrize(
    ("text", "isolated"),
    [
        ("Pop", "Pop"),
        ("2026-10", "2026-10"),
        ("ไทย 46", "ไทย 46"),
        (factory.ARABIC, ISOLATED),
        (ISOLATED, ISOLATED),
        ("IT מזרחית (x)", "\u2068IT מזרחית (x)\u2069"),
        (f"{factory.ARABIC} and 2 more", f"{ISOLATED} and 2 more"),
        (f"{factory.ARABIC} and 1,200 more, put together", f"{ISOLATED} and 1,200 more, put together"),
    ],
)
def test_a_text_is_isolated_where_it_reads_from_right_to_left(text: str, isolated: str) -> None:
    """Once, and what the analysis adds to a name is no part of it."""
    assert isolate_text(text) == isolated


def test_every_text_of_a_month_is_isolated() -> None:
    """In values, in names, in what shares are looked up by; numbers and months stay."""
    facts = factory.named(factory.genres(factory.month(4), factory.ARABIC), factory.ARABIC)
    facts = replace(facts, brand=Brand("מזרחית", "#0b5563", ""))
    found = isolate_facts(facts)

    assert found.brand.name == "\u2068מזרחית\u2069"
    assert found.segments[0].name == ISOLATED
    assert ISOLATED in found.shares["top_genre"]
    assert ISOLATED in found.segments[0].categories["top_genre"]
    assert ISOLATED in [item.value for item in found.distributions.categories["top_genre"].values]
    assert (found.month, found.elbow, found.averages) == (facts.month, facts.elbow, facts.averages)
    assert isolate_facts(found) == found
    assert isolate_facts(factory.month(4)) == factory.month(4)


def test_a_value_in_a_reason_for_holding_a_month_is_isolated() -> None:
    """It is said in mails and in a terminal, too."""
    gone = Anomaly("gone", "top_genre", factory.ARABIC, last=99.0)

    assert f"the top genre {ISOLATED} any more" in holds.describe_anomaly(factory.month(4), gone)


@pytest.mark.parametrize("value", ["IT contractor", "CEO / Vorstand", "İşsiz", "WWWW"])
def test_a_value_is_never_lowered(value: str) -> None:
    """It is a word of the file, and no name of ours."""
    facts = factory.month(4)
    shares = facts.shares["employment_status"]
    first = max(shares, key=lambda name: shares[name])
    column = facts.distributions.categories["employment_status"]
    values = tuple(replace(item, value=value if item.value == first else item.value) for item in column.values)
    facts = replace(
        facts,
        shares=facts.shares | {"employment_status": {value if n == first else n: s for n, s in shares.items()}},
        distributions=replace(
            facts.distributions,
            categories=facts.distributions.categories | {"employment_status": replace(column, values=values)},
        ),
    )

    assert f"employment {value} (" in sentences.describe_common_values(facts)


def test_texts_are_listed_by_their_place() -> None:
    """So that somebody finds the word that no font has."""
    facts = factory.genres(factory.month(4), "ไทย")
    found = list_foreign_texts(facts)

    assert "ไทย" in found["top genre"]
    assert found["the brand's name in settings.toml"] == [facts.brand.name]
    assert facts.segments[0].play
    assert facts.segments[0].play.offer in found["`offer` in templates/playbook.toml"]
