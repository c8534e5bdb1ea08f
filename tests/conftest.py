"""What several tests build on: a month's file in one line, points, and an analysis that takes no time."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits
from xdist.scheduler import LoadScopeScheduling

from data.generate import SAMPLE_MONTHS
from segmentation.facts import Brand, FeatureScale, Source, facts_from_dict, facts_to_dict
from segmentation.frames import Frame
from segmentation.options import Options
from segmentation.pipeline import Analysis, analyse
from segmentation.preprocessing.scaling import Points
from segmentation.tracking.compare import PreviousMonth
from tests.support import ROOT
from tests.support.facts.columns import lacking
from tests.support.music import DEFAULT_FEATURES, NUMBERS, choose_columns
from tests.support.pages.browser import browser, opened, windows  # noqa: F401 - fixtures
from tests.support.pages.rendered import rendered  # noqa: F401 - a fixture
from tests.support.runs.cached import drawings

# One input, one result: here as in the report
settings.register_profile("house", deadline=None, derandomize=True, database=None)
settings.load_profile("house")

VALID = dict.fromkeys(NUMBERS, (0, None)) | {"age": (16, 65), "num_of_days_active": (0, 365)}


# files whose tests share what takes long to make, some across files: one of pytest's workers has them
TOGETHER = {
    "report/test_month_folder": "run",
    "privacy/test_no_user": "run",
    "report/pages/test_table_labels": "labels",
    "report/charts/test_chart_labels": "labels",
    "report/mail/test_brief_labels": "labels",
    "report/text/test_sentence_labels": "labels",
}
# those that take longest begin, so that no worker is left with one of them at the end
FIRST = (
    "report/sources/test_spark",
    "report/test_faults",
    "run",
    "report/pages/test_browser",
    "report/pages/test_page_layout",
    "report/charts/test_charts",
    "report/sources/test_loader",
    "segmentation/test_properties",
    "segmentation/clustering/test_engines_agree",
    "report/rendering/test_embedded",
    "labels",
)


def _scope(nodeid: str) -> str:
    """Give what a test is dealt out with: its file, or several files."""
    file = nodeid.partition("::")[0].removeprefix("tests/").removesuffix(".py")
    return TOGETHER.get(file, file)


class Together(LoadScopeScheduling):
    """Deals out whole files to whoever is free: what the tests of one share is made once, and by no other worker."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


@pytest.hookimpl(optionalhook=True)  # -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Deal out tests so, unless another way was asked for."""
    config.option.loadscopereorder = False
    return Together(config, log) if config.getvalue("dist") == "load" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    order = {scope: place for place, scope in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(_scope(item.nodeid), len(order)))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Let each of pytest's workers have one thread: those of several would wait for one another's cores."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session", autouse=True)
def _drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no two tests draw the same chart, in whichever worker; processes of their own draw for themselves."""
    base = tmp_path_factory.getbasetemp()
    with drawings((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "drawings"):
        yield


@pytest.fixture(scope="session")
def users() -> Callable[..., pd.DataFrame]:
    """Give a month's file with these columns; all others are the same for everybody."""

    def make(n: int | None = None, **columns: Any) -> pd.DataFrame:
        rows = next((len(values) for values in columns.values() if not isinstance(values, str)), 1)
        usual = {
            "age": 30,
            "gender": "Female",
            "employment_status": "Student",
            "annual_income": 20_000,
            "usage_per_month": 600,
            "top_genre": "Pop",
            "num_of_days_active": 100,
        }
        others = {name: 7 if name in NUMBERS else "Yes" for name in lacking(usual)}
        return pd.DataFrame(usual | others | columns, index=range(rows if n is None else n))

    return make


@pytest.fixture(scope="session")
def frame(users: Callable[..., pd.DataFrame]) -> Callable[..., Frame]:
    """Give the same as a Narwhals frame."""
    return lambda n=None, **columns: nw.from_native(users(n, **columns), eager_only=True)


@pytest.fixture(scope="session")
def points() -> Callable[..., Points]:
    """Give points in standard deviations, of weight 1 unless said otherwise."""

    def make(values: Any, weights: Any = None) -> Points:
        values = np.asarray(values, dtype=float)
        weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
        return Points(values, weights, DEFAULT_FEATURES[: values.shape[1]], FeatureScale({}, {}))

    return make


@pytest.fixture(scope="session")
def plan() -> Callable[..., Options]:
    """Give a plan that takes no time, with these changes."""

    def make(**changes: Any) -> Options:
        columns = choose_columns(changes.pop("features", DEFAULT_FEATURES), changes.pop("valid", VALID))
        return Options(**{"schema": columns, "n_init": 5, "draws": 4, "bootstraps": 8} | changes)

    return make


@pytest.fixture(scope="session")
def run(plan: Callable[..., Options]) -> Callable[..., Analysis]:
    """Analyse a frame by such a plan, as a month after others if they are given."""

    def analyse_frame(data: Any, **changes: Any) -> Analysis:
        source, brand = Source("2026-10.csv", "0" * 64, synthetic=True), Brand("Music", "#0b5563", "")
        month, last = changes.pop("month", "2026-10"), changes.pop("last", None)
        earlier, aside = changes.pop("earlier", ()), changes.pop("aside", None)
        return analyse(
            data, plan(**changes), month=month, source=source, brand=brand, last=last, earlier=earlier, executor=aside
        )

    return analyse_frame


@pytest.fixture(scope="session")
def groups(users: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """200 users in four groups far apart, 80, 60, 40 and 20 in this order of rows, each a little spread."""
    rng = np.random.default_rng(5)
    ages, incomes, usages, days = (
        np.repeat(middles, (80, 60, 40, 20)) + rng.integers(-spread, spread + 1, 200)
        for middles, spread in (
            ((22, 30, 55, 45), 3),
            ((15_000, 25_000, 20_000, 150_000), 3_000),
            ((300, 2_200, 400, 900), 90),
            ((90, 250, 120, 180), 15),
        )
    )
    return users(
        age=ages,
        gender=rng.choice(["Female", "Male"], 200),
        annual_income=incomes,
        usage_per_month=usages,
        top_genre=rng.choice(["Pop", "Rock", "Jazz"], 200),
        num_of_days_active=days,
    )


@pytest.fixture(scope="session")
def analysis(run: Callable[..., Analysis], groups: pd.DataFrame) -> Analysis:
    """Give the analysis of the four groups."""
    return run(groups)


@pytest.fixture(scope="session")
def sample(run: Callable[..., Analysis]) -> tuple[Analysis, ...]:
    """Give the three sample months, each as the continuation of those before it, as it comes out of the archive."""
    made: list[Analysis] = []
    for month in SAMPLE_MONTHS:
        last = PreviousMonth(facts_from_dict(facts_to_dict(made[-1].facts)), made[-1].users) if made else None
        earlier = tuple(analysis.facts for analysis in made)
        users = pd.read_csv(ROOT / "data" / f"{month}.csv")
        made.append(run(users, month=month, last=last, earlier=earlier, k_range=(1, 6)))
    return tuple(made)
