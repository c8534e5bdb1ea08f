"""The analysis with the shipped columns: functions that take a schema, given that of the Music data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from report.columns.dictionary import read_shipped_columns
from report.pages import playbook
from report.readers import files
from segmentation import frames
from segmentation.clustering import pca
from segmentation.preprocessing import aggregate, clean
from segmentation.preprocessing.aggregate import ColumnSummary, SegmentMoments
from segmentation.schema import Schema, ValidRange, replace_columns
from segmentation.tracking import compare, matching, naming

MUSIC = read_shipped_columns()
COLUMNS = MUSIC.columns
COLUMNS_BY_NAME = {column.name: column for column in COLUMNS}
LIMITS: dict[str, ValidRange] = {"age": (16, 120), "annual_income": (0, None), "usage_per_month": (0, 3000)}
NUMBERS, CATEGORIES, DEFAULT_FEATURES = MUSIC.numbers, MUSIC.categories, MUSIC.features

check_columns = partial(frames.check_columns, schema=MUSIC)
name_segments = partial(naming.name_segments, schema=MUSIC)
is_name_accurate = partial(naming.is_name_accurate, schema=MUSIC)
choose_unused_name = partial(naming.choose_unused_name, schema=MUSIC)


def read_playbook(path: Path) -> playbook.Playbook:
    """Read a playbook for the shipped columns."""
    return playbook.read_playbook(path, MUSIC)


def rename_sources(**names: str) -> Schema:
    """Return the shipped columns with other names in the file."""
    return replace_columns(MUSIC, {name: {"source": (source,)} for name, source in names.items()})


def choose_columns(
    features: Sequence[str] = DEFAULT_FEATURES, valid: Mapping[str, ValidRange] | None = None, schema: Schema = MUSIC
) -> Schema:
    """Return the columns with these features, and these valid ranges alone."""
    changes: dict[str, dict[str, Any]] = {
        name: {"role": "feature" if name in features else "describe"} for name in schema.numbers
    }
    if valid is not None:
        for name in schema.numbers:
            changes[name]["valid"] = valid.get(name)
    found = replace_columns(schema, changes)
    order = {name: place for place, name in enumerate(features)}
    places = sorted((place for place, column in enumerate(found.columns) if column.name in order))
    chosen = dict(zip(places, sorted((found[name] for name in features), key=lambda one: order[one.name]), strict=True))
    return replace(found, columns=tuple(chosen.get(place, column) for place, column in enumerate(found.columns)))


def read_users(path: Path, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a month's users, whose columns may have other names in the file."""
    return files.read_month_file(path, rename_sources(**(names or {}))).users


def clean_users(frame: frames.Users, valid: Mapping[str, ValidRange], **options: Any) -> clean.CleanedUsers:
    """Clean users with these valid ranges."""
    return clean.clean_users(frame, choose_columns(valid=valid), **options)


def summarise_columns(users: frames.Users, names: Sequence[str] = NUMBERS) -> dict[str, ColumnSummary]:
    """Summarise number columns."""
    return aggregate.summarise_columns(users, names)


def compute_segment_moments(users: frames.Users, k: int) -> SegmentMoments:
    """Compute the moments of all numbers."""
    return aggregate.compute_segment_moments(users, k, NUMBERS)


def make_moments(names: Sequence[str], size: Any, mean: Any, variance: Any) -> SegmentMoments:
    """Return moments of columns in which every user has a value."""
    mean = np.asarray(mean, dtype=float)
    names = names[: mean.shape[1]]
    count = np.repeat(np.asarray(size, dtype=float)[:, None], mean.shape[1], axis=1)
    return SegmentMoments(tuple(names), np.asarray(size, dtype=float), mean, np.asarray(variance, dtype=float), count)


def assign_ids(*given: Any) -> matching.SegmentLineage:
    """Assign ids and names."""
    return matching.assign_ids(*given[:4], MUSIC, *given[4:])


def track_segments(*given: Any, **options: Any) -> matching.SegmentLineage:
    """Assign ids, names and page order."""
    return compare.track_segments(*given, MUSIC, **options)


def measure_drift(last: compare.PreviousMonth, users: frames.Users, now: int) -> dict[str, Any]:
    """Measure the drift of all columns."""
    return compare._measure_drift(last, users, MUSIC, now)


def build_pca_map(projection: Any, points: Any, labels: Any, ids: tuple[str, ...], *, min_cell: int) -> Any:
    """Lay out the map."""
    return pca.build_pca_map(projection, points, labels, ids, MUSIC, min_cell=min_cell)
