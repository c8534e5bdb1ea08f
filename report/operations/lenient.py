"""Read sender, owner and mail server from broken settings.

Imports the standard library alone, to work after a failed set-up.
"""

import contextlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from report.errors import ReportError, SettingsError
from report.storage.cache import decode_marked_text
from report.storage.passwords import Password
from report.transport.message import SenderIdentity
from report.transport.server import (
    DEFAULT_SMTP_PORTS,
    HOST_PATTERN,
    MailServer,
    TlsMode,
    parse_env_lines,
    read_mail_server,
    select_smtp_variables,
)

_NOTICE_KEYS = {
    "mail": ("sender", "owner", "reply_to", "list_id", "unsubscribe", "domains"),
    "data": ("folder", "output"),
    "brand": ("name",),
}
_ADDRESS_PART = r"[^\s\"'\u201c\u201d\u2018\u2019<>#,=\[\]@]+"
_ADDRESS_PATTERN = re.compile(f"{_ADDRESS_PART}@{_ADDRESS_PART}")


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """What a notice needs of settings.toml."""

    identity: SenderIdentity = field(default_factory=SenderIdentity)
    folder: str = "data"
    output: str = "_output"
    broken: bool = False  # whether the file is missing, or no TOML


def read_notice_settings(path: Path) -> NoticeSettings:
    """Read what a notice needs of settings.toml, however broken.

    An owner outside of `domains` is left out: mail goes nowhere else, even when something is wrong.
    """
    text, broken = _decode_file(path), not path.is_file()
    found: dict[tuple[str, str], list[Any]] = {}
    try:
        content = tomllib.loads(text)
        for table, keys in _NOTICE_KEYS.items():
            values = content.get(table)
            for key in keys:
                value = values.get(key) if isinstance(values, dict) else None
                found[table, key] = value if isinstance(value, list) else [value]
    except (ValueError, RecursionError):
        found, broken = _scan_toml_lines(text), True
    texts = {key: _pick_first_text(values) for key, values in found.items()}
    domains = {_encode_idna(str(name)).removeprefix("@") for name in found.get(("mail", "domains"), ())}
    sender, owner = (_find_address(texts.get(("mail", key), "")) for key in ("sender", "owner"))
    reply_to, list_id, unsubscribe = (
        _keep_printable(texts.get(("mail", key), "")) for key in ("reply_to", "list_id", "unsubscribe")
    )
    default = NoticeSettings()
    return NoticeSettings(
        SenderIdentity(
            sender=sender,
            owner=owner if owner.rpartition("@")[2] in domains else "",
            reply_to=_find_address(reply_to),
            list_id=list_id if re.fullmatch(r"[A-Za-z0-9.-]+", list_id) else "",
            unsubscribe=unsubscribe if re.fullmatch(r"(https?://|mailto:)[!-;=?-~]+", unsubscribe) else "",
            brand=_keep_printable(texts.get(("brand", "name"), "")) or default.identity.brand,
        ),
        folder=_keep_printable(texts.get(("data", "folder"), "")) or default.folder,
        output=_keep_printable(texts.get(("data", "output"), "")) or default.output,
        broken=broken,
    )


def read_mail_server_leniently(env_file: Path, environ: Mapping[str, str]) -> MailServer | None:
    """Read the mail server, skipping invalid values."""
    try:
        return read_mail_server(env_file, environ)
    except SettingsError:
        lines = parse_env_lines(_decode_file(env_file))
        entries = {name: value for _, name, value in lines if value is not None}
    values = select_smtp_variables(entries, environ)
    host, tls, port = (values.get(f"SMTP_{name}", "") for name in ("HOST", "TLS", "PORT"))
    if not host or not HOST_PATTERN.fullmatch(host):
        return None
    known: dict[str, Any] = {"host": host}
    if "SMTP_USER" in values and "SMTP_PASSWORD" in values:
        known |= {"user": values["SMTP_USER"], "password": Password(values["SMTP_PASSWORD"])}
    if "SMTP_CA" in values and Path(values["SMTP_CA"]).is_file():
        known["ca"] = Path(values["SMTP_CA"])
    given = int(port) if re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) < 65_536 else None
    for mode in (tls.lower(), "starttls"):  # no mail crosses a network in the clear
        with contextlib.suppress(SettingsError, KeyError):
            default = DEFAULT_SMTP_PORTS[cast("TlsMode", mode)]
            return MailServer(tls=cast("TlsMode", mode), port=given or default, **known)
    return None


def fill_missing_addresses(identity: SenderIdentity, path: Path, sender: str, owner: str) -> SenderIdentity:
    """Add the last run's addresses to refused settings.

    Only settings that are accepted, and say `owner = ""`, remove an owner.
    """
    if (identity.sender and identity.owner) or _are_settings_accepted(path):
        return identity
    return replace(identity, sender=identity.sender or sender, owner=identity.owner or owner)


def _are_settings_accepted(path: Path) -> bool:
    """Return whether valid settings set `owner`."""
    try:
        from report.settings import read_settings  # noqa: PLC0415 - a failed set-up has no package for it

        return "owner" in read_settings(path).mail.model_fields_set
    except (ImportError, ReportError, OSError):
        return False


def _scan_toml_lines(text: str) -> dict[tuple[str, str], list[Any]]:
    """Return keys and their texts, read line by line.

    A list may span several lines, and a quote may be missing.
    """
    found: dict[tuple[str, str], list[Any]] = {}
    table, open_ = "", None
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if head := re.match(r"\s*\[\s*([\w.-]+)", line):
            table, open_ = head[1], None
            continue
        if pair := re.match(r"\s*([\w.-]+)\s*[=:]\s*(.*)", line):
            path, rest = f"{table}.{pair[1]}".strip("."), pair[2]
            key = path.partition(".")[0], path.partition(".")[2]
            open_ = key if key[1] in _NOTICE_KEYS.get(key[0], ()) and key not in found else None
        elif open_ is None:
            continue
        else:
            rest = line
        if open_ is not None:
            texts = re.findall(r"(#.*)|\"([^\"]*)\"?|'([^']*)'?|([^\s\"'#,\[\]]+)", rest)
            found.setdefault(open_, []).extend("".join(parts) for comment, *parts in texts if not comment)
    return found


def _decode_file(path: Path) -> str:
    """Return a file's text, whatever its encoding."""
    try:
        raw = path.read_bytes() if path.is_file() else b""
    except OSError:
        return ""
    try:
        return decode_marked_text(raw)
    except UnicodeDecodeError:
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")


def _pick_first_text(values: list[Any]) -> str:
    return next((value for value in values if isinstance(value, str)), "")


def _find_address(text: str) -> str:
    """Return the first address in a text."""
    found = _ADDRESS_PATTERN.search(text)
    local, _, domain = found[0].rpartition("@") if found else ("", "", "")
    return f"{local}@{_encode_idna(domain)}" if local.isascii() and local.isprintable() and local else ""


def _encode_idna(domain: str) -> str:
    try:
        return domain.strip().encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain.strip().lower()


def _keep_printable(text: str) -> str:
    return text.strip() if text.isprintable() else ""
