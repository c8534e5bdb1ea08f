"""The stages in order, top to bottom: a month's users in, one set of facts out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import narwhals as nw
from narwhals.typing import IntoDataFrame

from segmentation.clean import Range, clean
from segmentation.distributions import describe
from segmentation.elbow import choose_k, sweep
from segmentation.facts import FORMAT, Brand, Facts, Source
from segmentation.features import scale_of, standardise
from segmentation.pca import map_of, project
from segmentation.profiles import averages_of, profile, shares_of
from segmentation.schema import Frame
from segmentation.validity import silhouettes_of, validate


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the analysis.

    Attributes
    ----------
    features : tuple of str
        Number columns that make the segments.
    valid : mapping of str to (float, float or None)
        Smallest and largest possible value by number column.
    k_range : (int, int)
        Smallest and largest number of segments to try.
    k : int or None
        Number of segments; None to let the curve decide.
    starts : int
        How often K-means starts anew for each k.
    seed : int
        Where the random numbers start.
    smallest_base : int
        Users below which an index says nothing.
    smallest_cell : int
        Users below which a square of the map is not drawn.
    """

    features: tuple[str, ...]
    valid: Mapping[str, Range]
    k_range: tuple[int, int] = (1, 10)
    k: int | None = None
    starts: int = 50
    seed: int = 2026
    smallest_base: int = 30
    smallest_cell: int = 10


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
    distributions = describe(read, cleaned)
    points = standardise(cleaned.users, scale_of(cleaned.users, plan.features))

    step("Trying numbers of segments")
    curve = sweep(points, range(plan.k_range[0], plan.k_range[1] + 1), starts=plan.starts, seed=plan.seed)
    validity = validate(points, curve, seed=plan.seed)
    elbow = choose_k(curve, validity, plan.k)
    model, labels = curve.models[elbow.chosen], curve.labels[elbow.chosen]

    step("Describing the segments")
    silhouettes = silhouettes_of(points, labels, model.k, seed=plan.seed)
    segments = profile(cleaned.users, points, model, labels, silhouettes, smallest_base=plan.smallest_base)
    ids = tuple(segment.id for segment in segments)
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
        scale=points.scale,
        averages=averages_of(cleaned.users),
        shares=shares_of(cleaned.users),
        segments=segments,
        pca=map_of(project(points), points, labels, ids, smallest=plan.smallest_cell),
    )
    named = [ids[label] for label in labels]
    users = cleaned.users.with_columns(
        nw.new_series("segment", named, backend=nw.get_native_namespace(cleaned.users))
    )
    return Analysis(facts=facts, users=users)
