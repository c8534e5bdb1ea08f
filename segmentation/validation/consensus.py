"""Consensus of seven criteria on the number of segments.

The consensus is no majority. The elbow, the silhouette, Caliński-Harabasz and Davies-Bouldin cannot answer 1: on users
without any structure they name 2 to 10 every time, and would outvote the rest. So two criteria that can say "none" hold
a veto: a k is supported when a density gap separates every segment from each neighbour (`separation`), and bootstraps find
every segment again (`stability`). The largest supported k counts: one more would cut a segment that has no gap in it, and
fewer would merge what a gap separates. If no k is supported, the consensus is 1. The other votes are shown beside it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from segmentation.facts import EvidenceLevel, SegmentStability, ValidityIndices, Vote
from segmentation.preprocessing.scaling import Points
from segmentation.thresholds import JACCARD_DOUBTFUL, JACCARD_STABLE
from segmentation.validation.elbow import Sweep, find_knee
from segmentation.validation.gap import GapCurves, GapStatistic, compute_gap_statistic
from segmentation.validation.separation import Separation, measure_separation_by_k
from segmentation.validation.stability import assess_stability

T = TypeVar("T")
MAX_BOOTSTRAP_POINTS = 5_000  # points of a bootstrap for the vote
_CONCLUSIVE_Z = 3.0  # z of a gap that needs no second criterion
_JACCARD_TOLERANCE = 0.01  # difference in mean Jaccard that 25 bootstraps can't detect


@dataclass(frozen=True, slots=True)
class KConsensus:
    """Whether there are segments, and how many."""

    votes: tuple[Vote, ...]
    k: int  # the consensus; 1 is "no reliable segments"
    supported_ks: tuple[int, ...]  # every k whose segments are all separated and stable
    separations: Mapping[int, Separation]  # by k, from 2
    stability: Mapping[int, tuple[SegmentStability, ...]]  # by k, from 2
    gap: GapStatistic

    def grade_evidence(self, k: int) -> EvidenceLevel:
        """Return how well k segments are supported.

        "clear": k is supported. "weak": another k is supported, or one of these segments is separated from all its
        neighbours. "none": there is no evidence of structure. Weak and none both carry a warning.
        """
        if k in self.supported_ks:
            return "clear"
        has_separated = k in self.separations and any(self.separations[k].separated_segments)
        return "weak" if self.supported_ks or has_separated else "none"


def assess_consensus(
    points: Points,
    sweep: Sweep,
    validity: ValidityIndices,
    get_curves: Callable[[], GapCurves],
    *,
    bootstraps: int = 25,
    seed: int,
    total_users: float | None = None,
    executor: Executor | None = None,
    previous: KConsensus | None = None,
    changed_ks: Collection[int] = (),
) -> KConsensus:
    """Collect every criterion's vote, and the consensus.

    Parameters
    ----------
    points : Points
        All users, or a sample of them: never cells, which lie on a lattice whose gaps would pass for density gaps, and
        which at a hundred million users make any dent significant. Tested with 300 to 20,000 users.
    sweep : Sweep
        The best model for every k tried.
    validity : ValidityIndices
        Of the same models, at least one: the ks that can be judged.
    get_curves : callable
        Waits for the curves of the gap statistic; called last.
    bootstraps : int
        For each k, for the vote only; a report's segments need 100.
    total_users : float, optional
        Users that the curve is of, where points are a sample.
    executor : Executor, optional
        Runs the bootstraps of some ks.
    previous : KConsensus, optional
        The consensus on a sweep that has other models at `changed_ks` alone: only those are assessed again.
    """
    ks = validity.k
    centres = {k: sweep.models[k].centres for k in (ks if previous is None else changed_ks)}
    separations = dict(previous.separations if previous else {})
    separations |= measure_separation_by_k(points, centres, seed=seed)
    some = _limit_points(points, np.random.default_rng(seed))
    tasks = {k: partial(assess_stability, some, c, draws=bootstraps, seed=seed) for k, c in centres.items()}
    stability = dict(previous.stability if previous else {}) | _run_split(tasks, executor)
    gap = compute_gap_statistic(
        get_curves(), sweep.inertia, total_users=points.users if total_users is None else total_users
    )
    supported = find_supported_ks(separations, stability, validity)
    votes = (
        Vote("elbow", find_knee(sweep.ks, sweep.inertia)),
        Vote("gap", gap.chosen_k),
        Vote("silhouette", validity.k[int(np.argmax(validity.silhouette))]),
        Vote("calinski_harabasz", validity.k[int(np.argmax(validity.calinski_harabasz))]),
        Vote("davies_bouldin", validity.k[int(np.argmin(validity.davies_bouldin))]),
        Vote("stability", _choose_most_stable_k({k: min(one.jaccard for one in stability[k]) for k in ks})),
        Vote("valleys", max((k for k in ks if separations[k].is_separated), default=1)),
    )
    return KConsensus(
        votes=votes,
        k=max(supported, default=1),
        supported_ks=supported,
        separations=separations,
        stability=stability,
        gap=gap,
    )


def find_supported_ks(
    separations: Mapping[int, Separation],
    stability: Mapping[int, Sequence[SegmentStability]],
    validity: ValidityIndices,
) -> tuple[int, ...]:
    """Return the ks with separated and stable segments.

    On few users a lucky cut can pass for a gap. So where the least certain gap is below three standard deviations,
    Caliński-Harabasz has to prefer k segments to k - 1.
    """
    ch = dict(zip(validity.k, validity.calinski_harabasz, strict=True))

    def is_corroborated(k: int) -> bool:
        is_certain = min(gap.z for gap in separations[k].gaps) >= _CONCLUSIVE_Z
        return is_certain or ch[k] > ch.get(k - 1, 0.0)

    return tuple(
        k
        for k in separations
        if separations[k].is_separated
        and min(one.jaccard for one in stability[k]) >= JACCARD_DOUBTFUL
        and is_corroborated(k)
    )


def _run_split(tasks: Mapping[int, Callable[[], T]], executor: Executor | None) -> dict[int, T]:
    """Run tasks here and in the executor."""
    submitted = {k: executor.submit(task) for k, task in reversed(list(tasks.items()))} if executor else {}
    here = {k: task() for k, task in tasks.items() if k not in submitted or submitted[k].cancel()}
    return {k: here[k] if k in here else submitted[k].result() for k in tasks}


def _limit_points(points: Points, rng: np.random.Generator) -> Points:
    """Return at most `MAX_BOOTSTRAP_POINTS` of the points.

    With fewer users segments are found again less often, never more often.
    """
    n = len(points.values)
    if n <= MAX_BOOTSTRAP_POINTS:
        return points
    return points.select_rows(rng.choice(n, MAX_BOOTSTRAP_POINTS, replace=False))


def _choose_most_stable_k(min_jaccards: Mapping[int, float]) -> int:
    """Return the k with the most stable weakest segment.

    Of equals the largest; 1 if it isn't stable.
    """
    best = max(min_jaccards.values(), default=0.0)
    if best < JACCARD_STABLE:
        return 1
    return max(k for k, value in min_jaccards.items() if value >= best - _JACCARD_TOLERANCE)
