"""Transitions: segments that survived, split, merged, vanished or emerged.

An unmatched new segment is either part of an old one, or emerged. An unmatched old segment either merged into a new one,
or vanished. The second question is the first with time reversed, and one function answers both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentation.facts import TransitionKind
from segmentation.preprocessing.scaling import Floats
from segmentation.tracking.matching import PreviousModel, SegmentLineage, SegmentMatch, compute_centre_distances
from segmentation.tracking.migration import MigrationCounts

MAJORITY_SHARE = 0.5  # share of a segment's users, beyond chance, that must come from one other segment


@dataclass(frozen=True, slots=True)
class Transition:
    """What became of one segment."""

    id: str
    """Last month's id, or this month's if it emerged."""
    kind: TransitionKind
    into: tuple[str, ...]
    """Ids of this month's segments that hold it: itself, its parts, or what it merged into; none if it vanished."""
    others: tuple[str, ...] = ()
    """If it merged: ids of last month's segments that went into the same one."""


@dataclass(frozen=True, slots=True)
class MonthSegments:
    """One month's segments, in last month's standard deviations."""

    centres: Floats  # shape (k, p)
    users: Floats  # shape (k,)
    radius: float  # root mean squared distance of a user to the centre, last month


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
    """Return what became of each segment.

    Parameters
    ----------
    previous : PreviousModel
        Last month's segments, k of them.
    centres : ndarray, shape (l, p)
        This month's centres in last month's standard deviations.
    sizes : sequence of float, length l
        Users in each of this month's segments.
    overlap : ndarray, shape (k, l)
        This month's users by last month's model and by this month's, as from `crosstab_with_previous`.
    flows : MigrationCounts, optional
        Given where users have ids. Then users decide; without it sizes and positions do.

    Returns
    -------
    tuple of Transition
        Last month's segments in their order, then those that emerged.

    References
    ----------
    .. [1] Spiliopoulou, Ntoutsi, Theodoridis, Schult (2006), "MONIC: modeling and monitoring cluster transitions",
       KDD. The transitions and their names are MONIC's. There a cluster survives by its overlap, here by its centre (see
       `match_centres`); the overlap decides about the rest.
    """
    last = MonthSegments(previous.centres, np.asarray(previous.users, dtype=float), previous.radius)
    now = replace(last, centres=centres, users=np.asarray(sizes, dtype=float))
    ids = lineage.ids
    forward = {pair.last: pair.now for pair in matches}
    backward = {pair.now: pair.last for pair in matches}
    parents: dict[int, int] = {}
    heirs: dict[int, int] = {}
    if not previous.ids or not len(now.users):
        pass  # one month has no segments: all vanished, or all emerged
    elif flows is None:
        parents = _find_parents_by_position(last, now, forward, overlap)
        heirs = _find_parents_by_position(now, last, backward, _replace_vacated_rows(last, now, overlap).T)
    else:
        counts = np.asarray(flows.users, dtype=float)
        parents = _find_parents_by_users(counts, np.asarray(flows.new, dtype=float), set(backward))
        heirs = _find_parents_by_users(counts.T, np.asarray(flows.gone, dtype=float), set(forward))
    parts = _group_parts(parents, forward)
    sources = _group_parts(heirs, backward)
    transitions = []
    for i, name in enumerate(previous.ids):
        whole = next((j for j, group in sources.items() if i in group), None)
        if i in parts:
            transitions.append(Transition(name, "split", tuple(ids[j] for j in parts[i])))
        elif whole is not None:
            others = tuple(previous.ids[n] for n in sources[whole] if n != i)
            transitions.append(Transition(name, "merged", (ids[whole],), others))
        elif i in forward:
            transitions.append(Transition(name, "survived", (ids[forward[i]],)))
        else:
            transitions.append(Transition(name, "vanished", ()))
    explained = {*backward, *sources, *(j for group in parts.values() for j in group)}
    emerged = [kept for kept in lineage.segments if kept.number not in explained]
    return (*transitions, *(Transition(kept.id, "emerged", (kept.id,)) for kept in emerged))


def _group_parts(wholes: dict[int, int], matched: dict[int, int]) -> dict[int, tuple[int, ...]]:
    """Return the parts of each whole that has several.

    The segment that continues the whole is one of its parts.
    """
    groups: dict[int, set[int]] = {}
    for part, whole in wholes.items():
        groups.setdefault(whole, {matched[whole]} if whole in matched else set()).add(part)
    return {whole: tuple(sorted(group)) for whole, group in groups.items() if len(group) > 1}


def _find_parents_by_users(counts: Floats, outside: Floats, matched: set[int]) -> dict[int, int]:
    """Return the row that each unmatched column comes from.

    Beyond chance, more than half of its users in both months must come from that row. Beyond the month's own rate, at most
    half of its users may come from outside.
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
    """Replace rows of emptied segments by their nearest successor.

    Emptied means that few of this month's users lie inside its old borders.
    """
    left = overlap.sum(axis=1) / now.users.sum()
    empty = left < MAJORITY_SHARE * last.users / last.users.sum()
    nearest = compute_centre_distances(last.centres, now.centres).argmin(axis=1)
    return np.where(empty[:, None], np.eye(len(now.users))[nearest], overlap)


def _find_parents_by_position(
    coarse: MonthSegments, fine: MonthSegments, matched: dict[int, int], overlap: Floats
) -> dict[int, int]:
    """Return the whole that each unmatched segment comes from.

    The candidate is the coarse segment whose borders hold most of its users. If the fine segment is a part of it, all parts
    together have the candidate's mean and share. If its users came from elsewhere, the segment that continues the candidate
    has its mean, and its share of all other users. The better fit decides.
    """
    found = {part: int(overlap[:, part].argmax()) for part in set(range(len(fine.users))) - {*matched.values()}}
    wholes = {}
    for whole in set(found.values()):
        parts = [part for part, of in found.items() if of == whole]
        if whole not in matched:
            fitting = parts if len(parts) > 1 else []
        elif _are_parts_of_whole(coarse, fine, whole, matched[whole], parts):
            fitting = parts
        else:
            fitting = [part for part in parts if _are_parts_of_whole(coarse, fine, whole, matched[whole], [part])]
        wholes.update(dict.fromkeys(fitting, whole))
    return wholes


def _are_parts_of_whole(coarse: MonthSegments, fine: MonthSegments, whole: int, rest: int, parts: list[int]) -> bool:
    """Tell whether parts and rest make up the whole.

    Compares by how many squared standard errors either reading misses the whole's mean and share. A better mean of the rest
    alone does not count: users who leave for one side move the common mean, too.
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
