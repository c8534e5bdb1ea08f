"""Briefs and notices as messages (RFC 5322).

The same text, key and time always give the same bytes.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from report.errors import RenderError

MAX_MESSAGE_BYTES = 3_000_000  # bytes, attachments included
_PLACEHOLDER_SENDER = "briefs@example.invalid"  # until settings name a sender; no mail can go there
_UNDISCLOSED_RECIPIENTS = "undisclosed-recipients:;"
_LONG_LINE_POLICY = SMTP.clone(max_line_length=900)


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """Who mail is from, and who gets the answers."""

    sender: str = ""
    owner: str = ""  # who is told of what needs a person
    reply_to: str = ""  # empty for the sender
    list_id: str = ""  # empty for segment-briefs at the sender's domain
    unsubscribe: str = ""  # a link; empty for a mail to who gets the answers
    brand: str = "Listener report"  # the name beside the sender's address


class _FoldingPolicy(EmailPolicy):
    """SMTP's policy, with two headers folded otherwise.

    List headers stay on one line, because folding would cut their addresses (python/cpython#85725). A subject with
    letters beyond ASCII is encoded whole: between two encoded words the space would be lost (RFC 2047, 6.2).
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
    text: str,
    html: str,
    pictures: dict[str, bytes],
    attachment: tuple[str, bytes],
    identity: SenderIdentity,
    now: datetime,
) -> bytes:
    """Return a brief as a message with PDF.

    Parameters
    ----------
    key : str
        Identifies the message, such as "2026-10.S1.brief".
    pictures : dict of str to bytes
        PNG by the name after `cid:` in the HTML.
    attachment : tuple of str and bytes
        The PDF's name and content.

    Raises
    ------
    RenderError
        If it has more than 3 MB.
    """
    message = _create_message(key, subject, identity, now)
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


def make_notice_message(*, key: str, subject: str, text: str, identity: SenderIdentity, now: datetime) -> bytes:
    """Return a notice as a plain-text message."""
    message = _create_message(key, subject, identity, now)
    message.set_content(text, cte="quoted-printable")
    return _serialise_message(message, key)


def set_recipients(raw: bytes, *recipients: str) -> bytes:
    """Return a message to these recipients."""
    head, body = _split_headers(raw)
    return _replace_header(head, "To", ",\r\n ".join(recipients) or _UNDISCLOSED_RECIPIENTS) + body


def copy_date(raw: bytes, reference: bytes) -> bytes:
    """Return a message with another one's date."""
    head, body = _split_headers(raw)
    return _replace_header(head, "Date", str(read_header(reference, "Date"))) + body


def make_test_message(raw: bytes) -> bytes:
    """Return a test copy with its own id."""
    head, body = _split_headers(raw)
    lasting = head
    for name in ("Date", "To"):
        lasting = _compile_header_pattern(name).sub(b"", lasting)
    digest = hashlib.sha256(lasting + body).hexdigest()[:12]
    local, _, domain = read_message_id(raw).strip("<>").rpartition("@")
    return _replace_header(head, "Message-ID", f"<{local}.test.{digest}@{domain}>") + body


def parse_segment_ids(ids: Iterable[str], month: str) -> set[str]:
    """Return the segments named in a month's Message-IDs."""
    brief = re.compile(rf"<{re.escape(month)}\.([^@.]+)\.brief(?:\.correction-[0-9a-f]+)?@")
    return {found[1] for id_ in ids if (found := brief.match(id_))}


def make_correction_message(raw: bytes, digest: str, earlier: Sequence[str]) -> bytes:
    """Return a correction with its own id.

    Its body's digest, in hex, is in that id: the same correction has the same id for everybody. It refers to the earlier
    messages, oldest first (RFC 5322, 3.6.4).
    """
    head, body = _split_headers(re.sub(rb"\r\n|\r|\n", b"\r\n", raw))
    local, _, domain = read_message_id(raw).strip("<>").rpartition("@")
    subject = _MESSAGE_POLICY.fold_binary("Subject", f"Corrected: {read_header(raw, 'Subject')}")
    head = _replace_header(head, "Message-ID", f"<{local}.correction-{digest[:12]}@{domain}>")
    head = _compile_header_pattern("Subject").sub(lambda _: subject, head, count=1)
    references = "\r\n ".join(earlier)
    return head + f"In-Reply-To: {earlier[0]}\r\nReferences: {references}\r\n".encode("ascii") + body


def read_message_id(raw: bytes) -> str:
    """Return a message's id, including its angle brackets."""
    return str(read_header(raw, "Message-ID"))


def read_header(raw: bytes, name: str) -> Any:
    """Return a message's header, decoded; None if absent."""
    return BytesHeaderParser(policy=SMTP).parsebytes(_split_headers(raw)[0])[name]


def _create_message(key: str, subject: str, identity: SenderIdentity, now: datetime) -> EmailMessage:
    """Return a message that has its headers."""
    sender = identity.sender or _PLACEHOLDER_SENDER
    domain = sender.rpartition("@")[2]
    answers = identity.reply_to or sender
    unsubscribe = identity.unsubscribe or f"mailto:{answers}?subject={quote('Unsubscribe from segment briefs')}"
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{key}@{domain}>"
    message["Date"] = format_datetime(now)
    message["From"] = Address(identity.brand, addr_spec=sender)
    message["To"] = _UNDISCLOSED_RECIPIENTS
    message["Reply-To"] = answers
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # Exchange knows no Auto-Submitted
    message["List-Id"] = f"Segment briefs <{identity.list_id or f'segment-briefs.{domain}'}>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    return message


def _serialise_message(message: EmailMessage, key: str) -> bytes:
    """Return the message's bytes; its key names the boundaries."""
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
    """Return the headers, then empty line and body."""
    head, empty, body = raw.partition(b"\r\n\r\n")
    return head + b"\r\n", empty[2:] + body


def _compile_header_pattern(name: str) -> re.Pattern[bytes]:
    """Return a pattern for one folded header."""
    return re.compile(rb"(?im)^" + name.encode() + rb":.*\r\n(?:[ \t].*\r\n)*")


def _replace_header(head: bytes, name: str, value: str) -> bytes:
    line = f"{name}: {value}\r\n".encode("ascii")
    return _compile_header_pattern(name).sub(lambda _: line, head, count=1)
