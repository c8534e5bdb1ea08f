"""Every column before and after cleaning, in few enough numbers to draw."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import narwhals as nw
import numpy as np

from segmentation.clean import Cleaned
from segmentation.disclosure import hide, merged
from segmentation.facts import Categories, Category, Distributions, Numbers
from segmentation.features import Floats
from segmentation.schema import CATEGORIES, NUMBERS, Frame

_BINS = 30  # about; the step between them is a round number


def describe(
    frame: Frame, cleaned: Cleaned, labels: Mapping[str, Mapping[str, str]], *, smallest: int
) -> Distributions:
    """Describe every number and category column, as read and as kept.

    Parameters
    ----------
    frame : narwhals.DataFrame
        One row a user, as read.
    cleaned : Cleaned
        What cleaning made of it.
    labels : mapping of str to mapping of str to str
        By category column: the label under which each value is shown.
    smallest : int
        Users below which a count is not shown.
    """
    valid = cleaned.audit.valid
    return Distributions(
        numbers={
            name: _numbers(
                _values(frame, name),
                _values(cleaned.users, name),
                valid.get(name, (-math.inf, None)),
                smallest,
            )
            for name in NUMBERS
        },
        categories={
            name: _categories(frame, cleaned.users, name, labels[name], smallest) for name in CATEGORIES
        },
    )


def relabel(users: Frame, labels: Mapping[str, Mapping[str, str]]) -> Frame:
    """Put rare categories under the label that they share."""
    columns = [
        nw.col(name).cast(nw.String).replace_strict(list(own), list(own.values()), return_dtype=nw.String)
        for name, own in labels.items()
        if any(value != label for value, label in own.items())
    ]
    return users.with_columns(*columns) if columns else users


def round_step(width: float, *, whole: bool = False) -> float:
    """Give the least of 1, 2, 2.5, 5 times a power of ten that is not below width; a whole number if asked for.

    Bins of 2.5 years would hold two and three of them in turn, and draw teeth that aren't there.
    """
    width = max(width, 1.0) if whole else width
    power = 10.0 ** math.floor(math.log10(width))
    steps = (power * step for step in (1, 2, 2.5, 5, 10))
    return next(s for s in steps if s >= width * (1 - 1e-9) and (not whole or s == round(s)))


def _values(frame: Frame, name: str) -> Floats:
    return frame.get_column(name).to_numpy().astype(float)


def _numbers(before: Floats, after: Floats, valid: tuple[float, float | None], smallest: int) -> Numbers:
    present = before[~np.isnan(before)]
    least, most = valid[0], math.inf if valid[1] is None else valid[1]
    outside = (present < least) | (present > most) | np.isinf(present)
    possible = present[~outside]  # with those whose row fell to another column: the bins hold every one
    whole = bool((possible == possible.round()).all())
    edges = _edges(float(possible.min()), float(possible.max()), whole=whole)
    q1, q2, q3 = (float(q) for q in np.quantile(after, [0.25, 0.5, 0.75]))
    read = [int(n) for n in np.histogram(possible, edges)[0]]
    kept = [int(n) for n in np.histogram(after, edges)[0]]
    shown = hide(kept, smallest=smallest)
    lost = _hidden([n - m for n, m in zip(read, kept, strict=True)], shown, smallest)
    return Numbers(
        edges=tuple(float(edge) for edge in edges),
        before=tuple(None if place in lost else n for place, n in enumerate(read)),
        after=shown,
        missing=int(np.isnan(before).sum()),
        outside=int(outside.sum()),
        mean=float(after.mean()),
        sd=float(after.std()),
        quartiles=(q1, q2, q3),
    )


def _edges(low: float, high: float, *, whole: bool) -> Floats:
    """Give the borders of the bins from low to high: multiples of a round step."""
    step = round_step((high - low or 1.0) / _BINS, whole=whole)
    first = math.floor(low / step)
    edges = np.arange(first, max(math.ceil(high / step), first + 1) + 1, dtype=float) * step
    # 3 * 0.1 is a little more than 0.3: unrounded, a value on a border would fall out, or into the wrong bin
    edges = edges.round(max(0, 2 - math.floor(math.log10(step))))
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _categories(
    frame: Frame, users: Frame, name: str, labels: Mapping[str, str], smallest: int
) -> Categories:
    after = merged(counts_of(users, name), labels)
    rare = next((label for value, label in labels.items() if label != value), None)
    known = counts_of(frame, name)
    # a value that only rows left out have is shown with the rare ones, and where there are none, not at all
    before = merged(known, {value: labels.get(value, rare or "") for value in known})
    values = sorted(after, key=lambda value: (value == rare, -after[value], value))
    missing = int(frame.get_column(name).is_null().sum())
    kept = [after[value] for value in values]
    lost = _hidden([before.get(v, 0) - n for v, n in zip(values, kept, strict=True)], kept, smallest)
    return Categories(
        tuple(
            Category(v, None if place in lost else before.get(v, 0), after[v])
            for place, v in enumerate(values)
        ),
        missing,
    )


def _hidden(lost: Sequence[int], kept: Sequence[int | None], smallest: int) -> set[int]:
    """Give the places where the rows as read are left out, since they would tell a few people who were dropped.

    That is where few were, or the rows kept aren't shown; and one more, the one that lost most, where there is a single
    such place: all that were read, less the others, would tell it.
    """
    hidden = {place for place, n in enumerate(lost) if 0 < n < smallest or kept[place] is None}
    others = sorted(
        set(range(len(lost))) - hidden, key=lambda place: (-lost[place], -(kept[place] or 0), place)
    )
    return hidden | set(others[:1]) if len(hidden) == 1 else hidden


def counts_of(frame: Frame, name: str) -> dict[str, int]:
    """Count the users with each value of a category; rows without one are left out."""
    present = frame.filter(~nw.col(name).is_null())
    counts: Counter[str] = Counter()  # added up: 1 and "1" read alike
    for value, n in present.group_by(name).agg(nw.len().alias("n")).iter_rows():
        counts[str(value)] += int(n)
    return counts
