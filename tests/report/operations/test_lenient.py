"""Who is told of a failure, read out of files with mistakes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from report.operations.lenient import NoticeSettings, read_mail_server_leniently, read_notice_settings
from report.transport.message import SenderIdentity
from report.transport.server import MailServer

Read = Callable[[str | bytes], NoticeSettings]
TEXT = """\
[mail]
sender = "briefs@example.com"
owner = "olga@example.com"   # owner = "old@example.com"
reply_to = "insights@example.com"
domains = ["example.com"]
"""
WHOLE = NoticeSettings(SenderIdentity("briefs@example.com", owner="olga@example.com", reply_to="insights@example.com"))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str | bytes) -> NoticeSettings:
        path = tmp_path / "settings.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_notice_settings(path)

    return read_text


@pytest.mark.parametrize(
    "text",
    [
        TEXT + "[segments\n",
        TEXT.replace('"olga@example.com"', '"olga@example.com'),
        TEXT.replace('"olga@example.com"', "olga@example.com"),
        TEXT.replace('"olga@example.com"', "“olga@example.com”"),
        TEXT.replace('["example.com"]', '[\n  "example.org",  # ours\n  "example.com"\n'),
        TEXT.replace('["example.com"]', '["@Example.com"') + "k = =\n",
        TEXT.replace("owner =", "owner ="[:5]).replace("owner ", "owner: "),
        TEXT.replace("[mail]\n", "")
        .replace("sender", "mail.sender")
        .replace("owner", "mail.owner")
        .replace("reply", "mail.reply")
        .replace("domains", "mail.domains")
        + "x\n",
        TEXT + '[mail]\nowner = "second@example.com"\n',
        TEXT.replace("\n", "\r\n") + "?\r\n",
        b"\xef\xbb\xbf" + TEXT.encode() + b"x\n",
        TEXT.encode("utf-16"),
        TEXT.encode() + b"# M\xfcsik\n",
    ],
    ids=[
        "head",
        "quote",
        "bare",
        "typographic",
        "list",
        "domain",
        "colon",
        "dotted",
        "twice",
        "crlf",
        "bom",
        "utf-16",
        "latin-1",
    ],
)
def test_a_broken_file_still_names_the_owner(read: Read, text: str | bytes) -> None:
    """The values are those of the text above, whatever is wrong around them."""
    assert read(text).identity == WHOLE.identity


@pytest.mark.parametrize("text", [TEXT, TEXT + "[segments]\nkk = 3\n"])
def test_a_whole_file_is_read_as_it_is(read: Read, text: str) -> None:
    """Also where a key means nothing, for which settings are refused."""
    assert read(text) == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace('["example.com"]', "[]"),
        TEXT.replace("olga@example.com", "olga@elsewhere.com") + "[x\n",
        TEXT.replace('"olga@example.com"', "5"),
        "mail = 3\n",
        "",
        "\x00\x01[",
    ],
)
def test_an_owner_outside_the_domains_is_nobody(read: Read, text: str) -> None:
    """Nor is what is no address."""
    assert read(text).identity.owner == ""


def test_a_domain_beyond_ascii_is_one_with_its_encoded_form(read: Read) -> None:
    """xn--mller-kva is the IDNA form of müller."""
    found = read(
        TEXT.replace('["example.com"]', '["müller.example"]').replace("olga@example.com", "olga@müller.example")
    )
    assert found.identity.owner == "olga@xn--mller-kva.example"


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        ("no line at all", {}),
        ("SMTP_PROT=25", {}),
        ("SMTP_PORT=58x7", {}),
        ("SMTP_TLS=startls", {}),
        ("SMTP_TLS=none", {}),  # not in the clear
        ("SMTP_USER=briefs", {}),
        ("SMTP_CA=/no/such/file", {}),
        ("SMTP_PORT=2525\nx", {"port": 2525}),
        ("SMTP_TLS=tls\nx", {"tls": "tls", "port": 465}),
    ],
)
def test_a_broken_env_still_names_the_server(tmp_path: Path, lines: str, known: dict[str, object]) -> None:
    """What can't be meant is as if it weren't there."""
    env = tmp_path / ".env"
    env.write_text(f"SMTP_HOST=smtp.example.com\n{lines}\n")
    env.chmod(0o600)

    assert read_mail_server_leniently(env, {}) == MailServer(**({"host": "smtp.example.com", "port": 587} | known))


def test_a_host_in_the_environment_goes_before(tmp_path: Path) -> None:
    """As everywhere; and without a host there is no server."""
    (tmp_path / ".env").write_text("SMTP_HOST=a.example.com\n?\n")
    found = read_mail_server_leniently(tmp_path / ".env", {"SMTP_HOST": "b.example.com"})
    assert found is not None
    assert found.host == "b.example.com"
    (tmp_path / ".env").write_text("SMTP_HSOT=a.example.com\n")
    assert read_mail_server_leniently(tmp_path / ".env", {}) is None
