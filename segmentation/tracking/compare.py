"""What changed since the last month: ids and names carried on, what became of each segment, who moved, what drifted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import KMeansModel
from segmentation.disclosure import suppress_small_counts, suppress_table
from segmentation.facts import (
    ColumnDrift,
    Facts,
    FeatureScale,
    MigrationMatrix,
    MonthComparison,
    NotFollowedReason,
    SegmentTransition,
)
from segmentation.preprocessing.aggregate import (
    cast_to_float,
    count_category_values,
    fetch_rows,
    summarise_columns,
)
from segmentation.preprocessing.quantiles import compute_quantile_cuts, make_bin_grid
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.schema import CATEGORIES, NUMBERS, USER_ID, Users
from segmentation.tracking.drift import PsiTest as Measured
from segmentation.tracking.drift import (
    add_heavy_value_edges,
    choose_bin_count,
    measure_binned_drift,
    measure_category_drift,
    measure_number_drift,
)
from segmentation.tracking.matching import (
    PreviousModel,
    SegmentLineage,
    assign_ids,
    extract_previous_model,
    match_centres,
    rescale_values,
)
from segmentation.tracking.migration import (
    MigrationCounts,
    count_migration,
    count_migration_by_join,
    decompose_share_changes,
)
from segmentation.tracking.transitions import detect_transitions

FALSE_ALARM_RATE = 0.05  # probability that a month without drift names a column that has drifted
SEGMENT_COLUMN = "segment"  # column of a month's users: the id of each one's segment


@dataclass(frozen=True, slots=True)
class PreviousMonth:
    """The last month that was made.

    Attributes
    ----------
    facts : Facts
        Its facts.
    users : narwhals.DataFrame, LazyFrame or None
        Its users with their segments, as they were archived; None where they are no longer there.
    """

    facts: Facts
    users: Users | None

    def rename_segments(self, names: Mapping[str, str]) -> "PreviousMonth":
        """Give the same with names by id; another segment that has such a name already is told from it by its id."""
        given = {name.casefold() for name in names.values()}
        segments = tuple(
            replace(
                one,
                name=names.get(
                    one.id, f"{one.name} ({one.id})" if one.name.casefold() in given else one.name
                ),
            )
            for one in self.facts.segments
        )
        return replace(self, facts=replace(self.facts, segments=segments))

    def to_previous_model(self) -> PreviousModel:
        """Give its segments as history wants them."""
        kept = self.facts.lineage
        return extract_previous_model(self.facts, last_id=kept.last_id, retired=kept.retired)

    def rescale_centres(self, scale: FeatureScale) -> Floats:
        """Give its centres in another month's standard deviations, shape (k, p)."""
        past = self.to_previous_model()
        return rescale_values(past.centres, past.scale, scale)


def track_segments(
    last: PreviousMonth | None,
    points: Points,
    model: KMeansModel,
    sizes: Sequence[float],
    *,
    highest_id: int = 0,
    names: Mapping[str, str] = MappingProxyType({}),
) -> SegmentLineage:
    """Give this month's segments their ids, names and places on the pages: the last month's wherever one continues it.

    Parameters
    ----------
    last : Last or None
        The last month; None for the first.
    points : Points
        For the features' names and scaling.
    model : Model
        This month's centres.
    sizes : sequence of float
        Users in each segment.
    highest_id : int
        The highest number in an id of any archived month, also of one that is not compared: a new segment is no old one.
    names : mapping of str to str
        Names that a person gives, by id; `last` has them already.
    """
    centres = [dict(zip(points.features, map(float, centre), strict=True)) for centre in model.centres]
    if last is None:
        return _start_lineage(centres, sizes, highest_id, names)
    past = last.to_previous_model()
    past = replace(past, last_id=max(past.last_id, highest_id))
    placed = rescale_values(model.centres, points.scale, past.scale)
    return assign_ids(past, match_centres(past, placed, sizes), centres, sizes, names)


