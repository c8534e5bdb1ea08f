"""Settings: settings.toml as a checked model."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from report.columns.dictionary import read_shipped_columns
from report.errors import SettingsError
from report.storage.toml_text import TEXT_NORMALISER, NormalisedText, read_toml_model
from report.transport.message import SenderIdentity
from segmentation.disclosure import MIN_CELL
from segmentation.facts import Brand
from segmentation.options import Options
from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import Schema

_MAX_NAME_LENGTH = 60  # letters; page one has room for ten such names
_MIN_CONTRAST = 4.5  # contrast of text on white, WCAG 2.2 success criterion 1.4.3


_PATTERNS = {
    "colour": (r"#[0-9a-fA-F]{6}", "one like #0b5563"),
    "amount of memory": (r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B", "one like 1GB or 512MB"),
    "link": (r"((https?://|mailto:)[!-;=?-~]+)?", "one that begins with https:// or mailto:"),
    "list's name": (r"([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?", "one like segment-briefs.example.com"),
    "segment's id": (r"S[1-9][0-9]{0,5}", "one like S1"),
}


def _is_a(kind: str) -> AfterValidator:
    """Return a validator for a text with a pattern."""
    pattern, expected = _PATTERNS[kind]

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is no {kind}; expected {expected}")
        return text

    return AfterValidator(check)


def _compute_luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _check_contrast(colour: str) -> str:
    contrast = 1.05 / (_compute_luminance(colour) + 0.05)
    if contrast < _MIN_CONTRAST:
        raise ValueError(
            f"{colour} has a contrast of {contrast:.1f} to 1 on white, expected {_MIN_CONTRAST} or more; "
            "choose a darker colour"
        )
    return colour


def _check_folder_path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a folder's name can't hold a NUL character")
    return path


AccentColour = Annotated[str, _is_a("colour"), AfterValidator(_check_contrast)]
FolderPath = Annotated[Path, AfterValidator(_check_folder_path)]


class _SettingsTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrandSettings(_SettingsTable):
    """The name and colour that the report carries."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40), TEXT_NORMALISER] = "Music"
    accent: AccentColour = "#0b5563"
    contact: NormalisedText = ""


class DataSettings(_SettingsTable):
    """Where files, reports, columns and plays are."""

    folder: FolderPath = Path("data")
    output: FolderPath = Path("_output")
    columns: FolderPath = Path("data/columns.toml")
    playbook: FolderPath = Path("templates/playbook.toml")


class SegmentSettings(_SettingsTable):
    """How segments are made."""

    k_range: tuple[Annotated[int, Field(strict=True, ge=1)], Annotated[int, Field(strict=True, le=20)]] = (1, 10)
    k: Literal["elbow", "panel"] | Annotated[int, Field(strict=True, ge=2)] = "panel"
    n_init: Annotated[int, Field(strict=True, ge=1, le=1000)] = 50
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 2026

    @field_validator("k_range")
    @classmethod
    def _check_k_range_width(cls, ends: tuple[int, int]) -> tuple[int, int]:
        low, high = ends
        if high < low + 2:
            raise ValueError(f"[{low}, {high}] is too narrow to see a bend; expected at least three numbers")
        return ends

    @field_validator("k")
    @classmethod
    def _check_k_in_range(cls, k: str | int, info: ValidationInfo) -> str | int:
        low, high = info.data.get("k_range", (k, k))
        if isinstance(k, int) and not low <= k <= high:
            raise ValueError(f"{k} lies outside k_range [{low}, {high}]")
        return k


class PrivacySettings(_SettingsTable):
    """The smallest numbers of users that are shown."""

    min_base: Annotated[int, Field(strict=True, ge=1)] = 30
    min_cell: Annotated[int, Field(strict=True, ge=2)] = 10  # 10 at least for persons, as SECURITY.md promises


class ScaleSettings(_SettingsTable):
    """How months too large for memory are handled."""

    exact_users: Annotated[int, Field(strict=True, ge=1)] = 200_000
    grid: Annotated[float, Field(gt=0, le=1)] = 0.2
    memory_limit: Annotated[str, _is_a("amount of memory")] = "1GB"
    threads: Annotated[int, Field(strict=True, ge=0, le=1024)] = 0
    query: str = ""


class PageSettings(_SettingsTable):
    """The PDF's paper size."""

    paper: Literal["A4", "Letter"] = "A4"


def _normalise_address(text: str) -> str:
    """Return an address in its normal form."""
    if not text:
        return text
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - most months mail nobody

    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(f"{text!r} is no address: {str(error).rstrip('.')}") from error
    return found.ascii_email or found.normalized


def _check_report_location(text: str) -> str:
    if "://" in text and not re.fullmatch(r"https?://[!-;=?-~]+", text):
        raise ValueError(f"{text!r} is no link; expected one that begins with https://, or the path of a folder")
    return " ".join(text.split())


def _normalise_domain(text: str) -> str:
    """Return a domain as in a normal address."""
    return _normalise_address(f"somebody@{text.removeprefix('@')}").partition("@")[2].lower()


def _check_recipient(text: str, info: ValidationInfo) -> str:
    """Return an address whose domain is allowed."""
    address = _normalise_address(text)
    if refusal := _explain_refused_domain(address, info.data.get("domains", ())):
        raise ValueError(refusal)
    return address


EmailAddress = Annotated[str, AfterValidator(_normalise_address)]
RecipientAddress = Annotated[str, AfterValidator(_check_recipient)]


