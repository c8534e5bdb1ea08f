"""Which segments a month has: how many, and whether last month's are as good as the best.

K-means has several nearly equal optima where its k is not the number of groups. Last month's is kept where it is as good a cut,
unless the best is attested (set apart, and found again) and it isn't. What is judged, drawn and told is of the models used.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import KMeansModel, assign_nearest, warm_start_kmeans
from segmentation.facts import ComputedOn, ElbowCurve, ValidityIndices
from segmentation.options import Options
from segmentation.population import Population
from segmentation.preprocessing.scaling import Floats
from segmentation.validation.consensus import KConsensus, assess_consensus
from segmentation.validation.elbow import Sweep, choose_k, fit_k_range, require_assessable_k
from segmentation.validation.gap import GapCurves
from segmentation.validation.scores import compute_validity
from segmentation.validation.stability import compute_best_jaccards

_SAME_PARTITION_JACCARD = 0.99  # Jaccard likeness of every segment, above which two cuts are one
_MIN_SEGMENTS = 2  # segments


@dataclass(frozen=True, slots=True)
class _AssessedSweep:
    """A curve, what the judges say of its models, and the number of segments that follows."""

    sweep: Sweep
    validity: ValidityIndices
    consensus: KConsensus
    elbow: ElbowCurve

    @property
    def is_supported(self) -> bool:
        """Whether the segments of the number chosen are set apart and come again."""
        return self.elbow.chosen in self.consensus.supported_ks


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """The number of segments, why, and the segments.

    Attributes
    ----------
    elbow : Elbow
        The curve, the number chosen, and who decided.
    validity : Validity
        How well separated the curve's models are.
    consensus : Structure
        What the judges say of them.
    model : Model
        The segments, settled on all users.
    basis : Basis
        What they were worked out on.
    """

    elbow: ElbowCurve
    validity: ValidityIndices
    consensus: KConsensus
    model: KMeansModel
    basis: ComputedOn


def select_model(
    population: Population,
    options: Options,
    previous_centres: Floats | None,
    get_curves: Callable[[], GapCurves],
    *,
    executor: Executor | None,
    report_progress: Callable[[str], None],
) -> ModelSelection:
    """Try numbers of segments, ask whether there are any, and settle on one of them.

    Parameters
    ----------
    population : Crowd
        The users kept.
    options : Plan
        What is asked.
    previous_centres : ndarray, shape (k, p), or None
        Last month's centres, in this month's standard deviations.
    get_curves : callable
        Gives what the quick search found for the gap.
    executor, report_progress : Executor, callable
        As in `analysis.analyse`.

    Raises
    ------
    SweepError
        If there is no number of segments to be had.
    """
    report_progress("Trying numbers of segments")
    best = fit_k_range(population.points, options.ks, n_init=options.n_init, seed=options.seed)

    report_progress("Asking whether there are any")
    asked = _assess_sweep(population, options, get_curves, executor, best)
    kept = (
        None
        if previous_centres is None
        else _assess_previous_centres(asked, population, options, get_curves, previous_centres)
    )
    if kept and (kept.is_supported or not asked.is_supported):
        asked = kept

    report_progress("Settling the segments")
    elbow = asked.elbow
    model, basis = population.refine_model(asked.sweep.models[elbow.chosen])
    # of users, where the curve is of cells
    at = dict(zip(elbow.k, elbow.inertia, strict=True)) | {elbow.chosen: model.inertia}
    elbow = replace(elbow, inertia=tuple(at.values()))
    return ModelSelection(elbow, asked.validity, asked.consensus, model, basis)


def _assess_sweep(
    population: Population,
    options: Options,
    get_curves: Callable[[], GapCurves],
    executor: Executor | None,
    sweep: Sweep,
) -> _AssessedSweep:
    """Ask of a curve's models whether there are segments, and how many."""
    with threadpool_limits(1):  # the last bits of a sum depend on how many there are
        validity = compute_validity(
            population.points, sweep, seed=options.seed, user_sample=population.judging_sample
        )
        require_assessable_k(
            validity, options.k, population.judging_sample.users, min_k=max(_MIN_SEGMENTS, options.ks[0])
        )
        found = assess_consensus(
            population.judging_sample,
            sweep,
            validity,
            get_curves,
            bootstraps=max(1, options.bootstraps // 4),
            seed=options.seed,
            total_users=population.points.users,
            executor=executor,
        )
    sizes = {
        k: int(np.bincount(labels, population.points.weights, minlength=k).min())
        for k, labels in sweep.labels.items()
    }
    elbow = choose_k(sweep, validity, options.k, found.k, sizes, options.min_cell)
    return _AssessedSweep(sweep, validity, found, elbow)


def _assess_previous_centres(
    best: _AssessedSweep,
    population: Population,
    options: Options,
    get_curves: Callable[[], GapCurves],
    previous_centres: Floats,
) -> _AssessedSweep | None:
    """Ask the same with last month's segments on the curve; None where they are the best themselves, or no longer to be had."""
    k, points, judged = len(previous_centres), population.points, population.judging_sample
    if k != best.elbow.chosen or k < _MIN_SEGMENTS:
        return None
    model = warm_start_kmeans(points, best.sweep.models[k], previous_centres, min_cell=options.min_cell)
    labels = assign_nearest(points.values, model.centres)
    if compute_best_jaccards(best.sweep.labels[k], labels, points.weights, k).min() > _SAME_PARTITION_JACCARD:
        return None
    with threadpool_limits(1):
        own = compute_validity(points, Sweep({k: model}, {k: labels}), seed=options.seed, user_sample=judged)
        if not own.k:
            return None
        validity = _replace_validity(best.validity, own)
        curve = Sweep(best.sweep.models | {k: model}, best.sweep.labels | {k: labels})
        found = assess_consensus(
            judged,
            curve,
            validity,
            get_curves,
            bootstraps=max(1, options.bootstraps // 4),
            seed=options.seed,
            total_users=points.users,
            previous=best.consensus,
            changed_ks=[k],
        )
    return _AssessedSweep(curve, validity, found, best.elbow)


def _replace_validity(all_ks: ValidityIndices, one: ValidityIndices) -> ValidityIndices:
    """Give the measures of all ks with those of one put in their place."""
    place = all_ks.k.index(one.k[0])
    lists = {
        name: (*values[:place], getattr(one, name)[0], *values[place + 1 :])
        for name, values in ((field.name, getattr(all_ks, field.name)) for field in fields(ValidityIndices))
    }
    return ValidityIndices(**lists)
