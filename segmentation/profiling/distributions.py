"""Distributions of every column, before and after cleaning."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import narwhals as nw

from segmentation.disclosure import sum_by_label, suppress_small_counts
from segmentation.facts import CategoryCount, CategoryDistribution, ColumnDistributions, NumberDistribution
from segmentation.preprocessing.aggregate import (
    ColumnSummary,
    cast_to_float,
    count_category_values,
    count_frame_rows,
    fetch_rows,
)
from segmentation.preprocessing.clean import CleanedUsers
from segmentation.preprocessing.quantiles import BinGrid, ColumnQuantiles, count_bins, make_bin_grid
from segmentation.schema import MAX_NUMBER, ValidRange

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
    """Describe every number and category column.

    Parameters
    ----------
    summaries, quantiles : mapping by number column
        Of the users kept; quantiles with the grids of `build_bin_grids`.
    counts : mapping of str to mapping of str to int
        By category column: users kept with each value.
    labels : mapping of str to mapping of str to str
        By category column: the label under which each value is shown.
    min_cell : int
        Users below which a count is not shown.
    """
    valid = cleaned.ranges
    return ColumnDistributions(
        numbers={
            name: _describe_number(
                cleaned, name, summaries[name], *quantiles[name], valid.get(name, UNBOUNDED), min_cell
            )
            for name in summaries
        },
        categories={name: _describe_category(cleaned, name, counts[name], labels[name], min_cell) for name in counts},
    )


def build_bin_grids(cleaned: CleanedUsers, summaries: Mapping[str, ColumnSummary]) -> dict[str, BinGrid]:
    """Return the bins of each number column.

    The values of dropped rows count, too, if they are valid and no outliers.
    """
    grids = {}
    for name in summaries:
        one = summaries[name]
        low, high, whole = one.low, one.high, one.is_integer
        for rows in cleaned.dropped:
            is_valid, _ = _build_validity_expressions(name, cleaned.ranges.get(name, UNBOUNDED))
            x = cast_to_float(name)
            (row,) = fetch_rows(
                rows.filter(is_valid).select(
                    x.min().alias("low"), x.max().alias("high"), (x != x.floor()).cast(nw.Int64).sum().alias("parts")
                )
            )
            if row["low"] is not None and not math.isnan(row["low"]):
                low, high = min(low, float(row["low"])), max(high, float(row["high"]))
                whole = whole and not row["parts"]
        grids[name] = make_bin_grid(low, high, integer=whole)
    return grids


def _build_validity_expressions(name: str, valid: ValidRange) -> tuple[nw.Expr, nw.Expr]:
    """Return the conditions for valid and for missing values."""
    x = cast_to_float(name)
    missing = x.is_null() | x.is_nan()
    is_valid = ~missing & (x.abs() <= MAX_NUMBER) & (x >= valid[0])
    if valid[1] is not None:
        is_valid = is_valid & (x <= valid[1])
    return is_valid, missing


def _describe_number(
    cleaned: CleanedUsers,
    name: str,
    summary: ColumnSummary,
    grid: BinGrid,
    quantiles: ColumnQuantiles,
    valid: ValidRange,
    min_cell: int,
) -> NumberDistribution:
    is_valid, is_missing = _build_validity_expressions(name, valid)
    kept = [int(n) for n in quantiles.bin_counts]
    read, missing, outside = quantiles.bin_counts.copy(), 0, 0
    for rows in cleaned.dropped:
        dropped = count_bins(rows.filter(is_valid), name, grid)
        empty = count_frame_rows(rows.filter(is_missing))
        read += dropped
        missing += empty
        outside += count_frame_rows(rows) - empty - int(dropped.sum())
    shown = suppress_small_counts(kept, min_cell=min_cell)
    hidden = _choose_suppressed_bins([int(n) - m for n, m in zip(read, kept, strict=True)], shown, min_cell)
    return NumberDistribution(
        edges=grid.edges,
        before=tuple(None if place in hidden else int(n) for place, n in enumerate(read)),
        after=shown,
        missing=missing,
        outside=outside,
        mean=summary.mean,
        sd=summary.sd,
        quartiles=quantiles.quartiles,
    )


def _describe_category(
    cleaned: CleanedUsers, name: str, counts: Mapping[str, int], labels: Mapping[str, str], min_cell: int
) -> CategoryDistribution:
    after = sum_by_label(counts, labels)
    rare = next((label for value, label in labels.items() if label != value), None)
    read, missing = Counter(counts), 0
    for rows in cleaned.dropped:
        read.update(count_category_values(rows, name))
        missing += count_frame_rows(rows.filter(nw.col(name).is_null()))
    # a value that only dropped rows have is shown with the rare values; without any of those it is not shown
    before = sum_by_label(read, {value: labels.get(value, rare or "") for value in read})
    values = sorted(after, key=lambda value: (value == rare, -after[value], value))
    kept = [after[value] for value in values]
    hidden = _choose_suppressed_bins([before.get(v, 0) - n for v, n in zip(values, kept, strict=True)], kept, min_cell)
    return CategoryDistribution(
        tuple(
            CategoryCount(v, None if place in hidden else before.get(v, 0), after[v], merged=v == rare)
            for place, v in enumerate(values)
        ),
        missing,
    )


def _choose_suppressed_bins(dropped: Sequence[int], kept: Sequence[int | None], min_cell: int) -> set[int]:
    """Return the bins whose rows before cleaning are hidden.

    Those with few dropped rows, which would show who was dropped, and those whose kept rows are not shown. A reader knows
    how many rows the hidden bins dropped together, and that each dropped one at least. So more bins are hidden, those with
    most dropped rows first, until any of them may have dropped `min_cell` rows; or all bins, if that is not enough.
    """
    hidden = [place for place, n in enumerate(dropped) if 0 < n < min_cell or kept[place] is None]
    others = sorted(
        set(range(len(dropped))) - set(hidden), key=lambda place: (-dropped[place], -(kept[place] or 0), place)
    )
    while others and hidden:
        together = sum(dropped[place] for place in hidden)
        if len(hidden) > 1 and (not together or together - len(hidden) + 1 >= min_cell):
            break
        hidden.append(others.pop(0))
    return set(hidden)
