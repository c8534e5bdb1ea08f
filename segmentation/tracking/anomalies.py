"""Anomalies: changes that suggest a wrong file.

A change has to exceed two limits at once. One is chance: how much two samples of the same users differ, given their size.
The other is a change that real users may make in a month, for with a million users chance explains almost nothing. So a
difference is an anomaly only if it exceeds the allowed change even after `CHANCE_SE` standard errors are taken off (a
minimum-effect test [1]_).

References
----------
.. [1] Murphy, Myors (1999), "Testing the hypothesis that treatments have negligible effects: minimum-effect tests in
   the general linear model", J. Appl. Psychol. 84(2).
.. [2] Przyborowski, Wilenski (1940), "Homogeneity of results in testing samples from Poisson series", Biometrika 31.
   Of two counts with the same expected value, one given their sum is binomial.
.. [3] Agresti, Caffo (2000), "Simple and effective confidence intervals for proportions and differences of
   proportions result from adding two successes and two failures", Am. Stat. 54(4).
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from segmentation.facts import Anomaly, CategoryCount, ColumnDistributions, Facts, NumberDistribution
from segmentation.preprocessing.spelling import normalise_text

CHANCE_SE = 4.0  # standard errors: exceeded by chance 6 times in 100,000
MAX_GROWTH_FACTOR = 1.5  # between the months' numbers of users, up or down
MAX_MEAN_FACTOR = 2.0  # between a column's means; units differ by 2.2 (pounds), 10, 12, 60, 100, 1,000
MAX_SCALE_FACTOR = (
    1.4  # between a column's quartiles and its means, all the same way; months without a fault stay far below
)
MIN_QUARTILES = 2  # of three, which a factor takes along
SCALE_SE = 5.0  # standard errors: exceeded by chance 6 times in ten million
OUTLIER_SPREAD = (
    10.0  # SDs over the distance of the quartiles from which single values make the mean: it has no say then
)
MAX_DROP_RATE_RISE = 0.05  # of all rows: rise of the share that one cleaning rule drops
VANISHED_ALPHA = 1e-5  # probability that chance alone removes a value
MIN_RETENTION = 0.05  # of the smaller month's users: fewer in both is nearly nobody
MIN_USUAL_RETENTION = 0.3  # what the month before kept, below which nearly nobody in both is nothing new
STRANGERS_AGREEMENT = 0.2  # at most, in every column: most of the users in both months are others
STABLE_AGREEMENT = 0.5  # from which a column is one that tells users apart
MAX_AGREEMENT_LEFT = 0.75  # of every such column's agreement: more may be left without a fault
MAX_COLUMN_AGREEMENT_LEFT = 0.25  # the same of one column
# how months made before `CategoryCount.merged` show their merged values
_OTHER_LABEL = re.compile(r"Other \(\d+\)")


def detect_anomalies(now: Facts, last: Facts | None, *, current_month: str) -> tuple[Anomaly, ...]:
    """List anomalies for a person to check, gravest first.

    Parameters
    ----------
    now, last : Facts
        This month and the last that was made, if there is one.
    current_month : str
        The month in which the run takes place, "2026-11". Synthetic months may lie in the future.
    """
    found: list[Anomaly] = []
    if now.month > current_month and not now.source.synthetic:
        found.append(Anomaly("future"))
    if last is not None:
        last = _normalise_categories(last)
        if now.source.sha256 == last.source.sha256 or _has_same_users(now, last):
            found.append(Anomaly("same_file"))
        found += [
            *_check_row_count(now, last),
            *_check_units(now, last),
            *_check_drop_rates(now, last),
            *_check_vanished_values(now, last),
            *_check_identities(now, last),
        ]
        found += _check_continuity(now, found)
        found = [one if one.kind == "future" else replace(one, month=one.month or last.month) for one in found]
    return tuple(found)


def exceeds_factor(ratio: float, error: float, allowed: float) -> bool:
    """Tell whether a ratio exceeds a factor, either way.

    Chance is allowed for.

    Parameters
    ----------
    ratio : float
        More than 0.
    error : float
        Standard error of its logarithm.
    allowed : float
        The factor, more than 1.

    Examples
    --------
    Three times as many, or a third: with 10,000 users each a standard error of 0.02, with 20 one of 0.26.

    >>> exceeds_factor(3, 0.02, allowed=2), exceeds_factor(1 / 3, 0.02, allowed=2), exceeds_factor(3, 0.26, allowed=2)
    (True, True, False)
    """
    return abs(math.log(ratio)) - CHANCE_SE * error > math.log(allowed)


def is_drop_rate_higher(last: int, last_total: int, now: int, total: int) -> bool:
    """Tell whether a drop rate rose beyond chance [3]_.

    It was `last` of `last_total` rows and is `now` of `total`.

    Examples
    --------
    >>> is_drop_rate_higher(0, 1000, 300, 1000), is_drop_rate_higher(0, 10, 3, 10)
    (True, False)
    """
    p, q = (last + 1) / (last_total + 2), (now + 1) / (total + 2)
    error = math.sqrt(p * (1 - p) / (last_total + 2) + q * (1 - q) / (total + 2))
    return q - p - CHANCE_SE * error > MAX_DROP_RATE_RISE


def has_value_vanished(last: int, last_total: int, total: int, *, max_seen: int) -> bool:
    """Tell whether a value vanished beyond chance [2]_.

    Parameters
    ----------
    last, last_total : int
        Users with the value last month, and all users.
    total : int
        All users this month.
    max_seen : int
        The most of this month's users who may still have it.

    Examples
    --------
    Of 20 users, all in the first of two equal months: once in 2 ** 20, a million. Of 10: once in a thousand.

    >>> has_value_vanished(20, last_total=1000, total=1000, max_seen=0), has_value_vanished(10, last_total=1000, total=1000, max_seen=0)
    (True, False)
    """
    part, draws = total / (last_total + total), last + max_seen
    if max_seen >= draws * part:
        return False
    from scipy.special import bdtr  # noqa: PLC0415 - the pages load this module, and SciPy is slow to import

    return bool(bdtr(max_seen, draws, part) < VANISHED_ALPHA)


def _has_same_users(now: Facts, last: Facts) -> bool:
    """Tell whether both months have the same users.

    Then the audit, the distributions and the means are all equal, though spellings may differ.
    """
    audits = [replace(facts.audit, joined={}) for facts in (now, last)]
    return audits[0] == audits[1] and (_strip_merged_flags(now), now.averages) == (
        _strip_merged_flags(last),
        last.averages,
    )


def _normalise_categories(facts: Facts) -> Facts:
    """Normalise the category spellings of an old month."""
    categories = {}
    for name, table in facts.distributions.categories.items():
        values: dict[str, CategoryCount] = {}
        for item in table.values:
            value = normalise_text(item.value)
            one = values.get(value, CategoryCount(value, 0, 0, merged=item.merged))
            before = None if None in (one.before, item.before) else (one.before or 0) + (item.before or 0)
            values[value] = replace(one, before=before, after=one.after + item.after)
        ordered = tuple(sorted(values.values(), key=lambda item: -item.after))
        categories[name] = replace(
            table, values=ordered if len(ordered) < len(table.values) else tuple(values.values())
        )
    return replace(facts, distributions=replace(facts.distributions, categories=categories))


def _strip_merged_flags(facts: Facts) -> ColumnDistributions:
    """Return the distributions without `merged`, which old months lack."""
    categories = {
        name: replace(table, values=tuple(replace(item, merged=None) for item in table.values))
        for name, table in facts.distributions.categories.items()
    }
    return replace(facts.distributions, categories=categories)


def _check_row_count(now: Facts, last: Facts) -> Iterator[Anomaly]:
    """Compare the numbers of rows read."""
    n, m = now.audit.read, last.audit.read
    if exceeds_factor(n / m, math.sqrt(1 / n + 1 / m), MAX_GROWTH_FACTOR):
        yield Anomaly("users", last=m, now=n)


def _check_units(now: Facts, last: Facts) -> Iterator[Anomaly]:
    """Compare the means of number columns."""
    for name, here in now.distributions.numbers.items():
        there = last.distributions.numbers.get(name)
        if there is None or min(here.mean, there.mean) <= 0:
            continue
        error = math.hypot(
            _compute_relative_error(here, now.audit.kept), _compute_relative_error(there, last.audit.kept)
        )
        ratio = here.mean / there.mean
        if exceeds_factor(ratio, error, MAX_MEAN_FACTOR):
            yield Anomaly("unit", name, last=there.mean, now=here.mean)
        elif _has_scale_changed(here, now.audit.kept, there, last.audit.kept) and (
            _has_outlier(here) or _has_outlier(there) or abs(math.log(ratio)) > math.log(MAX_SCALE_FACTOR)
        ):
            yield Anomaly("scale", name, last=there.quartiles[1], now=here.quartiles[1])


def _has_scale_changed(here: NumberDistribution, users: int, there: NumberDistribution, last_users: int) -> bool:
    """Tell whether all quartiles moved by a factor.

    Only quartiles that are positive in both months are compared, two at least: above many zeros one says little. Between
    them the users are taken as spread evenly on the log scale, which gives their standard errors.
    """
    logs, errors = [], []
    for place, share in enumerate((0.25, 0.5, 0.75)):
        if min(here.quartiles[place], there.quartiles[place]) <= 0:
            continue
        logs.append(math.log(here.quartiles[place] / there.quartiles[place]))
        errors.append(
            math.hypot(
                _compute_quartile_error(here.quartiles, place, share, users),
                _compute_quartile_error(there.quartiles, place, share, last_users),
            )
        )
    if len(logs) < MIN_QUARTILES or min(logs) < 0 < max(logs):
        return False
    moved, error = abs(sum(logs)) / len(logs), sum(errors) / len(errors)  # as if the quartiles moved together
    return moved > max(math.log(MAX_SCALE_FACTOR), SCALE_SE * error) and 2 * min(map(abs, logs)) > moved


def _compute_quartile_error(quartiles: tuple[float, float, float], place: int, share: float, users: int) -> float:
    """Return the standard error of a quartile's logarithm."""
    near = [
        quartiles[other] for other in (place - 1, place + 1) if 0 <= other < len(quartiles) and quartiles[other] > 0
    ]
    step = 1 / quartiles[place] if all(value == int(value) for value in quartiles) else 0.0  # whole numbers jump
    width = max((abs(math.log(value / quartiles[place])) for value in near), default=1.0)
    return math.sqrt(share * (1 - share) / users) * max(width, step) / 0.25  # a quarter of the users over this width


