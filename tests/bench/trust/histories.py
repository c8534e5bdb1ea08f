"""Simulated histories: whether names last where nothing changes, and whether what happens is told rightly.

Run `python -m tests.bench.trust.histories`; it prints a table. Tuned on seeds from 1, reported on seeds from 1,000,000.
The users are mixtures of round groups in four features, each of SD 1 and `APART` or more between their middles.
"""

import argparse
import functools
import time
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.generate import make_sample_month
from segmentation.clustering.assign import assign_nearest, fit_kmeans, warm_start_kmeans
from segmentation.facts import FeatureScale
from segmentation.preprocessing.scaling import Points
from segmentation.schema import USER_ID
from segmentation.tracking.drift import (
    add_heavy_value_edges,
    choose_bin_count,
    measure_binned_drift,
    measure_category_drift,
)
from segmentation.tracking.matching import PreviousModel, SegmentLineage, match_centres, rescale_values
from segmentation.tracking.migration import count_migration, crosstab_with_previous
from segmentation.tracking.transitions import Transition, detect_transitions
from tests.support.music import assign_ids

FEATURES = ("age", "annual_income", "usage_per_month", "num_of_days_active")
APART = 6.0
BLURRED = 2.5  # SD between the middles: no gap in density
SMALL = 0.04  # of all users: a part, or a group, that is small
STARTS = 10
Floats = NDArray[np.float64]


def assigned(users: NDArray[np.str_], segments: list[str]) -> nw.DataFrame[pd.DataFrame]:
    """Give users with their segments as a month's archive has them."""
    return nw.from_native(pd.DataFrame({USER_ID: users.tolist(), "segment": segments}), eager_only=True)


@dataclass(frozen=True)
class World:
    """The truth of a month: middles of the groups and their shares."""

    middles: Floats
    shares: Floats


@dataclass(frozen=True)
class Month:
    """One sample of a world's users."""

    values: Floats
    groups: NDArray[np.intp]
    users: NDArray[np.str_]


@dataclass(frozen=True)
class Seen:
    """A month as it was analysed."""

    past: PreviousModel
    labels: NDArray[np.intp]
    lineage: SegmentLineage | None = None
    fates: tuple[Transition, ...] = ()


def make_world(rng: np.random.Generator, k: int, apart: float = APART) -> World:
    """Draw k middles at least so far apart, and shares of at least half an even one."""
    side = apart * (1.0 + k ** (1 / 4))
    while True:
        middles = rng.uniform(0, side, (k, 4))
        gaps = np.sqrt(((middles[:, None] - middles[None]) ** 2).sum(axis=2)) + np.eye(k) * 1e9
        if gaps.min() >= apart:
            break
    return World(middles, 0.5 / k + 0.5 * rng.dirichlet(np.full(k, 4.0)))


def draw(rng: np.random.Generator, world: World, n: int, start: int) -> Month:
    """Draw n new users."""
    groups = rng.choice(len(world.shares), n, p=world.shares / world.shares.sum())
    values = world.middles[groups] + rng.standard_normal((n, 4))
    return Month(values, groups, np.array([f"u{start + i}" for i in range(n)]))


def next_month(
    rng: np.random.Generator, before: Month, *, was: World, world: World, n: int, start: int, staying: float
) -> Month:
    """Draw the month after: part of the users stay, most in their group, which may go elsewhere; others are new.

    Groups keep their shares where both worlds have the same; a group that is new is filled by new users alone.
    """
    if not staying:
        return draw(rng, world, n, start)
    there = np.where(was.shares > 0, world.shares, 0.0)
    stays = np.flatnonzero((rng.random(len(before.users)) < staying * there.sum()) & (there > 0)[before.groups])
    old = Month(before.values[stays], before.groups[stays], before.users[stays])
    moved = rng.random(len(stays)) < 0.05
    groups = np.where(moved, rng.choice(len(there), len(stays), p=there / there.sum()), old.groups)
    own = old.values - was.middles[old.groups]
    values = world.middles[groups] + 0.9 * own + np.sqrt(1 - 0.81) * rng.standard_normal(own.shape)
    lacking = np.clip(n * world.shares - np.bincount(groups, minlength=len(there)), 0, None)
    new = draw(rng, World(world.middles, lacking / lacking.sum()), round(lacking.sum()), start)
    return Month(
        np.vstack([values, new.values]), np.concatenate([groups, new.groups]), np.concatenate([old.users, new.users])
    )


