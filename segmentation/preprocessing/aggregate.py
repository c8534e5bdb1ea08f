"""Aggregate queries that any engine can answer.

Narwhals aggregates of a pandas frame, a DuckDB relation or a Spark frame alike. No user's row is returned.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from segmentation.facts import FeatureScale, FeatureTransform
from segmentation.frames import Users
from segmentation.preprocessing.spelling import normalise_text

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
SEGMENT_NUMBER = "_segment"  # column: number of a user's segment in the model, from 0
_MAX_COMBINATIONS = 50_000  # combinations of categories that one scan may return


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """A summary of one number column, in its unit."""

    users: int
    mean: float
    sd: float  # of the population, 1/n
    low: float
    high: float
    is_integer: bool  # whether every value is a whole number


def cast_to_float(name: str) -> nw.Expr:
    """Return a column as floats: sums of integers overflow."""
    return nw.col(name).cast(nw.Float64)


def express_feature(scale: FeatureScale, name: str) -> nw.Expr:
    """Return a feature as distances are measured in it."""
    return express_transform(scale.transforms.get(name), name)


def express_transform(transform: FeatureTransform | None, name: str) -> nw.Expr:
    """Return a column's values transformed."""
    values = cast_to_float(name)
    if transform is None:
        return values
    return (values + 1.0).log() if transform.kind == "log" else values.clip(transform.low, transform.high)


def fetch_rows(query: Users) -> list[dict[str, Any]]:
    """Return the rows of a query's result."""
    eager = query.collect() if isinstance(query, nw.LazyFrame) else query
    return list(eager.iter_rows(named=True))


def count_groups(users: Users, *by: str) -> list[tuple[Any, ...]]:
    """Count users by combination of values, count last."""
    counts = users.group_by(*by).agg(nw.len().alias("_n"))
    return [(*(row[name] for name in by), int(row["_n"])) for row in fetch_rows(counts)]


def count_frame_rows(rows: Users) -> int:
    """Count rows."""
    return int(fetch_rows(rows.select(nw.len().alias("_n")))[0]["_n"])


def summarise_columns(
    users: Users, names: Sequence[str], express: Callable[[str], nw.Expr] = cast_to_float
) -> dict[str, ColumnSummary]:
    """Summarise number columns in one scan, missing values left out.

    `express` says what is summarised: the values, or what a feature is made of them.
    """
    if not names:
        return {}
    aggregates = []
    for name in names:
        x = express(name)
        aggregates += [
            x.count().alias(f"_n_{name}"),
            x.mean().alias(f"_mean_{name}"),
            x.std(ddof=0).alias(f"_sd_{name}"),
            x.min().alias(f"_low_{name}"),
            x.max().alias(f"_high_{name}"),
            (x != x.floor()).cast(nw.Int64).sum().alias(f"_fractions_{name}"),
        ]
    (row,) = fetch_rows(users.select(*aggregates))
    return {
        name: ColumnSummary(
            users=int(row[f"_n_{name}"]),
            mean=float(row[f"_mean_{name}"]),
            sd=float(row[f"_sd_{name}"]),
            low=float(row[f"_low_{name}"]),
            high=float(row[f"_high_{name}"]),
            is_integer=not row[f"_fractions_{name}"],
        )
        for name in names
    }


def count_category_values(users: Users, name: str) -> dict[str, int]:
    """Count users by value, missing values left out.

    Values that read alike are added up: 1 and "1", and spellings in old archived months.
    """
    counts: Counter[str] = Counter()
    for value, n in count_groups(users.filter(~nw.col(name).is_null()).select(name), name):
        counts[normalise_text(str(value))] += n
    return dict(counts)


def count_all_categories(users: Users, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count users by value of each category.

    One scan answers for all categories unless there are too many combinations.
    """
    if not names:
        return {}
    combinations = users.select(*names).group_by(*names).agg(nw.len().alias("_n"))
    rows = fetch_rows(combinations.head(_MAX_COMBINATIONS + 1))
    if len(rows) > _MAX_COMBINATIONS:
        return {name: count_category_values(users, name) for name in names}
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for row in rows:
        for name in names:
            counts[name][str(row[name])] += int(row["_n"])
    return {name: dict(count) for name, count in counts.items()}


def crosstab_categories(
    users: Users, labels: dict[str, dict[str, str]], k: int
) -> dict[str, dict[tuple[int, str], int]]:
    """Count users by segment and label of each category.

    One scan answers for all categories unless there are too many combinations.

    Parameters
    ----------
    users : Users
        With their segment's number, 0 to k - 1.
    labels : dict of str to dict of str to str
        By category: the label of each value.
    k : int
        Number of segments.
    """
    if not labels:
        return {}
    is_small = k * int(np.prod([len(own) for own in labels.values()])) <= _MAX_COMBINATIONS
    scans = [tuple(labels)] if is_small else [(name,) for name in labels]
    tables: dict[str, Counter[tuple[int, str]]] = {name: Counter() for name in labels}
    for names in scans:
        for segment, *values, n in count_groups(users.select(SEGMENT_NUMBER, *names), SEGMENT_NUMBER, *names):
            for name, value in zip(names, values, strict=True):
                tables[name][int(segment), labels[name][str(value)]] += n
    return {name: dict(table) for name, table in tables.items()}


@dataclass(frozen=True, slots=True)
class PooledMoments:
    """Users whose value is known, means and variances of all."""

    count: Floats  # shape (p,)
    mean: Floats  # shape (p,)
    variance: Floats  # shape (p,)


@dataclass(frozen=True, slots=True)
class SegmentMoments:
    """Users, means and population variances, by segment."""

    columns: tuple[str, ...]  # number columns, p
    size: Floats  # shape (k,)
    mean: Floats  # shape (k, p), in the columns' units; NaN where no value is known
    variance: Floats  # shape (k, p)
    count: Floats  # shape (k, p): users whose value is known

    def pool(self) -> "PooledMoments":
        """Return the moments of all users together."""
        count = self.count.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.nansum(self.count * self.mean, axis=0) / count
            variance = np.nansum(self.count * (self.variance + (self.mean - mean) ** 2), axis=0) / count
        return PooledMoments(count, mean, variance)

    def select_segments(self, order: Labels) -> "SegmentMoments":
        """Return the segments in another order."""
        return SegmentMoments(self.columns, self.size[order], self.mean[order], self.variance[order], self.count[order])


def compute_segment_moments(users: Users, k: int, names: Sequence[str]) -> SegmentMoments:
    """Compute all segments' moments in one scan."""
    aggregates = [nw.len().alias("_n")]
    aggregates += [nw.col(name).count().alias(f"_count_{name}") for name in names]
    aggregates += [nw.col(name).mean().alias(f"_mean_{name}") for name in names]
    aggregates += [nw.col(name).var(ddof=0).alias(f"_var_{name}") for name in names]
    floats = users.select(SEGMENT_NUMBER, *(cast_to_float(name).alias(name) for name in names))
    by_segment = fetch_rows(floats.group_by(SEGMENT_NUMBER).agg(*aggregates))
    rows = {int(row[SEGMENT_NUMBER]): row for row in by_segment}

    def collect(what: str) -> Floats:
        found = [[rows[n][f"_{what}_{name}"] for name in names] for n in range(k)]
        return np.array([[math.nan if value is None else float(value) for value in row] for row in found])

    return SegmentMoments(
        columns=tuple(names),
        size=np.array([float(rows[n]["_n"]) for n in range(k)]),
        mean=collect("mean"),
        variance=collect("var"),
        count=collect("count"),
    )
