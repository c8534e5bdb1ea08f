"""The stages in order, top to bottom: a month's users in, one set of facts out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cache, partial
from types import MappingProxyType
from typing import TypeVar

import narwhals as nw
import numpy as np
from narwhals.typing import IntoFrame
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.pca import build_pca_map, project_points
from segmentation.disclosure import merge_small_categories
from segmentation.facts import (
    FACTS_FORMAT,
    Brand,
    ElbowCurve,
    Facts,
    SegmentStability,
    Source,
    StructureEvidence,
)
from segmentation.options import Options
from segmentation.population import MAX_GRID_ERROR, InMemoryUsers, OutOfCoreUsers
from segmentation.preprocessing.aggregate import (
    SEGMENT_NUMBER,
    SegmentMoments,
    compute_segment_moments,
    count_all_categories,
    crosstab_categories,
    summarise_columns,
)
from segmentation.preprocessing.clean import Materialise, clean_users
from segmentation.preprocessing.quantiles import compute_column_quantiles
from segmentation.preprocessing.scaling import Points, build_scale
from segmentation.profiling.distributions import build_bin_grids, describe_columns
from segmentation.profiling.profiles import SegmentQuality, compute_category_shares, profile_segments
from segmentation.schema import CATEGORIES, NUMBERS, Users
from segmentation.tracking.compare import (
    SEGMENT_COLUMN,
    PreviousMonth,
    build_trend,
    compare_months,
    track_segments,
)
from segmentation.validation import consensus as judged_by
from segmentation.validation.gap import fit_gap_curves
from segmentation.validation.scores import average_segment_silhouettes
from segmentation.validation.selection import select_model
from segmentation.validation.separation import measure_separation
from segmentation.validation.stability import assess_stability

T = TypeVar("T")
_MIN_GRID_STEP = 0.08  # SDs: a grid that no finer one follows
_MIN_TREND_MONTHS = 3  # months that make one


@dataclass(frozen=True, slots=True)
class Analysis:
    """One month, analysed.

    Attributes
    ----------
    facts : Facts
        Everything that may be shown.
    users : narwhals.DataFrame or LazyFrame
        The users kept, with a column `segment`: the one result with a row a user. Lazy where an engine has them.
    """

    facts: Facts
    users: Users


def analyse(
    frame: IntoFrame,
    options: Options,
    *,
    month: str,
    source: Source,
    brand: Brand,
    last: PreviousMonth | None = None,
    earlier: Sequence[Facts] = (),
    merged_spellings: Mapping[str, int] = MappingProxyType({}),
    report_progress: Callable[[str], None] = lambda _: None,
    materialise: Materialise = lambda users: users,
    executor: Executor | None = None,
) -> Analysis:
    """Clean, cluster, project and describe one month's users.

    Parameters
    ----------
    frame : DataFrame, or what an engine has one as
        One row a user, with the schema's columns: pandas, Arrow, a DuckDB relation, a Spark frame. Up to
        `plan.exact_users` every user is taken into memory; above, none is.
    options : Plan
        What is asked.
    month : str
        "2026-10".
    source, brand : Source, Brand
        What the facts carry along for the pages.
    last : Last, optional
        The last month that was made, whose segments this month's continue.
    earlier : sequence of Facts
        All archived months of the same kind of users: ids go on after theirs, and the trend is of those among them that
        this one continues.
    merged_spellings : mapping of str to int
        For the audit, by category: spellings that the reader took for another of the same value.
    report_progress : callable
        Told the name of each stage as it begins.
    materialise : callable
        Given a lazy frame that is dear to work out and will be asked several times, gives it worked out.
    executor : Executor, optional
        Computes what can be computed beside the rest; best a process, since threads that do many small things hold each
        other up. The result is the same without.

    Raises
    ------
    SegmentationError
        If the columns, the rows or the plan do not allow an analysis.
    """
    report_progress("Cleaning")
    cleaned = clean_users(
        nw.from_native(frame), options.valid, max_in_memory=options.exact_users, materialise=materialise
    )
    found = summarise_columns(cleaned.users)
    counts = count_all_categories(cleaned.users, CATEGORIES)
    labels_of = {name: merge_small_categories(counts[name], min_cell=options.min_cell) for name in CATEGORIES}
    scale = build_scale({name: found[name] for name in options.features})
    crowd: InMemoryUsers | OutOfCoreUsers
    if cleaned.audit.kept <= options.exact_users:
        crowd = InMemoryUsers.from_users(cleaned.users, scale)
        cleaned = replace(cleaned, users=crowd.users)
    else:
        crowd = OutOfCoreUsers.from_users(
            cleaned.users,
            scale,
            found,
            grid_step=options.grid_step,
            sample_size=options.sample_size,
            seed=options.seed,
        )
    last = last and last.rename_segments(options.names)
    before = last.rescale_centres(crowd.points.scale) if last is not None else None
    curves = _submit_or_defer(
        executor, fit_gap_curves, crowd.judging_sample, options.ks, n_draws=options.draws, seed=options.seed
    )
    chosen = select_model(crowd, options, before, curves, executor=executor, report_progress=report_progress)
    while (
        isinstance(crowd, OutOfCoreUsers)
        and (chosen.basis.bound or 0) > MAX_GRID_ERROR
        and crowd.grid_step > _MIN_GRID_STEP
    ):
        crowd = crowd.refine_grid(found)
        chosen = select_model(
            crowd, options, before, curves, executor=executor, report_progress=report_progress
        )

    report_progress("Describing the segments")
    points, judged, model = crowd.points, crowd.judging_sample, chosen.model
    sizes = compute_segment_moments(
        crowd.add_segment_numbers(model).select(SEGMENT_NUMBER, *NUMBERS), model.k
    )
    used = max((facts.lineage.last_id for facts in earlier), default=0)
    lineage = track_segments(last, points, model, list(sizes.size), highest_id=used, names=options.names)
    order = np.array([kept.number for kept in lineage.segments])
    model = replace(model, centres=model.centres[order])
    numbers = SegmentMoments(sizes.size[order], sizes.mean[order], sizes.variance[order])
    lineage = lineage.renumber_in_order()
    users = crowd.add_segment_numbers(model)
    again = _submit_or_defer(
        executor, assess_stability, judged, model.centres, draws=options.bootstraps, seed=options.seed
    )
    with threadpool_limits(1):
        rulers = build_bin_grids(cleaned, found)
        spreads = {
            name: (ruler, compute_column_quantiles(users, name, ruler, model.k))
            for name, ruler in rulers.items()
        }
        tables = crosstab_categories(users, labels_of, model.k)
        intervals = crowd.estimate_intervals(numbers, model, seed=options.seed)
        evidence = _collect_evidence(judged, model, again, options)
    averages = {name: one.mean for name, one in found.items()}
    labels = assign_nearest(points.values, model.centres)
    segments = profile_segments(
        options.features,
        model,
        numbers,
        {name: spread.medians for name, (_, spread) in spreads.items()},
        tables,
        intervals,
        averages,
        lineage.segments,
        evidence,
        has_previous_month=last is not None,
        min_base=options.min_base,
        min_cell=options.min_cell,
    )
    ids = tuple(segment.id for segment in segments)
    named = crowd.add_segment_ids(model, ids, SEGMENT_COLUMN)

    report_progress("Comparing with the last month")
    compared = None
    if last is not None:
        compared = compare_months(
            last,
            lineage,
            points.scale,
            model,
            list(numbers.size),
            crowd.count_overlap(last.to_previous_model(), model),
            named,
            min_cell=options.min_cell,
        )
    shares = {
        facts.month: [(s.id, s.name, s.share) for s in facts.segments]
        for facts in _iterate_previous_months(last, earlier)
        if set(facts.features) == set(options.features)
    } | {month: [(s.id, s.name, s.share) for s in segments]}
    projection = project_points(points, previous_loadings=last.facts.pca.loadings if last else {})
    facts = Facts(
        format=FACTS_FORMAT,
        month=month,
        source=source,
        brand=brand,
        seed=options.seed,
        starts=options.n_init,
        features=tuple(options.features),
        smallest_base=options.min_base,
        smallest_cell=options.min_cell,
        audit=replace(cleaned.audit, joined=dict(merged_spellings)),
        distributions=describe_columns(cleaned, found, spreads, counts, labels_of, min_cell=options.min_cell),
        elbow=chosen.elbow,
        validity=chosen.validity,
        structure=_build_structure(chosen.consensus, chosen.elbow, options.k),
        scale=points.scale,
        averages=averages,
        shares=compute_category_shares(tables),
        segments=segments,
        pca=build_pca_map(projection, points, labels, ids, min_cell=options.min_cell),
        change=compared,
        trend=build_trend(shares) if len(shares) >= _MIN_TREND_MONTHS else None,
        lineage=lineage.registry,
        basis=chosen.basis,
    )
    return Analysis(facts=facts, users=named)


def _iterate_previous_months(last: PreviousMonth | None, earlier: Sequence[Facts]) -> Iterator[Facts]:
    """Give the months that this one continues, the last first, each followed by the one that it was compared with.

    A month that was made late, between two that had been, continues neither: what is S4 there may be another S4 here.
    """
    known = {facts.month: facts for facts in earlier}
    facts = last.facts if last else None
    while facts is not None:
        yield facts
        before = facts.change.month if facts.change and facts.change.month < facts.month else ""
        facts = known.get(before)


def _submit_or_defer(
    executor: Executor | None, work: Callable[..., T], *arguments: object, **keywords: object
) -> Callable[[], T]:
    """Begin work where there is somebody to do it, else do it when its result is asked for."""
    return (
        executor.submit(work, *arguments, **keywords).result
        if executor
        else cache(partial(work, *arguments, **keywords))
    )


def _collect_evidence(
    judged: Points,
    model: KMeansModel,
    get_stability: Callable[[], tuple[SegmentStability, ...]],
    options: Options,
) -> list[SegmentQuality]:
    """Say of each segment what else is known: silhouette, stability, and whether it is set apart."""
    labels = assign_nearest(judged.values, model.centres)
    silhouettes = average_segment_silhouettes(judged, labels, model.k, seed=options.seed)
    apart = measure_separation(judged, model.centres, seed=options.seed).separated_segments
    return [
        SegmentQuality(silhouette, again, bool(alone))
        for silhouette, again, alone in zip(silhouettes, get_stability(), apart, strict=True)
    ]


def _build_structure(
    consensus: judged_by.KConsensus, elbow: ElbowCurve, requested_k: int | str
) -> StructureEvidence:
    """Put what the judges found into facts; where the panel was asked and finds nothing, nothing is reliable."""
    evidence = consensus.grade_evidence(elbow.chosen)
    return StructureEvidence(
        evidence=evidence,
        reliable=evidence != "none" and not (requested_k == "panel" and consensus.k == 1),
        panel=consensus.k,
        votes=consensus.votes,
        gap=consensus.gap.gap,
        gap_se=consensus.gap.se,
        band_low=consensus.gap.low,
        band_high=consensus.gap.high,
        below_band=consensus.gap.is_below_band,
    )
