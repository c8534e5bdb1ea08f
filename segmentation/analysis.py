"""The stages in order, top to bottom: a month's users in, one set of facts out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
from narwhals.typing import IntoDataFrame

from segmentation import panel as judged
from segmentation.change import SEGMENT, Last, carry_on, compare
from segmentation.clean import clean
from segmentation.clusters import Labels, assign, continued
from segmentation.disclosure import merge_small
from segmentation.distributions import counts_of, describe, relabel
from segmentation.elbow import choose_k, sweep
from segmentation.facts import FORMAT, Brand, Elbow, Facts, Lineage, Source, Stability, Structure, Vote
from segmentation.features import scale_of, standardise
from segmentation.panel import judge
from segmentation.pca import map_of, project
from segmentation.plan import Plan
from segmentation.profiles import Evidence, averages_of, profile, shares_of
from segmentation.schema import CATEGORIES, Frame
from segmentation.stability import stability
from segmentation.trend import trend_of
from segmentation.validity import silhouettes_of, validate
from segmentation.valleys import borders

_TREND = 3  # months that make one


@dataclass(frozen=True, slots=True)
class Analysis:
    """One month, analysed.

    Attributes
    ----------
    facts : Facts
        Everything that may be shown.
    users : narwhals.DataFrame
        The users kept, with a column `segment`: the one result with a row a user.
    """

    facts: Facts
    users: Frame


def analyse(
    frame: IntoDataFrame,
    plan: Plan,
    *,
    month: str,
    source: Source,
    brand: Brand,
    last: Last | None = None,
    earlier: Sequence[Facts] = (),
    step: Callable[[str], None] = lambda _: None,
) -> Analysis:
    """Clean, cluster, project and describe one month's users.

    Parameters
    ----------
    frame : DataFrame
        One row a user, with the schema's columns.
    plan : Plan
        What is asked.
    month : str
        "2026-10".
    source, brand : Source, Brand
        What the facts carry along for the pages.
    last : Last, optional
        The last month that was made, whose segments this month's continue.
    earlier : sequence of Facts
        All archived months, for the trend.
    step : callable
        Told the name of each stage as it begins.

    Raises
    ------
    SegmentationError
        If the columns, the rows or the plan do not allow an analysis.
    """
    read = nw.from_native(frame, eager_only=True)
    step("Cleaning")
    cleaned = clean(read, plan.valid)
    in_file = np.argsort(order := _in_any_order(cleaned.users))  # where each row of the file comes to lie
    cleaned = replace(cleaned, users=cleaned.users[order.tolist()])
    labels_of = {
        name: merge_small(counts_of(cleaned.users, name), smallest=plan.smallest_cell) for name in CATEGORIES
    }
    distributions = describe(read, cleaned, labels_of, smallest=plan.smallest_cell)
    points = standardise(cleaned.users, scale_of(cleaned.users, plan.features))

    step("Trying numbers of segments")
    curve = sweep(points, range(plan.k_range[0], plan.k_range[1] + 1), starts=plan.starts, seed=plan.seed)
    validity = validate(points, curve, seed=plan.seed)

    step("Asking whether there are any")
    found = judge(
        points, curve, validity, draws=plan.draws, bootstraps=max(1, plan.bootstraps // 4), seed=plan.seed
    )
    sizes = {k: int(np.bincount(labels, minlength=k).min()) for k, labels in curve.labels.items()}
    elbow = choose_k(curve, validity, plan.k, found.k, sizes, plan.smallest_cell)

    step("Describing the segments")
    model = curve.models[elbow.chosen]
    if last is not None:
        model = continued(points, model, last.centres(points.scale), smallest=plan.smallest_cell)
    labels = assign(points.values, model.centres)
    lineage = carry_on(last, points, model, list(np.bincount(labels, minlength=model.k)))
    order = np.array([kept.number for kept in lineage.segments])
    model, labels = replace(model, centres=model.centres[order]), np.argsort(order)[labels]
    lineage = lineage.in_order()
    apart = borders(points, model.centres, seed=plan.seed).apart
    evidence = [
        Evidence(
            silhouette,
            Stability(again.jaccard, again.dissolved, again.recovered, again.grade),
            bool(alone),
        )
        for silhouette, again, alone in zip(
            silhouettes_of(points, labels, model.k, seed=plan.seed),
            stability(points, model.centres, draws=plan.bootstraps, seed=plan.seed),
            apart,
            strict=True,
        )
    ]
    described = relabel(cleaned.users, labels_of)
    segments = profile(
        described,
        points,
        model,
        labels,
        lineage.segments,
        evidence,
        continues=last is not None,
        smallest_base=plan.smallest_base,
        smallest_cell=plan.smallest_cell,
        seed=plan.seed,
    )
    ids = tuple(segment.id for segment in segments)
    named = [ids[label] for label in labels]
    users = cleaned.users.with_columns(
        nw.new_series(SEGMENT, named, backend=nw.get_native_namespace(cleaned.users))
    )

    step("Comparing with the last month")
    compared = None
    if last is not None:
        compared = compare(last, lineage, points, model, labels, users, smallest=plan.smallest_cell)
    shares = {month: [(s.id, s.name, s.share) for s in segments]}
    shares |= {facts.month: [(s.id, s.name, s.share) for s in facts.segments] for facts in earlier}
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
        audit=cleaned.audit,
        distributions=distributions,
        elbow=elbow,
        validity=validity,
        structure=_structure(found, elbow, plan.k),
        scale=points.scale,
        averages=averages_of(described),
        shares=shares_of(described),
        segments=segments,
        pca=map_of(projection, points, labels, ids, smallest=plan.smallest_cell),
        change=compared,
        trend=trend_of(shares) if len(shares) >= _TREND else None,
        lineage=Lineage(lineage.last_id, lineage.retired),
    )
    return Analysis(facts=facts, users=users[in_file.tolist()])


def _in_any_order(users: Frame) -> Labels:
    """Give an order of the rows that doesn't depend on the one they came in: bootstraps and samples draw rows."""
    keys = [users.get_column(name).to_numpy() for name in reversed(users.columns)]
    return np.lexsort([key if key.dtype.kind in "fiub" else key.astype(str) for key in keys])


def _structure(found: judged.Structure, elbow: Elbow, wanted: int | str) -> Structure:
    """Put what the judges found into facts; where the panel was asked and finds nothing, nothing is reliable."""
    evidence = found.evidence(elbow.chosen)
    return Structure(
        evidence=evidence,
        reliable=evidence != "none" and not (wanted == "panel" and found.k == 1),
        panel=found.k,
        votes=tuple(Vote(vote.judge, vote.k) for vote in found.votes),
        gap=found.gap.gap,
        gap_se=found.gap.se,
        band_low=found.gap.low,
        band_high=found.gap.high,
        below_band=found.gap.is_below_band,
    )
