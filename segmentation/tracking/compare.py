"""Comparison of a month with the last one."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import KMeansModel
from segmentation.disclosure import MIN_CELL, suppress_small_counts, suppress_table
from segmentation.facts import (
    ColumnDrift,
    Facts,
    FeatureScale,
    MigrationMatrix,
    MonthComparison,
    NotFollowedReason,
    SegmentTransition,
    Trend,
    TrendLine,
)
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import cast_to_float, count_category_values, fetch_rows, summarise_columns
from segmentation.preprocessing.quantiles import compute_quantile_cuts, make_bin_grid
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.schema import USER_ID, Schema
from segmentation.tracking.continuity import (
    MIN_USERS,
    Quartiles,
    find_emptied_segments,
    measure_continuity,
    round_to_tenth,
)
from segmentation.tracking.drift import (
    add_heavy_value_edges,
    choose_bin_count,
    measure_binned_drift,
    measure_category_drift,
    measure_followed_changes,
)
from segmentation.tracking.matching import (
    PreviousModel,
    SegmentLineage,
    assign_ids,
    extract_previous_model,
    match_centres,
    rescale_values,
)
from segmentation.tracking.migration import MigrationCounts, count_migration
from segmentation.tracking.transitions import detect_transitions

FALSE_ALARM_RATE = 0.05  # probability that a month without drift reports any column as drifted
SEGMENT_COLUMN = "segment"  # column of a month's users with the id of their segment


@dataclass(frozen=True, slots=True)
class PreviousMonth:
    """The last month that was made."""

    facts: Facts
    users: Users | None  # with their segments, as archived; None if the archive has them no more

    def rename_segments(self, names: Mapping[str, str]) -> "PreviousMonth":
        """Return the month with some segments renamed, by id.

        Another segment that already has such a name gets its id added to it.
        """
        given = {name.casefold() for name in names.values()}
        segments = tuple(
            replace(one, name=names.get(one.id, f"{one.name} ({one.id})" if one.name.casefold() in given else one.name))
            for one in self.facts.segments
        )
        return replace(self, facts=replace(self.facts, segments=segments))

    def to_previous_model(self) -> PreviousModel:
        """Return its segments, as matching needs them."""
        return extract_previous_model(self.facts)

    def rescale_centres(self, scale: FeatureScale) -> Floats:
        """Return its centres in another month's standard deviations."""
        previous = self.to_previous_model()
        return rescale_values(previous.centres, previous.scale, scale)


def track_segments(
    last: PreviousMonth | None,
    points: Points,
    model: KMeansModel,
    sizes: Sequence[float],
    schema: Schema,
    *,
    highest_id: int = 0,
    names: Mapping[str, str] = MappingProxyType({}),
) -> SegmentLineage:
    """Assign ids, names and page order, continuing last month's.

    Parameters
    ----------
    last : PreviousMonth or None
        None in the first month: every segment is new.
    points : Points
        For the features' names and scaling.
    sizes : sequence of float
        Users in each of the model's segments.
    schema : Schema
        With the words for features and users.
    highest_id : int
        The highest number in an id of any archived month, so that no id is used twice.
    names : mapping of str to str
        Names that a person gave, by id; `last` has them already.
    """
    centres = [dict(zip(points.features, map(float, centre), strict=True)) for centre in model.centres]
    if last is None:
        empty = np.zeros((0, 0))
        previous = PreviousModel(FeatureScale({}, {}), (), (), empty, (), radius=0.0, last_id=highest_id)
        return assign_ids(previous, (), centres, sizes, schema, names)
    previous = last.to_previous_model()
    previous = replace(previous, last_id=max(previous.last_id, highest_id))
    rescaled = rescale_values(model.centres, points.scale, previous.scale)
    return assign_ids(previous, match_centres(previous, rescaled, sizes), centres, sizes, schema, names)


