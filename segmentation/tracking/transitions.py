"""What became of each segment: survived, split, merged or vanished, and which ones emerged.

A new segment is either part of an old one or people who were no segment before; an old one that nothing continues
either went into a new one or is gone. The second question is the first one with time reversed, and so is its answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from segmentation.preprocessing.scaling import Floats
from segmentation.tracking.matching import (
    PreviousModel,
    SegmentLineage,
    SegmentMatch,
    compute_centre_distances,
)
from segmentation.tracking.migration import MigrationCounts

Kind = Literal["survived", "split", "merged", "vanished", "emerged"]
MAJORITY_SHARE = (
    0.5  # part of a segment's people, beyond what chance would give, that must come from one other
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What became of one segment."""

    id: str
    """Last month's id; this month's for one that emerged."""
    kind: Kind
    """What happened."""
    into: tuple[str, ...]
    """Ids of this month's segments that hold it now: itself, its parts, or what it merged into; none if vanished."""
    others: tuple[str, ...] = ()
    """For one that merged: ids of last month's segments that went into the same."""


@dataclass(frozen=True, slots=True)
class MonthSegments:
    """The segments of one of two months, in one space, by their number.

    Attributes
    ----------
    centres : ndarray, shape (k, p)
        In last month's standard deviations, for both months.
    users : ndarray, shape (k,)
        Users in each.
    radius : float
        Root of the mean squared distance of a user to the own centre, last month.
    """

    centres: Floats
    users: Floats
    radius: float


def detect_transitions(
    previous: PreviousModel,
    matches: Sequence[SegmentMatch],
    lineage: SegmentLineage,
    *,
    centres: Floats,
    sizes: Sequence[float],
    overlap: Floats,
    flows: MigrationCounts | None = None,
) -> tuple[Transition, ...]:
    """Say what became of each of last month's segments, and which of this month's emerged.

    Parameters
    ----------
    previous : Past
        Last month's segments, k of them.
    matches, lineage : sequence of Match, Lineage
        As from `history.match_centres` and `history.assign_ids`.
    centres : ndarray, shape (l, p)
        This month's centres in last month's standard deviations.
    sizes : sequence of float, length l
        Users in each of this month's segments.
    overlap : ndarray, shape (k, l)
        This month's users by last month's model (rows) and this month's own (columns), as `flows.crosstab_with_previous` counts them.
    flows : Flows, optional
        People in both months, new and gone, where users have ids. Then people decide; else masses and places do.

    Returns
    -------
    tuple of Fate
        Last month's segments in their order, then those that emerged.

    References
    ----------
    .. [1] Spiliopoulou, Ntoutsi, Theodoridis, Schult (2006), "MONIC: modeling and monitoring cluster transitions",
       KDD. The transitions and their names from there. There a cluster survives by its overlap, here by its centre
       (see `history.match_centres`); the overlap decides about the rest.
    """
    last = MonthSegments(previous.centres, np.asarray(previous.users, dtype=float), previous.radius)
    now = replace(last, centres=centres, users=np.asarray(sizes, dtype=float))
    ids = lineage.ids
    forward = {pair.last: pair.now for pair in matches}
    backward = {pair.now: pair.last for pair in matches}
    parents: dict[int, int] = {}
    heirs: dict[int, int] = {}
    if not previous.ids or not len(now.users):
        pass  # a month without segments: all are gone, or new
    elif flows is None:
        parents = _find_parents_by_position(last, now, forward, overlap)
        heirs = _find_parents_by_position(now, last, backward, _replace_vacated_rows(last, now, overlap).T)
    else:
        counts = np.asarray(flows.users, dtype=float)
        parents = _find_parents_by_users(counts, np.asarray(flows.new, dtype=float), set(backward))
        heirs = _find_parents_by_users(counts.T, np.asarray(flows.gone, dtype=float), set(forward))
    parts = _group_parts(parents, forward)
    sources = _group_parts(heirs, backward)
    fates = []
    for i, name in enumerate(previous.ids):
        whole = next((j for j, group in sources.items() if i in group), None)
        if i in parts:
            fates.append(Transition(name, "split", tuple(ids[j] for j in parts[i])))
        elif whole is not None:
            others = tuple(previous.ids[n] for n in sources[whole] if n != i)
            fates.append(Transition(name, "merged", (ids[whole],), others))
        elif i in forward:
            fates.append(Transition(name, "survived", (ids[forward[i]],)))
        else:
            fates.append(Transition(name, "vanished", ()))
    explained = {*backward, *sources, *(j for group in parts.values() for j in group)}
    emerged = [kept for kept in lineage.segments if kept.number not in explained]
    return (*fates, *(Transition(kept.id, "emerged", (kept.id,)) for kept in emerged))