def analyse(month: Month, k: int, seed: int, before: Seen | None, last: Month | None) -> Seen:
    """Analyse a month as the report does; `last` is given where users have ids."""
    mean, sd = month.values.mean(axis=0), month.values.std(axis=0)
    scale = FeatureScale(dict(zip(FEATURES, mean, strict=True)), dict(zip(FEATURES, sd, strict=True)))
    points = Points((month.values - mean) / sd, np.ones(len(month.values)), FEATURES, scale)
    model = fit_kmeans(points, k, n_init=STARTS, seed=seed)
    if before is not None:
        model = warm_start_kmeans(
            points, model, rescale_values(before.past.centres, before.past.scale, scale), min_cell=10
        )
    labels = assign_nearest(points.values, model.centres)
    users = np.bincount(labels, minlength=k)
    centres = [dict(zip(FEATURES, centre, strict=True)) for centre in model.centres]
    fates: tuple[Transition, ...] = ()
    if before is None:
        nothing = PreviousModel(scale, (), (), np.empty((0, 4)), (), 1.0, 0)
        lineage = assign_ids(nothing, (), centres, users)
    else:
        there = rescale_values(model.centres, scale, before.past.scale)
        matches = match_centres(before.past, there, users)
        lineage = assign_ids(before.past, matches, centres, users)
        flows = None
        if last is not None:
            flows = count_migration(
                assigned(last.users, [before.past.ids[before_to(before)[label]] for label in before.labels]),
                assigned(month.users, [lineage.ids[label] for label in labels]),
                "segment",
                rows=before.past.ids,
                columns=lineage.ids,
            )
        overlap = crosstab_with_previous(before.past, points, labels, k)
        fates = detect_transitions(
            before.past, matches, lineage, centres=there, sizes=users, overlap=overlap, flows=flows
        )
    order = [kept.number for kept in lineage.segments]
    past = PreviousModel(
        scale=scale,
        ids=tuple(kept.id for kept in lineage.segments),
        names=tuple(kept.name for kept in lineage.segments),
        centres=model.centres[order],
        users=tuple(int(users[n]) for n in order),
        radius=float(np.sqrt(model.inertia / len(points.values))),
        last_id=lineage.registry.last_id,
        retired=lineage.registry.retired,
    )
    return Seen(past, labels, lineage, fates)


def before_to(seen: Seen) -> dict[int, int]:
    """Place on the pages of each number of the model."""
    assert seen.lineage is not None
    return {kept.number: place for place, kept in enumerate(seen.lineage.segments)}


def quiet(seed: int, months: int, apart: float, staying: float, *, ids: bool) -> tuple[int, int, int, int]:
    """Live through a history without change: count pairs, pairs with an event, changed names, flagged names.

    Where groups are blurred, a segment may hold about as many users of one group as of another, so that its id and its name
    alone have to last.
    """
    rng = np.random.default_rng([seed, 1])
    k, n = int(rng.integers(2, 7)), int(rng.choice([300, 600, 1200, 2500, 5000]))
    world = make_world(rng, k, apart)
    month = draw(rng, world, n, 0)
    seen = analyse(month, k, seed, None, None)
    events = changed = flagged = 0
    for t in range(1, months):
        after = next_month(rng, month, was=world, world=world, n=n, start=t * 10_000, staying=staying)
        then = analyse(after, k, seed + t, seen, month if ids else None)
        events += any(fate.kind != "survived" for fate in then.fates)
        if apart < APART:
            changed += set(zip(then.past.ids, then.past.names, strict=True)) != set(
                zip(seen.past.ids, seen.past.names, strict=True)
            )
        else:  # each name must still stand for the group that it stood for
            changed += meaning(then, after) != meaning(seen, month)
        flagged += any(not kept.name_fits for kept in then.lineage.segments)
        month, seen = after, then
    return months - 1, events, changed, flagged


