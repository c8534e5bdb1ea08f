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

from segmentation import panel as judged_by
from segmentation.change import SEGMENT, Last, carry_on, compare
from segmentation.chosen import choose
from segmentation.clean import Hold, clean
from segmentation.clusters import Model, assign
from segmentation.crowd import FINE_ENOUGH, Everybody, Multitude
from segmentation.disclosure import merge_small
from segmentation.distributions import describe, rulers_of
from segmentation.facts import (
    FORMAT,
    Brand,
    Elbow,
    Facts,
    Lineage,
    Source,
    Stability,
    Structure,
)
from segmentation.features import Points, scale_from
from segmentation.gap import curves_of
from segmentation.pca import map_of, project
from segmentation.plan import Plan
from segmentation.profiles import Evidence, profile, shares_of
from segmentation.schema import CATEGORIES, NUMBERS, Users
from segmentation.spreads import spread_of
from segmentation.stability import stability
from segmentation.tally import SEGMENT_NUMBER, Moments, all_counts_of, moments_of, summaries, tables_of
from segmentation.trend import trend_of
from segmentation.validity import silhouettes_of
from segmentation.valleys import borders

T = TypeVar("T")
_FINEST = 0.08  # SDs: a grid that no finer one follows
_TREND = 3  # months that make one


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
    plan: Plan,
    *,
    month: str,
    source: Source,
    brand: Brand,
    last: Last | None = None,
    earlier: Sequence[Facts] = (),
    joined: Mapping[str, int] = MappingProxyType({}),
    step: Callable[[str], None] = lambda _: None,
    hold: Hold = lambda users: users,
    aside: Executor | None = None,
) -> Analysis:
    """Clean, cluster, project and describe one month's users.

    Parameters
    ----------
    frame : DataFrame, or what an engine has one as
        One row a user, with the schema's columns: pandas, Arrow, a DuckDB relation, a Spark frame. Up to
        `plan.exact_users` every user is taken into memory; above, none is.
    plan : Plan
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
    joined : mapping of str to int
        For the audit, by category: spellings that the reader took for another of the same value.
    step : callable
        Told the name of each stage as it begins.
    hold : callable
        Given a lazy frame that is dear to work out and will be asked several times, gives it worked out.
    aside : Executor, optional
        Computes what can be computed beside the rest; best a process, since threads that do many small things hold each
        other up. The result is the same without.

    Raises
    ------
    SegmentationError
        If the columns, the rows or the plan do not allow an analysis.
    """
    step("Cleaning")
    cleaned = clean(nw.from_native(frame), plan.valid, most=plan.exact_users, hold=hold)
    found = summaries(cleaned.users)
    counts = all_counts_of(cleaned.users, CATEGORIES)
    labels_of = {name: merge_small(counts[name], smallest=plan.smallest_cell) for name in CATEGORIES}
    scale = scale_from({name: found[name] for name in plan.features})
    crowd: Everybody | Multitude
    if cleaned.audit.kept <= plan.exact_users:
        crowd = Everybody.of(cleaned.users, scale)
        cleaned = replace(cleaned, users=crowd.users)
    else:
        crowd = Multitude.of(cleaned.users, scale, found, step=plan.grid, sample=plan.sample, seed=plan.seed)
    last = last and last.called(plan.names)
    before = last.centres(crowd.points.scale) if last is not None else None
    curves = _begun(aside, curves_of, crowd.judged, plan.ks, draws=plan.draws, seed=plan.seed)
    chosen = choose(crowd, plan, before, curves, aside=aside, step=step)
    while isinstance(crowd, Multitude) and (chosen.basis.bound or 0) > FINE_ENOUGH and crowd.step > _FINEST:
        crowd = crowd.finer(found)
        chosen = choose(crowd, plan, before, curves, aside=aside, step=step)

    step("Describing the segments")
    points, judged, model = crowd.points, crowd.judged, chosen.model
    sizes = moments_of(crowd.numbered(model).select(SEGMENT_NUMBER, *NUMBERS), model.k)
    used = max((facts.lineage.last_id for facts in earlier), default=0)
    lineage = carry_on(last, points, model, list(sizes.size), used=used, names=plan.names)
    order = np.array([kept.number for kept in lineage.segments])
    model = replace(model, centres=model.centres[order])
    numbers = Moments(sizes.size[order], sizes.mean[order], sizes.variance[order])
    lineage = lineage.in_order()
    users = crowd.numbered(model)
    again = _begun(aside, stability, judged, model.centres, draws=plan.bootstraps, seed=plan.seed)
    with threadpool_limits(1):
        rulers = rulers_of(cleaned, found)
        spreads = {name: (ruler, spread_of(users, name, ruler, model.k)) for name, ruler in rulers.items()}
        tables = tables_of(users, labels_of, model.k)
        intervals = crowd.known(numbers, model, seed=plan.seed)
        evidence = _evidence(judged, model, again, plan)
    averages = {name: one.mean for name, one in found.items()}
    labels = assign(points.values, model.centres)
    segments = profile(
        plan.features,
        model,
        numbers,
        {name: spread.medians for name, (_, spread) in spreads.items()},
        tables,
        intervals,
        averages,
        lineage.segments,
        evidence,
        continues=last is not None,
        smallest_base=plan.smallest_base,
        smallest_cell=plan.smallest_cell,
    )
    ids = tuple(segment.id for segment in segments)
    named = crowd.named(model, ids, SEGMENT)

    step("Comparing with the last month")
    compared = None
    if last is not None:
        compared = compare(
            last,
            lineage,
            points.scale,
            model,
            list(numbers.size),
            crowd.overlap(last.past(), model),
            named,
            smallest=plan.smallest_cell,
        )
    shares = {
        facts.month: [(s.id, s.name, s.share) for s in facts.segments]
        for facts in _before(last, earlier)
        if set(facts.features) == set(plan.features)
    } | {month: [(s.id, s.name, s.share) for s in segments]}
    projection = project(points, like=last.facts.pca.loadings if last else {})
    facts = Facts(
        format=FORMAT,
        month=month,
        source=source,
        brand=brand,
        seed=plan.seed,
        starts=plan.starts,
        features=tuple(plan.features),
        smallest_base=plan.smallest_base,
        smallest_cell=plan.smallest_cell,
        audit=replace(cleaned.audit, joined=dict(joined)),
        distributions=describe(cleaned, found, spreads, counts, labels_of, smallest=plan.smallest_cell),
        elbow=chosen.elbow,
        validity=chosen.validity,
        structure=_structure(chosen.found, chosen.elbow, plan.k),
        scale=points.scale,
        averages=averages,
        shares=shares_of(tables),
        segments=segments,
        pca=map_of(projection, points, labels, ids, smallest=plan.smallest_cell),
        change=compared,
        trend=trend_of(shares) if len(shares) >= _TREND else None,
        lineage=Lineage(lineage.last_id, lineage.retired),
        basis=chosen.basis,
    )
    return Analysis(facts=facts, users=named)


