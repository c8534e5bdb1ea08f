"""Months made by the real Makefile in a checkout of its own, mailed through a real SMTP server; most of them made once for all."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import numpy as np
import pandas as pd

from tests.support import ROOT
from tests.support.facts import factory
from tests.support.mail.server import Mailroom
from tests.support.pages.rendered import Rendered
from tests.support.runs.fork_server import forge

OWNER = "olga@example.com"
OF_ALL = "marketing@example.com"
READERS = {"S1": "ann@example.com", "S2": "ben@example.com", "S3": "cay@example.com", "S4": "dee@example.com"}
RECIPIENTS = "\n".join(f'{id_} = ["{one}"]' for id_, one in READERS.items())
SETTINGS = f"""\
[brand]
name = "Larkspur Radio"
[segments]
k = 4
k_range = [2, 5]
n_init = 2
seed = 77
[mail]
sender = "briefs@example.com"
owner = "{OWNER}"
domains = ["example.com"]
report = "https://intranet.example.com/{{month}}/report.html"
[mail.recipients]
all = ["{OF_ALL}"]
{RECIPIENTS}
"""
BROKEN = '#!/bin/sh\ntest "$1" = --version && echo 1.9.38 && exit\necho no such thing >&2\nexit 3\n'
SHIFTS = {"2026-07": 0, "2026-08": 9, "2026-09": 3, "2026-10": 6, "2026-11": 4}


@dataclass(frozen=True, slots=True)
class Step:
    """What a call of make did.

    Attributes
    ----------
    code : int
        Its exit code.
    said : str
        What stood on the terminal, with plain spaces.
    mails : list of (str, EmailMessage)
        What was mailed meanwhile, and to whom.
    """

    code: int
    said: str
    mails: list[tuple[str, EmailMessage]]

    @property
    def told(self) -> list[EmailMessage]:
        """Give what the owner got."""
        return [mail for to, mail in self.mails if to == OWNER]


@dataclass
class Checkout:
    """A copy of the project, whose programs the forge starts.

    Attributes
    ----------
    root, tools : Path
        Where it lies, and what the forge gave.
    room : Mailroom
        Where its mail goes.
    """

    root: Path
    tools: Path
    room: Mailroom

    def make(self, target: str, *words: str, at: str, quarto: str = "none", **extra: str) -> Step:
        """Call make at a day, with a Quarto on the path or none; "broken" is one that fails."""
        path = [str(self.root / "bin" / quarto), "/usr/bin", "/bin"]
        clock = datetime.fromisoformat(f"{at}T07:00").replace(tzinfo=UTC)
        environment = {"PATH": os.pathsep.join(path), "SOURCE_DATE_EPOCH": f"{clock.timestamp():.0f}"} | extra
        ended = subprocess.run(
            ["make", target, *words],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.room.quiet()
        mails = [(to, message_from_bytes(raw, policy=default)) for to, raw in self.room.inbox]
        self.room.inbox.clear()
        return Step(ended.returncode, plain(ended.stdout), mails)

    def put(self, month: str, frame: pd.DataFrame | None = None, name: str = "") -> None:
        """Put a month's file into data/, as old as the month's end."""
        path = self.root / "data" / (name or f"{month}.csv")
        frame = factory.users(240, shift=SHIFTS[month]) if frame is None else frame
        frame.to_csv(path, index=False)
        ended = datetime.fromisoformat(f"{month}-28").timestamp()
        os.utime(path, (ended, ended))


@contextmanager
def checkout(root: Path, tools: Path) -> Iterator[Checkout]:
    """Lay out a checkout, with a mail server."""
    root.mkdir(parents=True)
    for name in ("report", "segmentation", "templates", "Makefile", "_quarto.yml", "_environment"):
        (root / name).symlink_to(ROOT / name)
    for folder in ("data", ".venv/bin", "bin/none", "bin/standin", "bin/broken"):
        (root / folder).mkdir(parents=True)
    for name in ("requirements.txt", "pyproject.toml", ".venv/.installed", ".venv/.quarto-tried"):
        (root / name).write_text("")
    for name in ("SHA256SUMS", "generate.py"):
        shutil.copy(ROOT / "data" / name, root / "data")
    columns = (ROOT / "data" / "columns.toml").read_text(encoding="utf-8")
    any_value = re.sub(r"^valid = .*\n", "", columns, flags=re.MULTILINE)  # of the users below
    (root / "data" / "columns.toml").write_text(any_value, encoding="utf-8")
    (root / "settings.toml").write_text(SETTINGS)
    shutil.copy(tools / "python", root / ".venv" / "bin" / "python")
    shutil.copy(tools / "quarto", root / "bin" / "standin" / "quarto")
    (root / "bin" / "broken" / "quarto").write_text(BROKEN)
    (root / "bin" / "broken" / "quarto").chmod(0o755)
    with Mailroom() as room:
        (root / ".env").write_text(f"SMTP_HOST=localhost\nSMTP_PORT={room.port}\nSMTP_TLS=none\n")
        (root / ".env").chmod(0o600)
        yield Checkout(root, tools, room)


def plain(text: str) -> str:
    """Give a text with plain spaces and hyphens, and no line that ends within a sentence."""
    return " ".join(text.replace("\ufffe", "-").replace("\u00a0", " ").split())


@dataclass(frozen=True, slots=True)
class Year:
    """The months that everybody looks at, and what was said and mailed as they were made.

    Attributes
    ----------
    root : Path
        The checkout.
    steps : dict of str to Step
        What each call of make did.
    """

    root: Path
    steps: dict[str, Step]

    @property
    def output(self) -> Path:
        """Where the months lie."""
        return self.root / "_output"


def year(rendered: Rendered) -> Year:
    """Give months as an office makes them: July, September, October and a November in other units, made once for all workers.

    August is worked out, for September came with it. May has no segments, and lies apart.
    """

    def make(place: Path) -> None:
        with forge() as tools, checkout(place / "checkout", tools) as desk:
            steps = {name: _stored(step) for name, step in _live(desk)}
        (place / "steps.json").write_text(json.dumps(steps))

    place = rendered._once("year", make)
    steps = json.loads((place / "steps.json").read_text())
    return Year(place / "checkout", {name: _fetched(*step) for name, step in steps.items()})


def _live(desk: Checkout) -> Iterator[tuple[str, Step]]:
    """Make and mail one month after the other."""
    desk.put("2026-07")
    yield "july", desk.make("report", at="2026-08-02")
    yield "july shown", desk.make("send", at="2026-08-02")
    yield "july mailed", desk.make("send", "CONFIRM=yes", at="2026-08-02")
    desk.put("2026-08")
    desk.put("2026-09")
    yield "september", desk.make("report", at="2026-10-02", quarto="standin")
    yield "september told", desk.make("notify", at="2026-10-02")
    yield "september mailed", desk.make("send", "CONFIRM=yes", at="2026-10-02")
    desk.put("2026-10")
    yield "october", desk.make("unattended", at="2026-11-02", quarto="broken")
    shutil.copytree(desk.root / "_output" / "2026-10", desk.root / "october")
    yield (
        "october again",
        desk.make("unattended", "ENGINE=embedded", "MONTH=2026-10", at="2026-11-03", quarto="standin"),
    )
    wrong = factory.users(240, shift=SHIFTS["2026-11"])
    desk.put("2026-11", wrong.assign(annual_income=wrong["annual_income"] * 12))
    yield "november", desk.make("unattended", at="2026-12-02")
    desk.put("2026-05", structureless(), "users.csv")
    # whole paths: cells that run in the run's own process change its folder
    where = [f"DATA={desk.root}/data/users.csv", f"OUTPUT={desk.root}/apart"]
    yield "may", desk.make("unattended", "MONTH=2026-05", *where, at="2026-06-02")


def structureless() -> pd.DataFrame:
    """Give users of whom every number is as likely as any other: there is nothing to find."""
    rng = np.random.default_rng(3)
    ends = {"age": (18, 60), "annual_income": (10_000, 90_000), "usage_per_month": (100, 2_000)}
    ends |= {"num_of_days_active": (50, 300)}
    return factory.users(240).assign(**{name: rng.integers(*pair, 240) for name, pair in ends.items()})


def _stored(step: Step) -> list[object]:
    mails = [[to, base64.b64encode(mail.as_bytes()).decode()] for to, mail in step.mails]
    return [step.code, step.said, mails]


def _fetched(code: int, said: str, mails: list[list[str]]) -> Step:
    return Step(code, said, [(to, message_from_bytes(base64.b64decode(raw), policy=default)) for to, raw in mails])
