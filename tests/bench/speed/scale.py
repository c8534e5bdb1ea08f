"""One, ten and a hundred million users: the whole analysis, beside a plain scan and other ways to cluster them.

Each runs in a process of its own on the same made-up users, one after the other; of the others, what takes longer
than LIMIT seconds is stopped. Every one's centres are judged by the same query over all users kept, so that inertias
can be compared. Prints one table and writes docs/benchmarks.md.

FOLDER is where the users are put (some 1.6 GB, removed afterwards), SIZES the millions, ONLY=ours,scan some of them.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from tests.support import ROOT

FEATURES = ("age", "annual_income", "usage_per_month", "num_of_days_active")
K, STARTS, SEED = 4, 4, 2026
LIMIT = float(os.environ.get("LIMIT") or 900)
SIZES = tuple(int(part) for part in (os.environ.get("SIZES") or "1,10,100").split(","))
ONLY = tuple(part for part in (os.environ.get("ONLY") or "").split(",") if part)
MOST = {1: 8, 10: 25, 100: 150}  # seconds of the whole analysis that are promised
MEMORY, FASTER, WORSE = 2000, 20, 0.001  # MB; times; part of the best inertia
KEPT = (
    "gender IS NOT NULL AND employment_status IS NOT NULL AND top_genre IS NOT NULL AND age BETWEEN 16 AND 120"
    " AND annual_income >= 0 AND usage_per_month BETWEEN 0 AND 44640 AND num_of_days_active BETWEEN 0 AND 365"
)
TRUST_HEADING = "## How far intervals and claims can be trusted"  # in docs/benchmarks.md; what follows is kept
Centres = list[list[float]]


@dataclass(frozen=True)
class Result:
    """What one of them made of so many users.

    Attributes
    ----------
    seconds : float or None
        None where it did not finish.
    memory : float
        MB of its processes together, at the most.
    inertia : float or None
        Of its four centres, over all users kept.
    told : dict
        What else it says of itself.
    """

    seconds: float | None
    memory: float
    inertia: float | None = None
    told: dict[str, Any] | None = None


# --- what each of them does, in a process of its own


def whole(path: Path) -> dict[str, Any]:
    """Run our whole analysis: clean, sweep, judge, settle, describe, write every user's segment."""
    from report.history import analyse_and_store_month
    from report.settings import read_settings

    begun: list[tuple[str, float]] = []

    def step(said: str) -> None:
        name = said.partition(":")[0]
        if not begun or begun[-1][0] != name:
            begun.append((name, time.perf_counter()))

    settings = read_settings(ROOT / "settings.toml")
    with tempfile.TemporaryDirectory(dir=path.parent) as output:
        folder = Path(output) / "2026-10"
        folder.mkdir()
        facts = analyse_and_store_month(path, "2026-10", settings, Path(output), folder, step)
    begun.append(("", time.perf_counter()))
    stages: dict[str, float] = {}
    for (name, start), (_, end) in pairwise(begun):
        stages[name] = stages.get(name, 0) + end - start
    centres = [[segment.centre[name] for name in FEATURES] for segment in facts.segments]
    return {"centres": centres, "stages": stages, "basis": vars_of(facts.basis), "kept": facts.audit.kept}


def our_sweep(path: Path) -> dict[str, Any]:
    """Put the users kept on a grid and sweep k = 1 to 10 over its cells: all that needs their standardised values."""
    import narwhals as nw
    import sklearn.cluster  # noqa: F401 - in memory before the clock begins, as where it is compared with

    from report.settings import read_settings
    from segmentation.clustering.grid import aggregate_to_grid, round_scale
    from segmentation.preprocessing.aggregate import summarise_columns
    from segmentation.preprocessing.clean import clean_users
    from segmentation.preprocessing.scaling import build_scale
    from segmentation.validation.elbow import fit_k_range

    plan = read_settings(ROOT / "settings.toml").build_options()
    users = clean_users(
        nw.from_native(_duckdb().read_parquet(str(path))), plan.schema, max_in_memory=plan.exact_users
    ).users
    found = summarise_columns(users, FEATURES)
    scale = round_scale(build_scale({name: found[name] for name in FEATURES}))
    start = time.perf_counter()
    curve = fit_k_range(aggregate_to_grid(users, scale, found, plan.grid_step), range(1, 11), n_init=STARTS, seed=SEED)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "centres": curve.models[K].centres.tolist()}


