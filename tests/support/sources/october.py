"""October's sample users, in other files and spellings."""

from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from report.storage import paths
from segmentation.facts import Facts, facts_to_dict

OCTOBER = paths.ROOT / "data" / "2026-10.csv"


def bad(october: pd.DataFrame) -> pd.DataFrame:
    """Plant what goes wrong in an export: infinities, a number whose square is one, nothing, a user three times, a genre nobody knew, stray blanks."""
    frame = october.copy()
    frame.loc[[10, 2_000, 2_002], "annual_income"] = [np.inf, -np.inf, 1e200]
    frame.loc[[11, 2_001, 4_001], "usage_per_month"] = [np.nan, np.inf, -5]
    frame.loc[frame.index[100:140], "top_genre"] = "K-Pop"
    frame.loc[[12, 13, 14], "gender"] = ["NA", " Female\u00a0", ""]
    frame.loc[[15, 3_000], "user_id"] = frame.loc[20, "user_id"]
    return frame


def in_three(frame: pd.DataFrame, folder: Path) -> Path:
    """Write users as a folder of three Parquet files, one of them in a folder of its own, and what is no data."""
    (folder / "late").mkdir(parents=True)
    for part, name in zip(np.array_split(np.arange(len(frame)), 3), ("a", "b", "late/c"), strict=True):
        frame.iloc[part].to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.parquet").touch()
    return folder


def same(found: Facts, expected: Facts) -> None:
    """Every field alike, numbers to 1e-9."""

    def check(one: Any, other: Any, place: str) -> None:
        if isinstance(one, dict):
            assert one.keys() == other.keys(), place
            for key in one:
                check(one[key], other[key], f"{place}.{key}")
        elif isinstance(one, list):
            assert len(one) == len(other), place
            for n, (a, b) in enumerate(zip(one, other, strict=True)):
                check(a, b, f"{place}[{n}]")
        elif isinstance(one, float):
            assert one == pytest.approx(other, rel=1e-8, abs=1e-12), place  # facts are kept to nine digits
        else:
            assert one == other, place

    check(facts_to_dict(found) | {"source": None}, facts_to_dict(expected) | {"source": None}, "facts")


def spelt(october: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Spell October's genres in many ways, and say how many spellings are those of another."""
    frame = october.copy()
    genres = frame["top_genre"].astype(object).where(frame["top_genre"].notna(), None)
    invisible = (
        "\u200b\u2060\ufeff\u00ad\u034f\u061c\u180e\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
    blanks = "\u00a0\u2003\u2009\u202f\u3000\t\v\x1f\u2028"
    for n, mark in enumerate(invisible):
        genres.iloc[n * 10] = f"Clas{mark}sical{mark}"
    for n, mark in enumerate(blanks):
        genres.iloc[300 + n * 10] = f"{mark}Hip{mark}{mark}Hop"
    genres.iloc[[500, 501, 502, 503]] = ["Caf\u00e9", "Cafe\u0301", "Cafe\u200b\u0301", "Caf\u00e9\u00a0"]
    genres.iloc[[510, 511]] = ["\u0646\u0645\u06cc\u062f", "\u0646\u0645\u06cc\u200c\u062f"]
    genres.iloc[[520, 521, 522, 523]] = [r"\N", "(Null)", "\u200b<NA>\u00a0", "None"]
    frame["top_genre"] = genres
    return frame, {"top_genre": len(invisible) + len(blanks) + 3}


def counted(users: Any) -> dict[Any, int]:
    """Count the users with each genre."""
    found = nw.from_native(users).lazy().group_by("top_genre").agg(nw.len().alias("n")).collect("pyarrow")
    return {row["top_genre"]: row["n"] for row in found.rows(named=True)}
