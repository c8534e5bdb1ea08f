"""The stages of a month's analysis, in order."""

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
    MonthComparison,
    PcaMap,
    Segment,
    Source,
    StructureEvidence,
    Trend,
)
from segmentation.frames import Users
from segmentation.options import Options
from segmentation.population import OutOfCoreUsers, Population, build_population
from segmentation.preprocessing.aggregate import (
    SEGMENT_NUMBER,
    ColumnSummary,
    SegmentMoments,
    compute_segment_moments,
    count_all_categories,
    crosstab_categories,
    summarise_columns,
)
from segmentation.preprocessing.clean import CleanedUsers, Materialise, clean_users
from segmentation.preprocessing.outliers import set_aside_outliers
from segmentation.preprocessing.quantiles import BinGrid, ColumnQuantiles, compute_column_quantiles
from segmentation.profiling.distributions import build_bin_grids, describe_columns
from segmentation.profiling.profiles import SegmentQuality, compute_category_shares, profile_segments, remove_intervals
from segmentation.tracking.compare import SEGMENT_COLUMN, PreviousMonth, build_trend, compare_months, track_segments
from segmentation.tracking.continuity import Quartiles
from segmentation.tracking.matching import SegmentLineage
from segmentation.validation.consensus import KConsensus
from segmentation.validation.gap import fit_gap_curves
from segmentation.validation.scores import average_segment_silhouettes
from segmentation.validation.selection import ModelSelection, PreviousSegments, select_model
from segmentation.validation.separation import measure_separation
from segmentation.validation.stability import assess_stability

T = TypeVar("T")
_MIN_TREND_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Analysis:
    """One month, analysed."""

    facts: Facts
    users: Users  # kept by cleaning, with a column `segment`; lazy where an engine has them