def _before(last: Last | None, earlier: Sequence[Facts]) -> Iterator[Facts]:
    """Give the months that this one continues, the last first, each followed by the one that it was compared with.

    A month that was made late, between two that had been, continues neither: what is S4 there may be another S4 here.
    """
    known = {facts.month: facts for facts in earlier}
    facts = last.facts if last else None
    while facts is not None:
        yield facts
        before = facts.change.month if facts.change and facts.change.month < facts.month else ""
        facts = known.get(before)


def _begun(aside: Executor | None, work: Callable[..., T], *asked: object, **how: object) -> Callable[[], T]:
    """Begin work where there is somebody to do it, else do it when its result is asked for."""
    return aside.submit(work, *asked, **how).result if aside else cache(partial(work, *asked, **how))


def _evidence(
    judged: Points, model: Model, stable: Callable[[], tuple[Stability, ...]], plan: Plan
) -> list[Evidence]:
    """Say of each segment what else is known: silhouette, stability, and whether it is set apart."""
    labels = assign(judged.values, model.centres)
    silhouettes = silhouettes_of(judged, labels, model.k, seed=plan.seed)
    apart = borders(judged, model.centres, seed=plan.seed).apart
    return [
        Evidence(silhouette, again, bool(alone))
        for silhouette, again, alone in zip(silhouettes, stable(), apart, strict=True)
    ]


def _structure(found: judged_by.Structure, elbow: Elbow, wanted: int | str) -> Structure:
    """Put what the judges found into facts; where the panel was asked and finds nothing, nothing is reliable."""
    evidence = found.evidence(elbow.chosen)
    return Structure(
        evidence=evidence,
        reliable=evidence != "none" and not (wanted == "panel" and found.k == 1),
        panel=found.k,
        votes=found.votes,
        gap=found.gap.gap,
        gap_se=found.gap.se,
        band_low=found.gap.low,
        band_high=found.gap.high,
        below_band=found.gap.is_below_band,
    )
