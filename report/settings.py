"""settings.toml, read and checked: every dial of the report, and no key that means nothing."""

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from report.errors import SettingsError
from segmentation.analysis import Plan
from segmentation.facts import Brand
from segmentation.schema import BY_NAME, NUMBERS

Number = Literal["age", "annual_income", "usage_per_month", "num_of_days_active"]
Accent = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
T = TypeVar("T", bound=BaseModel)
_DARK_ENOUGH = 4.5  # contrast of text on white, WCAG 2.2 success criterion 1.4.3


def _luminance(colour: str) -> float:
    """Give the relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrandSettings(_Table):
    """How the report signs itself."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = "Music"
    accent: Accent = "#0b5563"
    contact: str = ""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        contrast = 1.05 / (_luminance(self.accent) + 0.05)
        if contrast < _DARK_ENOUGH:
            raise ValueError(
                f"accent {self.accent} has a contrast of {contrast:.1f} to 1 on white, expected {_DARK_ENOUGH} or more; "
                "choose a darker colour"
            )
        return self


class DataSettings(_Table):
    """Where months come from and where reports go."""

    folder: Path = Path("data")
    output: Path = Path("_output")


class SegmentSettings(_Table):
    """How segments are made."""

    features: Annotated[tuple[Number, ...], Field(min_length=2)] = NUMBERS  # type: ignore[assignment]
    k: Literal["elbow"] | Annotated[int, Field(ge=2)] = "elbow"
    k_range: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(le=20)]] = (1, 10)
    starts: Annotated[int, Field(ge=1, le=1000)] = 50
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 2026

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        low, high = self.k_range
        if high < low + 2 or high < 3:
            raise ValueError(
                f"k_range [{low}, {high}] is too narrow to see a bend; expected at least three numbers"
            )
        if isinstance(self.k, int) and not low <= self.k <= high:
            raise ValueError(f"k = {self.k} lies outside k_range [{low}, {high}]")
        if len(set(self.features)) < len(self.features):
            raise ValueError("features names a column twice")
        return self


class PrivacySettings(_Table):
    """What is too few to be shown."""

    smallest_base: Annotated[int, Field(ge=1)] = 30
    smallest_cell: Annotated[int, Field(ge=1)] = 10


class PageSettings(_Table):
    """What the PDF is printed on."""

    paper: Literal["A4", "Letter"] = "A4"


class Settings(_Table):
    """All of settings.toml."""

    brand: BrandSettings = BrandSettings()
    data: DataSettings = DataSettings()
    columns: dict[str, str] = {}
    valid: dict[Number, tuple[float, float]] = {}
    segments: SegmentSettings = SegmentSettings()
    privacy: PrivacySettings = PrivacySettings()
    page: PageSettings = PageSettings()

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        for name in self.columns:
            if name not in BY_NAME:
                raise ValueError(
                    f"[columns] maps {name!r}, which the report doesn't use{_nearest(name, list(BY_NAME))}"
                )
        for name, (low, high) in self.valid.items():
            if not low < high:
                raise ValueError(
                    f"[valid] {name} = [{low:g}, {high:g}]: the smallest must be below the largest"
                )
        return self

    def plan(self) -> Plan:
        """Say what is asked of the analysis."""
        return Plan(
            features=tuple(self.segments.features),
            valid={
                name: (low, high if math.isfinite(high) else None) for name, (low, high) in self.valid.items()
            },
            k_range=self.segments.k_range,
            k=self.segments.k if isinstance(self.segments.k, int) else None,
            starts=self.segments.starts,
            seed=self.segments.seed,
            smallest_base=self.privacy.smallest_base,
            smallest_cell=self.privacy.smallest_cell,
        )

    def signature(self) -> Brand:
        """Say how the report signs itself."""
        return Brand(name=self.brand.name, accent=self.brand.accent.lower(), contact=self.brand.contact)


def read_settings(path: Path) -> Settings:
    """Read settings.toml; where the file is missing, every dial has its default.

    Raises
    ------
    SettingsError
        If the file is no TOML, or a key is unknown or has a value that can't be meant.
    """
    if not path.exists():
        return Settings()
    return parse(path, Settings)


def parse(path: Path, model: type[T]) -> T:
    """Read a TOML file as a model; its mistakes are named with their line.

    Raises
    ------
    SettingsError
        If the file can't be read, is no TOML, or doesn't fit the model.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return model.model_validate(tomllib.loads(text))
    except OSError as error:
        raise SettingsError(
            f"{path}: can't be read ({error.strerror}). Restore it, or check its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name}: is not UTF-8 text. Save it as UTF-8 and run again.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name}: {error}. Correct that line and run again.") from error
    except ValidationError as error:
        raise SettingsError(_sentence(path, text, error, model)) from error


def _sentence(path: Path, text: str, error: ValidationError, model: type[BaseModel]) -> str:
    """Say the first of pydantic's findings for a person."""
    first = error.errors()[0]
    keys = [
        str(part)
        for part in first["loc"]
        if part not in ("int", "constrained-int") and "literal[" not in str(part)
    ]
    place = ".".join(keys)
    line = find_line(text, list(first["loc"]))
    at = f"{path.name}, line {line}" if line else path.name
    if first["type"] == "extra_forbidden":
        known = _fields(model, first["loc"][:-1])
        return f"{at}: unknown key {place!r}{_nearest(keys[-1], known)}. Known here: {', '.join(known)}."
    message = first["msg"].removeprefix("Value error, ")
    found = "" if first["type"] == "value_error" else f", found {first['input']!r}"
    where = f" {place}:" if place else ""
    return f"{at}:{where} {message[:1].lower() + message[1:]}{found}. Correct it and run again."


def _fields(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """List the keys that are known at a place."""
    current: Any = model
    for part in place:
        if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            annotation = current.model_fields[part].annotation
            inner = getattr(annotation, "__args__", ())
            current = next((a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)), annotation)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def find_line(text: str, place: list[int | str]) -> int | None:
    """Find the line of a TOML text on which a key stands, counting from 1; None where it can't be told."""
    lines = text.splitlines()
    at = 0
    for here, part in enumerate(place):
        if isinstance(part, int):
            table = ".".join(str(key) for key in place[:here] if isinstance(key, str))
            heads = [
                n for n, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{re.escape(table)}\s*\]\]", line)
            ]
            if part < len(heads):
                at = heads[part]
            continue
        pattern = rf"\s*(\[\s*([\w-]+\.)*{re.escape(part)}\s*\]|\"?{re.escape(part)}\"?\s*=|.*[{{,]\s*{re.escape(part)}\s*=)"
        found = next((n for n, line in enumerate(lines[at:], at) if re.match(pattern, line)), None)
        if found is not None:
            at = found
    return at + 1 if lines and place else None


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