def vars_of(basis: Any) -> dict[str, Any]:
    """Give a frozen result as a dict."""
    return {name: getattr(basis, name) for name in basis.__slots__}


def scan(path: Path) -> dict[str, Any]:
    """Ask DuckDB for means and SDs of the four columns."""
    connection = _duckdb()
    start = time.perf_counter()
    connection.execute(f"SELECT {_moments()} FROM '{path}'").fetchall()
    return {"seconds": time.perf_counter() - start}


def kmeans(path: Path) -> dict[str, Any]:
    """Cluster by scikit-learn's KMeans."""
    from sklearn.cluster import KMeans

    return _fitted(KMeans(K, n_init=STARTS, random_state=SEED), path)


def kmeans_sweep(path: Path) -> dict[str, Any]:
    """Sweep k = 1 to 10 by scikit-learn's KMeans."""
    from sklearn.cluster import KMeans

    values = _values(path)
    start = time.perf_counter()
    for k in range(1, 11):
        KMeans(k, n_init=STARTS, random_state=SEED).fit(values)
    return {"seconds": time.perf_counter() - start}


def minibatch(path: Path) -> dict[str, Any]:
    """Cluster by scikit-learn's MiniBatchKMeans."""
    from sklearn.cluster import MiniBatchKMeans

    return _fitted(MiniBatchKMeans(K, n_init=STARTS, random_state=SEED), path)


def _fitted(model: Any, path: Path) -> dict[str, Any]:
    """Fit a model of scikit-learn's; reading isn't counted."""
    values = _values(path)
    start = time.perf_counter()
    model.fit(values)
    return {"seconds": time.perf_counter() - start, "centres": model.cluster_centers_.tolist()}


def faiss(path: Path) -> dict[str, Any]:
    """Cluster by faiss, on all users: left alone it takes 256 for each centre."""
    import faiss as library

    values = _values(path).astype("float32")
    start = time.perf_counter()
    model = library.Kmeans(len(FEATURES), K, niter=100, nredo=STARTS, seed=SEED, max_points_per_centroid=len(values))
    model.train(values)
    return {"seconds": time.perf_counter() - start, "centres": model.centroids.tolist()}


def mllib(path: Path) -> dict[str, Any]:
    """Cluster by Spark's MLlib on this machine, reading included: it has no other way to its users."""
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import SparkSession

    mean, sd, _ = _scale(path)
    spark = (
        SparkSession.builder.master(f"local[{_cores()}]")
        .config("spark.driver.memory", "8g")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "OFF")
        .getOrCreate()
    )
    start = time.perf_counter()
    columns = [
        f"({name} - {m!r}) / {s!r} AS z{i}" for i, (name, m, s) in enumerate(zip(FEATURES, mean, sd, strict=True))
    ]
    rows = spark.read.parquet(str(path)).filter(KEPT).selectExpr(*columns)
    points = VectorAssembler(inputCols=[f"z{i}" for i in range(K)], outputCol="features").transform(rows)
    model = KMeans(k=K, maxIter=100, seed=SEED).fit(points.select("features").cache())
    seconds = time.perf_counter() - start
    centres = [list(map(float, centre)) for centre in model.clusterCenters()]
    spark.stop()
    return {"seconds": seconds, "centres": centres}


WORK: dict[str, Callable[[Path], dict[str, Any]]] = {
    "ours": whole,
    "ours (sweep)": our_sweep,
    "scan": scan,
    "KMeans": kmeans,
    "KMeans (sweep)": kmeans_sweep,
    "MiniBatchKMeans": minibatch,
    "faiss": faiss,
    "MLlib": mllib,
}


# --- the same for all


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _duckdb() -> Any:
    import duckdb

    connection = duckdb.connect(config={"threads": _cores()})
    connection.execute("SET enable_progress_bar = false")
    return connection


def _moments() -> str:
    return ", ".join(f"avg({name}), stddev_pop({name})" for name in FEATURES)


def _scale(path: Path) -> tuple[list[float], list[float], int]:
    """Measure means and SDs of the users kept, and count them."""
    found = _duckdb().execute(f"SELECT {_moments()}, count(*) FROM '{path}' WHERE {KEPT}").fetchone()
    return list(found[0:-1:2]), list(found[1:-1:2]), found[-1]


