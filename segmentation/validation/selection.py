"""Model selection: the number of segments, and their model.

The consensus decides k, or the elbow where settings say so or where the consensus attests nothing. Last month's number stays
unless the evidence for another is clear.

K-means has several nearly equal optima where k is not the number of groups. Last month's is kept where it is as good,
unless the best is supported (separated and stable) and it isn't. All results shown are of the model used.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import KMeansModel, assign_nearest, warm_start_kmeans
from segmentation.facts import ComputedOn, DecidedBy, ElbowCurve, ValidityIndices
from segmentation.options import Options
from segmentation.population import Population
from segmentation.preprocessing.scaling import Floats
from segmentation.validation.consensus import KConsensus, assess_consensus
from segmentation.validation.elbow import Sweep, choose_k, find_knee, fit_k_range, propose_bend, require_assessable_k
from segmentation.validation.gap import GapCurves
from segmentation.validation.scores import compute_validity
from segmentation.validation.stability import compute_best_jaccards

_SAME_PARTITION_JACCARD = 0.99  # similarity of every segment above which two models count as one
_MIN_SEGMENTS = 2
_MAX_BEND_SHIFT = 1  # by which chance alone moves the bend


@dataclass(frozen=True, slots=True)
class PreviousSegments:
    """Last month's segments, as this month's choice needs them."""

    centres: Floats  # shape (k, p), in this month's standard deviations
    is_own_choice: bool  # whether the data chose their number, rather than settings
    is_attested: bool  # whether the consensus attested it

    @property
    def k(self) -> int:
        """Their number."""
        return len(self.centres)


@dataclass(frozen=True, slots=True)
class _AssessedSweep:
    """A sweep, its assessment, and the k chosen."""

    sweep: Sweep
    validity: ValidityIndices
    consensus: KConsensus
    elbow: ElbowCurve

    @property
    def is_supported(self) -> bool:
        """Whether the chosen k is attested."""
        return self.consensus.is_attested(self.elbow.chosen)


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """The segments, their number, and the evidence for it."""

    elbow: ElbowCurve
    validity: ValidityIndices
    consensus: KConsensus
    model: KMeansModel  # converged on all users
    basis: ComputedOn


def select_model(
    population: Population,
    options: Options,
    previous: PreviousSegments | None,
    get_curves: Callable[[], GapCurves],
    *,
    executor: Executor | None,
    report_progress: Callable[[str], None],
) -> ModelSelection:
    """Choose k, and fit the segments on all users.

    Parameters
    ----------
    get_curves : callable
        Waits for the curves of the gap statistic.
    executor, report_progress : Executor, callable
        As in `pipeline.analyse`.

    Raises
    ------
    SweepError
        If no number of segments is possible.
    """
    assess = partial(
        assess_consensus,
        population.judging_sample,
        get_curves=get_curves,
        bootstraps=max(1, options.bootstraps // 4),
        seed=options.seed,
        total_users=population.points.users,
    )
    report_progress("Trying numbers of segments")
    sweep = fit_k_range(population.points, options.ks, n_init=options.n_init, seed=options.seed)

    report_progress("Asking whether there are any")
    assessed = _assess_sweep(population, options, sweep, previous, partial(assess, executor=executor))
    if previous is not None:
        kept = _assess_previous_centres(assessed, population, options, previous.centres, assess)
        if kept and (kept.is_supported or not assessed.is_supported):
            assessed = kept

    report_progress("Settling the segments")
    elbow = assessed.elbow
    model, basis = population.refine_model(assessed.sweep.models[elbow.chosen])
    # of all users at the chosen k, where the rest of the curve may be of cells
    inertia = dict(zip(elbow.k, elbow.inertia, strict=True)) | {elbow.chosen: model.inertia}
    elbow = replace(elbow, inertia=tuple(inertia.values()))
    return ModelSelection(elbow, assessed.validity, assessed.consensus, model, basis)


def _assess_sweep(
    population: Population,
    options: Options,
    sweep: Sweep,
    previous: PreviousSegments | None,
    assess: Callable[..., KConsensus],
) -> _AssessedSweep:
    """Assess the models of a sweep, and choose k."""
    points, sample = population.points, population.judging_sample
    with threadpool_limits(1):  # the last bits of a sum depend on the number of threads
        validity = compute_validity(points, sweep, seed=options.seed, user_sample=sample)
        require_assessable_k(validity, options.k, sample.users, min_k=max(_MIN_SEGMENTS, options.ks[0]))
        consensus = assess(sweep, validity)
    min_sizes = {k: int(np.bincount(labels, points.weights, k).min()) for k, labels in sweep.labels.items()}
    proposed = propose_bend(find_knee(sweep.ks, sweep.inertia), validity)
    if options.k == "panel":
        proposed = _propose_k(consensus, previous, validity, bend=proposed)
    elbow = choose_k(sweep, validity, options.k, proposed, min_sizes, options.min_cell)
    return _AssessedSweep(sweep, validity, consensus, elbow)


def _propose_k(
    consensus: KConsensus, previous: PreviousSegments | None, validity: ValidityIndices, *, bend: tuple[int, DecidedBy]
) -> tuple[int, DecidedBy]:
    """Return the consensus, last month's number, or the elbow's.

    Where nothing is attested, a bend one beside last month's number is no reason for another.
    """
    if previous is None or not previous.is_own_choice or previous.k not in validity.k:
        return (consensus.k, "panel") if consensus.k > 1 else bend
    k = consensus.continue_from(previous.k, was_attested=previous.is_attested)
    if k > 1:
        return k, "panel" if k == consensus.k else "previous"
    if bend[0] != previous.k and abs(bend[0] - previous.k) <= _MAX_BEND_SHIFT:
        return previous.k, "previous"
    return bend


def _assess_previous_centres(
    best: _AssessedSweep,
    population: Population,
    options: Options,
    previous_centres: Floats,
    assess: Callable[..., KConsensus],
) -> _AssessedSweep | None:
    """Assess the sweep with last month's segments in it.

    None where they are the best themselves, or no longer possible.
    """
    k, points = len(previous_centres), population.points
    if k != best.elbow.chosen or k < _MIN_SEGMENTS:
        return None
    model = warm_start_kmeans(points, best.sweep.models[k], previous_centres, min_cell=options.min_cell)
    labels = assign_nearest(points.values, model.centres)
    if compute_best_jaccards(best.sweep.labels[k], labels, points.weights, k).min() > _SAME_PARTITION_JACCARD:
        return None
    sweep = Sweep(best.sweep.models | {k: model}, best.sweep.labels | {k: labels})
    with threadpool_limits(1):
        own = compute_validity(
            points, Sweep({k: model}, {k: labels}), seed=options.seed, user_sample=population.judging_sample
        )
        if not own.k:
            return None
        validity = _replace_validity(best.validity, own)
        consensus = assess(sweep, validity, previous=best.consensus, changed_ks=[k])
    return _AssessedSweep(sweep, validity, consensus, best.elbow)


def _replace_validity(all_ks: ValidityIndices, one: ValidityIndices) -> ValidityIndices:
    """Return the validity with one k's scores replaced."""
    at = all_ks.k.index(one.k[0])
    names = [field.name for field in fields(ValidityIndices)]
    columns = {name: (getattr(all_ks, name), getattr(one, name)) for name in names}
    return ValidityIndices(**{name: (*a[:at], *b, *a[at + 1 :]) for name, (a, b) in columns.items()})