def redrawn(seed: int, months: int, n: int, k: int) -> tuple[int, int, int, int]:
    """As `quiet`, of users drawn from the synthetic sample, whose groups touch, each month anew."""
    rng = np.random.default_rng([seed, 4])
    pool, groups = sample_users()
    month, seen = None, None
    events = changed = flagged = 0
    for t in range(months):
        rows = rng.integers(0, len(pool), n)
        after = Month(pool[rows], groups[rows], np.array([f"u{t}-{i}" for i in range(n)]))
        then = analyse(after, k, seed + t, seen, None)
        if month is not None and seen is not None:
            events += any(fate.kind != "survived" for fate in then.fates)
            changed += set(then.past.ids) != set(seen.past.ids)
            flagged += any(not kept.name_fits for kept in then.lineage.segments)
        month, seen = after, then
    return months - 1, events, changed, flagged


@functools.cache
def sample_users() -> tuple[Floats, NDArray[np.intp]]:
    """Give the first month's clean users and the number of the planted group of each."""
    made = make_sample_month("2026-08")
    numbers = made.users[list(FEATURES)]
    whole = numbers.notna().all(axis=1) & numbers["age"].between(16, 65) & (numbers["num_of_days_active"] <= 365)
    kept = whole.fillna(value=False).to_numpy(dtype=bool)
    return numbers[kept].to_numpy(dtype=float), np.unique(made.groups[kept], return_inverse=True)[1]


def meaning(seen: Seen, month: Month) -> dict[tuple[str, str], int]:
    """Say which planted group each id and name stands for."""
    return {
        (kept.id, kept.name): int(np.bincount(month.groups[seen.labels == kept.number]).argmax())
        for kept in seen.lineage.segments
    }


EVENTS = {
    "split": "split",
    "one-sided split": "split",
    "merge": "merged",
    "one-sided merge": "merged",
    "emerge": "emerged",
    "vanish": "vanished",
}


def planted(seed: int, event: str, apart: float, staying: float, *, ids: bool, share: float = 0.0) -> bool:
    """Plant one event between two months, and tell whether exactly it is told.

    `share` is that of the users whom it concerns: a part that splits off or joins, or a group that comes or goes.
    """
    rng = np.random.default_rng([seed, 2])
    k, n = int(rng.integers(3, 7)), int(rng.choice([300, 600, 1200, 2500, 5000]))
    world = closest_first(make_world(rng, k, apart))
    if share:
        place = int("one-sided" in event)  # there the first group stays where it is
        others = np.delete(world.shares, place)
        world = replace(world, shares=np.insert((1 - share) * others / others.sum(), place, share))
    if event in (
        "split",
        "merge",
    ):  # the first two groups are what is one group on the other side: they meet in their common middle
        a, b = world.shares[:2]
        middle = (a * world.middles[0] + b * world.middles[1]) / (a + b)
        if np.sqrt(((world.middles[2:] - middle) ** 2).sum(axis=1)).min(initial=1e9) < apart:
            return planted(seed + 7_000_000, event, apart, staying, ids=ids, share=share)
        joint = replace(world, middles=np.vstack([[middle, middle], world.middles[2:]]))
    elif "one-sided" in event:  # they meet where the first one is
        joint = replace(world, middles=np.vstack([world.middles[:1], world.middles[:1], world.middles[2:]]))
    else:  # the first group is not there on the other side
        joint = replace(world, shares=np.concatenate([[0.0], world.shares[1:] / world.shares[1:].sum()]))
    if EVENTS[event] in ("split", "merged") and not near(world, joint, forward=EVENTS[event] == "split"):
        return planted(seed + 7_000_000, event, apart, staying, ids=ids, share=share)
    backwards = event in ("merge", "one-sided merge", "vanish")
    first, second = (world, joint) if backwards else (joint, world)
    month = draw(rng, first, n, 0)
    seen = analyse(month, k if backwards else k - 1, seed, None, None)
    after = next_month(rng, month, was=first, world=second, n=n, start=10_000, staying=staying)
    then = analyse(after, k - 1 if backwards else k, seed + 1, seen, month if ids else None)
    return told(event, seen, month, then, after)


