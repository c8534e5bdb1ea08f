"""The SMTP server that the environment names."""

import base64
import ipaddress
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import whitespace
from typing import Literal, cast, get_args

from report.errors import SettingsError
from report.storage.cache import decode_marked_text
from report.storage.passwords import NO_PASSWORD, Password, redact_secrets

TlsMode = Literal["starttls", "tls", "none"]
DEFAULT_SMTP_PORTS: dict[TlsMode, int] = {"starttls": 587, "tls": 465, "none": 25}
HOST_PATTERN = re.compile(r"[\w.:%\[\]-]*")
SMTP_VARIABLES = ("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "SMTP_TLS", "SMTP_CA", "SMTP_HELO")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that mail is handed to."""

    host: str
    port: int
    tls: TlsMode = "starttls"
    """starttls: encrypted before anything is said; tls: from the first byte; none: on this machine only."""
    user: str = ""  # for AUTH, which is left out without a user
    password: Password = NO_PASSWORD
    ca: Path | None = None  # PEM file of the server's authority; None for those the system trusts
    helo: str = ""  # our name in the greeting; empty to find one, see `smtp.choose_helo_name`
    timeout: float = 60  # seconds until a whole answer must be there
    grace: float = 0.25
    """Seconds to listen before the final dot. A server that hung up in the middle of a message is heard then, and
    the message waits instead of being unknown."""
    last_timeout: float = 600  # seconds for the answer to the final dot, as RFC 5321 asks; then it is unknown
    deadline: float = 1800  # seconds in which a send ends; what waits then goes out with the next one

    def __post_init__(self) -> None:
        """Refuse unencrypted mail and impossible values.

        No message repeats a value: where two lines were swapped, it is the password.
        """
        if self.tls == "none" and not _is_loopback(self.host):
            raise SettingsError(
                'SMTP_TLS=none with another machine as SMTP_HOST: the mail would cross the network in the clear. Expected "none" '
                'only with localhost, 127.0.0.1 or ::1. Say "starttls" or "tls".'
            )
        if bool(self.user) != bool(self.password.get_secret_value()):
            raise SettingsError(
                "Of SMTP_USER and SMTP_PASSWORD only one is set. Expected both, or neither for a server that asks for none."
            )
        if self.ca is not None and not self.ca.is_file():
            raise SettingsError("SMTP_CA: no such file. Expected a PEM file of certificates.")
        if self.helo and not re.fullmatch(r"\[[0-9A-Za-z.:]+\]|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", self.helo):
            raise SettingsError(
                "SMTP_HELO: expected this machine's full name in ASCII, such as reports.example.com, or an "
                "address in brackets, such as [192.0.2.1]."
            )

    @property
    def auth_plain(self) -> str:
        """User and password for AUTH PLAIN (RFC 4616)."""
        return base64.b64encode(f"\0{self.user}\0{self.password.get_secret_value()}".encode()).decode()

    def encode_login(self, *, secret: bool) -> str:
        """User or password for AUTH LOGIN."""
        return base64.b64encode((self.password.get_secret_value() if secret else self.user).encode()).decode()

    def redact_password(self, text: str) -> str:
        """Return a text without the password in any form."""
        secret = self.password.get_secret_value()
        if not secret:
            return text
        return redact_secrets(text, secret, self.encode_login(secret=True), self.auth_plain)


def read_mail_server(env_file: Path, environ: Mapping[str, str] = os.environ) -> MailServer | None:
    """Read the server from the environment, then from `.env`.

    None if neither sets an SMTP variable. Raises SettingsError if the file has a line that can't be read, an unknown
    SMTP_ name, or a value that makes no sense. The message never shows a value, which may be the password.
    """
    values = select_smtp_variables(_read_env_file(env_file), environ)
    if not values:
        return None
    for name, value in values.items():
        if not value.isprintable():
            raise SettingsError(f"{name} holds a letter that can't be printed. Expected text in UTF-8, on one line.")
    if not HOST_PATTERN.fullmatch(values.get("SMTP_HOST", "")):
        raise SettingsError("SMTP_HOST: expected a server's name alone, such as smtp.example.com. Correct it.")
    if "SMTP_HOST" not in values:
        raise SettingsError(f"{', '.join(sorted(values))} without SMTP_HOST. Set SMTP_HOST, or none of them.")
    tls = values.get("SMTP_TLS", "starttls").lower()
    if tls not in get_args(TlsMode):
        raise SettingsError(f"SMTP_TLS: expected one of {', '.join(get_args(TlsMode))}. Correct it.")
    port = values.get("SMTP_PORT", str(DEFAULT_SMTP_PORTS[cast("TlsMode", tls)]))
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise SettingsError("SMTP_PORT: expected a number from 1 to 65535. Correct it.")
    return MailServer(
        host=values["SMTP_HOST"],
        port=int(port),
        tls=cast("TlsMode", tls),
        user=values.get("SMTP_USER", ""),
        password=Password(values.get("SMTP_PASSWORD", "")),
        ca=Path(values["SMTP_CA"]) if "SMTP_CA" in values else None,
        helo=values.get("SMTP_HELO", ""),
    )


def select_smtp_variables(entries: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the SMTP variables; the environment wins."""
    every = {**entries, **environ}
    return {name: every[name] for name in SMTP_VARIABLES if every.get(name)}


def _read_env_file(file: Path) -> dict[str, str]:
    """Return the names and values of a `.env`."""
    try:
        text = decode_marked_text(file.read_bytes())
        others = file.stat().st_mode & 0o077
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} can't be read: {error.__class__.__name__}. Expected text in UTF-8.") from None
    if others:
        _log.warning("%s can be read by others on this machine; `chmod 600 %s` keeps its password.", file, file)
    found = {}
    for row, name, value in parse_env_lines(text):
        if value is None:
            raise SettingsError(f"{file}: line {row} isn't NAME=value. Correct it, or put # before it.")
        if name.startswith("SMTP_") and name not in SMTP_VARIABLES:
            raise SettingsError(f"{file}: line {row}: there is no {name}. Expected one of {', '.join(SMTP_VARIABLES)}.")
        found[name] = value
    return found


def parse_env_lines(text: str) -> Iterator[tuple[int, str, str | None]]:
    """Yield line number, name and value.

    Lines are read as a shell reads them. A comment begins with "#" at the start of a line or after a space; in quotes it is part of the value. One pair of
    quotes around a value is removed. The value of a line that can't be read is None.
    """
    for row, written in enumerate(
        re.split("\r\n|\r|\n", text), start=1
    ):  # not at other ends of lines: a password may hold one
        line = written.strip(f"{whitespace}\u00a0\u200b\ufeff")
        if not line or line.startswith("#"):
            continue
        name, equals, rest = re.sub(r"^export\s+", "", line).partition("=")
        name, rest = name.strip(), rest.strip()
        quoted = re.fullmatch(r"""(["'])(.*?)\1(\s+#.*)?""", rest)
        value = quoted[2] if quoted else re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].rstrip()
        yield row, name, value if equals and name.isidentifier() else None


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
