"""Lloyd's algorithm on all users, in their engine.

A step is one scan: the users nearest to each centre, and their mean. The steps begin where K-means on the cells ends.
The cells also predict the next step, and each scan corrects them by what they are off; so a few scans replace dozens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.facts import FeatureScale
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, count_groups, express_feature, fetch_rows
from segmentation.preprocessing.scaling import Floats, Points

CONVERGED_SHIFT = 1e-4  # SDs: a centre that moves less has converged
MAX_SCANS = 25  # of all users
_MAX_CELL_STEPS = 500  # steps over the cells between two scans
_CENTRE_DECIMALS = 9  # of centres: every engine's next step starts from the same numbers


@dataclass(frozen=True, slots=True)
class RefinedModel:
    """A model refined on all users, with its steps."""

    model: KMeansModel
    steps: int  # scans
    grid_error: float  # relative difference of the cells' inertia from that of all users, about the same centres
    max_shift: float  # SDs by which one more step would move a centre; large only after MAX_SCANS


@dataclass(frozen=True, slots=True)
class ScanStatistics:
    """One scan's result about some centres."""

    sizes: Floats  # shape (k,): users nearest to each
    sums: Floats  # shape (k, p): sums of their features, in SDs
    inertia: float  # in squared SDs


def assign_in_engine(users: Users, scale: FeatureScale, centres: Floats, column_name: str = SEGMENT_NUMBER) -> Users:
    """Add a column with each user's nearest centre.

    Distances are compared with that to the first centre: the squares cancel, and a linear form in the raw numbers is left.
    """
    if len(centres) == 1:
        return users.with_columns(nw.lit(0).alias(column_name))
    features = tuple(scale.mean)
    lines, names = [], [f"_to_{n}" for n in range(1, len(centres))]
    for centre, column in zip(centres[1:], names, strict=True):
        constant = float((centre**2).sum() - (centres[0] ** 2).sum())
        parts = []
        for i, feature in enumerate(features):
            slope = float(-2 * (centre[i] - centres[0, i]) / scale.sd[feature])
            constant -= slope * scale.mean[feature]
            parts.append(express_feature(scale, feature) * slope)
        line = nw.lit(constant)
        for part in parts:
            line = line + part
        lines.append(line.alias(column))
    least = nw.min_horizontal(nw.lit(0.0), *names).alias("_least")
    nearest = nw.lit(len(names))
    for n, column in reversed(list(enumerate(names[:-1], start=1))):
        nearest = nw.when(nw.col(column) <= nw.col("_least")).then(nw.lit(n)).otherwise(nearest)
    nearest = nw.when(nw.col("_least") >= 0).then(nw.lit(0)).otherwise(nearest)
    measured = users.with_columns(*lines).with_columns(least)
    return measured.with_columns(nearest.alias(column_name)).drop(*names, "_least")


def scan_users(users: Users, scale: FeatureScale, centres: Floats) -> ScanStatistics:
    """Sum all users by nearest centre, in one scan."""
    features = tuple(scale.mean)
    k, p = centres.shape
    floats = users.select(*(express_feature(scale, name).alias(name) for name in features))
    sums_of = [nw.col(name).sum().alias(f"_sum_{name}") for name in features]
    by_centre = assign_in_engine(floats, replace(scale, transforms={}), centres).group_by(SEGMENT_NUMBER)
    sizes, sums = np.zeros(k), np.zeros((k, p))
    for row in fetch_rows(by_centre.agg(nw.len().alias("_n"), *sums_of)):
        n = int(row[SEGMENT_NUMBER])
        sizes[n] = float(row["_n"])
        sums[n] = [(float(row[f"_sum_{name}"]) - sizes[n] * scale.mean[name]) / scale.sd[name] for name in features]
    # by the definition of an SD, squared distances from the mean add up to p a user
    inertia = float(sizes.sum() * p - 2 * (centres * sums).sum() + (sizes * (centres**2).sum(axis=1)).sum())
    return ScanStatistics(sizes, sums, inertia)


def refine_on_all_users(users: Users, points: Points, model: KMeansModel) -> RefinedModel:
    """Refine a model of the cells on all users.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    points : Points
        Their cells.
    model : KMeansModel
        A fixed point of K-means on the cells, or near one.

    References
    ----------
    .. [1] Böhmer, Hemker, Stetter (1984), "The defect correction approach", Computing Suppl. 5: solve the coarse problem
       again, corrected by its error on the fine one.
    """
    centres = model.centres.round(_CENTRE_DECIMALS)
    grid_error, last_shift = 0.0, np.inf
    for steps in range(1, MAX_SCANS + 1):
        scan = scan_users(users, points.scale, centres)
        if steps == 1:
            grid_error = abs(_compute_cell_inertia(points, centres) - scan.inertia) / scan.inertia
        means = _divide(scan.sums, scan.sizes, centres)
        shift = float(np.sqrt(((means - centres) ** 2).sum(axis=1)).max())
        if shift <= CONVERGED_SHIFT or steps == MAX_SCANS:
            break
        # where the cells' prediction doesn't help, plain K-means goes on: it always converges
        centres = _correct_centres(points, centres, scan) if shift < last_shift / 2 else means
        centres, last_shift = centres.round(_CENTRE_DECIMALS), shift
    return RefinedModel(KMeansModel(centres, scan.inertia), steps, grid_error, shift)


def count_model_pairs(
    users: Users, first: tuple[FeatureScale, Floats], second: tuple[FeatureScale, Floats]
) -> Mapping[tuple[int, int], int]:
    """Count users by segment in each of two models."""
    both = assign_in_engine(assign_in_engine(users, *first, "_first"), *second, "_second")
    return {(int(i), int(j)): n for i, j, n in count_groups(both.select("_first", "_second"), "_first", "_second")}


def _compute_cell_inertia(points: Points, centres: Floats) -> float:
    """Return the cells' inertia, that within cells included."""
    nearest = centres[assign_nearest(points.values, centres)]
    return float(points.weights @ ((points.values - nearest) ** 2).sum(axis=1)) + points.within_inertia


def _sum_cells_by_centre(points: Points, centres: Floats) -> tuple[Floats, Floats]:
    """Return users and sums of cells by nearest centre."""
    return points.sum_by_label(assign_nearest(points.values, centres), len(centres))


def _divide(sums: Floats, sizes: Floats, centres: Floats) -> Floats:
    """Return the means; an empty segment's centre stays."""
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)


def _correct_centres(points: Points, centres: Floats, scan: ScanStatistics) -> Floats:
    """Converge on cells, corrected by the scan."""
    sizes, sums = _sum_cells_by_centre(points, centres)
    size_error, sum_error = scan.sizes - sizes, scan.sums - sums
    for _ in range(_MAX_CELL_STEPS):
        sizes, sums = _sum_cells_by_centre(points, centres)
        moved = _divide(sums + sum_error, sizes + size_error, centres)
        has_converged = np.abs(moved - centres).max() < CONVERGED_SHIFT / 100
        centres = moved
        if has_converged:
            break
    return centres
