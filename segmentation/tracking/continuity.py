"""Continuity: whether ids still mean the same users, and columns the same rows.

Every column is coded: a number by the quarter of its month's users in which it lies, so that its unit doesn't matter; a
category by its value. Then the codes of the same id in two months agree beyond chance, or they don't. And the codes of two
columns of one month depend on each other, or they don't.

References
----------
.. [1] Cohen (1960), "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20(1).
.. [2] Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42(3).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from segmentation.facts import ColumnContinuity, Facts
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import cast_to_float, fetch_rows
from segmentation.schema import USER_ID

MIN_USERS = 200  # users, in each month and in both, below which nothing is said
MAX_SHARE_LEFT = 0.25  # of a column's ties, or a segment's users: more may be left in a month without a fault
MIN_TIES = 0.005  # sum over the other columns of V squared; a column with less goes with no other
EMPTY_ALPHA = 1e-5  # probability that chance alone leaves so few users
_CHANCE_SE = 4.0  # standard errors
_MAX_COMBINATIONS = 50_000  # combinations of codes that one scan may return
_NO_VALUE = -1  # code of a number that isn't known
_MAX_VALUES = 10  # values of a category that have a code of their own
MAX_CHANCE_AGREEMENT = 0.95  # of two strangers: a column in which more are alike tells no users apart

Quartiles = Mapping[str, tuple[float, float, float]]
Pair = tuple[str, str]  # two columns, in the order of their names
Code = int | str
CodeTable = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _ColumnCodes:
    """How the columns of a month are coded."""

    quartiles: Quartiles  # by number column, of this month
    values: Mapping[str, tuple[str, ...]]  # by category: the values with a code of their own, the same in both months

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (*self.quartiles, *self.values)

    def express(self, name: str) -> nw.Expr:
        """Return the code of a column's value."""
        if name in self.values:
            text = nw.col(name).cast(nw.String)
            return nw.when(text.is_in(list(self.values[name]))).then(text).otherwise(nw.lit("")).alias(name)
        low, middle, high = ((cast_to_float(name) > cut).cast(nw.Int64) for cut in self.quartiles[name])
        code = low + middle + high
        return nw.when(~nw.col(name).is_null()).then(code).otherwise(nw.lit(_NO_VALUE)).alias(name)

    def select(self, users: Users, *names: str) -> Users:
        """Return the codes, and columns as they are."""
        return users.select(*names, *(self.express(name) for name in self.names))


def measure_continuity(last: Facts, before: Users, users: Users, quartiles: Quartiles) -> dict[str, ColumnContinuity]:
    """Tell of each column whether it continues last month's.

    Parameters
    ----------
    last : Facts
        Last month's.
    before, users : narwhals.DataFrame or LazyFrame
        Last month's users and this month's; both of one backend, or in memory.
    quartiles : mapping of str to tuple of float
        This month's, by number column.
    """
    there, here = before.collect_schema(), users.collect_schema()
    numbers = [name for name in quartiles if name in there and name in last.distributions.numbers]
    values = {
        name: tuple(item.value for item in last.distributions.categories[name].values if not item.merged)[:_MAX_VALUES]
        for name in last.distributions.categories
        if name in there and name in here
    }
    then = _ColumnCodes({name: last.distributions.numbers[name].quartiles for name in numbers}, values)
    now = _ColumnCodes({name: quartiles[name] for name in numbers}, values)
    followed = USER_ID in there and USER_ID in here
    ids = [USER_ID] if followed else []
    coded, coded_now = then.select(before, *ids), now.select(users, *ids)
    counts, counts_now = _count_codes(coded, then), _count_codes(coded_now, now)
    agreement = _measure_agreement(coded, coded_now, counts, counts_now) if followed else {}
    unrelated = find_unrelated_columns(counts.pairs, counts_now.pairs)
    return {
        name: ColumnContinuity(agreement=agreement.get(name), unrelated=name in unrelated)
        for name in (*now.quartiles, *now.values)
    }


def round_to_tenth(share: float) -> float:
    """Round to a tenth, which hides single users."""
    return round(share, 1) + 0.0  # no -0.0


def find_unrelated_columns(then: Mapping[Pair, CodeTable], now: Mapping[Pair, CodeTable]) -> set[str]:
    """Return the columns that lost all their ties.

    Parameters
    ----------
    then, now : mapping of (str, str) to ndarray
        By pair of columns: users by the codes of both.
    """
    columns = {name for pair in then for name in pair}
    found = set()
    for name in columns:
        pairs = [pair for pair in then if name in pair and pair in now]
        before, here = (_sum_ties([month[pair] for pair in pairs]) for month in (then, now))
        usual = before.total - _CHANCE_SE * before.error
        if usual > MIN_TIES and here.total + _CHANCE_SE * here.error < MAX_SHARE_LEFT * usual:
            found.add(name)
    return found