def closest_first(world: World) -> World:
    """Put the two groups that lie closest to each other first: one that splits does so into neighbours."""
    gaps = np.sqrt(((world.middles[:, None] - world.middles[None]) ** 2).sum(axis=2)) + np.eye(len(world.shares)) * 1e9
    pair = list(np.unravel_index(gaps.argmin(), gaps.shape))
    order = [*pair, *(n for n in range(len(world.shares)) if n not in pair)]
    return World(world.middles[order], world.shares[order])


def near(world: World, joint: World, *, forward: bool) -> bool:
    """Whether the two first groups, seen in last month's scaling, have the place they share as their nearest."""
    last = joint if forward else world
    mean = last.shares @ last.middles
    sd = np.sqrt(last.shares @ (last.middles - mean) ** 2 + 1)
    gaps = np.sqrt((((world.middles[:2, None] - joint.middles[None]) / sd) ** 2).sum(axis=2))
    return bool((gaps.argmin(axis=1) < 2).all())


def told(event: str, seen: Seen, month: Month, then: Seen, after: Month) -> bool:
    """Whether the fates are exactly the planted ones."""
    was, now = groups_of(seen, month), groups_of(then, after)
    got = {(fate.kind, frozenset(fate.into), frozenset(fate.others)) for fate in then.fates}
    rest = set(was) & set(now) - {0, 1}
    none: frozenset[str] = frozenset()
    want = {("survived", frozenset({now[g]}), none) for g in rest}
    kind = EVENTS[event]
    if kind == "split":
        want |= {("split", frozenset({now[0], now[1]}), none)}
    elif kind == "merged":
        into = frozenset({now.get(0, now.get(1, ""))})
        want |= {("merged", into, frozenset({was[1]})), ("merged", into, frozenset({was[0]}))}
    else:
        want |= {("survived", frozenset({now[1]}), none)}
        want |= {("emerged", frozenset({now[0]}), none)} if kind == "emerged" else {("vanished", none, none)}
    stable = all(was[g] == now[g] for g in rest)
    return stable and got == want


def groups_of(seen: Seen, month: Month) -> dict[int, str]:
    """Id of the segment that holds most of each planted group."""
    return {
        int(g): seen.lineage.ids[int(np.bincount(seen.labels[month.groups == g]).argmax())]
        for g in np.unique(month.groups)
    }


COLUMNS_OF = {
    "continuous": lambda rng, n: rng.gamma(2.0, 300.0, n),
    "ages, whole": lambda rng, n: np.floor(16 + 49 * rng.beta(1.2, 2.0, n)),
    "1 to 4, whole": lambda rng, n: rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05]),
    "60 % zeros": lambda rng, n: np.where(rng.random(n) < 0.6, 0, rng.integers(1, 30, n)),
}
SHARES = {
    "gender, 2 of 4 rare": (0.505, 0.478, 0.0122, 0.0048),
    "genre, 7": (0.437, 0.170, 0.147, 0.113, 0.059, 0.054, 0.020),
    "employment, 4": (0.62, 0.20, 0.105, 0.075),
}


