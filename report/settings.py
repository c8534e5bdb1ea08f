"""settings.toml, read and checked: every dial of the report, and no key that means nothing."""

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from report.errors import SettingsError
from segmentation.facts import Brand
from segmentation.plan import Plan
from segmentation.schema import BY_NAME, FEATURES

Number = Literal["age", "annual_income", "usage_per_month", "num_of_days_active"]
T = TypeVar("T", bound=BaseModel)
_DARK_ENOUGH = 4.5  # contrast of text on white, WCAG 2.2 success criterion 1.4.3
_SHOWN = 60  # characters of what was found that a message repeats


def _luminance(colour: str) -> float:
    """Give the relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _readable(colour: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"{colour!r} is no colour; expected one like #0b5563")
    contrast = 1.05 / (_luminance(colour) + 0.05)
    if contrast < _DARK_ENOUGH:
        raise ValueError(
            f"{colour} has a contrast of {contrast:.1f} to 1 on white, expected {_DARK_ENOUGH} or more; "
            "choose a darker colour"
        )
    return colour


def _known_column(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(f"{name!r} is no column that the report uses{_nearest(name, list(BY_NAME))}")
    return name


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if not low < high:
        raise ValueError(f"[{low:g}, {high:g}]: the smallest must be below the largest")
    return ends


Accent = Annotated[str, AfterValidator(_readable)]
OurColumn = Annotated[str, AfterValidator(_known_column)]
Ends = Annotated[tuple[float, float], AfterValidator(_rising)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrandSettings(_Table):
    """How the report signs itself."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] = "Music"
    accent: Accent = "#0b5563"
    contact: str = ""


class DataSettings(_Table):
    """Where months come from and where reports go."""

    folder: Path = Path("data")
    output: Path = Path("_output")


class SegmentSettings(_Table):
    """How segments are made."""

    features: Annotated[tuple[Number, ...], Field(min_length=2)] = FEATURES  # type: ignore[assignment]
    k_range: tuple[Annotated[int, Field(strict=True, ge=1)], Annotated[int, Field(strict=True, le=20)]] = (
        1,
        10,
    )
    k: Literal["elbow", "panel"] | Annotated[int, Field(strict=True, ge=2)] = "elbow"
    starts: Annotated[int, Field(strict=True, ge=1, le=1000)] = 50
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 2026

    @field_validator("features")
    @classmethod
    def _each_once(cls, features: tuple[Number, ...]) -> tuple[Number, ...]:
        if len(set(features)) < len(features):
            raise ValueError("a column is named twice")
        return features

    @field_validator("k_range")
    @classmethod
    def _wide(cls, ends: tuple[int, int]) -> tuple[int, int]:
        low, high = ends
        if high < low + 2:
            raise ValueError(f"[{low}, {high}] is too narrow to see a bend; expected at least three numbers")
        return ends

    @field_validator("k")
    @classmethod
    def _tried(cls, k: str | int, info: ValidationInfo) -> str | int:
        low, high = info.data.get("k_range", (k, k))
        if isinstance(k, int) and not low <= k <= high:
            raise ValueError(f"{k} lies outside k_range [{low}, {high}]")
        return k


class PrivacySettings(_Table):
    """What is too few to be shown."""

    smallest_base: Annotated[int, Field(strict=True, ge=1)] = 30
    smallest_cell: Annotated[int, Field(strict=True, ge=1)] = 10


