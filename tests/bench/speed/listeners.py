"""Made-up listeners by the million, in Parquet: four planted groups, the same users for the same number every time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUPS = 4
_AT_ONCE = 1_000_000
_SHARES = (0.30, 0.25, 0.27, 0.18)
# middle and spread of each group: young light, older light, heavy, high earners
_NUMBERS = {
    "age": ((21.5, 4), (42.5, 8), (28, 7), (40, 9)),
    "annual_income": ((16_000, 8_000), (25_000, 9_000), (24_000, 11_000), (125_000, 28_000)),
    "usage_per_month": ((330, 190), (560, 230), (1_850, 420), (1_400, 430)),
    "num_of_days_active": ((118, 28), (163, 34), (247, 42), (225, 45)),
}
_RANGES = {
    "age": (16, 65, 1),
    "annual_income": (0, 250_000, 50),
    "usage_per_month": (1, 3000, 1),
    "num_of_days_active": (31, 365, 1),
}
# words, and their shares in each group
_WORDS = {
    "gender": (("Female", "Male", "Prefer not to say", "Other"), ((0.48, 0.505, 0.01, 0.005),) * GROUPS),
    "employment_status": (
        ("Employed full-time", "Student", "Employed part-time", "Unemployed"),
        ((0.28, 0.49, 0.14, 0.09), (0.77, 0.04, 0.10, 0.09), (0.66, 0.19, 0.10, 0.05), (0.90, 0.04, 0.04, 0.02)),
    ),
    "top_genre": (
        ("Pop", "Rock", "Classical", "Country", "Indie", "Jazz", "Hip Hop"),
        (
            (0.49, 0.15, 0.10, 0.12, 0.07, 0.03, 0.04),
            (0.37, 0.16, 0.20, 0.15, 0.04, 0.07, 0.01),
            (0.48, 0.18, 0.13, 0.10, 0.06, 0.03, 0.02),
            (0.38, 0.15, 0.21, 0.10, 0.05, 0.09, 0.02),
        ),
    ),
}


def write(path: Path, users: int, seed: int = 2026) -> None:
    """Write so many users; the first of a larger number are those of a smaller one.

    One row in two hundred has something wrong: no value, an impossible age, or more days than a year has.
    """
    writer = None
    for number, start in enumerate(range(0, users, _AT_ONCE)):
        table = _some(np.random.default_rng([seed, number]), start, _AT_ONCE).slice(0, users - start)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table)
    if writer:
        writer.close()


def _some(rng: np.random.Generator, start: int, count: int) -> pa.Table:
    groups = rng.choice(GROUPS, count, p=_SHARES)
    # an odd factor takes 64 bits one to one: every id once, in no order; one bit less, for signed numbers
    ids = (np.arange(start, start + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(1)
    columns: dict[str, pa.Array] = {"user_id": pa.array(ids.astype(np.int64))}
    faults = rng.integers(0, 1000, count)
    for name in ("age", "gender", "employment_status", "annual_income", "usage_per_month", "top_genre"):
        columns[name] = _column(rng, name, groups)
    columns["num_of_days_active"] = _column(rng, "num_of_days_active", groups)
    for name in (*_NUMBERS, *_WORDS):  # what came later is drawn last, so that all else stays what it was
        if name not in columns:
            columns[name] = _column(rng, name, groups)
    numbers = {name: columns[name].to_numpy() for name in _NUMBERS}
    age = np.where(faults == 0, -numbers["age"], numbers["age"])
    days = np.where((faults == 1) | (faults == 2), 400, numbers["num_of_days_active"])
    columns["age"] = pa.array(age.astype(np.int32))
    columns["num_of_days_active"] = pa.array(days.astype(np.int32))
    columns["annual_income"] = pa.array(numbers["annual_income"], mask=faults == 3)
    genres = columns["top_genre"]
    columns["top_genre"] = pa.DictionaryArray.from_arrays(
        pa.array(genres.indices.to_numpy(), mask=faults == 4), genres.dictionary
    )
    return pa.table(columns)


def _column(rng: np.random.Generator, name: str, groups: np.ndarray) -> pa.Array:
    """Draw a column: a number from the group's normal distribution within what can be, or a word by its shares."""
    if name in _NUMBERS:
        middle, spread = np.array(_NUMBERS[name]).T
        low, high, step = _RANGES[name]
        drawn = middle[groups] + spread[groups] * rng.standard_normal(len(groups))
        values = np.clip(np.rint(drawn / step) * step, low, high)
        return pa.array(values.astype(np.int32) if step >= 1 else values.round(2))
    words, shares = _WORDS[name]
    upto = np.cumsum(np.array(shares), axis=1)[groups]
    index = (rng.random(len(groups))[:, None] > upto).sum(axis=1).clip(max=len(words) - 1)
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int8)), pa.array(words))
