"""Who moved, who came and who went: by hand, in memory and by an engine's join."""

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from segmentation.errors import SegmentationError
from segmentation.facts import FeatureScale
from segmentation.preprocessing.scaling import Points
from segmentation.tracking.matching import PreviousModel
from segmentation.tracking.migration import MigrationCounts, count_migration, crosstab_with_previous

THEN, NOW = ("S1", "S2"), ("S2", "S1", "S3")
# 1 and 2 stay, 3 goes from S1 to S3, 4 leaves S2, 5 comes to S2
BEFORE = {"1": "S1", "2": "S2", "3": "S1", "4": "S2"}
AFTER = {"5": "S2", "3": "S3", "2": "S2", "1": "S1"}
BY_HAND = MigrationCounts(rows=THEN, columns=NOW, users=((0, 1, 1), (1, 0, 0)), new=(1, 0, 0), gone=(0, 1))


def table(people: dict[str, str], kind: type = str) -> pd.DataFrame:
    """Give people with their segments as a month's file of them has it."""
    return pd.DataFrame({"user_id": [kind(one) for one in people], "segment": list(people.values())})


def test_people_are_followed_in_memory() -> None:
    """Five people, of whom three are in both months."""
    last, now = (nw.from_native(table(people), eager_only=True) for people in (BEFORE, AFTER))

    assert count_migration(last, now, "segment", rows=THEN, columns=NOW) == BY_HAND


@pytest.mark.parametrize("kinds", [(str, str), (int, int), (int, str)])
def test_people_are_followed_by_a_join(kinds: tuple[type, type]) -> None:
    """As in memory; where one month has its ids as numbers and the other as text, too."""
    last, now = table(BEFORE, kinds[0]), table(AFTER, kinds[1])

    for months in ((last, now), (duckdb.from_df(last), duckdb.from_df(now))):
        found = count_migration(*(nw.from_native(month) for month in months), "segment", rows=THEN, columns=NOW)
        assert found == BY_HAND


def test_a_segment_that_is_not_listed_belongs_to_another_run() -> None:
    """Said with the month in which it is."""
    last, now = nw.from_native(table(BEFORE)), nw.from_native(table(AFTER))

    with pytest.raises(SegmentationError, match=r"last month are in segment 'S2', but there are only S1\."):
        count_migration(last, now, "segment", rows=("S1",), columns=NOW)
    with pytest.raises(SegmentationError, match="this month are in segment 'S3', but there are only S1, S2"):
        count_migration(last, now, "segment", rows=THEN, columns=("S1", "S2"))


def test_without_a_last_month_there_are_no_rows() -> None:
    points = Points(np.eye(2), np.ones(2), ("age", "annual_income"), FeatureScale({}, {}))
    nobody = PreviousModel(
        FeatureScale({}, {}), ids=(), names=(), centres=np.zeros((0, 2)), users=(), radius=0.0, last_id=0
    )

    assert crosstab_with_previous(nobody, points, np.array([0, 1]), 3).shape == (0, 3)