def _amount(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", text):
        raise ValueError(f"{text!r} is no amount of memory; expected one like 1GB or 512MB")
    return text


class ScaleSettings(_Table):
    """What happens when a month outgrows memory."""

    exact_users: Annotated[int, Field(strict=True, ge=1)] = 200_000
    grid: Annotated[float, Field(gt=0, le=1)] = 0.2
    memory_limit: Annotated[str, AfterValidator(_amount)] = "1GB"
    threads: Annotated[int, Field(strict=True, ge=0, le=1024)] = 0
    query: str = ""


class PageSettings(_Table):
    """What the PDF is printed on."""

    paper: Literal["A4", "Letter"] = "A4"


def _address(text: str) -> str:
    """Give an address as servers write it; refuse what is none."""
    if not text:
        return text
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - most months mail nobody

    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise ValueError(f"{text!r} is no address: {str(error).rstrip('.')}") from error
    return found.ascii_email or found.normalized


def _link(text: str) -> str:
    if text and not re.fullmatch(r"(https?://|mailto:)[!-;=?-~]+", text):
        raise ValueError(f"{text!r} is no link; expected one that begins with https:// or mailto:")
    return text


def _place(text: str) -> str:
    if "://" in text and not re.fullmatch(r"https?://[!-;=?-~]+", text):
        raise ValueError(
            f"{text!r} is no link; expected one that begins with https://, or the path of a folder"
        )
    return " ".join(text.split())


def _list_name(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", text):
        raise ValueError(f"{text!r} is no list's name; expected one like segment-briefs.example.com")
    return text


def _domain(text: str) -> str:
    """Give a domain as addresses are written."""
    return _address(f"somebody@{text.removeprefix('@')}").partition("@")[2].lower()


def _admitted(text: str, info: ValidationInfo) -> str:
    """Give an address to which mail may go; `domains` stands before it in the model."""
    address = _address(text)
    if refusal := _stranger(address, info.data.get("domains", ())):
        raise ValueError(refusal)
    return address


Address = Annotated[str, AfterValidator(_address)]
Recipient = Annotated[str, AfterValidator(_admitted)]


class MailSettings(_Table):
    """Who gets the briefs, and when nobody does."""

    sender: Address = ""
    reply_to: Address = ""
    domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = ()
    owner: Recipient = ""
    recipients: dict[str, tuple[Annotated[Recipient, Field(min_length=1)], ...]] = {}
    list_id: Annotated[str, AfterValidator(_list_name)] = ""
    unsubscribe: Annotated[str, AfterValidator(_link)] = ""
    report: Annotated[str, AfterValidator(_place)] = ""
    most_dropped: Annotated[float, Field(ge=0, le=1)] = 0.05

    def of(self, segment: str, name: str) -> tuple[str, ...]:
        """Give who gets a segment's brief, by its id, its name or as one of all; each address once."""
        keys = {segment.casefold(), name.casefold(), "all"}
        found = [one for key, some in self.recipients.items() if key.casefold() in keys for one in some]
        first: dict[str, str] = {}
        for one in found:
            first.setdefault(one.casefold(), one)
        return tuple(first.values())

    def place(self, month: str) -> str:
        """Say where a month's full report lies; nothing if settings don't say."""
        return self.report.replace("{month}", month)

    def admit(self, address: str) -> str:
        """Give an address as servers write it, if mail may go there.

        Raises
        ------
        ValueError
            If it is no address, or its domain isn't one of `domains`.
        """
        found = _address(address)
        refusal = _stranger(found, self.domains)
        if refusal or not found:
            raise ValueError(refusal or "no address was given")
        return found


def _stranger(address: str, domains: tuple[str, ...]) -> str:
    """Say why mail may not go to an address; nothing where it may."""
    domain = address.rpartition("@")[2].lower()
    if not address or domain in domains:
        return ""
    return f"{address}: mail may go to {', '.join(domains) or 'no domain at all'}; add {domain!r} to mail.domains, or correct the address"


class Settings(_Table):
    """All of settings.toml."""

    brand: BrandSettings = BrandSettings()
    data: DataSettings = DataSettings()
    columns: dict[OurColumn, str] = {}
    valid: dict[Number, Ends] = {}
    segments: SegmentSettings = SegmentSettings()
    privacy: PrivacySettings = PrivacySettings()
    scale: ScaleSettings = ScaleSettings()
    page: PageSettings = PageSettings()
    mail: MailSettings = MailSettings()

    def plan(self) -> Plan:
        """Say what is asked of the analysis."""
        return Plan(
            features=tuple(self.segments.features),
            valid={
                name: (low, high if math.isfinite(high) else None) for name, (low, high) in self.valid.items()
            },
            k_range=self.segments.k_range,
            k=self.segments.k,
            starts=self.segments.starts,
            seed=self.segments.seed,
            smallest_base=self.privacy.smallest_base,
            smallest_cell=self.privacy.smallest_cell,
            exact_users=self.scale.exact_users,
            grid=self.scale.grid,
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
    errors = error.errors()
    first = errors[0]
    keys = _keys(first["loc"])
    place = ".".join(str(key) for key in keys)
    missing = first["type"] == "missing"
    line = find_line(text, keys[:-1] if missing else keys)
    at = f"{path.name}, line {line}" if line else path.name
    if first["type"] == "extra_forbidden":
        known = _fields(model, first["loc"][:-1])
        near = _nearest(str(keys[-1]), known)
        return f"{at}: unknown key {place!r}{near or '.'} Known here: {', '.join(known)}."
    # a value that may be one of several things is refused once for each
    said = list(dict.fromkeys(_said(e) for e in errors if _keys(e["loc"]) == keys))
    message = said[0] + "".join(f" or {other.removeprefix('input should be ')}" for other in said[1:])
    found = "" if first["type"] in ("value_error", "missing") else f", found {_cut(repr(first['input']))}"
    where = f" {place}:" if place else ""
    stop = "" if (message + found).endswith("?") else "."
    return f"{at}:{where} {message}{found}{stop} Correct it and run again."


def _keys(place: tuple[int | str, ...]) -> list[int | str]:
    """Give a place as it stands in the file, without pydantic's own marks."""
    return [
        part
        for part in place
        if part not in ("int", "constrained-int", "[key]") and "literal[" not in str(part)
    ]


def _said(finding: ErrorDetails) -> str:
    """Give what pydantic says of a value, in a person's words."""
    words = {
        "model_type": "expected a table of keys",
        "path_type": "input should be text",
        "int_type": "input should be a whole number",
    }
    message = words.get(finding["type"]) or finding["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


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
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    at, end = 0, len(lines)
    for here, part in enumerate(place):
        if isinstance(part, int):
            table = ".".join(str(key) for key in place[:here] if isinstance(key, str))
            head = rf"\s*\[\[\s*{re.escape(table)}\s*\]\]"
            heads = [n for n, line in enumerate(lines) if re.match(head, line)]
            if part < len(heads):
                at, end = heads[part], ([*heads, len(lines)])[part + 1]
            continue
        key = rf"\"?{re.escape(part)}\"?"
        pattern = rf"\s*(\[\[?\s*([\w-]+\.)*{key}\s*\]|([\w-]+\s*\.\s*)*{key}\s*[=.]|[^#]*[{{,]\s*{key}\s*=)"
        found = next((n for n, line in enumerate(lines[at:end], at) if re.match(pattern, line)), None)
        if found is None:
            continue
        at = found
        if lines[at].lstrip().startswith("["):  # its keys stand above the next head
            own = rf"\s*\[\[?\s*([\w-]+\.)*{key}\s*\."  # of a table that stands in this one
            following = (
                n
                for n in range(at + 1, len(lines))
                if lines[n].lstrip().startswith("[") and not re.match(own, lines[n])
            )
            end = next(following, len(lines))
    return at + 1 if lines and place else None


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
