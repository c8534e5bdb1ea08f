"""The segments of all users, not of groups of them: K-means steps in the engine that has the users.

A step is one scan: who is nearest to which centre, how many they are, and where their mean lies. The steps begin where
K-means on the cells ends; the cells also say what the next step would find if they were the users, and only what they
are off by is carried on, so that a few steps do for what would take dozens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.facts import FeatureScale
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, cast_to_float, fetch_rows
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.schema import Users

CONVERGED_SHIFT = 1e-4  # SDs that no centre moves any more
MAX_SCANS = 25  # steps over all users
_MAX_CELL_STEPS = 500  # steps over the cells between two of them
_CENTRE_DECIMALS = 9  # of centres, behind the point: every engine's next step starts from the same numbers


@dataclass(frozen=True, slots=True)
class RefinedModel:
    """K-means on every user.

    Attributes
    ----------
    model : Model
        Centres, and the inertia of all users about them.
    steps : int
        Scans that it took, `MAX_SCANS` at most.
    grid_error : float
        Part by which the cells' inertia differed from that of all users, about the same centres.
    max_shift : float
        SDs by which one more step would move a centre, at most: more than `CONVERGED_SHIFT` only where the scans were used up, as
        happens with many segments of users who have none.
    """

    model: KMeansModel
    steps: int
    grid_error: float
    max_shift: float


@dataclass(frozen=True, slots=True)
class ScanStatistics:
    """What one scan finds about some centres.

    Attributes
    ----------
    sizes : ndarray, shape (k,)
        Users nearest to each.
    sums : ndarray, shape (k, p)
        Sums of their features, in SDs.
    inertia : float
        Sum of squared distances to the nearest, in squared SDs.
    """

    sizes: Floats
    sums: Floats
    inertia: float


def assign_in_engine(
    users: Users, scale: FeatureScale, centres: Floats, column_name: str = SEGMENT_NUMBER
) -> Users:
    """Add a column with the number of each user's nearest centre; of equally near ones, the first.

    Distances are compared with that to the first centre: squares cancel, and a straight line in the raw numbers is left.
    """
    if len(centres) == 1:
        return users.with_columns(nw.lit(0).alias(column_name))
    features = tuple(scale.mean)
    lines, own = [], [f"_to_{n}" for n in range(1, len(centres))]
    for centre, column in zip(centres[1:], own, strict=True):
        line = float((centre**2).sum() - (centres[0] ** 2).sum())
        parts = []
        for i, feature in enumerate(features):
            slope = float(-2 * (centre[i] - centres[0, i]) / scale.sd[feature])
            line -= slope * scale.mean[feature]
            parts.append(cast_to_float(feature) * slope)
        total = nw.lit(line)
        for part in parts:
            total = total + part
        lines.append(total.alias(column))
    least = nw.min_horizontal(nw.lit(0.0), *own).alias("_least")
    nearest = nw.lit(len(own))
    for n, column in reversed(list(enumerate(own[:-1], start=1))):
        nearest = nw.when(nw.col(column) <= nw.col("_least")).then(nw.lit(n)).otherwise(nearest)
    nearest = nw.when(nw.col("_least") >= 0).then(nw.lit(0)).otherwise(nearest)
    measured = users.with_columns(*lines).with_columns(least)
    return measured.with_columns(nearest.alias(column_name)).drop(*own, "_least")


def scan_users(users: Users, scale: FeatureScale, centres: Floats) -> ScanStatistics:
    """Scan all users once."""
    features = tuple(scale.mean)
    k, p = centres.shape
    asked = assign_in_engine(
        users.select(*(cast_to_float(name).alias(name) for name in features)), scale, centres
    )
    sums_of = [nw.col(name).sum().alias(f"_sum_{name}") for name in features]
    sizes, sums = np.zeros(k), np.zeros((k, p))
    for row in fetch_rows(asked.group_by(SEGMENT_NUMBER).agg(nw.len().alias("_n"), *sums_of)):
        n = int(row[SEGMENT_NUMBER])
        sizes[n] = float(row["_n"])
        sums[n] = [
            (float(row[f"_sum_{name}"]) - sizes[n] * scale.mean[name]) / scale.sd[name] for name in features
        ]
    # all users' squared distances from the mean are p SDs each, by what an SD is
    inertia = float(sizes.sum() * p - 2 * (centres * sums).sum() + (sizes * (centres**2).sum(axis=1)).sum())
    return ScanStatistics(sizes, sums, inertia)


def refine_on_all_users(users: Users, points: Points, model: KMeansModel) -> RefinedModel:
    """Move a model of the cells until it is one of all users.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    points : Points
        Their cells.
    model : Model
        A fixed point of K-means on the cells, or near one.

    References
    ----------
    .. [1] Böhmer, Hemker, Stetter (1984), "The defect correction approach", Computing Suppl. 5: solve the coarse problem
       again, with what the fine one said it is off by.
    """
    centres = model.centres.round(_CENTRE_DECIMALS)
    bound, before = 0.0, np.inf
    for steps in range(1, MAX_SCANS + 1):
        found = scan_users(users, points.scale, centres)
        if steps == 1:
            bound = abs(_compute_cell_inertia(points, centres) - found.inertia) / found.inertia
        means = np.where(found.sizes[:, None] > 0, found.sums / np.maximum(found.sizes, 1)[:, None], centres)
        moved = float(np.sqrt(((means - centres) ** 2).sum(axis=1)).max())
        if moved <= CONVERGED_SHIFT or steps == MAX_SCANS:
            break
        # where what the cells say doesn't help, plain K-means goes on: it always ends
        centres = (_correct_centres(points, centres, found) if moved < before / 2 else means).round(
            _CENTRE_DECIMALS
        )
        before = moved
    return RefinedModel(KMeansModel(centres, found.inertia), steps, bound, moved)


def count_model_pairs(
    users: Users, first: tuple[FeatureScale, Floats], second: tuple[FeatureScale, Floats]
) -> Mapping[tuple[int, int], int]:
    """Count users by their nearest centre in each of two models."""
    both = assign_in_engine(assign_in_engine(users, *first, "_first"), *second, "_second").select(
        "_first", "_second"
    )
    asked = both.group_by("_first", "_second").agg(nw.len().alias("_n"))
    rows: list[dict[str, Any]] = fetch_rows(asked)
    return {(int(row["_first"]), int(row["_second"])): int(row["_n"]) for row in rows}


def _compute_cell_inertia(points: Points, centres: Floats) -> float:
    """Give the inertia of cells about some centres, with that within the cells."""
    own = centres[assign_nearest(points.values, centres)]
    return float(points.weights @ ((points.values - own) ** 2).sum(axis=1)) + points.within_inertia


def _sum_cells_by_centre(points: Points, centres: Floats) -> tuple[Floats, Floats]:
    """Give users and sums of the cells nearest to each centre."""
    k, labels = len(centres), assign_nearest(points.values, centres)
    sums = [np.bincount(labels, points.weights * column, minlength=k) for column in points.values.T]
    return np.bincount(labels, points.weights, minlength=k).astype(float), np.column_stack(sums)


def _correct_centres(points: Points, centres: Floats, found: ScanStatistics) -> Floats:
    """Settle on the cells, each step's users and sums corrected by what the scan said they are off by."""
    sizes, sums = _sum_cells_by_centre(points, centres)
    more, beside = found.sizes - sizes, found.sums - sums
    for _ in range(_MAX_CELL_STEPS):
        sizes, sums = _sum_cells_by_centre(points, centres)
        sizes = sizes + more
        moved = np.where(sizes[:, None] > 0, (sums + beside) / np.maximum(sizes, 1)[:, None], centres)
        still = np.abs(moved - centres).max() < CONVERGED_SHIFT / 100
        centres = moved
        if still:
            break
    return centres
