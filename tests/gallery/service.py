"""A synthetic service: its file, its columns and playbook, and the groups planted in it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

MONTH = "2026-10"
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class GalleryService:
    """What a service's month holds, and what is known of it."""

    name: str
    frame: pd.DataFrame
    """The file's cells as text, under the file's headers; missing ones empty."""
    features: pd.DataFrame
    """The true numbers of the features, under their names in columns.toml, before any transform."""
    groups: np.ndarray
    """The planted group of each row, counted from 0."""
    delimiter: str = ","

    @property
    def columns_file(self) -> Path:
        """Its data dictionary."""
        return FOLDER / self.name / "columns.toml"

    @property
    def playbook_file(self) -> Path:
        """Its playbook."""
        return FOLDER / self.name / "playbook.toml"

    def write_month(self, folder: Path) -> Path:
        """Write the month's file, and return its path."""
        path = folder / f"{MONTH}.csv"
        self.frame.to_csv(path, sep=self.delimiter, index=False)
        return path


def draw_groups(
    sizes: list[int], centres: dict[str, list[float]], spreads: dict[str, list[float]], rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw normal numbers around each group's centre, in mixed order.

    `centres` and `spreads` have a value a group for each column.
    """
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    columns = {
        name: np.asarray(centre)[groups] + np.asarray(spreads[name])[groups] * rng.standard_normal(groups.size)
        for name, centre in centres.items()
    }
    return pd.DataFrame(columns), groups


def pick_by_group(choices: list[dict[str, float]], groups: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Draw a word for each row, by its group's shares."""
    return [str(rng.choice(list(choices[group]), p=list(choices[group].values()))) for group in groups]