def has_drifted(last: Floats, now: Floats) -> bool:
    """Tell whether a number is said to have drifted, as the analysis says by counting alone."""
    bins = choose_bin_count(len(last), len(now))
    cuts = np.sort(last)[[len(last) * n // bins for n in range(1, bins)]]
    edges = add_heavy_value_edges(cuts, np.array([(last == cut).mean() for cut in cuts]), bins)
    counts = [np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1) for x in (last, now)]
    return measure_binned_drift(np.array(counts)).has_drifted


def false_alarms(seed: int, n: int, m: int, runs: int) -> dict[str, float]:
    """Share of runs without drift in which each kind of column is said to have drifted."""
    rng = np.random.default_rng([seed, 3])
    rates = {
        name: sum(has_drifted(make(rng, n), make(rng, m)) for _ in range(runs)) / runs
        for name, make in COLUMNS_OF.items()
    }
    for name, shares in SHARES.items():
        alarms = 0
        for _ in range(runs):
            last, now = (rng.multinomial(size, np.array(shares) / sum(shares)) for size in (n, m))
            last_counts, now_counts = ({str(i): int(c) for i, c in enumerate(row)} for row in (last, now))
            alarms += measure_category_drift(last_counts, now_counts).has_drifted
        rates[name] = alarms / runs
    return rates


def main() -> None:
    """Print the table."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--histories", type=int, default=1000)
    ask.add_argument("--events", type=int, default=500, help="planted pairs of months of each kind")
    ask.add_argument("--drifts", type=int, default=4000, help="pairs of samples of each size and column")
    ask.add_argument("--seed", type=int, default=1_000_000)
    asked = ask.parse_args()
    start = time.monotonic()
    variants = (("new users", 0.0, False), ("85 % stay, no ids", 0.85, False), ("85 % stay, ids", 0.85, True))
    print(f"Histories of 12 months without change, middles {APART:g} SD apart or more, k 2 to 6, 300 to 5,000 users")
    print(f"{'':22}{'histories':>10}{'pairs':>8}{'false events':>14}{'names changed':>15}{'names flagged':>15}")
    for label, staying, ids in variants:
        seeds = range(asked.seed, asked.seed + max(asked.histories // len(variants), 1))
        counts = [quiet(seed, 12, APART, staying, ids=ids) for seed in seeds]
        pairs, events, changed, flagged = (sum(column) for column in zip(*counts, strict=True))
        print(f"{label:22}{len(counts):>10,}{pairs:>8,}{events:>14}{changed:>15}{flagged:>15}", flush=True)
    for label, staying, ids in variants:
        seeds = range(asked.seed, asked.seed + max(asked.histories // 10, 1))
        counts = [quiet(seed, 12, BLURRED, staying, ids=ids) for seed in seeds]
        pairs, events, changed, flagged = (sum(column) for column in zip(*counts, strict=True))
        print(f"{'blurred, ' + label:27}{len(counts):>5,}{pairs:>8,}{events:>14}{changed:>15}{flagged:>15}", flush=True)
    for n, k in ((4_900, 4), (1_000, 4), (300, 4), (4_900, 5), (4_900, 6)):
        counts = [redrawn(asked.seed + i, 12, n, k) for i in range(max(asked.histories // 20, 1))]
        pairs, events, changed, flagged = (sum(column) for column in zip(*counts, strict=True))
        label = f"sample, n {n}, k {k}"
        print(f"{label:22}{len(counts):>10,}{pairs:>8,}{events:>14}{changed:>15}{flagged:>15}", flush=True)
    print("\nPlanted events told rightly, and nothing else told")
    print(f"{'':22}" + "".join(f"{event:>17}" for event in EVENTS))
    for label, staying, ids in variants:
        rates = [
            sum(planted(asked.seed + n, event, APART, staying, ids=ids) for n in range(asked.events)) / asked.events
            for event in EVENTS
        ]
        print(f"{label:22}" + "".join(f"{rate:>17.1%}" for rate in rates), flush=True)
    print(
        f"\nThe same of {SMALL:.0%} of the users; without ids a part that leaves and one that is new differ in sizes alone"
    )
    for label, staying, ids in variants:
        rates = [
            sum(
                planted(asked.seed + n, event, APART, staying, ids=ids, share=SMALL)
                for n in range(max(asked.events // 5, 1))
            )
            / max(asked.events // 5, 1)
            for event in EVENTS
        ]
        print(f"{label:22}" + "".join(f"{rate:>17.1%}" for rate in rates), flush=True)
    print("\nFalse alarms of drift at 5 %")
    print(f"{'users':>14}" + "".join(f"{name:>22}" for name in (*COLUMNS_OF, *SHARES)))
    for n, m in ((50, 50), (300, 300), (5_000, 5_000), (20_000, 20_000), (300, 5_000)):
        rates = false_alarms(asked.seed, n, m, asked.drifts)
        print(f"{n:>6,} {m:>7,}" + "".join(f"{rate:>22.1%}" for rate in rates.values()), flush=True)
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
