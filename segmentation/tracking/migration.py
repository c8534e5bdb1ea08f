"""Who moved: people who are in both months where users have ids, else one month's users seen by both models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import assign_nearest
from segmentation.errors import SegmentationError
from segmentation.preprocessing.aggregate import count_groups
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.schema import USER_ID, Users
from segmentation.tracking.matching import PreviousModel, rescale_values


@dataclass(frozen=True, slots=True)
class MigrationCounts:
    """People by their segment last month and this month: never shown but through `disclosure.suppress_table`."""

    rows: tuple[str, ...]
    """Ids of last month's segments."""
    columns: tuple[str, ...]
    """Ids of this month's segments."""
    users: tuple[tuple[int, ...], ...]
    """People in both months, a row for each of last month's segments."""
    new: tuple[int, ...]
    """People of this month who were not there last month, by this month's segment."""
    gone: tuple[int, ...]
    """People of last month who are not there this month, by last month's segment."""

    @property
    def table(self) -> tuple[tuple[int, ...], ...]:
        """People from each of last month's segments and then the new ones, to each of this month's and then gone."""
        rows = [(*row, gone) for row, gone in zip(self.users, self.gone, strict=True)]
        return (*rows, (*self.new, 0))

    @property
    def known_cells(self) -> tuple[tuple[int, int], ...]:
        """Places in `table`, and of its sums, that a reader knows: nobody is new and gone; segments' sizes are shown."""
        k, m = len(self.rows), len(self.columns)
        return ((k, m), *((i, m + 1) for i in range(k)), *((k + 1, j) for j in range(m)))

    @property
    def retained_users(self) -> int:
        """People who are in both months."""
        return sum(map(sum, self.users))

    @property
    def stayed_users(self) -> int:
        """People who are in both months, and in a segment of the same id."""
        return sum(
            count
            for row, counts in zip(self.rows, self.users, strict=True)
            for column, count in zip(self.columns, counts, strict=True)
            if row == column
        )


@dataclass(frozen=True, slots=True)
class ShareDecomposition:
    """Why the share of one segment changed."""

    id: str
    """The segment, in both months."""
    last: float
    """Its share of last month's users, 0 to 1."""
    same_borders: float
    """Share of this month's users who lie within its borders of last month, 0 to 1."""
    now: float
    """Its share of this month's users, 0 to 1."""


def count_migration(
    last_users: Sequence[str],
    last_segments: Sequence[str],
    users: Sequence[str],
    segments: Sequence[str],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
) -> MigrationCounts:
    """Count people by their segments in two months, joined by their ids alone.

    Parameters
    ----------
    last_users, users : sequence of str
        Ids of people, each once; in any order.
    last_segments, segments : sequence of str
        Id of the segment of each.
    rows, columns : sequence of str
        Ids of last month's and this month's segments, in the order wanted.

    Raises
    ------
    SegmentationError
        If somebody is in a month twice, or in a segment that is not listed.
    """
    before, i = _index_users(last_users, last_segments, rows, "last month")
    after, j = _index_users(users, segments, columns, "this month")
    _, here, there = np.intersect1d(before, after, assume_unique=True, return_indices=True)
    counts = np.zeros((len(rows), len(columns)), dtype=int)
    np.add.at(counts, (i[here], j[there]), 1)
    new = np.bincount(j, minlength=len(columns)) - counts.sum(axis=0)
    gone = np.bincount(i, minlength=len(rows)) - counts.sum(axis=1)
    return MigrationCounts(
        rows=tuple(rows),
        columns=tuple(columns),
        users=tuple(tuple(map(int, row)) for row in counts),
        new=tuple(map(int, new)),
        gone=tuple(map(int, gone)),
    )