def _standard(path: Path) -> list[str]:
    mean, sd, _ = _scale(path)
    return [f"({name} - {m!r}) / {s!r}" for name, m, s in zip(FEATURES, mean, sd, strict=True)]


def _values(path: Path) -> Any:
    """Take the users kept into memory, standardised; what that costs isn't counted for those who need it."""
    import numpy as np

    columns = ", ".join(f"{z} AS z{i}" for i, z in enumerate(_standard(path)))
    found = _duckdb().sql(f"SELECT {columns} FROM '{path}' WHERE {KEPT}").fetchnumpy()
    return np.column_stack([np.asarray(found.pop(f"z{i}")) for i in range(len(FEATURES))])


def inertia_of(path: Path, centres: Centres) -> float:
    """Sum the squared distances of all users kept to the nearest of some centres."""
    columns = ", ".join(f"{z} AS z{i}" for i, z in enumerate(_standard(path)))
    far = [" + ".join(f"(z{i} - {c!r}) * (z{i} - {c!r})" for i, c in enumerate(centre)) for centre in centres]
    query = f"SELECT sum(least({', '.join(far)})) FROM (SELECT {columns} FROM '{path}' WHERE {KEPT})"
    return float(_duckdb().execute(query).fetchone()[0])


def measured(name: str, path: Path) -> Result:
    """Run one of them in a fresh process, and watch what memory it takes."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        run = psutil.Popen(
            [sys.executable, "-m", "tests.bench.speed.scale", name, str(path)],
            stdout=said,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        memory = 0.0
        limit = float("inf") if name.startswith("ours") else LIMIT
        while run.poll() is None and time.perf_counter() - start < limit:
            memory = max(memory, sum(_resident(run)))
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        finished = run.poll() is not None
        for process in [*_children(run), run] if not finished else []:
            process.kill()
        run.wait()
        said.seek(0)
        lines = said.read().decode().splitlines()
    if not finished or run.returncode or not lines:
        return Result(None, memory, told={"why": "stopped" if not finished else "failed"})
    told = json.loads(lines[-1])
    inertia = inertia_of(path, told["centres"]) if len(told.get("centres", ())) == K else None
    return Result(told.get("seconds", seconds), max(memory, told["peak"]), inertia, told)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _resident(run: psutil.Process) -> Iterator[float]:
    for process in [run, *_children(run)]:
        try:
            yield process.memory_info().rss / 1e6
        except psutil.Error:
            continue


# --- the table


def row(million: int, name: str, result: Result, best: float | None) -> str:
    """Write a line of the table."""
    seconds = f"{result.seconds:.1f} s" if result.seconds is not None else f"not in {LIMIT:.0f} s"
    if result.seconds is None and result.told and result.told["why"] == "failed":
        seconds = "failed"
    above = f"{result.inertia:,.0f} (+{100 * (result.inertia / best - 1):.3f} %)" if result.inertia and best else ""
    return f"| {million} million | {name} | {seconds} | {result.memory:,.0f} MB | {above} |"


def promises(found: dict[int, dict[str, Result]]) -> Iterator[tuple[str, bool | None]]:
    """Say of each promise whether it was kept; None where nothing was measured that tells."""
    for million, results in found.items():
        ours = results["ours"]
        fast = ours.seconds is not None and ours.seconds <= MOST.get(million, float("inf"))
        yield f"{million} million in at most {MOST.get(million, '?')} s", fast
        yield f"{million} million in at most {MEMORY / 1000:g} GB", ours.memory <= MEMORY
    if 1 in found:
        ours, theirs = found[1].get("ours (sweep)"), found[1].get("KMeans (sweep)")
        if ours and theirs and ours.seconds and theirs.seconds:
            times = theirs.seconds / ours.seconds
            yield (f"sweep at 1 million {FASTER} times as fast as scikit-learn's: {times:.0f} times", times >= FASTER)
        best = _best(found[1])
        if best and found[1]["ours"].inertia:
            above = found[1]["ours"].inertia / best - 1
            yield (f"inertia at k = {K} at most {100 * WORSE:g} % above the best: {100 * above:.4f} %", above <= WORSE)
    if {10, 100} <= set(found):
        ratios = [_ratio(found[million]) for million in (10, 100)]
        if all(ratios):
            told = " and ".join(f"{ratio:.1f}" for ratio in ratios)
            yield f"times the scan at 10 and 100 million, not growing: {told}", ratios[1] <= ratios[0]


def _ratio(results: dict[str, Result]) -> float:
    ours, plain = results["ours"].seconds, results["scan"].seconds
    return ours / plain if ours and plain else 0.0


def _best(results: dict[str, Result]) -> float | None:
    return min((one.inertia for one in results.values() if one.inertia), default=None)


def report(found: dict[int, dict[str, Result]], load: float) -> str:
    """Write the page; `load` is how many processes wanted the machine before the first of ours."""
    parts = ["duckdb", "narwhals", "numpy", "scikit-learn", "faiss-cpu", "pyspark"]
    lines = [
        "# One, ten and a hundred million users",
        "",
        "Written by `make bench-scale`. The users are made up: four planted groups with the ranges and categories of a music",
        "service, one row in two hundred with something wrong. Each line is a process of its own, one after the other.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}; {_cores()} cores ({_processor()}), {psutil.virtual_memory().total / 2**30:.0f} GiB; "
        f"{platform.system()}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version(name)}" for name in parts)
        + f". Before the first of them {load:.1f} other processes were at work.",
        "",
        "| users | what | time | memory | inertia at k = 4, above the best |",
        "|---|---|---|---|---|",
    ]
    for million, results in found.items():
        best = _best(results)
        lines += [row(million, name, result, best) for name, result in results.items()]
    lines += [
        "",
        '"ours" is the whole analysis: cleaning, k = 1 to 10 with 50 starts, the judges, the exact model, profiles, and every',
        "user's segment written; its time is that of the process, imports included. \"scan\" is DuckDB's means and SDs of the four",
        "columns. For KMeans, MiniBatchKMeans (scikit-learn) and faiss the users were standardised and in memory before their",
        "clock began; they and MLlib, whose clock includes reading, only cluster, at k = 4 with 4 starts (MLlib with its own).",
        'Both sweeps are k = 1 to 10 with 4 starts; the clock of "ours (sweep)" counts the grid, too, for which the users are',
        "read again, cleaned and standardised. Both it and the scan are the median of three.",
        "",
    ]
    for million, results in found.items():
        told = results["ours"].told
        if told and "stages" in told:
            stages = ", ".join(f"{name.lower()} {seconds:.1f} s" for name, seconds in told["stages"].items())
            basis = told["basis"]
            lines.append(
                f"{million} million: {stages}; {told['processor']:.0f} s of processor time in all. "
                f"{basis['cells'] or 0:,} cells of {basis['step'] or 0:g} SD, whose inertia is "
                f"{100 * (basis['bound'] or 0):.3f} % off; {basis['steps']} steps over all users."
            )
            lines.append("")
    lines += ["| promised | kept |", "|---|---|"]
    lines += [f"| {said} | {'yes' if kept else 'no'} |" for said, kept in promises(found)]
    return "\n".join(lines) + "\n"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii")
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")


def main() -> None:
    """Measure all, print the table, and keep it."""
    from tests.bench.speed import listeners

    load = os.getloadavg()[0]
    found: dict[int, dict[str, Result]] = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("FOLDER") or None) as folder:
        for million in SIZES:
            path = Path(folder) / f"{million}.parquet"
            listeners.write(path, million * 1_000_000)
            for name in WORK:
                if (name.endswith("(sweep)") and million != 1) or (ONLY and name not in ONLY):
                    continue
                result = measured(name, path)
                if name in {"scan", "ours (sweep)"}:  # so short that one alone tells little
                    again = [measured(name, path) for _ in range(2)]
                    result = replace(result, seconds=sorted(r.seconds or 0 for r in (result, *again))[1])
                found.setdefault(million, {})[name] = result
                print(row(million, name, result, _best(found[million])), flush=True)
            path.unlink()
    page = report(found, load)
    print(page)
    if not ONLY:
        target = ROOT / "docs" / "benchmarks.md"
        _, head, trust = target.read_text(encoding="utf-8").partition(TRUST_HEADING)
        target.write_text(f"{page}\n{head}{trust}", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        told = WORK[sys.argv[1]](Path(sys.argv[2]))
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        told["peak"] = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        told["processor"] = used.ru_utime + used.ru_stime
        print(json.dumps(told))
    else:
        main()
