"""The elbow: where inertia over k bends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.clustering.assign import KMeansModel, assign_nearest, fit_kmeans
from segmentation.clustering.grid import fit_k_range_on_cells
from segmentation.errors import SweepError
from segmentation.facts import DecidedBy, ElbowCurve, ValidityIndices
from segmentation.preprocessing.scaling import Labels, Points


@dataclass(frozen=True, slots=True)
class Sweep:
    """The best model for every k tried."""

    models: dict[int, KMeansModel]  # by k, increasing
    labels: dict[int, Labels]  # by k: each point's segment, shape (n,)

    @property
    def ks(self) -> tuple[int, ...]:
        """Numbers of segments tried."""
        return tuple(self.models)

    @property
    def inertia(self) -> tuple[float, ...]:
        """Inertia for each k, in squared SDs."""
        return tuple(model.inertia for model in self.models.values())


def fit_k_range(points: Points, ks: Sequence[int], *, n_init: int, seed: int) -> Sweep:
    """Fit the best model for every k.

    Raises
    ------
    SweepError
        If there is no k to try, or fewer different users than the largest.
    """
    if not len(ks):
        raise SweepError("There is no number of segments to try. Correct `k_range` in settings.toml.")
    if points.kind == "cells":
        models = fit_k_range_on_cells(points, ks, n_init=n_init, seed=seed)
    else:
        models = {k: fit_kmeans(points, k, n_init=n_init, seed=seed) for k in ks}
    return Sweep(models, {k: assign_nearest(points.values, model.centres) for k, model in models.items()})


def find_knee(ks: Sequence[int], inertia: Sequence[float]) -> int | None:
    """Return the k where the curve bends, by Kneedle.

    None if the curve is straight or bends the other way, or if Kneedle chooses the first k, as it does where the curve
    falls faster and faster.

    Parameters
    ----------
    ks : sequence of int, shape (n,)
        Numbers of segments tried, increasing, n >= 3.
    inertia : sequence of float, shape (n,)
        Inertia for each k, in squared SDs.

    Raises
    ------
    SweepError
        If there are fewer than three pairs, or inertia does not fall over increasing k.

    References
    ----------
    .. [1] Satopää et al. (2011), "Finding a 'Kneedle' in a Haystack", ICDCS Workshops. Sensitivity 1, as there.
    """
    from kneed import KneeLocator  # noqa: PLC0415 - takes half a second, in which users can be read

    k, w = np.asarray(ks, dtype=float), np.asarray(inertia, dtype=float)
    if k.ndim != 1 or k.shape != w.shape or k.size < 3:
        raise SweepError(
            f"An elbow needs at least 3 pairs, got k {k.shape} and inertia {w.shape}. Widen `k_range` in settings.toml."
        )
    if not (np.isfinite(w).all() and (np.diff(k) > 0).all() and w[-1] < w[0]):
        raise SweepError(f"Inertia must fall over increasing k, got {w.tolist()} at {k.tolist()}.")
    knee = KneeLocator(k, w, S=1.0, curve="convex", direction="decreasing").knee
    return None if knee is None or knee == k[0] else int(knee)


def choose_k(
    sweep: Sweep,
    validity: ValidityIndices,
    requested_k: int | str,
    proposed: tuple[int, DecidedBy],
    min_sizes: Mapping[int, int],
    min_cell: int,
) -> ElbowCurve:
    """Choose the number of segments.

    A number in settings decides; else the one proposed. In a segment of fewer than `min_cell` users people could be picked
    out: the next smaller k without one is taken.

    Parameters
    ----------
    min_sizes : mapping of int to int
        Users of the smallest segment, by k.

    Raises
    ------
    SweepError
        If settings ask for a k that was not tried, or that makes too small a segment.
    """
    knee = find_knee(sweep.ks, sweep.inertia)
    if isinstance(requested_k, int):
        k = _require_requested_k(sweep, requested_k, min_sizes, min_cell)
        return ElbowCurve(sweep.ks, sweep.inertia, knee, k, "settings")
    wanted, decided_by = proposed
    safe = [k for k in validity.k if k <= wanted and min_sizes[k] >= min_cell]
    if not safe:
        raise SweepError(
            f"Even {max(2, sweep.ks[0])} segments leave one with fewer than {min_cell} users, who could be picked out. "
            "Give a larger file."
        )
    return ElbowCurve(sweep.ks, sweep.inertia, knee, max(safe), decided_by)


def propose_bend(knee: int | None, validity: ValidityIndices) -> tuple[int, DecidedBy]:
    """Return the elbow's k; the silhouette's where nothing bends."""
    if knee is not None:
        return knee, "elbow"
    return validity.k[int(np.argmax(validity.silhouette))], "silhouette"


def require_assessable_k(validity: ValidityIndices, requested_k: int | str, sample_size: float, *, min_k: int) -> None:
    """Require ks that the sample can judge.

    Raises
    ------
    SweepError
        If there is none, or not the requested one.
    """
    if not validity.k:
        raise SweepError(
            f"Even {min_k} segments leave one so small that a sample of {sample_size:,.0f} users can't judge it: a few "
            "users lie far from all others. Narrow the possible values under [valid] in settings.toml, or raise "
            "`exact_users` under [scale] above the month's users."
        )
    if isinstance(requested_k, int) and requested_k > 1 and requested_k not in validity.k:
        raise SweepError(
            f"settings.toml asks for k = {requested_k}, but one of them is so small that a sample of {sample_size:,.0f} "
            "users can't judge it. Ask for a smaller k, or raise `exact_users` under [scale] above the month's users."
        )


def _require_requested_k(sweep: Sweep, k: int, min_sizes: Mapping[int, int], min_cell: int) -> int:
    """Return the requested k, or raise SweepError."""
    if k not in sweep.models:
        raise SweepError(
            f"settings.toml asks for k = {k}, but k_range tries {sweep.ks[0]} to {sweep.ks[-1]}. "
            "Widen k_range, or change k."
        )
    if min_sizes[k] < min_cell:
        raise SweepError(
            f"settings.toml asks for k = {k}, but one of them has {min_sizes[k]} users; under {min_cell} can be picked out. "
            "Ask for a smaller k."
        )
    return k