def _has_outlier(numbers: NumberDistribution) -> bool:
    """Tell whether single values outweigh all others."""
    return numbers.sd > OUTLIER_SPREAD * (numbers.quartiles[2] - numbers.quartiles[0])


def _check_identities(now: Facts, last: Facts) -> Iterator[Anomaly]:
    """Check whether ids mean the users of before."""
    change = now.change
    if change is None:
        return
    before = last.change if last.month == change.month else None
    usual = 1.0
    if before is not None and before.retention is not None:  # per month, for as many months as lie between
        usual = before.retention ** (
            _count_months(change.month, now.month) / max(_count_months(before.month, last.month), 1)
        )
    if change.retention is not None and change.retention < MIN_RETENTION and usual >= MIN_USUAL_RETENTION:
        yield Anomaly("other_ids", now=MIN_RETENTION, month=change.month)
        return
    here = {name: one.agreement for name, one in change.continuity.items() if one.agreement is not None}
    known = before.continuity if before else {}
    there = {name: known[name].agreement or 0.0 for name in here if name in known}
    stable = {name: level for name, level in there.items() if level >= STABLE_AGREEMENT}
    lost = [name for name, level in stable.items() if here[name] <= MAX_COLUMN_AGREEMENT_LEFT * level]
    column = max(stable or here, key=lambda name: (stable or dict.fromkeys(here, 0.0))[name], default=None)
    if (len(here) > 1 and max(here.values()) <= STRANGERS_AGREEMENT) or (
        len(stable) > 1 and all(here[name] <= MAX_AGREEMENT_LEFT * level for name, level in stable.items())
    ):
        yield Anomaly("reused_ids", column, month=change.month)
    else:
        yield from (Anomaly("other_users", name, month=change.month) for name in lost)


