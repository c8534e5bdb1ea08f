"""Migration: users who moved between segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import assign_nearest
from segmentation.errors import SegmentationError
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import count_groups
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.schema import USER_ID
from segmentation.tracking.matching import PreviousModel, rescale_values


@dataclass(frozen=True, slots=True)
class MigrationCounts:
    """Users by their segment last month and this month.

    Exact counts, for the analysis alone: pages show them only through `disclosure.suppress_table`.
    """

    rows: tuple[str, ...]
    """Ids of last month's segments."""
    columns: tuple[str, ...]
    """Ids of this month's segments."""
    users: tuple[tuple[int, ...], ...]
    """Users in both months, a row for each of last month's segments."""
    new: tuple[int, ...]
    """Users of this month who were not there last month, by this month's segment."""
    gone: tuple[int, ...]
    """Users of last month who are not there this month, by last month's segment."""

    @property
    def table(self) -> tuple[tuple[int, ...], ...]:
        """The counts, with gone and new users."""
        rows = [(*row, gone) for row, gone in zip(self.users, self.gone, strict=True)]
        return (*rows, (*self.new, 0))

    @property
    def known_cells(self) -> tuple[tuple[int, int], ...]:
        """Cells and sums of `table` that every reader knows.

        Nobody is both new and gone, and the pages show the segments' sizes.
        """
        k, m = len(self.rows), len(self.columns)
        return ((k, m), *((i, m + 1) for i in range(k)), *((k + 1, j) for j in range(m)))

    @property
    def retained_users(self) -> int:
        """Users who are in both months."""
        return sum(map(sum, self.users))

    @property
    def stayed_users(self) -> int:
        """Users in the same segment in both months."""
        return sum(
            count
            for row, counts in zip(self.rows, self.users, strict=True)
            for column, count in zip(self.columns, counts, strict=True)
            if row == column
        )


def count_migration(
    last: Users, now: Users, segment_column: str, *, rows: Sequence[str], columns: Sequence[str]
) -> MigrationCounts:
    """Count users by their segments in two months.

    Parameters
    ----------
    last, now : narwhals.DataFrame or LazyFrame
        Users with `user_id` and the id of their segment in `segment_column`; both of one backend.
    rows, columns : sequence of str
        Ids of last month's and this month's segments, in the order wanted.

    Raises
    ------
    SegmentationError
        If a user is in a month twice (checked in memory only), or in a segment that is not listed.
    """
    for users, month in ((last, "last month"), (now, "this month")):
        if isinstance(users, nw.DataFrame):
            _check_users_unique(users, month)
    before, after = last.lazy(), now.lazy()
    if before.collect_schema()[USER_ID] != after.collect_schema()[USER_ID]:
        before, after = (month.with_columns(nw.col(USER_ID).cast(nw.String)) for month in (before, after))
    before = before.select(USER_ID, nw.col(segment_column).alias("_then"))
    after = after.select(USER_ID, nw.col(segment_column).alias("_now"))
    last_sizes, sizes = dict(count_groups(before, "_then")), dict(count_groups(after, "_now"))
    _check_segments_known(last_sizes, rows, "last month")
    _check_segments_known(sizes, columns, "this month")
    joined = before.join(after, on=USER_ID, how="inner")
    counts = {(i, j): n for i, j, n in count_groups(joined, "_then", "_now")}
    retained = tuple(tuple(counts.get((i, j), 0) for j in columns) for i in rows)
    return MigrationCounts(
        rows=tuple(rows),
        columns=tuple(columns),
        users=retained,
        new=tuple(sizes.get(j, 0) - sum(row[place] for row in retained) for place, j in enumerate(columns)),
        gone=tuple(last_sizes.get(i, 0) - sum(row) for i, row in zip(rows, retained, strict=True)),
    )


def crosstab_with_previous(previous: PreviousModel, points: Points, labels: Labels, k: int) -> Floats:
    """Count users by last month's and this month's model.

    Parameters
    ----------
    points : Points
        This month's, in this month's scaling.
    labels : ndarray, shape (n,)
        Each point's segment by this month's model of k segments.

    Returns
    -------
    ndarray, shape (len(previous.ids), k)
        Users; a row for each of last month's segments.
    """
    if not previous.ids:
        return np.zeros((0, k))
    last_labels = assign_nearest(rescale_values(points.values, points.scale, previous.scale), previous.centres)
    counts = np.zeros((len(previous.ids), k))
    np.add.at(counts, (last_labels, labels), points.weights)
    return counts


def _check_users_unique(users: nw.DataFrame[Any], month: str) -> None:
    """Refuse a month that has a user twice."""
    repeated = len(users) - users.get_column(USER_ID).n_unique()
    if repeated:
        raise SegmentationError(
            f"{repeated:,} users are there more than once in {month}'s file. "
            "Expected each user_id once. Correct the export and run `make report` again."
        )


def _check_segments_known(segments: Iterable[str], known: Sequence[str], month: str) -> None:
    """Refuse users of segments that the facts don't have."""
    unknown = sorted(set(segments) - set(known))
    if unknown:
        raise SegmentationError(
            f"Users of {month} are in segment {unknown[0]!r}, but there are only {', '.join(known)}. "
            "The archived run does not belong together: run that month again."
        )
