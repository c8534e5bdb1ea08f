"""What changed since the last month: ids and names carried on, what became of each segment, who moved, what drifted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import narwhals as nw
import numpy as np

from segmentation.clusters import Model
from segmentation.disclosure import hide, suppress
from segmentation.drift import Drift as Measured
from segmentation.drift import bins_for, drift_of_category, drift_of_counts, drift_of_number, with_heavy
from segmentation.facts import Change, Drift, Facts, Flow, Moved, Scale, Unfollowed
from segmentation.fates import fates_of
from segmentation.features import Floats, Points
from segmentation.flows import Flows, flow, flow_of_tables, shifts_of
from segmentation.history import Lineage, Past, keep, match, past_of, rescale
from segmentation.schema import CATEGORIES, NUMBERS, USER_ID, Users
from segmentation.spreads import cuts_of, ruler_of
from segmentation.tally import answers, counts_of, number, summaries

FALSE_ALARM = 0.05  # probability that a month without drift names a column that has drifted
SEGMENT = "segment"  # column of a month's users: the id of each one's segment


@dataclass(frozen=True, slots=True)
class Last:
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

    def called(self, names: Mapping[str, str]) -> "Last":
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

    def past(self) -> Past:
        """Give its segments as history wants them."""
        kept = self.facts.lineage
        return past_of(self.facts, last_id=kept.last_id, retired=kept.retired)

    def centres(self, scale: Scale) -> Floats:
        """Give its centres in another month's standard deviations, shape (k, p)."""
        past = self.past()
        return rescale(past.centres, past.scale, scale)