def _count_months(first: str, last: str) -> int:
    """Count the months from one to another."""
    (a, b), (c, d) = ((int(month[:4]), int(month[5:7])) for month in (first, last))
    return 12 * (c - a) + d - b


def _check_continuity(now: Facts, found: Sequence[Anomaly]) -> list[Anomaly]:
    """List columns without ties, and segments without users.

    Where a column is in another unit, the segments' places mean nothing.
    """
    change = now.change
    if change is None:
        return []
    known = {one.column for one in found if one.kind == "other_users"}
    unrelated = [name for name, one in change.continuity.items() if one.unrelated and name not in known]
    rescaled = any(one.kind in ("unit", "scale") for one in found)
    emptied = [] if rescaled else [one for one in change.segments if one.id in change.emptied]
    return [Anomaly("unrelated", name, month=change.month) for name in unrelated] + [
        Anomaly("segment", value=one.name, last=one.last_users, month=change.month) for one in emptied
    ]


def _compute_relative_error(numbers: NumberDistribution, users: int) -> float:
    """Return the relative standard error of a mean."""
    return numbers.sd / numbers.mean / math.sqrt(users)


def _check_drop_rates(now: Facts, last: Facts) -> Iterator[Anomaly]:
    """Compare the share of rows that each rule drops."""
    before = {(drop.rule, drop.column): drop.rows for drop in last.audit.dropped}
    for drop in now.audit.dropped:
        rows = before.get((drop.rule, drop.column), 0)
        if is_drop_rate_higher(rows, last.audit.read, drop.rows, now.audit.read):
            yield Anomaly("lost", drop.column, drop.rule, last=rows / last.audit.read, now=drop.rows / now.audit.read)


def _check_vanished_values(now: Facts, last: Facts) -> Iterator[Anomaly]:
    """Find values of last month's categories that vanished.

    All users shown under "Other" may have such a value. But a merged value is rarer than any that is shown on its own, which
    bounds their number, too.
    """
    for name, table in last.distributions.categories.items():
        if name not in now.distributions.categories:
            continue
        here = now.distributions.categories[name].values
        values = {item.value for item in here if item.after}
        hidden = min(
            sum(item.after for item in here if _is_merged(item)),
            min((item.after for item in here if not _is_merged(item)), default=now.audit.kept),
        )
        for item in table.values:
            if item.value in values or _is_merged(item):
                continue
            if has_value_vanished(item.after, last.audit.kept, now.audit.kept, max_seen=hidden):
                yield Anomaly("gone", name, item.value, last=item.after, now=hidden)


def _is_merged(item: CategoryCount) -> bool:
    """Tell whether a value stands for several rare ones."""
    return _OTHER_LABEL.fullmatch(item.value) is not None if item.merged is None else item.merged