@dataclass(frozen=True, slots=True)
class _Run:
    """The options, the months before, and how to run."""

    options: Options
    last: PreviousMonth | None
    earlier: Sequence[Facts]
    report_progress: Callable[[str], None]
    executor: Executor | None

    @property
    def highest_id(self) -> int:
        """The highest number in any earlier segment's id."""
        return max((facts.lineage.last_id for facts in self.earlier), default=0)

    def submit_or_defer(self, work: Callable[..., T], *arguments: object, **keywords: object) -> Callable[[], T]:
        """Return a callable that gives the work's result."""
        if self.executor:
            return self.executor.submit(work, *arguments, **keywords).result
        return cache(partial(work, *arguments, **keywords))

    def iterate_continued(self) -> Iterator[Facts]:
        """Iterate over the continued months, the last first.

        Each is followed by the one that it was compared with. A month that was made late, between two that existed,
        continues neither: its S4 may be another segment.
        """
        by_month = {facts.month: facts for facts in self.earlier}
        facts = self.last.facts if self.last else None
        while facts is not None:
            yield facts
            compared = facts.change.month if facts.change and facts.change.month < facts.month else ""
            facts = by_month.get(compared)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The users kept by cleaning, and summaries of their columns."""

    cleaned: CleanedUsers
    summaries: dict[str, ColumnSummary]  # by number column
    counts: dict[str, dict[str, int]]  # by category: users with each value
    labels: dict[str, dict[str, str]]  # by category: the label under which each value is shown

    @property
    def averages(self) -> dict[str, float]:
        """Means of the number columns."""
        return {name: column.mean for name, column in self.summaries.items()}


@dataclass(frozen=True, slots=True)
class _Segmentation:
    """The segments, in the order of the pages."""

    model: KMeansModel
    moments: SegmentMoments
    lineage: SegmentLineage


@dataclass(frozen=True, slots=True)
class _Description:
    """The segments described, and what the columns' distributions need."""

    segments: tuple[Segment, ...]
    quantiles: dict[str, tuple[BinGrid, ColumnQuantiles]]  # by number column
    shares: dict[str, dict[str, float]]  # by category: part of all users with each value

    @property
    def ids(self) -> tuple[str, ...]:
        """The segments' ids."""
        return tuple(segment.id for segment in self.segments)


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
    frame : DataFrame, or an engine's relation
        One row a user, with the schema's columns: pandas, Arrow, a DuckDB relation, a Spark frame. Up to
        `options.exact_users` all users are taken into memory; above, none is.
    month : str
        "2026-10".
    source, brand : Source, Brand
        Copied to the facts for the pages.
    last : PreviousMonth, optional
        The last month that was made; this month's segments continue its segments.
    earlier : sequence of Facts
        All archived months with the same kind of users. New ids are higher than theirs; the trend shows those that this
        month continues.
    merged_spellings : mapping of str to int
        For the audit, by category: spellings that the reader merged with another of the same value.
    report_progress : callable
        Called with the name of each stage as it begins.
    materialise : callable
        Computes a lazy frame that is expensive and used several times.
    executor : Executor, optional
        Runs what can run in parallel; best a process, since threads that do many small things block each other. The
        result is the same without.

    Raises
    ------
    SegmentationError
        If the columns, the rows or the options do not allow an analysis.
    """
    run = _Run(options, last and last.rename_segments(options.names), earlier, report_progress, executor)

    report_progress("Cleaning")
    cleaned = clean_users(
        nw.from_native(frame), options.schema, max_in_memory=options.exact_users, materialise=materialise
    )
    columns = _summarise_all_columns(cleaned, options, materialise)
    cleaned = columns.cleaned
    population = build_population(cleaned.users, columns.summaries, options)
    columns = replace(columns, cleaned=replace(cleaned, users=population.users))

    population, selection = _select_model(population, run)

    report_progress("Describing the segments")
    segmentation = _order_segments(population, selection.model, run)
    description = _describe_segments(population, segmentation, columns, run)
    users = population.add_segment_ids(segmentation.model, description.ids, SEGMENT_COLUMN)

    report_progress("Comparing with the last month")
    quartiles = {name: spread.quartiles for name, (_, spread) in description.quantiles.items()}
    change = _compare_with_last_month(population, segmentation, users, quartiles, run)

    structure = _build_structure(selection.consensus, selection.elbow)
    facts = Facts(
        format=FACTS_FORMAT,
        month=month,
        source=source,
        brand=brand,
        seed=options.seed,
        starts=options.n_init,
        schema=options.schema,
        features=options.features,
        smallest_base=options.min_base,
        smallest_cell=options.min_cell,
        audit=replace(cleaned.audit, joined=dict(merged_spellings)),
        distributions=describe_columns(
            columns.cleaned,
            columns.summaries,
            description.quantiles,
            columns.counts,
            columns.labels,
            min_cell=options.min_cell,
        ),
        elbow=selection.elbow,
        validity=selection.validity,
        structure=structure,
        scale=population.points.scale,
        averages=columns.averages,
        shares=description.shares,
        segments=description.segments if structure.reliable else remove_intervals(description.segments),
        pca=_draw_map(population, segmentation.model, description.ids, run),
        change=change,
        trend=_build_trend(month, description.segments, run),
        lineage=segmentation.lineage.registry,
        basis=selection.basis,
    )
    return Analysis(facts=facts, users=users)


def _summarise_all_columns(cleaned: CleanedUsers, options: Options, materialise: Materialise) -> _Columns:
    """Set outliers aside, summarise numbers, count categories, and merge small values."""
    schema = options.schema
    summaries = summarise_columns(cleaned.users, schema.numbers)
    users = set_aside_outliers(cleaned, summaries, schema.select(schema.features), materialise=materialise)
    if users is not cleaned:
        summaries = summarise_columns(users.users, schema.numbers)
    counts = count_all_categories(users.users, schema.categories)
    labels = {name: merge_small_categories(counts[name], min_cell=options.min_cell) for name in schema.categories}
    return _Columns(users, summaries, counts, labels)


def _select_model(population: Population, run: _Run) -> tuple[Population, ModelSelection]:
    """Select a model, refining the grid where needed."""
    options, sample = run.options, population.judging_sample
    previous = _describe_previous_segments(population, run.last) if run.last else None
    get_curves = run.submit_or_defer(fit_gap_curves, sample, options.ks, n_draws=options.draws, seed=options.seed)
    progress = run.report_progress
    while True:
        selection = select_model(
            population, options, previous, get_curves, executor=run.executor, report_progress=progress
        )
        if not isinstance(population, OutOfCoreUsers) or not population.needs_finer_grid(selection.basis):
            return population, selection
        population = population.refine_grid()


def _describe_previous_segments(population: Population, last: PreviousMonth) -> PreviousSegments:
    """Return last month's segments for the choice of k."""
    return PreviousSegments(
        centres=last.rescale_centres(population.points.scale),
        is_own_choice=last.facts.elbow.decided_by != "settings",
        is_attested=last.facts.structure.evidence in ("clear", "at least"),
    )


