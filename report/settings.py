"""settings.toml, read and checked: every dial of the report, and no key that means nothing."""

import math
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from report.tomlfile import NORMALISED, Words, nearest, parse
from segmentation.facts import Brand
from segmentation.plan import Plan
from segmentation.schema import BY_NAME, FEATURES, NUMBERS
from segmentation.text import normalise_text

_LONGEST_NAME = 60  # letters that page one has room for, ten times
_DARK_ENOUGH = 4.5  # contrast of text on white, WCAG 2.2 success criterion 1.4.3


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
        raise ValueError(f"{name!r} is no column that the report uses{nearest(name, list(BY_NAME))}")
    return name


def _known_number(name: str) -> str:
    if name not in NUMBERS:
        raise ValueError(
            f"{name!r} is no column of numbers that the report uses{nearest(name, list(NUMBERS))}"
        )
    return name


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if not math.isfinite(low):
        raise ValueError(f"[{low:g}, {high:g}]: the smallest must be a number")
    if not low < high:
        raise ValueError(f"[{low:g}, {high:g}]: the smallest must be below the largest")
    return ends


def _path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no folder's name has a character of nothing in it")
    return path


Accent = Annotated[str, AfterValidator(_readable)]
OurColumn = Annotated[str, AfterValidator(_known_column)]
Number = Annotated[str, AfterValidator(_known_number)]
Folder = Annotated[Path, AfterValidator(_path)]
Ends = Annotated[tuple[float, float], AfterValidator(_rising)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrandSettings(_Table):
    """How the report signs itself."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40), NORMALISED] = "Music"
    accent: Accent = "#0b5563"
    contact: Words = ""


class DataSettings(_Table):
    """Where months come from and where reports go."""

    folder: Folder = Path("data")
    output: Folder = Path("_output")


class SegmentSettings(_Table):
    """How segments are made."""

    features: Annotated[tuple[Number, ...], Field(min_length=2)] = FEATURES
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
    smallest_cell: Annotated[int, Field(strict=True, ge=10)] = 10  # what SECURITY.md promises


def _amount(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B", text):
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
        keys = {segment.casefold(), normalise_text(name).casefold(), "all"}
        found = [
            one
            for key, some in self.recipients.items()
            if normalise_text(key).casefold() in keys
            for one in some
        ]
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


def _segment_id(text: str) -> str:
    if not re.fullmatch(r"S[1-9][0-9]{0,5}", text):
        raise ValueError(f"{text!r} is no segment's id; expected one like S1")
    return text


def _segment_name(text: str) -> str:
    """Give a name on one line; refuse one that no page has room for, or that would name other segments."""
    name = normalise_text(text)
    if not name or not " ".join(text.split()).isprintable() or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"expected a name of 1 to {_LONGEST_NAME} letters that can be printed, found {len(name)}"
        )
    if name.casefold() == "all" or re.fullmatch(r"S[0-9]+", name, flags=re.IGNORECASE):
        raise ValueError(
            f"{name!r} is no name: under [mail.recipients] it would mean other segments; choose another"
        )
    return name


SegmentId = Annotated[str, AfterValidator(_segment_id)]
SegmentName = Annotated[str, AfterValidator(_segment_name)]


class Settings(_Table):
    """All of settings.toml."""

    brand: BrandSettings = BrandSettings()
    data: DataSettings = DataSettings()
    columns: dict[OurColumn, Words] = {}
    valid: dict[Number, Ends] = {}
    segments: SegmentSettings = SegmentSettings()
    privacy: PrivacySettings = PrivacySettings()
    scale: ScaleSettings = ScaleSettings()
    page: PageSettings = PageSettings()
    names: dict[SegmentId, SegmentName] = {}
    mail: MailSettings = MailSettings()

    @field_validator("names")
    @classmethod
    def _told_apart(cls, names: dict[str, str]) -> dict[str, str]:
        first: dict[str, str] = {}
        for id_, name in names.items():
            if (other := first.setdefault(name.casefold(), id_)) != id_:
                raise ValueError(f"both {other} and {id_} are called {name!r}; give one of them another name")
        return names

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
            names=self.names,
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