def count_migration_by_join(
    last: Users, now: Users, segment_column: str, *, rows: Sequence[str], columns: Sequence[str]
) -> MigrationCounts:
    """Count people by their segments in two months where an engine has both: as `count_migration`, by its join.

    Parameters
    ----------
    last, now : narwhals.DataFrame or LazyFrame
        Users, each once, with `user_id` and the id of their segment in the column named `segment_column`.
    rows, columns : sequence of str
        Ids of last month's and this month's segments, in the order wanted.

    Raises
    ------
    SegmentationError
        If somebody is in a segment that is not listed.
    """
    before, after = last.lazy(), now.lazy()
    if before.collect_schema()[USER_ID] != after.collect_schema()[USER_ID]:
        before, after = (month.with_columns(nw.col(USER_ID).cast(nw.String)) for month in (before, after))
    before = before.select(USER_ID, nw.col(segment_column).alias("_then"))
    after = after.select(USER_ID, nw.col(segment_column).alias("_now"))
    then, since = dict(count_groups(before, "_then")), dict(count_groups(after, "_now"))
    _check_segments_known(then, rows, "last month")
    _check_segments_known(since, columns, "this month")
    both = {
        (i, j): n for i, j, n in count_groups(before.join(after, on=USER_ID, how="inner"), "_then", "_now")
    }
    users = tuple(tuple(both.get((i, j), 0) for j in columns) for i in rows)
    return MigrationCounts(
        rows=tuple(rows),
        columns=tuple(columns),
        users=users,
        new=tuple(since.get(j, 0) - sum(row[place] for row in users) for place, j in enumerate(columns)),
        gone=tuple(then.get(i, 0) - sum(row) for i, row in zip(rows, users, strict=True)),
    )


def crosstab_with_previous(previous: PreviousModel, points: Points, labels: Labels, k: int) -> Floats:
    """Count this month's users by last month's model (rows) and by this month's own (columns).

    Parameters
    ----------
    previous : Past
        Last month's segments.
    points : Points
        This month's, in this month's scaling.
    labels : ndarray, shape (n,)
        Each point's segment by this month's model of k segments.

    Returns
    -------
    ndarray, shape (len(past.ids), k)
        Users.
    """
    if not previous.ids:
        return np.zeros((0, k))
    seen = assign_nearest(rescale_values(points.values, points.scale, previous.scale), previous.centres)
    counts = np.zeros((len(previous.ids), k))
    np.add.at(counts, (seen, labels), points.weights)
    return counts


def decompose_share_changes(
    previous: PreviousModel, ids: Sequence[str], counts: Floats
) -> tuple[ShareDecomposition, ...]:
    """Part the change of each share into people and borders, for every segment that is in both months.

    Parameters
    ----------
    previous : Past
        Last month's segments.
    ids : sequence of str, length k
        This month's ids by the number of the segment, as `history.Lineage.ids`.
    counts : ndarray, shape (len(past.ids), k)
        As from `crosstab_with_previous`.
    """
    total, last_total = float(counts.sum()), sum(previous.users)
    return tuple(
        ShareDecomposition(
            id=name,
            last=previous.users[i] / last_total,
            same_borders=float(counts[i].sum()) / total,
            now=float(counts[:, ids.index(name)].sum()) / total,
        )
        for i, name in enumerate(previous.ids)
        if name in ids
    )


def _index_users(
    users: Sequence[str], segments: Sequence[str], known: Sequence[str], when: str
) -> tuple[np.ndarray[tuple[int], np.dtype[np.str_]], Labels]:
    """Give ids as strings and segments as their places in `known`."""
    people = np.asarray(users).astype(np.str_)
    if len(np.unique(people)) != len(people):
        raise SegmentationError(
            f"{len(people) - len(np.unique(people)):,} users are there more than once in {when}'s file. "
            "Expected each user_id once. Correct the export and run `make report` again."
        )
    place = {name: n for n, name in enumerate(known)}
    _check_segments_known(segments, known, when)
    return people, np.array([place[name] for name in segments], dtype=np.intp)


def _check_segments_known(segments: Iterable[str], known: Sequence[str], when: str) -> None:
    """Make sure that users are in segments that there are."""
    strange = sorted(set(segments) - set(known))
    if strange:
        raise SegmentationError(
            f"Users of {when} are in segment {strange[0]!r}, but there are only {', '.join(known)}. "
            "The archived run does not belong together: run that month again."
        )
