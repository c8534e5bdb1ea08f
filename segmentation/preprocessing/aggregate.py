"""Questions that any engine answers with a few rows, however many users there are: the door to the user's frame.

Everything that is asked of the users kept goes through here, as Narwhals aggregates: of a pandas frame, a DuckDB
relation or a Spark frame alike. No row of a user comes back.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import NUMBERS, Users

SEGMENT_NUMBER = "_segment"  # column of a user's segment by its place in the model, from 0
_MAX_COMBINATIONS = 50_000  # combinations of categories that one question may be asked about


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One number column of the users kept.

    Attributes
    ----------
    users : int
        How many there are.
    mean, sd, low, high : float
        In the column's unit; the SD is the population's.
    is_integer : bool
        Whether every value is a whole number.
    """

    users: int
    mean: float
    sd: float
    low: float
    high: float
    is_integer: bool


def cast_to_float(name: str) -> nw.Expr:
    """Give a number column as floats: small integers would overflow if they were summed as they are."""
    return nw.col(name).cast(nw.Float64)


def fetch_rows(query: Users) -> list[dict[str, Any]]:
    """Fetch the rows of an answer."""
    eager = query.collect() if isinstance(query, nw.LazyFrame) else query
    return list(eager.iter_rows(named=True))


def count_groups(users: Users, *by: str) -> list[tuple[Any, ...]]:
    """Count the users with each combination of values: rows of the values and the count."""
    asked = users.group_by(*by).agg(nw.len().alias("_n"))
    return [(*(row[name] for name in by), int(row["_n"])) for row in fetch_rows(asked)]


def count_frame_rows(rows: Users) -> int:
    """Count rows."""
    return int(fetch_rows(rows.select(nw.len().alias("_n")))[0]["_n"])


def summarise_columns(users: Users, names: Sequence[str] = NUMBERS) -> dict[str, ColumnSummary]:
    """Summarise number columns in one scan; every value is there and finite."""
    asked = [nw.len().alias("_n")]
    for name in names:
        x = cast_to_float(name)
        asked += [
            x.mean().alias(f"_mean_{name}"),
            x.std(ddof=0).alias(f"_sd_{name}"),
            x.min().alias(f"_low_{name}"),
            x.max().alias(f"_high_{name}"),
            (x != x.floor()).cast(nw.Int64).sum().alias(f"_parts_{name}"),
        ]
    (row,) = fetch_rows(users.select(*asked))
    return {
        name: ColumnSummary(
            users=int(row["_n"]),
            mean=float(row[f"_mean_{name}"]),
            sd=float(row[f"_sd_{name}"]),
            low=float(row[f"_low_{name}"]),
            high=float(row[f"_high_{name}"]),
            is_integer=not row[f"_parts_{name}"],
        )
        for name in names
    }


def count_category_values(users: Users, name: str) -> dict[str, int]:
    """Count the users with each value of a category; rows without one are left out."""
    counts: Counter[str] = (
        Counter()
    )  # added up: 1 and "1" read alike, and so do spellings in months made long ago
    for value, n in count_groups(users.filter(~nw.col(name).is_null()).select(name), name):
        counts[normalise_text(str(value))] += n
    return dict(counts)


def count_all_categories(users: Users, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count the users with each value of each category, who all have one: in one scan if combinations are few."""
    asked = users.select(*names).group_by(*names).agg(nw.len().alias("_n")).head(_MAX_COMBINATIONS + 1)
    rows = fetch_rows(asked)
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
    """Count the users of each segment with each value of each category, under the label that the value is shown by.

    Parameters
    ----------
    users : Users
        With their segment's number, 0 to k - 1.
    labels : dict of str to dict of str to str
        By category: the label of each value.
    k : int
        Number of segments.

    Returns
    -------
    dict of str to dict of (int, str) to int
        By category: users by segment and label.
    """
    small = k * int(np.prod([len(own) for own in labels.values()])) <= _MAX_COMBINATIONS
    questions = [tuple(labels)] if small else [(name,) for name in labels]
    tables: dict[str, Counter[tuple[int, str]]] = {name: Counter() for name in labels}
    for names in questions:  # one scan answers for all, where there aren't too many combinations
        for number_, *values, n in count_groups(users.select(SEGMENT_NUMBER, *names), SEGMENT_NUMBER, *names):
            for name, value in zip(names, values, strict=True):
                tables[name][int(number_), labels[name][str(value)]] += n
    return {name: dict(table) for name, table in tables.items()}


@dataclass(frozen=True, slots=True)
class SegmentMoments:
    """Users, means and variances of the number columns, by segment.

    Attributes
    ----------
    size : ndarray, shape (k,)
        Users.
    mean, variance : ndarray, shape (k, p)
        In the columns' units; population variances.
    """

    size: np.ndarray[Any, np.dtype[np.float64]]
    mean: np.ndarray[Any, np.dtype[np.float64]]
    variance: np.ndarray[Any, np.dtype[np.float64]]


def compute_segment_moments(users: Users, k: int) -> SegmentMoments:
    """Measure every segment's numbers in one scan; each of the k segments has a user."""
    asked = [nw.len().alias("_n")]
    asked += [nw.col(name).mean().alias(f"_mean_{name}") for name in NUMBERS]
    asked += [nw.col(name).var(ddof=0).alias(f"_var_{name}") for name in NUMBERS]
    floats = users.select(SEGMENT_NUMBER, *(cast_to_float(name).alias(name) for name in NUMBERS))
    rows = {int(row[SEGMENT_NUMBER]): row for row in fetch_rows(floats.group_by(SEGMENT_NUMBER).agg(*asked))}
    return SegmentMoments(
        size=np.array([float(rows[n]["_n"]) for n in range(k)]),
        mean=np.array([[float(rows[n][f"_mean_{name}"]) for name in NUMBERS] for n in range(k)]),
        variance=np.array([[float(rows[n][f"_var_{name}"]) for name in NUMBERS] for n in range(k)]),
    )