def _order_segments(population: Population, model: KMeansModel, run: _Run) -> _Segmentation:
    """Return the segments with ids, in page order."""
    numbers = run.options.schema.numbers
    users = population.add_segment_numbers(model).select(SEGMENT_NUMBER, *numbers)
    moments = compute_segment_moments(users, model.k, numbers)
    sizes, names = list(moments.size), run.options.names
    lineage = track_segments(
        run.last, population.points, model, sizes, run.options.schema, highest_id=run.highest_id, names=names
    )
    order = np.array([segment.number for segment in lineage.segments])
    return _Segmentation(
        KMeansModel(model.centres[order], model.inertia), moments.select_segments(order), lineage.renumber_in_order()
    )


def _describe_segments(
    population: Population, segmentation: _Segmentation, columns: _Columns, run: _Run
) -> _Description:
    """Describe every segment: numbers, categories, intervals, evidence."""
    model, moments, options = segmentation.model, segmentation.moments, run.options
    users, sample = population.add_segment_numbers(model), population.judging_sample
    get_stability = run.submit_or_defer(
        assess_stability, sample, model.centres, draws=options.bootstraps, seed=options.seed
    )
    with threadpool_limits(1):
        quantiles = {
            name: (grid, compute_column_quantiles(users, name, grid, model.k))
            for name, grid in build_bin_grids(columns.cleaned, columns.summaries).items()
        }
        tables = crosstab_categories(users, columns.labels, model.k)
        intervals = population.estimate_intervals(moments, model, seed=options.seed)
        labels = assign_nearest(sample.values, model.centres)
        silhouettes = average_segment_silhouettes(sample, labels, model.k, seed=options.seed)
        separated = measure_separation(sample, model.centres, seed=options.seed).separated_segments
        stability = get_stability()
    segments = profile_segments(
        options.features,
        model,
        moments,
        {name: spread.medians for name, (_, spread) in quantiles.items()},
        tables,
        intervals,
        columns.summaries,
        segmentation.lineage.segments,
        list(map(SegmentQuality, silhouettes, stability, separated)),
        has_previous_month=run.last is not None,
        min_base=options.min_base,
        min_cell=options.min_cell,
    )
    return _Description(segments, quantiles, compute_category_shares(tables))


def _compare_with_last_month(
    population: Population, segmentation: _Segmentation, users: Users, quartiles: Quartiles, run: _Run
) -> MonthComparison | None:
    """Return what changed; None in the first month."""
    if run.last is None:
        return None
    return compare_months(
        run.last,
        segmentation.lineage,
        population.points.scale,
        segmentation.model,
        list(segmentation.moments.size),
        population.count_overlap(run.last.to_previous_model(), segmentation.model),
        users,
        run.options.schema,
        min_cell=run.options.min_cell,
        quartiles=quartiles,
    )


def _draw_map(population: Population, model: KMeansModel, ids: tuple[str, ...], run: _Run) -> PcaMap:
    """Return the map of all users."""
    points = population.points
    labels = assign_nearest(points.values, model.centres)
    projection = project_points(points, run.last.facts.pca.loadings if run.last else {})
    return build_pca_map(projection, points, labels, ids, run.options.schema, min_cell=run.options.min_cell)


def _build_trend(month: str, segments: Sequence[Segment], run: _Run) -> Trend | None:
    """Return the trend over months with the same features."""
    months = {
        facts.month: facts.segments
        for facts in run.iterate_continued()
        if set(facts.features) == set(run.options.features)
    } | {month: segments}
    if len(months) < _MIN_TREND_MONTHS:
        return None
    return build_trend({name: [(s.id, s.name, s.share) for s in some] for name, some in months.items()})


def _build_structure(consensus: KConsensus, elbow: ElbowCurve) -> StructureEvidence:
    """Return the evidence of structure as facts."""
    evidence = consensus.grade_evidence(elbow.chosen)
    return StructureEvidence(
        evidence=evidence,
        reliable=evidence != "none",
        panel=consensus.k,
        agreement=consensus.agreement if consensus.mixture.count_groups() == elbow.chosen else None,
        votes=consensus.votes,
        gap=consensus.gap.gap,
        gap_se=consensus.gap.se,
        band_low=consensus.gap.low,
        band_high=consensus.gap.high,
        below_band=consensus.gap.is_below_band,
    )
