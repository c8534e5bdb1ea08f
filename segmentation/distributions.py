"""Every column before and after cleaning, in few enough numbers to draw."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import narwhals as nw

from segmentation.clean import Cleaned
from segmentation.disclosure import hide, merged
from segmentation.facts import Categories, Category, Distributions, Numbers
from segmentation.plan import Range
from segmentation.schema import CATEGORIES, LARGEST, NUMBERS
from segmentation.spreads import Ruler, Spread, bins_of, ruler_of
from segmentation.tally import Summary, answers, counts_of, len_of, number

EVERYTHING: Range = (-math.inf, None)


def describe(
    cleaned: Cleaned,
    found: Mapping[str, Summary],
    spreads: Mapping[str, tuple[Ruler, Spread]],
    counts: Mapping[str, Mapping[str, int]],
    labels: Mapping[str, Mapping[str, str]],
    *,
    smallest: int,
) -> Distributions:
    """Describe every number and category column, as read and as kept.

    Parameters
    ----------
    cleaned : Cleaned
        What cleaning made of the rows read.
    found : mapping of str to Summary
        By number column, of the users kept.
    spreads : mapping of str to (Ruler, Spread)
        By number column, of the users kept, on the rulers of `rulers_of`.
    counts : mapping of str to mapping of str to int
        By category column: users kept with each value.
    labels : mapping of str to mapping of str to str
        By category column: the label under which each value is shown.
    smallest : int
        Users below which a count is not shown.
    """
    valid = cleaned.audit.valid
    return Distributions(
        numbers={
            name: _numbers(cleaned, name, found[name], *spreads[name], valid.get(name, EVERYTHING), smallest)
            for name in NUMBERS
        },
        categories={
            name: _categories(cleaned, name, counts[name], labels[name], smallest) for name in CATEGORIES
        },
    )


def rulers_of(cleaned: Cleaned, found: Mapping[str, Summary]) -> dict[str, Ruler]:
    """Lay a ruler along each number's possible values, those included whose row fell to another column."""
    rulers = {}
    for name in NUMBERS:
        one = found[name]
        low, high, whole = one.low, one.high, one.whole
        for rows in cleaned.dropped:
            possible, _ = _possible(name, cleaned.audit.valid.get(name, EVERYTHING))
            x = number(name)
            (row,) = answers(
                rows.filter(possible).select(
                    x.min().alias("low"),
                    x.max().alias("high"),
                    (x != x.floor()).cast(nw.Int64).sum().alias("parts"),
                )
            )
            if row["low"] is not None and not math.isnan(row["low"]):
                low, high = min(low, float(row["low"])), max(high, float(row["high"]))
                whole = whole and not row["parts"]
        rulers[name] = ruler_of(low, high, whole=whole)
    return rulers


def _possible(name: str, valid: Range) -> tuple[nw.Expr, nw.Expr]:
    """Say what a possible value looks like, and one that is missing."""
    x = number(name)
    missing = x.is_null() | x.is_nan()
    possible = ~missing & (x.abs() <= LARGEST) & (x >= valid[0])
    if valid[1] is not None:
        possible = possible & (x <= valid[1])
    return possible, missing


def _numbers(
    cleaned: Cleaned, name: str, found: Summary, ruler: Ruler, spread: Spread, valid: Range, smallest: int
) -> Numbers:
    possible, missing = _possible(name, valid)
    kept = [int(n) for n in spread.bins]
    read, absent, outside = spread.bins.copy(), 0, 0
    for rows in cleaned.dropped:
        inside = bins_of(rows.filter(possible), name, ruler)
        nothing = len_of(rows.filter(missing))
        read += inside
        absent += nothing
        outside += len_of(rows) - nothing - int(inside.sum())
    shown = hide(kept, smallest=smallest)
    lost = _hidden([int(n) - m for n, m in zip(read, kept, strict=True)], shown, smallest)
    return Numbers(
        edges=ruler.edges,
        before=tuple(None if place in lost else int(n) for place, n in enumerate(read)),
        after=shown,
        missing=absent,
        outside=outside,
        mean=found.mean,
        sd=found.sd,
        quartiles=spread.quartiles,
    )


def _categories(
    cleaned: Cleaned, name: str, counts: Mapping[str, int], labels: Mapping[str, str], smallest: int
) -> Categories:
    after = merged(counts, labels)
    rare = next((label for value, label in labels.items() if label != value), None)
    known, missing = Counter(counts), 0
    for rows in cleaned.dropped:
        known.update(counts_of(rows, name))
        missing += len_of(rows.filter(nw.col(name).is_null()))
    # a value that only rows left out have is shown with the rare ones, and where there are none, not at all
    before = merged(known, {value: labels.get(value, rare or "") for value in known})
    values = sorted(after, key=lambda value: (value == rare, -after[value], value))
    kept = [after[value] for value in values]
    lost = _hidden([before.get(v, 0) - n for v, n in zip(values, kept, strict=True)], kept, smallest)
    return Categories(
        tuple(
            Category(
                v,
                None if place in lost else before.get(v, 0),
                after[v],
                merged=v == rare,
            )
            for place, v in enumerate(values)
        ),
        missing,
    )


def _hidden(lost: Sequence[int], kept: Sequence[int | None], smallest: int) -> set[int]:
    """Give the places where the rows as read are left out, since they would tell a few people who were dropped.

    That is where few were, or the rows kept aren't shown. Of those left out together a reader knows how many they lost, and
    that each lost one at least: so others join them, those that lost most first, until each may have lost as many as
    may be shown; and all, where they don't suffice.
    """
    hidden = [place for place, n in enumerate(lost) if 0 < n < smallest or kept[place] is None]
    others = sorted(
        set(range(len(lost))) - set(hidden), key=lambda place: (-lost[place], -(kept[place] or 0), place)
    )
    while others and hidden:
        together = sum(lost[place] for place in hidden)
        if len(hidden) > 1 and (not together or together - len(hidden) + 1 >= smallest):
            break
        hidden.append(others.pop(0))
    return set(hidden)
