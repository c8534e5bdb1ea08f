"""The data dictionary: data/columns.toml as a checked schema."""

import math
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from report.columns.derive import parse_expression
from report.errors import SettingsError
from report.storage.paths import ROOT
from report.storage.toml_text import TEXT_NORMALISER, NormalisedText, read_toml_model, suggest_similar_key
from segmentation.schema import USER_ID, Column, ColumnKind, ColumnRole, Schema, Transform, ValueFormat

COLUMNS_FILE = ROOT / "data" / "columns.toml"
_MIN_FEATURES = 2
_RESERVED_NAMES = ("segment",)  # of columns that the report adds
_FORMAT_UNITS = {"years": "years", "days": "days", "minutes": "minutes", "percent": "percent"}

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=60), TEXT_NORMALISER]
Words = tuple[Word, Word]
Scalar = bool | int | float | str


def _check_range(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if not math.isfinite(low):
        raise ValueError(f"[{low:g}, {high:g}]: the smallest must be a number")
    if not low < high:
        raise ValueError(f"[{low:g}, {high:g}]: the smallest must be below the largest")
    return ends


def _check_portrait(text: str) -> str:
    if text.count("{}") != 1 or re.search(r"[{}]", text.replace("{}", "")):
        raise ValueError(f'{text!r}: expected {{}} once, where the value stands, such as "{{}} old"')
    return text


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnWords(_Table):
    """Words for low and for high values."""

    adjective: Words | None = None
    noun: Words | None = None
    comparative: Words | None = None


class ColumnTable(_Table):
    """One column as the file declares it."""

    kind: ColumnKind
    role: ColumnRole = "describe"
    label: Word = ""
    source: NormalisedText | tuple[NormalisedText, ...] = ()
    format: ValueFormat | None = None
    unit: Annotated[NormalisedText, Field(max_length=60)] = ""
    digits: Annotated[int, Field(strict=True, ge=0, le=6)] = 0
    words: ColumnWords = ColumnWords()
    portrait: Annotated[Word, AfterValidator(_check_portrait)] | Literal[""] = ""
    total: NormalisedText = ""
    additive: bool = False
    values: tuple[Word, ...] | dict[str, Scalar] = ()
    required: bool = True
    valid: Annotated[tuple[float, float], AfterValidator(_check_range)] | None = None
    missing: Scalar = ""
    missing_values: tuple[Scalar, ...] = ()
    transform: Transform = "none"
    value: str = ""
    bands: bool = False
    hash: bool = False

    @model_validator(mode="after")
    def _check_keys_fit_kind(self) -> Self:
        """Refuse keys that mean nothing for this kind."""
        number = ("format", "unit", "digits", "words", "portrait", "total", "additive", "valid", "transform")
        allowed: dict[str, tuple[str, ...]] = {
            "number": (*number, "values", "bands", "value"),
            "date": number,
            "category": ("values",),
            "ordered": ("values",),
            "id": ("hash",),
        }
        general = ("kind", "role", "label", "source", "required", "missing", "missing_values")
        for key in self.model_fields_set:
            if key not in (*general, *allowed[self.kind]):
                raise ValueError(f"`{key}` means nothing for a column of kind {self.kind!r}; take it out")
        if self.role == "feature" and self.kind not in ("number", "date"):
            raise ValueError(
                f'role = "feature" needs numbers, and this is a column of kind {self.kind!r}; '
                'use kind = "number" with `values` that give each word its number, or role = "describe"'
            )
        if self.kind == "id" and self.model_fields_set & {"role", "missing", "missing_values"}:
            raise ValueError("an id has neither a role nor a rule for missing values; take them out")
        if self.kind == "ordered" and not self.values:
            raise ValueError("expected `values`, the lowest first")
        if self.kind == "category" and isinstance(self.values, tuple) and self.values:
            raise ValueError('`values` in an order need kind = "ordered"; or write what each means, such as {0 = "no"}')
        if self.kind == "number" and isinstance(self.values, tuple) and self.values:
            raise ValueError("expected the number of each word, such as {low = 1, high = 2}")
        if self.value and self.source:
            raise ValueError("has both `value` and `source`; a column is read or worked out, not both")
        if self.missing == "median" and self.kind not in ("number", "date"):
            raise ValueError('missing = "median" needs numbers')
        return self

    @field_validator("value")
    @classmethod
    def _check_expression(cls, text: str) -> str:
        if text:
            parse_expression(text)
        return text

    def build_column(self, name: str) -> Column:
        """Return the column with its defaults."""
        label = self.label or name.replace("_", " ")
        recoded = self.values if isinstance(self.values, dict) else {}
        order = tuple(dict.fromkeys(_write_scalar(value) for value in recoded.values())) if recoded else self.values
        format_ = self.format or ("days" if self.kind == "date" else "plain")
        words = self.words
        return Column(
            name=name,
            label=label,
            kind=self.kind,
            role="describe" if self.kind == "id" else self.role,
            format=format_,
            unit=self.unit or _FORMAT_UNITS.get(format_, ""),
            digits=self.digits,
            adjectives=words.adjective,
            nouns=words.noun,
            comparatives=words.comparative or (f"lower {label}", f"higher {label}"),
            portrait=self.portrait or f"{label} {{}}",
            total=self.total or (label if self.additive else ""),
            values=tuple(map(str, order)) if self.kind == "ordered" else (),
            required=self.required,
            valid=None
            if self.valid is None
            else (self.valid[0], self.valid[1] if math.isfinite(self.valid[1]) else None),
            missing=_write_scalar(self.missing) or ("drop" if self.role == "feature" or self.kind == "id" else "keep"),
            transform=self.transform,
            source=() if self.value else ((self.source,) if isinstance(self.source, str) else self.source) or (name,),
            expression=self.value,
            missing_values=tuple(map(_write_scalar, self.missing_values)),
            recoded=tuple((key, _write_scalar(value)) for key, value in recoded.items()),
            has_bands=self.bands,
            is_hashed=self.hash,
        )


class ServiceTable(_Table):
    """The words for users, and the number that matters."""

    title: Annotated[Word, StringConstraints(max_length=60)] = "Segments"
    user: Words = ("user", "users")
    main: str = ""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    locale: str = "en"
    unit: Literal["person", "thing"] = "person"


class ColumnsFile(_Table):
    """All of a columns file."""

    service: ServiceTable = ServiceTable()
    columns: Annotated[dict[Name, ColumnTable], Field(min_length=_MIN_FEATURES)]

    @model_validator(mode="after")
    def _check_columns_fit_together(self) -> Self:
        """Refuse columns that contradict each other."""
        columns = self.columns
        for name, one in columns.items():
            if name in _RESERVED_NAMES:
                raise ValueError(f"columns.{name}: the report itself adds a column of this name; choose another")
            if (one.kind == "id") != (name == USER_ID):
                raise ValueError(
                    f'columns.{name}: the id is the column [columns.{USER_ID}] with kind = "id", and no other; '
                    "give its name in the file as `source`"
                )
            for used in parse_expression(one.value).names if one.value else ():
                if used not in columns:
                    raise ValueError(
                        f"columns.{name}.value: uses {used!r}, which is no column of this file"
                        f"{suggest_similar_key(used, list(columns))}"
                    )
                if columns[used].value or columns[used].kind not in ("number", "date"):
                    raise ValueError(f"columns.{name}.value: uses {used!r}, which is no number or date that is read")
        features = [name for name, one in columns.items() if one.role == "feature"]
        if len(features) < _MIN_FEATURES:
            raise ValueError(
                f'columns: {len(features)} with role = "feature", expected {_MIN_FEATURES} or more: '
                "the numbers by which users are put into segments"
            )
        main = self.service.main
        if main and (main not in columns or columns[main].kind != "number" or columns[main].role == "ignore"):
            raise ValueError(
                f"service.main: {main!r} is no number that the report uses{suggest_similar_key(main, list(columns))}"
            )
        return self

    def build_schema(self) -> Schema:
        """Return the schema."""
        service = self.service
        return Schema(
            columns=tuple(one.build_column(name) for name, one in self.columns.items()),
            user=service.user,
            title=service.title,
            main=service.main,
            currency=service.currency,
            locale=service.locale,
            unit=service.unit,
        )


def read_columns(path: Path) -> Schema:
    """Read a columns file as a schema.

    Raises SettingsError if it isn't there, is no TOML, or has an unknown key, an invalid value or a contradiction.
    """
    if not path.exists():
        raise SettingsError(
            f"{path}: no such file. Name a columns file; `make columns DATA=file COLUMNS={path.name}` writes a first one."
        )
    return read_toml_model(path, ColumnsFile).build_schema()


@cache
def read_shipped_columns() -> Schema:
    """Read the columns file that the project ships."""
    return read_columns(COLUMNS_FILE)


def _write_scalar(value: Any) -> str:
    """Write a TOML value as a cell would hold it."""
    if isinstance(value, bool):
        return str(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