def compare_months(
    last: PreviousMonth,
    lineage: SegmentLineage,
    scale: FeatureScale,
    model: KMeansModel,
    sizes: Sequence[float],
    overlap: Floats,
    users: Users,
    schema: Schema,
    *,
    min_cell: int,
    quartiles: Quartiles = MappingProxyType({}),
) -> MonthComparison:
    """Return what changed since the last month.

    Parameters
    ----------
    scale : FeatureScale
        This month's.
    sizes : sequence of float
        Users in each of the model's segments.
    overlap : ndarray, shape (k of last month, k)
        This month's users by last month's model and by this month's, as from `crosstab_with_previous`.
    users : narwhals.DataFrame or LazyFrame
        This month's users with the ids of their segments.
    schema : Schema
        This month's columns.
    min_cell : int
        Users below which a count is not shown.
    quartiles : mapping of str to tuple of float
        This month's, by number column.
    """
    previous = last.to_previous_model()
    rescaled = rescale_values(model.centres, scale, previous.scale)
    flows = _count_migration(last, lineage, users)
    transitions = detect_transitions(
        previous,
        match_centres(previous, rescaled, list(sizes)),
        lineage,
        centres=rescaled,
        sizes=list(sizes),
        overlap=overlap,
        flows=flows,
    )
    now = {kept.id: kept for kept in lineage.segments}
    then = {segment.id: segment for segment in last.facts.segments}
    names = {id_: segment.name for id_, segment in then.items()} | {id_: kept.name for id_, kept in now.items()}
    same_borders = measure_shares_at_old_borders(previous.ids, overlap, min_cell=min_cell)
    return MonthComparison(
        month=last.facts.month,
        users=last.facts.audit.kept,
        segments=tuple(
            SegmentTransition(
                id=one.id,
                name=names[one.id],
                fate=one.kind,
                into=tuple(names[id_] for id_ in one.into),
                others=tuple(names[id_] for id_ in one.others),
                last_users=then[one.id].users if one.id in then else None,
                last_share=then[one.id].share if one.id in then else None,
                share=float(sizes[now[one.id].number] / sum(sizes)) if one.id in now else None,
                same_borders=same_borders.get(one.id) if one.id in now else None,
            )
            for one in transitions
        ),
        flow=None if flows is None else _suppress_migration(flows, names, min_cell),
        unfollowed=_find_not_followed_reason(last, users),
        drift=_measure_drift(last, users, schema, round(sum(sizes)), min_cell=min_cell),
        reliable=last.facts.structure.reliable,
        retention=None if flows is None else _compute_retention(flows),
        continuity={} if last.users is None else measure_continuity(last.facts, last.users, users, quartiles),
        emptied=tuple(previous.ids[i] for i in find_emptied_segments(previous.users, overlap.sum(axis=1).tolist())),
    )


def _compute_retention(flows: MigrationCounts) -> float | None:
    """Return the share of users in both months."""
    smaller = flows.retained_users + min(sum(flows.gone), sum(flows.new))
    return None if smaller < MIN_USERS else round_to_tenth(flows.retained_users / smaller)


def measure_shares_at_old_borders(ids: Sequence[str], overlap: Floats, *, min_cell: int) -> dict[str, float | None]:
    """Return segments' shares at last month's borders.

    None where so few users lie within the borders that the share is not shown. `ids` are last month's, a row of `overlap`
    each.
    """
    users = overlap.sum(axis=1)
    shown = suppress_small_counts([round(float(n)) for n in users], min_cell=min_cell)
    return {
        id_: None if count is None else float(n) / float(overlap.sum())
        for id_, n, count in zip(ids, users, shown, strict=True)
    }


def build_trend(months: Mapping[str, Sequence[tuple[str, str, float]]]) -> Trend:
    """Return the shares of all archived months.

    Parameters
    ----------
    months : mapping of str to sequence of (str, str, float)
        By month ("2026-10"): id, name and share of each of its segments; in any order.
    """
    calendar = _list_months(min(months), max(months)) if months else ()
    shares = {month: {id_: share for id_, _, share in months.get(month, ())} for month in calendar}
    names = {id_: name for month in calendar for id_, name, _ in months.get(month, ())}  # the latest stays
    # a person may have given a segment the name of one that is gone
    repeated = {name for name, times in Counter(names.values()).items() if times > 1}
    latest = shares[calendar[-1]] if calendar else {}
    names = {id_: f"{name} ({id_})" if name in repeated and id_ not in latest else name for id_, name in names.items()}
    lines = [
        TrendLine(id_, names[id_], tuple(shares[month].get(id_) for month in calendar))
        for id_ in sorted(names, key=lambda id_: (int(re.sub(r"\D", "", id_) or 0), id_))
    ]
    return Trend(months=calendar, lines=tuple(lines))


def _list_months(first: str, last: str) -> tuple[str, ...]:
    """List the months from first to last."""
    start, end = (int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (first, last))
    return tuple(f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(start, end + 1))


def _find_not_followed_reason(last: PreviousMonth, users: Users) -> NotFollowedReason | None:
    """Return why users can't be followed, or None."""
    if USER_ID not in users.collect_schema():
        return "no ids"
    if last.users is None:
        return "no last users"
    return "no last ids" if USER_ID not in last.users.collect_schema() else None