def compare_months(
    last: PreviousMonth,
    lineage: SegmentLineage,
    scale: FeatureScale,
    model: KMeansModel,
    sizes: Sequence[float],
    overlap: Floats,
    users: Users,
    *,
    min_cell: int,
) -> MonthComparison:
    """Say what changed since the last month.

    Parameters
    ----------
    last : Last
        The last month.
    lineage : Lineage
        As from `track_segments`.
    scale, model : Scale, Model
        This month's, segments in the order of the model.
    sizes : sequence of float
        Users in each of them.
    overlap : ndarray, shape (k of last month, k)
        This month's users by last month's model and by this month's own, as from `flows.crosstab_with_previous`.
    users : narwhals.DataFrame or LazyFrame
        This month's users with the ids of their segments.
    min_cell : int
        Users below which a count is not shown.
    """
    past = last.to_previous_model()
    placed = rescale_values(model.centres, scale, past.scale)
    flows = _count_migration(last, lineage, users)
    fates = detect_transitions(
        past,
        match_centres(past, placed, list(sizes)),
        lineage,
        centres=placed,
        sizes=list(sizes),
        overlap=overlap,
        flows=flows,
    )
    now = {kept.id: kept for kept in lineage.segments}
    then = {segment.id: segment for segment in last.facts.segments}
    names = {id_: segment.name for id_, segment in then.items()} | {
        id_: kept.name for id_, kept in now.items()
    }
    inside = suppress_small_counts(
        [round(float(row.sum())) for row in overlap], min_cell=min_cell
    )  # last month's borders
    same = {
        shift.id: shift.same_borders
        for shift in decompose_share_changes(past, lineage.ids, overlap)
        if inside[past.ids.index(shift.id)] is not None
    }
    moved = tuple(
        SegmentTransition(
            id=fate.id,
            name=names[fate.id],
            fate=fate.kind,
            into=tuple(names[id_] for id_ in fate.into),
            others=tuple(names[id_] for id_ in fate.others),
            last_users=then[fate.id].users if fate.id in then else None,
            last_share=then[fate.id].share if fate.id in then else None,
            share=float(sizes[now[fate.id].number] / sum(sizes)) if fate.id in now else None,
            same_borders=same.get(fate.id),
        )
        for fate in fates
    )
    return MonthComparison(
        month=last.facts.month,
        users=last.facts.audit.kept,
        segments=moved,
        flow=None if flows is None else _suppress_migration(flows, names, min_cell),
        unfollowed=_find_not_followed_reason(last, users),
        drift=_measure_drift(last, users, round(sum(sizes))),
        reliable=last.facts.structure.reliable,
    )


def _start_lineage(
    centres: Sequence[Mapping[str, float]], users: Sequence[float], used: int, names: Mapping[str, str]
) -> SegmentLineage:
    """Begin a history: nothing to continue, so that every segment is new to it."""
    nobody = PreviousModel(
        FeatureScale({}, {}), ids=(), names=(), centres=np.zeros((0, 0)), users=(), radius=0.0, last_id=used
    )
    return assign_ids(nobody, (), centres, users, names)


def _find_not_followed_reason(last: PreviousMonth, users: Users) -> NotFollowedReason | None:
    """Say why nobody can be followed from the last month; None where users can."""
    if USER_ID not in users.collect_schema():
        return "no ids"
    if last.users is None:
        return "no last users"
    return "no last ids" if USER_ID not in last.users.collect_schema() else None


def _count_migration(last: PreviousMonth, lineage: SegmentLineage, users: Users) -> MigrationCounts | None:
    """Count who moved; None where nobody can be followed."""
    before = last.users
    if before is None or _find_not_followed_reason(last, users):
        return None
    rows = [segment.id for segment in last.facts.segments]
    columns = [kept.id for kept in lineage.segments]
    if isinstance(users, nw.DataFrame) and isinstance(before, nw.LazyFrame):  # one that shrank to fit memory
        before = before.select(USER_ID, SEGMENT_COLUMN).collect()
    if isinstance(before, nw.DataFrame) and isinstance(users, nw.DataFrame):
        return count_migration(
            before.get_column(USER_ID).to_list(),
            before.get_column(SEGMENT_COLUMN).to_list(),
            users.get_column(USER_ID).to_list(),
            users.get_column(SEGMENT_COLUMN).to_list(),
            rows=rows,
            columns=columns,
        )
    return count_migration_by_join(before, users, SEGMENT_COLUMN, rows=rows, columns=columns)


