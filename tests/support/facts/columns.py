"""Columns that a test isn't about, so that one more in the schema needn't be written into every file that a test makes."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from segmentation.schema import USER_ID
from tests.support.music import COLUMNS, NUMBERS


def whole(users: pd.DataFrame) -> pd.DataFrame:
    """Give users every column that the schema asks for and they lack: a small number or one of two words, by chance."""
    rng = np.random.default_rng(7)
    drawn = {
        name: rng.integers(0, 41, len(users)) if name in NUMBERS else rng.choice(["Yes", "No"], len(users))
        for name in lacking(users)
    }
    return users.assign(**drawn)


def lacking(users: Iterable[str]) -> list[str]:
    """List the columns that the schema asks for and these users lack."""
    has = {USER_ID, *users}
    return [column.name for column in COLUMNS if column.name not in has]
