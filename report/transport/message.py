"""A brief as a message: RFC 5322, the same bytes for the same words, and headers that no server folds into nonsense."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import quote

from report.errors import RenderError

MAX_MESSAGE_BYTES = 3_000_000  # bytes, attachments included
_PLACEHOLDER_SENDER = "briefs@example.invalid"  # who a brief is from until settings say: no mail can go there
_UNDISCLOSED_RECIPIENTS = "undisclosed-recipients:;"
_LONG_LINE_POLICY = SMTP.clone(max_line_length=900)


class SenderIdentity(Protocol):
    """What every message says of its sender; properties, for settings are frozen."""

    @property
    def sender(self) -> str:
        """Who it is from."""

    @property
    def reply_to(self) -> str:
        """Who gets the answers; empty for the sender."""

    @property
    def list_id(self) -> str:
        """The list's name; empty for the usual one."""

    @property
    def unsubscribe(self) -> str:
        """A link; empty for a mail to who gets the answers."""


class _FoldingPolicy(EmailPolicy):
    """SMTP's policy, but for two headers.

    List headers stay on one line: folded, their addresses would be cut (python/cpython#85725). A subject with letters
    beyond ASCII is encoded whole: where only some of its words are, the space between two of them is lost (RFC 2047, 6.2).
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Fold a header for the wire."""
        if name.lower() == "subject" and not str(value).isascii():
            folded = Header(str(value), "utf-8", header_name=name).encode(linesep="\r\n")
            return f"{name}: {folded}\r\n".encode("ascii")
        return (_LONG_LINE_POLICY if name.lower().startswith("list-") else SMTP).fold_binary(name, value)


_MESSAGE_POLICY = _FoldingPolicy(linesep="\r\n")


def make_brief_message(
    *,
    key: str,
    subject: str,
    brand: str,
    text: str,
    html: str,
    pictures: dict[str, bytes],
    attachment: tuple[str, bytes],
    mail: SenderIdentity,
    now: datetime,
) -> bytes:
    """Put a brief into a message: plain text first, then HTML with its pictures; the PDF at the end.

    Parameters
    ----------
    key : str
        What makes it one and the same message, such as "2026-10.S1.brief".
    pictures : dict of str to bytes
        PNG by the name after `cid:` in the HTML.
    attachment : tuple of str and bytes
        The PDF's name and content.
    now : datetime
        When it was written, with its zone.

    Raises
    ------
    RenderError
        If it has more than 3 MB.
    """
    message = _create_message(key, subject, brand, mail, now)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    page = message.get_payload()[1]  # type: ignore[index]
    for name, png in pictures.items():
        page.add_related(  # type: ignore[union-attr]
            png, "image", "png", cid=f"<{name}>", disposition="inline", filename="indices.png"
        )
    name, pdf = attachment
    message.add_attachment(pdf, "application", "pdf", filename=name)
    return _serialise_message(message, key)


def make_notice_message(
    *, key: str, subject: str, brand: str, text: str, mail: SenderIdentity, now: datetime
) -> bytes:
    """Put a notice to the owner into a message of plain text."""
    message = _create_message(key, subject, brand, mail, now)
    message.set_content(text, cte="quoted-printable")
    return _serialise_message(message, key)


def set_recipients(raw: bytes, *recipients: str) -> bytes:
    """Give a message with these recipients instead of its own."""
    head, body = _split_headers(raw)
    return _replace_header(head, "To", ",\r\n ".join(recipients) or _UNDISCLOSED_RECIPIENTS) + body


def copy_date(raw: bytes, reference: bytes) -> bytes:
    """Give a message with the date of another one."""
    head, body = _split_headers(raw)
    return _replace_header(head, "Date", str(read_header(reference, "Date"))) + body


def make_test_message(raw: bytes) -> bytes:
    """Give a message as another one, which a change of its words makes yet another."""
    head, body = _split_headers(raw)
    digest = hashlib.sha256(_remove_headers(head, b"Date", b"To") + body).hexdigest()[:12]
    local, _, domain = read_message_id(raw).strip("<>").rpartition("@")
    return _replace_header(head, "Message-ID", f"<{local}.test.{digest}@{domain}>") + body