def _suppress_migration(flows: MigrationCounts, names: Mapping[str, str], smallest: int) -> MigrationMatrix:
    """Leave out of the flows what would give somebody away.

    The months' sizes are shown: with the people in both months a reader knows how many are new and gone, and with those
    who stayed the sum of the diagonal. Either is shown only where it tells no small count.
    """
    k, m = len(flows.rows), len(flows.columns)
    both = (
        None
        if any(0 < n < smallest for n in (flows.retained_users, sum(flows.gone), sum(flows.new)))
        else flows.retained_users
    )
    totals = ((k, m + 1), (k + 1, m), (k + 1, m + 1)) if both is not None else ()
    shown = suppress_table(flows.table, min_cell=smallest, known_cells=(*flows.known_cells, *totals))
    stayed = [
        shown.cells[i][flows.columns.index(id_)] for i, id_ in enumerate(flows.rows) if id_ in flows.columns
    ]
    return MigrationMatrix(
        rows=tuple(names[id_] for id_ in flows.rows),
        columns=tuple(names[id_] for id_ in flows.columns),
        users=tuple(row[:-1] for row in shown.cells[:-1]),
        gone=tuple(row[-1] for row in shown.cells[:-1]),
        new=shown.cells[-1][:-1],
        both=both,
        stayed=None if not both or None in stayed else flows.stayed_users / both,
    )


def _measure_drift(last: PreviousMonth, users: Users, now: int) -> dict[str, ColumnDrift]:
    """Measure the drift of every column that both months have; nothing where the last month's users are not there.

    All columns together give a false alarm once in twenty months at most (Bonferroni).
    """
    if last.users is None:
        return {}
    had = last.users.collect_schema()  # a column that the report has learnt of since isn't there
    names = [name for name in NUMBERS if name in had]
    categories = [name for name in CATEGORIES if name in had]
    level = FALSE_ALARM_RATE / max(1, len(names) + len(categories))
    drift = {
        name: measure_category_drift(
            count_category_values(last.users, name), count_category_values(users, name), level=level
        )
        for name in categories
    }
    if isinstance(last.users, nw.DataFrame) and isinstance(users, nw.DataFrame):
        numbers = {
            name: measure_number_drift(
                last.users.get_column(name).to_numpy(), users.get_column(name).to_numpy(), level=level
            )
            for name in names
        }
    else:
        numbers = _measure_number_drift_by_counts(last.users, users, names, last.facts.audit.kept, now, level)
    drift = numbers | drift
    return {name: ColumnDrift(psi=found.psi, critical=found.critical) for name, found in drift.items()}


def _measure_number_drift_by_counts(
    last: Users, users: Users, names: Sequence[str], n: int, m: int, level: float
) -> dict[str, Measured]:
    """Compare numbers by counts alone: last month's deciles first, then both months by them, a scan each."""
    bins = choose_bin_count(n, m)
    edges = {}
    for name, one in summarise_columns(last, names).items():
        cuts, shares = compute_quantile_cuts(
            last, name, make_bin_grid(one.low, one.high, integer=one.is_integer), bins
        )
        edges[name] = add_heavy_value_edges(cuts, shares, bins)
    asked = [
        (cast_to_float(name) >= float(edge)).cast(nw.Int64).sum().alias(f"_{name}_{place}")
        for name, own in edges.items()
        for place, edge in enumerate(own)
    ]
    rows = [fetch_rows(month.select(nw.len().alias("_n"), *asked))[0] for month in (last, users)]
    counts = {
        name: np.array(
            [
                -np.diff([row["_n"], *(row[f"_{name}_{place}"] for place in range(len(own))), 0])
                for row in rows
            ]
        ).astype(np.int64)
        for name, own in edges.items()
    }
    return {name: measure_binned_drift(found, level=level) for name, found in counts.items()}