def _group_parts(wholes: dict[int, int], matched: dict[int, int]) -> dict[int, tuple[int, ...]]:
    """List the parts of each whole, the one that continues it among them; a whole of one part has none."""
    groups: dict[int, set[int]] = {}
    for part, whole in wholes.items():
        groups.setdefault(whole, {matched[whole]} if whole in matched else set()).add(part)
    return {whole: tuple(sorted(group)) for whole, group in groups.items() if len(group) > 1}


def _find_parents_by_users(counts: Floats, outside: Floats, matched: set[int]) -> dict[int, int]:
    """Find the whole of each unmatched column: the row that its people come from.

    Of the people in both months, more than half of what chance leaves open must come from one row; and not more
    than half of what is left open by the month's own rate may come from outside.
    """
    known = counts.sum(axis=0)
    usual = counts.sum(axis=1) / max(counts.sum(), 1)
    rate = outside.sum() / max(outside.sum() + counts.sum(), 1)
    wholes = {}
    for j in set(range(counts.shape[1])) - matched:
        if known[j] == 0 or outside[j] / (outside[j] + known[j]) > rate + MAJORITY_SHARE * (1 - rate):
            continue
        i = int(counts[:, j].argmax())
        if counts[i, j] / known[j] > usual[i] + MAJORITY_SHARE * (1 - usual[i]):
            wholes[j] = i
    return wholes


def _replace_vacated_rows(last: MonthSegments, now: MonthSegments, overlap: Floats) -> Floats:
    """Where hardly anybody is left inside a segment's old borders, count the nearest of this month's instead."""
    left = overlap.sum(axis=1) / now.users.sum()
    empty = left < MAJORITY_SHARE * last.users / last.users.sum()
    nearest = compute_centre_distances(last.centres, now.centres).argmin(axis=1)
    return np.where(empty[:, None], np.eye(len(now.users))[nearest], overlap)


def _find_parents_by_position(
    coarse: MonthSegments, fine: MonthSegments, matched: dict[int, int], overlap: Floats
) -> dict[int, int]:
    """Find the whole of each unmatched segment of the fine side, by where it lies and how many it holds.

    The candidate is the coarse segment whose borders hold most of its users. If they are part of it, the parts
    together have its mean and its share of all users; if they came from elsewhere, what continues the candidate has
    its mean, and its share of all other users. Which of the two the month fits better, decides.
    """
    found = {
        part: int(overlap[:, part].argmax()) for part in set(range(len(fine.users))) - {*matched.values()}
    }
    wholes = {}
    for whole in set(found.values()):
        parts = [part for part, of in found.items() if of == whole]
        if whole not in matched:
            fitting = parts if len(parts) > 1 else []
        elif _are_parts_of_whole(coarse, fine, whole, matched[whole], parts):
            fitting = parts
        else:
            fitting = [
                part for part in parts if _are_parts_of_whole(coarse, fine, whole, matched[whole], [part])
            ]
        wholes.update(dict.fromkeys(fitting, whole))
    return wholes


def _are_parts_of_whole(
    coarse: MonthSegments, fine: MonthSegments, whole: int, rest: int, parts: list[int]
) -> bool:
    """Tell whether the parts and the rest were the whole, rather than the rest alone.

    Compared are squared standard errors by which either story misses the whole's mean and its share. A better mean
    of the rest alone is no argument: people who leave for one side move the common mean, too.
    """
    n, m = coarse.users.sum(), fine.users.sum()
    together = [rest, *parts]
    mass = fine.users[together].sum()
    mean = np.average(fine.centres[together], axis=0, weights=fine.users[together])
    size = coarse.users[whole]
    variance = coarse.radius**2 / coarse.centres.shape[1]

    def measure_mean_error(centre: Floats, users: float) -> float:
        return float(((centre - coarse.centres[whole]) ** 2).sum() / (variance * (1 / size + 1 / users)))

    def measure_share_error(users: float, of: float) -> float:
        common = (size + users) / (n + of)
        spread = max(common * (1 - common), 1e-9) * (1 / n + 1 / of)
        return float((size / n - users / of) ** 2 / spread)

    alone = fine.users[rest]
    by_mean = measure_mean_error(fine.centres[rest], alone) - measure_mean_error(mean, mass)
    by_share = measure_share_error(alone, m - fine.users[parts].sum()) - measure_share_error(mass, m)
    return max(by_mean, 0.0) + by_share > 0