def carry_on(
    last: Last | None,
    points: Points,
    model: Model,
    users: Sequence[float],
    *,
    used: int = 0,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Lineage:
    """Give this month's segments their ids, names and places on the pages: the last month's wherever one continues it.

    Parameters
    ----------
    last : Last or None
        The last month; None for the first.
    points : Points
        For the features' names and scaling.
    model : Model
        This month's centres.
    users : sequence of float
        Users in each segment.
    used : int
        The highest number in an id of any archived month, also of one that is not compared: a new segment is no old one.
    names : mapping of str to str
        Names that a person gives, by id; `last` has them already.
    """
    centres = [dict(zip(points.features, map(float, centre), strict=True)) for centre in model.centres]
    if last is None:
        return _first(centres, users, used, names)
    past = last.past()
    past = replace(past, last_id=max(past.last_id, used))
    placed = rescale(model.centres, points.scale, past.scale)
    return keep(past, match(past, placed, users), centres, users, names)


def compare(
    last: Last,
    lineage: Lineage,
    scale: Scale,
    model: Model,
    sizes: Sequence[float],
    overlap: Floats,
    users: Users,
    *,
    smallest: int,
) -> Change:
    """Say what changed since the last month.

    Parameters
    ----------
    last : Last
        The last month.
    lineage : Lineage
        As from `carry_on`.
    scale, model : Scale, Model
        This month's, segments in the order of the model.
    sizes : sequence of float
        Users in each of them.
    overlap : ndarray, shape (k of last month, k)
        This month's users by last month's model and by this month's own, as from `flows.cross`.
    users : narwhals.DataFrame or LazyFrame
        This month's users with the ids of their segments.
    smallest : int
        Users below which a count is not shown.
    """
    past = last.past()
    placed = rescale(model.centres, scale, past.scale)
    flows = _flows(last, lineage, users)
    fates = fates_of(
        past,
        match(past, placed, list(sizes)),
        lineage,
        centres=placed,
        users=list(sizes),
        overlap=overlap,
        flows=flows,
    )
    now = {kept.id: kept for kept in lineage.segments}
    then = {segment.id: segment for segment in last.facts.segments}
    names = {id_: segment.name for id_, segment in then.items()} | {
        id_: kept.name for id_, kept in now.items()
    }
    inside = hide([round(float(row.sum())) for row in overlap], smallest=smallest)  # last month's borders
    same = {
        shift.id: shift.same_borders
        for shift in shifts_of(past, lineage.ids, overlap)
        if inside[past.ids.index(shift.id)] is not None
    }
    moved = tuple(
        Moved(
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
    return Change(
        month=last.facts.month,
        users=last.facts.audit.kept,
        segments=moved,
        flow=None if flows is None else _shown(flows, names, smallest),
        unfollowed=_why_not_followed(last, users),
        drift=_drift(last, users, round(sum(sizes))),
        reliable=last.facts.structure.reliable,
    )


def _first(
    centres: Sequence[Mapping[str, float]], users: Sequence[float], used: int, names: Mapping[str, str]
) -> Lineage:
    """Begin a history: nothing to continue, so that every segment is new to it."""
    nobody = Past(
        Scale({}, {}), ids=(), names=(), centres=np.zeros((0, 0)), users=(), radius=0.0, last_id=used
    )
    return keep(nobody, (), centres, users, names)


def _why_not_followed(last: Last, users: Users) -> Unfollowed | None:
    """Say why nobody can be followed from the last month; None where users can."""
    if USER_ID not in users.collect_schema():
        return "no ids"
    if last.users is None:
        return "no last users"
    return "no last ids" if USER_ID not in last.users.collect_schema() else None


def _flows(last: Last, lineage: Lineage, users: Users) -> Flows | None:
    """Count who moved; None where nobody can be followed."""
    before = last.users
    if before is None or _why_not_followed(last, users):
        return None
    rows = [segment.id for segment in last.facts.segments]
    columns = [kept.id for kept in lineage.segments]
    if isinstance(users, nw.DataFrame) and isinstance(before, nw.LazyFrame):  # one that shrank to fit memory
        before = before.select(USER_ID, SEGMENT).collect()
    if isinstance(before, nw.DataFrame) and isinstance(users, nw.DataFrame):
        return flow(
            before.get_column(USER_ID).to_list(),
            before.get_column(SEGMENT).to_list(),
            users.get_column(USER_ID).to_list(),
            users.get_column(SEGMENT).to_list(),
            rows=rows,
            columns=columns,
        )
    return flow_of_tables(before, users, SEGMENT, rows=rows, columns=columns)


def _shown(flows: Flows, names: Mapping[str, str], smallest: int) -> Flow:
    """Leave out of the flows what would give somebody away.

    The months' sizes are shown: with the people in both months a reader knows how many are new and gone, and with those
    who stayed the sum of the diagonal. Either is shown only where it tells no small count.
    """
    k, m = len(flows.rows), len(flows.columns)
    both = (
        None if any(0 < n < smallest for n in (flows.both, sum(flows.gone), sum(flows.new))) else flows.both
    )
    totals = ((k, m + 1), (k + 1, m), (k + 1, m + 1)) if both is not None else ()
    shown = suppress(flows.table, smallest=smallest, known=(*flows.known, *totals))
    stayed = [
        shown.cells[i][flows.columns.index(id_)] for i, id_ in enumerate(flows.rows) if id_ in flows.columns
    ]
    return Flow(
        rows=tuple(names[id_] for id_ in flows.rows),
        columns=tuple(names[id_] for id_ in flows.columns),
        users=tuple(row[:-1] for row in shown.cells[:-1]),
        gone=tuple(row[-1] for row in shown.cells[:-1]),
        new=shown.cells[-1][:-1],
        both=both,
        stayed=None if not both or None in stayed else flows.stayed / both,
    )


def _drift(last: Last, users: Users, now: int) -> dict[str, Drift]:
    """Measure the drift of every column that both months have; nothing where the last month's users are not there.

    All columns together give a false alarm once in twenty months at most (Bonferroni).
    """
    if last.users is None:
        return {}
    had = last.users.collect_schema()  # a column that the report has learnt of since isn't there
    names = [name for name in NUMBERS if name in had]
    categories = [name for name in CATEGORIES if name in had]
    level = FALSE_ALARM / max(1, len(names) + len(categories))
    drift = {
        name: drift_of_category(counts_of(last.users, name), counts_of(users, name), level=level)
        for name in categories
    }
    if isinstance(last.users, nw.DataFrame) and isinstance(users, nw.DataFrame):
        numbers = {
            name: drift_of_number(
                last.users.get_column(name).to_numpy(), users.get_column(name).to_numpy(), level=level
            )
            for name in names
        }
    else:
        numbers = _drift_of_numbers(last.users, users, names, last.facts.audit.kept, now, level)
    drift = numbers | drift
    return {name: Drift(psi=found.psi, critical=found.critical) for name, found in drift.items()}


def _drift_of_numbers(
    last: Users, users: Users, names: Sequence[str], n: int, m: int, level: float
) -> dict[str, Measured]:
    """Compare numbers by counts alone: last month's deciles first, then both months by them, a scan each."""
    bins = bins_for(n, m)
    edges = {}
    for name, one in summaries(last, names).items():
        cuts, shares = cuts_of(last, name, ruler_of(one.low, one.high, whole=one.whole), bins)
        edges[name] = with_heavy(cuts, shares, bins)
    asked = [
        (number(name) >= float(edge)).cast(nw.Int64).sum().alias(f"_{name}_{place}")
        for name, own in edges.items()
        for place, edge in enumerate(own)
    ]
    rows = [answers(month.select(nw.len().alias("_n"), *asked))[0] for month in (last, users)]
    counts = {
        name: np.array(
            [
                -np.diff([row["_n"], *(row[f"_{name}_{place}"] for place in range(len(own))), 0])
                for row in rows
            ]
        ).astype(np.int64)
        for name, own in edges.items()
    }
    return {name: drift_of_counts(found, level=level) for name, found in counts.items()}
