"""Who moved: people who are in both months where users have ids, else one month's users seen by both models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np

from segmentation.clusters import assign
from segmentation.errors import SegmentationError
from segmentation.features import Floats, Labels, Points
from segmentation.history import Past, rescale
from segmentation.schema import USER_ID, Users
from segmentation.tally import tally


@dataclass(frozen=True, slots=True)
class Flows:
    """People by their segment last month and this month: never shown but through `disclosure.suppress`."""

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
    def known(self) -> tuple[tuple[int, int], ...]:
        """Places in `table`, and of its sums, that a reader knows: nobody is new and gone; segments' sizes are shown."""
        k, m = len(self.rows), len(self.columns)
        return ((k, m), *((i, m + 1) for i in range(k)), *((k + 1, j) for j in range(m)))

    @property
    def both(self) -> int:
        """People who are in both months."""
        return sum(map(sum, self.users))

    @property
    def stayed(self) -> int:
        """People who are in both months, and in a segment of the same id."""
        return sum(
            count
            for row, counts in zip(self.rows, self.users, strict=True)
            for column, count in zip(self.columns, counts, strict=True)
            if row == column
        )


@dataclass(frozen=True, slots=True)
class Shift:
    """Why the share of one segment changed."""

    id: str
    """The segment, in both months."""
    last: float
    """Its share of last month's users, 0 to 1."""
    same_borders: float
    """Share of this month's users who lie within its borders of last month, 0 to 1."""
    now: float
    """Its share of this month's users, 0 to 1."""


def flow(
    last_users: Sequence[str],
    last_segments: Sequence[str],
    users: Sequence[str],
    segments: Sequence[str],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
) -> Flows:
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
    before, i = _people(last_users, last_segments, rows, "last month")
    after, j = _people(users, segments, columns, "this month")
    _, here, there = np.intersect1d(before, after, assume_unique=True, return_indices=True)
    counts = np.zeros((len(rows), len(columns)), dtype=int)
    np.add.at(counts, (i[here], j[there]), 1)
    new = np.bincount(j, minlength=len(columns)) - counts.sum(axis=0)
    gone = np.bincount(i, minlength=len(rows)) - counts.sum(axis=1)
    return Flows(
        rows=tuple(rows),
        columns=tuple(columns),
        users=tuple(tuple(map(int, row)) for row in counts),
        new=tuple(map(int, new)),
        gone=tuple(map(int, gone)),
    )


def flow_of_tables(
    last: Users, now: Users, segment: str, *, rows: Sequence[str], columns: Sequence[str]
) -> Flows:
    """Count people by their segments in two months where an engine has both: as `flow`, by its join.

    Parameters
    ----------
    last, now : narwhals.DataFrame or LazyFrame
        Users, each once, with `user_id` and the id of their segment in the column named `segment`.
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
    before = before.select(USER_ID, nw.col(segment).alias("_then"))
    after = after.select(USER_ID, nw.col(segment).alias("_now"))
    then, since = dict(tally(before, "_then")), dict(tally(after, "_now"))
    _known(then, rows, "last month")
    _known(since, columns, "this month")
    both = {(i, j): n for i, j, n in tally(before.join(after, on=USER_ID, how="inner"), "_then", "_now")}
    users = tuple(tuple(both.get((i, j), 0) for j in columns) for i in rows)
    return Flows(
        rows=tuple(rows),
        columns=tuple(columns),
        users=users,
        new=tuple(since.get(j, 0) - sum(row[place] for row in users) for place, j in enumerate(columns)),
        gone=tuple(then.get(i, 0) - sum(row) for i, row in zip(rows, users, strict=True)),
    )


def cross(past: Past, points: Points, labels: Labels, k: int) -> Floats:
    """Count this month's users by last month's model (rows) and by this month's own (columns).

    Parameters
    ----------
    past : Past
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
    if not past.ids:
        return np.zeros((0, k))
    seen = assign(rescale(points.values, points.scale, past.scale), past.centres)
    counts = np.zeros((len(past.ids), k))
    np.add.at(counts, (seen, labels), points.weights)
    return counts


def shifts_of(past: Past, ids: Sequence[str], counts: Floats) -> tuple[Shift, ...]:
    """Part the change of each share into people and borders, for every segment that is in both months.

    Parameters
    ----------
    past : Past
        Last month's segments.
    ids : sequence of str, length k
        This month's ids by the number of the segment, as `history.Lineage.ids`.
    counts : ndarray, shape (len(past.ids), k)
        As from `cross`.
    """
    total, last_total = float(counts.sum()), sum(past.users)
    return tuple(
        Shift(
            id=name,
            last=past.users[i] / last_total,
            same_borders=float(counts[i].sum()) / total,
            now=float(counts[:, ids.index(name)].sum()) / total,
        )
        for i, name in enumerate(past.ids)
        if name in ids
    )


def _people(
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
    _known(segments, known, when)
    return people, np.array([place[name] for name in segments], dtype=np.intp)


def _known(segments: Iterable[str], known: Sequence[str], when: str) -> None:
    """Make sure that users are in segments that there are."""
    strange = sorted(set(segments) - set(known))
    if strange:
        raise SegmentationError(
            f"Users of {when} are in segment {strange[0]!r}, but there are only {', '.join(known)}. "
            "The archived run does not belong together: run that month again."
        )
