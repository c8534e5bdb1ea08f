"""Every column before and after cleaning, in few enough numbers to draw."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import narwhals as nw

from segmentation.disclosure import sum_by_label, suppress_small_counts
from segmentation.facts import CategoryCount, CategoryDistribution, ColumnDistributions, NumberDistribution
from segmentation.options import ValidRange
from segmentation.preprocessing.aggregate import (
    ColumnSummary,
    cast_to_float,
    count_category_values,
    count_frame_rows,
    fetch_rows,
)
from segmentation.preprocessing.clean import CleanedUsers
from segmentation.preprocessing.quantiles import BinGrid, ColumnQuantiles, count_bins, make_bin_grid
from segmentation.schema import CATEGORIES, MAX_NUMBER, NUMBERS

UNBOUNDED: ValidRange = (-math.inf, None)


def describe_columns(
    cleaned: CleanedUsers,
    summaries: Mapping[str, ColumnSummary],
    quantiles: Mapping[str, tuple[BinGrid, ColumnQuantiles]],
    counts: Mapping[str, Mapping[str, int]],
    labels: Mapping[str, Mapping[str, str]],
    *,
    min_cell: int,
) -> ColumnDistributions:
    """Describe every number and category column, as read and as kept.

    Parameters
    ----------
    cleaned : Cleaned
        What cleaning made of the rows read.
    summaries : mapping of str to Summary
        By number column, of the users kept.
    quantiles : mapping of str to (Ruler, Spread)
        By number column, of the users kept, on the rulers of `build_bin_grids`.
    counts : mapping of str to mapping of str to int
        By category column: users kept with each value.
    labels : mapping of str to mapping of str to str
        By category column: the label under which each value is shown.
    min_cell : int
        Users below which a count is not shown.
    """
    valid = cleaned.audit.valid
    return ColumnDistributions(
        numbers={
            name: _describe_number(
                cleaned, name, summaries[name], *quantiles[name], valid.get(name, UNBOUNDED), min_cell
            )
            for name in NUMBERS
        },
        categories={
            name: _describe_category(cleaned, name, counts[name], labels[name], min_cell)
            for name in CATEGORIES
        },
    )


def build_bin_grids(cleaned: CleanedUsers, summaries: Mapping[str, ColumnSummary]) -> dict[str, BinGrid]:
    """Lay a ruler along each number's possible values, those included whose row fell to another column."""
    rulers = {}
    for name in NUMBERS:
        one = summaries[name]
        low, high, whole = one.low, one.high, one.is_integer
        for rows in cleaned.dropped:
            possible, _ = _build_validity_expressions(name, cleaned.audit.valid.get(name, UNBOUNDED))
            x = cast_to_float(name)
            (row,) = fetch_rows(
                rows.filter(possible).select(
                    x.min().alias("low"),
                    x.max().alias("high"),
                    (x != x.floor()).cast(nw.Int64).sum().alias("parts"),
                )
            )
            if row["low"] is not None and not math.isnan(row["low"]):
                low, high = min(low, float(row["low"])), max(high, float(row["high"]))
                whole = whole and not row["parts"]
        rulers[name] = make_bin_grid(low, high, integer=whole)
    return rulers


def _build_validity_expressions(name: str, valid: ValidRange) -> tuple[nw.Expr, nw.Expr]:
    """Say what a possible value looks like, and one that is missing."""
    x = cast_to_float(name)
    missing = x.is_null() | x.is_nan()
    possible = ~missing & (x.abs() <= MAX_NUMBER) & (x >= valid[0])
    if valid[1] is not None:
        possible = possible & (x <= valid[1])
    return possible, missing


def _describe_number(
    cleaned: CleanedUsers,
    name: str,
    found: ColumnSummary,
    ruler: BinGrid,
    spread: ColumnQuantiles,
    valid: ValidRange,
    smallest: int,
) -> NumberDistribution:
    possible, missing = _build_validity_expressions(name, valid)
    kept = [int(n) for n in spread.bin_counts]
    read, absent, outside = spread.bin_counts.copy(), 0, 0
    for rows in cleaned.dropped:
        inside = count_bins(rows.filter(possible), name, ruler)
        nothing = count_frame_rows(rows.filter(missing))
        read += inside
        absent += nothing
        outside += count_frame_rows(rows) - nothing - int(inside.sum())
    shown = suppress_small_counts(kept, min_cell=smallest)
    lost = _choose_suppressed_bins([int(n) - m for n, m in zip(read, kept, strict=True)], shown, smallest)
    return NumberDistribution(
        edges=ruler.edges,
        before=tuple(None if place in lost else int(n) for place, n in enumerate(read)),
        after=shown,
        missing=absent,
        outside=outside,
        mean=found.mean,
        sd=found.sd,
        quartiles=spread.quartiles,
    )


def _describe_category(
    cleaned: CleanedUsers, name: str, counts: Mapping[str, int], labels: Mapping[str, str], smallest: int
) -> CategoryDistribution:
    after = sum_by_label(counts, labels)
    rare = next((label for value, label in labels.items() if label != value), None)
    known, missing = Counter(counts), 0
    for rows in cleaned.dropped:
        known.update(count_category_values(rows, name))
        missing += count_frame_rows(rows.filter(nw.col(name).is_null()))
    # a value that only rows left out have is shown with the rare ones, and where there are none, not at all
    before = sum_by_label(known, {value: labels.get(value, rare or "") for value in known})
    values = sorted(after, key=lambda value: (value == rare, -after[value], value))
    kept = [after[value] for value in values]
    lost = _choose_suppressed_bins(
        [before.get(v, 0) - n for v, n in zip(values, kept, strict=True)], kept, smallest
    )
    return CategoryDistribution(
        tuple(
            CategoryCount(
                v,
                None if place in lost else before.get(v, 0),
                after[v],
                merged=v == rare,
            )
            for place, v in enumerate(values)
        ),
        missing,
    )


def _choose_suppressed_bins(lost: Sequence[int], kept: Sequence[int | None], smallest: int) -> set[int]:
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
