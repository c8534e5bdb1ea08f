"""Consensus of eight criteria on the number of segments.

The consensus is no majority. The elbow, the silhouette, Caliński-Harabasz and Davies-Bouldin cannot answer 1: on users
without any structure they name 2 to 10 every time, and would outvote the rest. So a k is attested by one of two that can
say "none". Either density gaps separate every segment from each neighbour (`separation`), and bootstraps find every
segment again (`stability`). Or a Gaussian mixture has k groups with gaps between them (`mixture`), which the segments
agree with. The largest attested k counts: one more would cut a group that has no gap in it, and fewer would merge what a
gap separates. If no k is attested, the consensus is 1. The other votes are shown beside it.
"""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from segmentation.clustering.assign import assign_nearest
from segmentation.facts import EvidenceLevel, SegmentStability, ValidityIndices, Vote
from segmentation.preprocessing.scaling import Points
from segmentation.thresholds import JACCARD_DOUBTFUL, JACCARD_STABLE
from segmentation.validation.elbow import Sweep, find_knee
from segmentation.validation.gap import GapCurves, GapStatistic, compute_gap_statistic
from segmentation.validation.mixture import MixtureGroups, fit_mixture_groups, measure_agreement
from segmentation.validation.separation import (
    CERTAIN,
    DOUBTFUL,
    SEPARATING,
    GapLimits,
    Separation,
    measure_separation_by_k,
)
from segmentation.validation.stability import assess_stability

T = TypeVar("T")
MAX_BOOTSTRAP_POINTS = 5_000  # points of a bootstrap for the vote
_CONCLUSIVE_Z = 3.0  # z of a gap that needs no second criterion
_MIN_AGREEMENT = 0.7  # share of users whose segment is their group, from which segments show the mixture's groups
_JACCARD_TOLERANCE = 0.01  # difference in mean Jaccard that 25 bootstraps can't detect


@dataclass(frozen=True, slots=True)
class KConsensus:
    """Whether there are segments, and how many."""

    votes: tuple[Vote, ...]
    separations: Mapping[int, Separation]  # by k, from 2
    stability: Mapping[int, tuple[SegmentStability, ...]]  # by k, from 2
    mixture: MixtureGroups
    agreement: float  # share of users whose segment is their group, with as many segments as the mixture has groups
    corroborated_ks: frozenset[int]  # every k that Caliński-Harabasz prefers to k - 1
    gap: GapStatistic

    @property
    def k(self) -> int:
        """The consensus; 1 is "no reliable segments"."""
        return max((k for k in self.separations if self.is_attested(k)), default=1)

    def is_attested(self, k: int, limits: GapLimits = SEPARATING) -> bool:
        """Tell whether gaps within the limits attest k segments."""
        if k not in self.separations or min(one.jaccard for one in self.stability[k]) < JACCARD_DOUBTFUL:
            return False
        return self._are_segments_separated(k, limits) or self._has_mixture_groups(k, limits)

    def _are_segments_separated(self, k: int, limits: GapLimits) -> bool:
        """Tell whether every segment is separated from each neighbour.

        On few users a lucky cut can pass for a gap. So where the least certain gap is below three standard deviations,
        Caliński-Harabasz has to prefer k segments to k - 1.
        """
        if not self.separations[k].meets(limits):
            return False
        is_certain = min(gap.z for gap in self.separations[k].gaps) >= _CONCLUSIVE_Z
        return is_certain or k in self.corroborated_ks

    def _has_mixture_groups(self, k: int, limits: GapLimits) -> bool:
        """Tell whether the mixture has k groups, which the segments show.

        Within doubtful limits it has more groups: k of them are possible as long as k lies between.
        """
        found = self.mixture.count_groups()
        if limits is DOUBTFUL and found < k:
            return k in self.corroborated_ks and self.mixture.count_groups(limits) >= k
        return found == k == self.mixture.count_groups(limits) and self.agreement >= _MIN_AGREEMENT

    def continue_from(self, previous_k: int, *, was_attested: bool) -> int:
        """Return the consensus, or last month's number.

        Where groups lie near each other, chance would change the number from month to month. So last month's stays while
        gaps attest it, if doubtfully, and only more groups that are certain take its place. 1 where nothing is attested.
        """
        if self.k == previous_k:
            return previous_k
        if (self.k > previous_k or not was_attested) and self.is_attested(self.k, CERTAIN):
            return self.k
        if self.is_attested(previous_k, DOUBTFUL):
            return previous_k
        return self.k if was_attested else 1

    def grade_evidence(self, k: int) -> EvidenceLevel:
        """Return how well k segments are supported.

        "clear": k is attested, and neither the consensus nor the silhouette nor the mixture favours more. "at least": k is
        attested, and one of them favours more. "weak": another k is attested, or one of these segments is separated from
        all its neighbours. "none": there is no evidence of structure. Weak and none carry a warning.
        """
        if self.is_attested(k):
            favoured = [vote.k or 1 for vote in self.votes if vote.judge in ("silhouette", "mixture")]
            return "clear" if max([self.k, *favoured]) <= k else "at least"
        has_separated = k in self.separations and any(self.separations[k].separated_segments)
        return "weak" if self.k > 1 or has_separated else "none"


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
    labels = {k: assign_nearest(points.values, model.centres) for k, model in sweep.models.items()}
    mixture = previous.mixture if previous else fit_mixture_groups(points, labels, seed=seed)
    gap = compute_gap_statistic(
        get_curves(), sweep.inertia, total_users=points.users if total_users is None else total_users
    )
    groups = mixture.merge_components()
    ch = dict(zip(ks, validity.calinski_harabasz, strict=True))
    votes = (
        Vote("elbow", find_knee(sweep.ks, sweep.inertia)),
        Vote("gap", gap.chosen_k),
        Vote("silhouette", ks[int(np.argmax(validity.silhouette))]),
        Vote("calinski_harabasz", ks[int(np.argmax(validity.calinski_harabasz))]),
        Vote("davies_bouldin", ks[int(np.argmin(validity.davies_bouldin))]),
        Vote("stability", _choose_most_stable_k({k: min(one.jaccard for one in stability[k]) for k in ks})),
        Vote("valleys", max((k for k in ks if separations[k].is_separated), default=1)),
        Vote("mixture", mixture.count_groups()),
    )
    return KConsensus(
        votes=votes,
        separations=separations,
        stability=stability,
        mixture=mixture,
        agreement=measure_agreement(groups, labels.get(mixture.count_groups(), groups * 0), points.weights),
        corroborated_ks=frozenset(k for k in ks if ch[k] > ch.get(k - 1, 0.0)),
        gap=gap,
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