def _count_migration(last: PreviousMonth, lineage: SegmentLineage, users: Users) -> MigrationCounts | None:
    """Count users by last and new segment."""
    before = last.users
    if before is None or _find_not_followed_reason(last, users):
        return None
    rows = [segment.id for segment in last.facts.segments]
    columns = [kept.id for kept in lineage.segments]
    if isinstance(users, nw.DataFrame):  # in memory the two months may be frames of different libraries
        before, users = (month.select(USER_ID, SEGMENT_COLUMN).lazy().collect("pandas") for month in (before, users))
    return count_migration(before, users, SEGMENT_COLUMN, rows=rows, columns=columns)


def _suppress_migration(flows: MigrationCounts, names: Mapping[str, str], min_cell: int) -> MigrationMatrix:
    """Leave out counts that would give a user away.

    The pages show the months' sizes. With the users in both months a reader knows how many are new and gone, and with those
    who stayed the sum of the diagonal. Both are shown only where they reveal no small count.
    """
    k, m = len(flows.rows), len(flows.columns)
    both = (
        None
        if any(0 < n < min_cell for n in (flows.retained_users, sum(flows.gone), sum(flows.new)))
        else flows.retained_users
    )
    totals = ((k, m + 1), (k + 1, m), (k + 1, m + 1)) if both is not None else ()
    shown = suppress_table(flows.table, min_cell=min_cell, known_cells=(*flows.known_cells, *totals))
    stayed = [shown.cells[i][flows.columns.index(id_)] for i, id_ in enumerate(flows.rows) if id_ in flows.columns]
    return MigrationMatrix(
        rows=tuple(names[id_] for id_ in flows.rows),
        columns=tuple(names[id_] for id_ in flows.columns),
        users=tuple(row[:-1] for row in shown.cells[:-1]),
        gone=tuple(row[-1] for row in shown.cells[:-1]),
        new=shown.cells[-1][:-1],
        both=both,
        stayed=None if not both or None in stayed else flows.stayed_users / both,
    )


def _measure_drift(
    last: PreviousMonth, users: Users, schema: Schema, now: int, *, min_cell: int = MIN_CELL
) -> dict[str, ColumnDrift]:
    """Measure the drift of columns that both months have.

    Empty if the last month's users are not in the archive. All columns together give a false alarm in at most one of twenty
    months (Bonferroni); where users are followed, their tests get half of that.
    """
    if last.users is None:
        return {}
    # columns may have been added since, or be another kind now
    there, known = last.users.collect_schema(), last.facts.distributions
    names = [name for name in schema.numbers if name in there and name in known.numbers]
    categories = [name for name in schema.categories if name in there and name in known.categories]
    can_follow = _find_not_followed_reason(last, users) is None
    level = FALSE_ALARM_RATE / max(1, len(names) + len(categories)) / (2 if can_follow else 1)
    counts = {
        name: (count_category_values(last.users, name), count_category_values(users, name)) for name in categories
    }
    by_category = {name: measure_category_drift(*both, level=level) for name, both in counts.items()}
    sizes = last.facts.audit.kept, now
    drift = measure_number_drift(last.users, users, names, choose_bin_count(*sizes), level=level) | by_category
    if not can_follow:
        return drift
    followed = measure_followed_changes(last.users, users, names, counts, sizes=sizes, level=level, min_cell=min_cell)
    return {name: replace(one, followed=followed.get(name)) for name, one in drift.items()}


def measure_number_drift(
    last: Users, now: Users, names: Sequence[str], bins: int, *, level: float
) -> dict[str, ColumnDrift]:
    """Measure the drift of number columns.

    Last month's quantiles are the edges of the bins. There are fewer bins where many users share a value.
    """
    edges = {}
    for name, one in summarise_columns(last, names).items():
        cuts, shares = compute_quantile_cuts(last, name, make_bin_grid(one.low, one.high, integer=one.is_integer), bins)
        edges[name] = add_heavy_value_edges(cuts, shares, bins)
    at_or_above = [
        (cast_to_float(name) >= float(edge)).cast(nw.Int64).sum().alias(f"_{name}_{place}")
        for name, own in edges.items()
        for place, edge in enumerate(own)
    ]
    known = [nw.col(name).count().alias(f"_{name}") for name in edges]
    rows = [fetch_rows(month.select(*known, *at_or_above))[0] for month in (last, now)] if edges else []
    counts = {
        name: np.array(
            [-np.diff([row[f"_{name}"], *(row[f"_{name}_{place}"] for place in range(len(own))), 0]) for row in rows]
        ).astype(np.int64)
        for name, own in edges.items()
    }
    return {name: measure_binned_drift(found, level=level) for name, found in counts.items()}