class MailSettings(_SettingsTable):
    """Who gets the briefs, and when nobody does."""

    sender: EmailAddress = ""
    reply_to: EmailAddress = ""
    domains: tuple[Annotated[str, AfterValidator(_normalise_domain)], ...] = ()  # checked before addresses
    owner: RecipientAddress = ""
    recipients: dict[str, tuple[Annotated[RecipientAddress, Field(min_length=1)], ...]] = {}
    list_id: Annotated[str, _is_a("list's name")] = ""
    unsubscribe: Annotated[str, _is_a("link")] = ""
    report: Annotated[str, AfterValidator(_check_report_location)] = ""
    max_drop_rate: Annotated[float, Field(ge=0, le=1)] = 0.05

    def list_recipients(self, segment: str, name: str) -> tuple[str, ...]:
        """Return who gets a segment's brief, each address once.

        Its recipients are those under its id, its name and "all".
        """
        keys = {segment.casefold(), normalise_text(name).casefold(), "all"}
        found = [one for key, some in self.recipients.items() if normalise_text(key).casefold() in keys for one in some]
        first: dict[str, str] = {}
        for one in found:
            first.setdefault(one.casefold(), one)
        return tuple(first.values())

    def build_identity(self, brand: str) -> SenderIdentity:
        """Return who mail is from, under a brand's name."""
        return SenderIdentity(self.sender, self.owner, self.reply_to, self.list_id, self.unsubscribe, brand)

    def locate_report(self, month: str) -> str:
        """Return the full report's address, or ""."""
        return self.report.replace("{month}", month)

    def admit_recipient(self, address: str) -> str:
        """Return an address in its normal form, if allowed.

        Raises ValueError if it is no address, or its domain isn't one of `domains`.
        """
        found = _normalise_address(address)
        refusal = _explain_refused_domain(found, self.domains)
        if refusal or not found:
            raise ValueError(refusal or "no address was given")
        return found


def _explain_refused_domain(address: str, domains: tuple[str, ...]) -> str:
    """Return why an address is refused, or ""."""
    domain = address.rpartition("@")[2].lower()
    if not address or domain in domains:
        return ""
    return f"{address}: mail may go to {', '.join(domains) or 'no domain at all'}; add {domain!r} to mail.domains, or correct the address"


def _check_segment_name(text: str) -> str:
    """Return a valid name on one line."""
    name = normalise_text(text)
    if not name or not " ".join(text.split()).isprintable() or len(name) > _MAX_NAME_LENGTH:
        raise ValueError(f"expected a name of 1 to {_MAX_NAME_LENGTH} letters that can be printed, found {len(name)}")
    if name.casefold() == "all" or re.fullmatch(r"S[0-9]+", name, flags=re.IGNORECASE):
        raise ValueError(f"{name!r} is no name: under [mail.recipients] it would mean other segments; choose another")
    return name


SegmentId = Annotated[str, _is_a("segment's id")]
SegmentName = Annotated[str, AfterValidator(_check_segment_name)]


class Settings(_SettingsTable):
    """All of settings.toml."""

    brand: BrandSettings = BrandSettings()
    data: DataSettings = DataSettings()
    segments: SegmentSettings = SegmentSettings()
    privacy: PrivacySettings = PrivacySettings()
    scale: ScaleSettings = ScaleSettings()
    page: PageSettings = PageSettings()
    names: dict[SegmentId, SegmentName] = {}
    mail: MailSettings = MailSettings()
    _columns: Schema | None = PrivateAttr(default=None)

    @property
    def columns(self) -> Schema:
        """The columns of a month's file; the shipped ones where no others were given."""
        return self._columns or read_shipped_columns()

    def with_columns(self, columns: Schema) -> "Settings":
        """Return the settings with other columns.

        Raises SettingsError if counts would be shown that are too small for what a row is.
        """
        if columns.unit == "person" and self.privacy.min_cell < MIN_CELL:
            raise SettingsError(
                f"settings.toml: privacy.min_cell is {self.privacy.min_cell}, expected {MIN_CELL} or more where a row is a person. "
                'Correct it; or write unit = "thing" under [service] in the columns file, if no row is one.'
            )
        changed = self.model_copy()
        changed._columns = columns  # noqa: SLF001 - its own
        return changed

    @field_validator("names")
    @classmethod
    def _check_names_unique(cls, names: dict[str, str]) -> dict[str, str]:
        first: dict[str, str] = {}
        for id_, name in names.items():
            if (other := first.setdefault(name.casefold(), id_)) != id_:
                raise ValueError(f"both {other} and {id_} are called {name!r}; give one of them another name")
        return names

    def build_options(self) -> Options:
        """Return the options for the analysis."""
        return Options(
            schema=self.columns,
            k_range=self.segments.k_range,
            k=self.segments.k,
            n_init=self.segments.n_init,
            seed=self.segments.seed,
            min_base=self.privacy.min_base,
            min_cell=self.privacy.min_cell,
            exact_users=self.scale.exact_users,
            grid_step=self.scale.grid,
            names=self.names,
        )

    def build_brand(self) -> Brand:
        """Return the brand for the report."""
        return Brand(name=self.brand.name, accent=self.brand.accent.lower(), contact=self.brand.contact)


def read_settings(path: Path) -> Settings:
    """Read settings.toml; a missing file gives all defaults.

    Raises SettingsError if the file is no TOML, or has an unknown key or an invalid value.
    """
    if not path.exists():
        return Settings()
    return read_toml_model(path, Settings)
