import itertools

import pytest

from tests.support.music import DEFAULT_FEATURES, name_segments


def centre(age: float = 0, income: float = 0, usage: float = 0, days: float = 0) -> dict[str, float]:
    return dict(zip(DEFAULT_FEATURES, (age, income, usage, days), strict=True))


def test_the_published_segments_have_the_published_names() -> None:
    """The centres of the Music file: a second feature counts from .4 SD and .4 of the first, so -.39 makes no name."""
    assert name_segments(
        [
            centre(-0.914, -0.416, -0.770, -0.020),
            centre(-0.052, -0.409, 1.179, 0.081),
            centre(0.922, -0.393, -0.467, -0.055),
            centre(0.446, 1.943, 0.232, -0.012),
        ]
    ) == ["Young light listeners", "Heavy listeners", "Older light listeners", "High earners"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (centre(age=-1), "Young listeners"),
        (centre(age=1, days=-1), "Older occasional listeners"),
        (centre(income=-1), "Lower earners"),
        (centre(income=1, usage=1), "High-income heavy listeners"),
        (centre(income=1, days=1), "Frequent high earners"),
        (centre(usage=-2, days=0.7), "Light listeners"),
        (centre(usage=-2, days=0.9), "Frequent light listeners"),
        (centre(age=0.41, usage=0.42, days=0.43), "Frequent heavy listeners"),
        (centre(0.39, -0.39, 0.39, -0.39), "Average listeners"),
        (centre(), "Average listeners"),
        ({"age": 1.0}, "Older listeners"),
    ],
)
def test_a_name_is_what_sets_a_segment_apart(place: dict[str, float], name: str) -> None:
    """The noun is the usage, else the income; at most two features, none that is small beside the first."""
    assert name_segments([place]) == [name]


def test_two_that_would_share_a_name_both_say_more() -> None:
    """Both are young and light; the days, too small for a name otherwise, tell them apart. The third is let be."""
    names = name_segments([centre(-1, 0, -1, 0.3), centre(-1, 0, -1, -0.3), centre(income=1, days=0.3)])

    assert names == ["Young frequent light listeners", "Young occasional light listeners", "High earners"]


def test_one_more_feature_is_taken_at_a_time() -> None:
    """Income comes third in both and doesn't tell them apart; days come fourth and do."""
    names = name_segments([centre(-1, 0.5, -1, 0.3), centre(-1, 0.5, -1, -0.3)])

    assert names == ["Young high-income frequent light listeners", "Young high-income occasional light listeners"]


def test_those_that_words_do_not_tell_apart_are_numbered() -> None:
    """The larger keeps the plain name: segments come by size."""
    assert name_segments([centre(age=1), centre(age=2), centre(age=3)]) == [
        "Older listeners",
        "Older listeners 2",
        "Older listeners 3",
    ]


def test_all_eighty_one_directions_have_names_of_their_own() -> None:
    """Low, middle and high in four features; no name says more than five words, and one says that all is average."""
    names = name_segments([centre(*signs) for signs in itertools.product((-1, 0, 1), repeat=4)])

    assert len(set(names)) == 81
    assert names.count("Average listeners") == 1
    assert max(len(name.split()) for name in names) == 5


def test_the_order_of_the_segments_does_not_change_their_names() -> None:
    """Where words tell them apart, a name belongs to a centre and not to a place in the list."""
    places = [centre(-1, 0, -1, 0.3), centre(-1, 0, -1, -0.3), centre(usage=2), centre(income=1)]

    assert name_segments(places[::-1]) == name_segments(places)[::-1]


def test_two_that_share_a_name_take_one_more_word_each_and_not_two() -> None:
    """Young and light are both; how often they are active tells them apart, so that incomes need not be said."""
    assert name_segments([centre(-1, 0.2, -0.9, 0.3), centre(-1, -0.2, -0.9, -0.3)]) == [
        "Young frequent light listeners",
        "Young occasional light listeners",
    ]


def test_a_difference_is_named_from_its_border_on() -> None:
    """At 0.4 SDs it is worth naming; and a second one beside it at 0.4 of the first."""
    assert name_segments([centre(-0.4), centre(-0.39), centre(2, 0, -0.8), centre(2, 0, -0.79)]) == [
        "Young listeners",
        "Average listeners",
        "Older light listeners",
        "Older listeners",
    ]


def test_no_segments_have_no_names() -> None:
    """And one of no features is average."""
    assert name_segments([]) == []
    assert name_segments([{}]) == ["Average listeners"]