def parse_segment_ids(ids: Iterable[str], month: str) -> set[str]:
    """Give the segments that Message-IDs of a month's briefs are of."""
    brief = re.compile(rf"<{re.escape(month)}\.([^@.]+)\.brief(?:\.correction-[0-9a-f]+)?@")
    return {found[1] for id_ in ids if (found := brief.match(id_))}


def make_correction_message(raw: bytes, digest: str, earlier: Sequence[str]) -> bytes:
    """Give a message as a correction of earlier ones, under an id of its own (RFC 5322, 3.6.4).

    Parameters
    ----------
    digest : str
        Of its words, in hex: the same correction has the same id for everybody.
    earlier : sequence of str
        Message-IDs of what the recipient has, the first one first.
    """
    head, body = _split_headers(re.sub(rb"\r\n|\r|\n", b"\r\n", raw))
    local, _, domain = read_message_id(raw).strip("<>").rpartition("@")
    subject = _MESSAGE_POLICY.fold_binary("Subject", f"Corrected: {read_header(raw, 'Subject')}")
    head = _replace_header(head, "Message-ID", f"<{local}.correction-{digest[:12]}@{domain}>")
    head = _compile_header_pattern(b"Subject").sub(lambda _: subject, head, count=1)
    references = "\r\n ".join(earlier)
    return head + f"In-Reply-To: {earlier[0]}\r\nReferences: {references}\r\n".encode("ascii") + body


def has_same_content(one: bytes, other: bytes) -> bool:
    """Tell whether two messages differ in nothing but when they were written and to whom."""
    (head, body), (other_head, other_body) = _split_headers(one), _split_headers(other)
    return body == other_body and _remove_headers(head, b"Date", b"To") == _remove_headers(
        other_head, b"Date", b"To"
    )


def read_message_id(raw: bytes) -> str:
    """Give a message's id, angle brackets included."""
    return str(read_header(raw, "Message-ID"))


def read_header(raw: bytes, name: str) -> Any:
    """Give a header of a message, decoded; None where it has none."""
    return BytesHeaderParser(policy=SMTP).parsebytes(_split_headers(raw)[0])[name]


def _create_message(key: str, subject: str, brand: str, mail: SenderIdentity, now: datetime) -> EmailMessage:
    """Begin a message."""
    sender = mail.sender or _PLACEHOLDER_SENDER
    domain = sender.rpartition("@")[2]
    answers = mail.reply_to or sender
    unsubscribe = mail.unsubscribe or f"mailto:{answers}?subject={quote('Unsubscribe from segment briefs')}"
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{key}@{domain}>"
    message["Date"] = format_datetime(now)
    message["From"] = Address(brand, addr_spec=sender)
    message["To"] = _UNDISCLOSED_RECIPIENTS
    message["Reply-To"] = answers
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # Exchange knows no Auto-Submitted
    message["List-Id"] = f"Segment briefs <{mail.list_id or f'segment-briefs.{domain}'}>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    return message


def _serialise_message(message: EmailMessage, key: str) -> bytes:
    """Write the bytes; the borders between parts come from the message's key, not from chance."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{hashlib.sha256(key.encode()).hexdigest()[:24]}_{number}")
    raw = message.as_bytes(policy=_MESSAGE_POLICY)
    if len(raw) > MAX_MESSAGE_BYTES:
        raise RenderError(
            f"The message {key} has {len(raw):,} bytes, expected at most {MAX_MESSAGE_BYTES:,}. Make its PDF smaller."
        )
    return raw


def _split_headers(raw: bytes) -> tuple[bytes, bytes]:
    """Split a message after its headers; the body begins with the empty line."""
    head, empty, body = raw.partition(b"\r\n\r\n")
    return head + b"\r\n", empty[2:] + body


def _compile_header_pattern(name: bytes) -> re.Pattern[bytes]:
    """Match a header with the lines that it is folded into."""
    return re.compile(rb"(?im)^" + re.escape(name) + rb":.*\r\n(?:[ \t].*\r\n)*")


def _remove_headers(head: bytes, *names: bytes) -> bytes:
    for name in names:
        head = _compile_header_pattern(name).sub(b"", head)
    return head


def _replace_header(head: bytes, name: str, value: str) -> bytes:
    return _compile_header_pattern(name.encode()).sub(
        lambda _: f"{name}: {value}\r\n".encode("ascii"), head, count=1
    )
