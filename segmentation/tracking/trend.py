"""The shares of all segments over all archived months."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from segmentation.facts import Trend, TrendLine


def build_trend(months: Mapping[str, Sequence[tuple[str, str, float]]]) -> Trend:
    """Lay the shares of all archived months side by side.

    Parameters
    ----------
    months : mapping of str to sequence of (str, str, float)
        By month ("2026-10"): id, name and share of each of its segments; in any order.
    """
    calendar = _list_months(min(months), max(months)) if months else ()
    shares = {month: {id_: share for id_, _, share in months.get(month, ())} for month in calendar}
    names = {id_: name for month in calendar for id_, name, _ in months.get(month, ())}  # the latest stays
    # a name that a person gave may be that of a segment that is gone
    doubled = {name for name, times in Counter(names.values()).items() if times > 1}
    there = shares[calendar[-1]] if calendar else {}
    names = {
        id_: f"{name} ({id_})" if name in doubled and id_ not in there else name
        for id_, name in names.items()
    }
    lines = [
        TrendLine(id_, names[id_], tuple(shares[month].get(id_) for month in calendar))
        for id_ in sorted(names, key=lambda id_: (int(re.sub(r"\D", "", id_) or 0), id_))
    ]
    return Trend(months=calendar, lines=tuple(lines))


def _list_months(first: str, last: str) -> tuple[str, ...]:
    """List the months from first to last."""
    start, end = (int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (first, last))
    return tuple(f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(start, end + 1))