def find_emptied_segments(then: Sequence[float], left: Sequence[float]) -> list[int]:
    """Return the segments that hardly anybody is left in.

    Less than `MAX_SHARE_LEFT` of its users, beyond chance (two Poisson counts, as a binomial one); where the other
    segments have lost users as well, of the same part of them.

    Parameters
    ----------
    then, left : sequence of float, shape (k,)
        By last month's segment: its users last month, and this month's users within the same borders.
    """
    from scipy.special import bdtr  # noqa: PLC0415 - slow to import

    total, remaining, found = sum(then), sum(left), []
    for place, (users, here) in enumerate(zip(then, left, strict=True)):
        if total <= users:
            continue
        odds = MAX_SHARE_LEFT * min(1.0, (remaining - here) / (total - users))
        if here < odds * users and bdtr(math.floor(here), round(here + users), odds / (1 + odds)) < EMPTY_ALPHA:
            found.append(place)
    return found


@dataclass(frozen=True, slots=True)
class _CodeCounts:
    """A month's users, by their columns' codes."""

    users: int
    single: Mapping[str, Mapping[Code, int]]  # by column: users with each code
    pairs: Mapping[Pair, CodeTable]


@dataclass(frozen=True, slots=True)
class _Ties:
    """How closely a column goes with all others."""

    total: float  # sum of Cramér's V squared, without bias
    error: float  # its standard error


def _count_codes(coded: Users, codes: _ColumnCodes) -> _CodeCounts:
    """Count users by one code, and by two.

    In an engine one scan answers for all columns unless there are too many combinations; then two categories are no pair.
    """
    most = math.prod((4,) * len(codes.quartiles)) * math.prod(len(own) + 1 for own in codes.values.values())
    numbers, scans = tuple(codes.quartiles), [codes.names]
    if isinstance(coded, nw.LazyFrame) and most > _MAX_COMBINATIONS:
        few = 4 ** len(numbers) <= _MAX_COMBINATIONS
        scans = [numbers, *((name, *numbers) for name in codes.values)] if few else list(combinations(codes.names, 2))
    single: dict[str, dict[Code, int]] = {}
    pairs: dict[Pair, CodeTable] = {}
    for names in filter(None, scans):
        if isinstance(coded, nw.LazyFrame):
            found = coded.group_by(*names).agg(nw.len().alias("_n")).collect()
            n = np.array(found.get_column("_n").to_list(), dtype=float)
        else:
            found, n = coded, np.ones(len(coded))  # in memory each user is counted
        labels, places = {}, {}
        for name in names:
            values = found.get_column(name).to_list()
            labels[name] = sorted(set(values))
            number = {code: place for place, code in enumerate(labels[name])}
            places[name] = np.fromiter((number[code] for code in values), dtype=np.intp, count=len(values))
            sums = np.bincount(places[name], weights=n, minlength=len(number))
            single[name] = {code: round(count) for code, count in zip(labels[name], sums.tolist(), strict=True)}
        for a, b in combinations(sorted(names), 2):
            rows, columns = len(labels[a]), len(labels[b])
            cells = np.bincount(places[a] * columns + places[b], weights=n, minlength=rows * columns)
            pairs[a, b] = cells.reshape(rows, columns).astype(float)
    return _CodeCounts(max((sum(one.values()) for one in single.values()), default=0), single, pairs)


def _measure_agreement(before: Users, now: Users, then: _CodeCounts, here: _CodeCounts) -> dict[str, float]:
    """Return Cohen's kappa of each column's codes.

    Expected by chance is what the two months' shares give. Columns in which nearly everybody is alike are left out.
    """
    if isinstance(before, nw.DataFrame):  # in memory the two months may be frames of different libraries
        before, now = (month.lazy().collect("pandas") for month in (before, now))
    before, now = before.lazy(), now.lazy()
    if before.collect_schema()[USER_ID] != now.collect_schema()[USER_ID]:
        before, now = (month.with_columns(nw.col(USER_ID).cast(nw.String)) for month in (before, now))
    names = list(then.single)
    before = before.select(USER_ID, *(nw.col(name).alias(f"_then_{name}") for name in names))
    same = [(nw.col(name) == nw.col(f"_then_{name}")).cast(nw.Int64).sum().alias(name) for name in names]
    (row,) = fetch_rows(before.join(now, on=USER_ID, how="inner").select(nw.len().alias("_n"), *same))
    if row["_n"] < MIN_USERS:
        return {}
    kappa = {}
    for name in names:
        expected = sum(n * here.single[name].get(code, 0) for code, n in then.single[name].items())
        chance = expected / (then.users * here.users)
        if chance < MAX_CHANCE_AGREEMENT:
            kappa[name] = round_to_tenth((float(row[name]) / row["_n"] - chance) / (1 - chance))
    return kappa


def _sum_ties(tables: Sequence[CodeTable]) -> _Ties:
    """Sum a column's ties with the other columns."""
    total = variance = 0.0
    for table in tables:
        rows, columns, n = table.sum(axis=1), table.sum(axis=0), table.sum()
        smaller, freedom = min(table.shape) - 1, (table.shape[0] - 1) * (table.shape[1] - 1)
        if not smaller:
            continue  # all users have one code
        phi = float((table**2 / np.outer(rows, columns)).sum() - 1)  # chi squared over n
        total += max(phi - freedom / max(n - 1, 1), 0.0) / smaller
        variance += (4 * phi / n + 2 * freedom / n**2) / smaller**2
    return _Ties(total, math.sqrt(variance))
