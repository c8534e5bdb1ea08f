"""A month without hands: the examples of docs/operations.md are what schedulers can read, and whatever fails is told to the owner."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import yaml

from report import cli
from report.errors import ReportError
from report.operations import notices
from report.settings import read_settings
from report.storage.runlog import record_run_failure
from tests.support import ROOT
from tests.support.facts import factory
from tests.support.mail.briefs import month_folder
from tests.support.mail.server import Mailroom
from tests.support.runs.fork_server import forge

FIELD = r"(\*|\d+(-\d+)?)(/\d+)?(,(\d+(-\d+)?)(/\d+)?)*"


def examples(language: str) -> list[str]:
    """Give the fenced examples of docs/operations.md in a language."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_cron_can_read_its_line() -> None:
    (example,) = examples("cron")
    (line,) = example.splitlines()

    assert re.fullmatch(rf"({FIELD} ){{5}}\S.*", line)
    assert "%" not in line  # which cron takes for the end of a line


def test_systemd_can_read_its_units(tmp_path: Path) -> None:
    """Two units, named in their first lines; the timer's time is one that systemd understands."""
    units = {re.match(r"# (\S+)\n", text)[1]: text for text in examples("ini")}
    assert set(units) == {"listener-segments.service", "listener-segments.timer"}
    assert "ExecStart=/usr/bin/make unattended" in units["listener-segments.service"]
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in units]
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    said = [line for line in found.stderr.splitlines() if "listener-segments" in line]
    assert said == []

    when = re.search(r"OnCalendar=(.*)", units["listener-segments.timer"])[1]
    subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=True)


def test_github_can_read_its_workflow() -> None:
    """YAML, with what a workflow must have, and a cron line that says the same as cron's."""
    (example,) = examples("yaml")
    workflow = yaml.safe_load(example)
    (job,) = workflow["jobs"].values()

    assert set(workflow) == {"name", True, "concurrency", "jobs"}  # YAML 1.1 reads `on` as true
    assert examples("cron")[0].startswith(workflow[True]["schedule"][0]["cron"])
    assert job["runs-on"] == "self-hosted"  # else the ledger would be gone the next month
    assert [set(step) & {"uses", "run"} for step in job["steps"]] == [{"uses"}, {"run"}]
    assert job["steps"][0]["with"] == {"clean": False}


def called(folder: Path, *words: str) -> list[str]:
    """Give what the real Makefile hands to Python for these words, in an environment that is set up."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for empty in ("requirements.txt", "pyproject.toml", ".venv/.installed", ".venv/.quarto-tried"):
        (folder / empty).write_text("")
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
    python.chmod(0o755)
    plain = {name: value for name, value in os.environ.items() if not name.isupper() or name == "PATH"}
    subprocess.run(["make", *words], cwd=folder, env=plain, check=True)
    return (folder / "called").read_text().splitlines()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("report", "--data= --spark= --month= --engine=auto"),
        (
            "report DATA=a.csv SPARK=spark://b MONTH=2026-10 ENGINE=quarto OUTPUT=c",
            "--data=a.csv --spark=spark://b --month=2026-10 --engine=quarto --output=c",
        ),
        ("send", "--month= --confirm= --to= --resolve= --accept="),
        (
            "send MONTH=2026-09 CONFIRM=yes TO=me@example.com RESOLVE=3:sent ACCEPT=no OUTPUT=c",
            "--month=2026-09 --confirm=yes --to=me@example.com --resolve=3:sent --accept=no --output=c",
        ),
    ],
)
def test_each_variable_reaches_the_option_of_its_name(tmp_path: Path, words: str, options: str) -> None:
    """A variable that isn't given is empty; nothing is taken from the one beside it."""
    name, *rest = words.split()
    said = called(tmp_path, name, *rest)

    assert said[:3] == ["-m", "report", name]
    assert [f"{option}={value}" for option, value in zip(said[3::2], said[4::2], strict=True)] == (options.split())


@pytest.mark.parametrize("name", ["a'b.csv", 'a"; touch hacked; ".csv', "a`touch hacked`.csv", "two words $HOME.csv"])
def test_a_file_may_be_called_anything(tmp_path: Path, name: str) -> None:
    """What the shell would read as quotes or commands comes to Python letter by letter; `$` is make's own, written twice."""
    said = called(tmp_path, "report", f"DATA={name.replace('$', '$$')}", "MONTH=2026-10")

    assert said[3:5] == ["--data", name]
    assert not (tmp_path / "hacked").exists()


# Failures that tell the owner: the real Makefile, an empty environment, a real SMTP server

SETTINGS = """\
[data]
folder = "data"
[mail]
sender = "briefs@example.com"
owner = "olga@example.com"
domains = ["example.com"]
[mail.recipients]
all = ["marketing@example.com"]
"""
# in place of a report's minutes: settings, the month's file and the clock are read as the report reads them
OF_BEFORE = """\
import types
from pathlib import Path
from report import cli
cli.build_report = lambda *_, **__: types.SimpleNamespace(folder=Path("_output/2026-10"))
cli._print_summary = lambda *_: None
cli.run_command_line()
"""
MORNING = datetime(2026, 11, 2, 7, tzinfo=UTC)  # October has ended, and its file is there


@dataclass
class Checkout:
    """A copy of the project with October made, whose `make report` leaves it as it is."""

    root: Path
    room: Mailroom

    def make(self, target: str = "unattended", *, at: datetime = MORNING, **extra: str) -> tuple[int, str]:
        """Run a target with an empty environment; give its exit code, and what it said."""
        words = ["env", "-i", f"PATH={os.environ['PATH']}", f"SOURCE_DATE_EPOCH={at.timestamp():.0f}"]
        words += [f"{name}={value}" for name, value in extra.items()]
        ended = subprocess.run([*words, "make", target], cwd=self.root, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    def told(self) -> list[EmailMessage]:
        """Give what the owner was mailed."""
        self.room.quiet()
        return [message_from_bytes(raw, policy=default) for to, raw in self.room.inbox if to == "olga@example.com"]

    def told_once(self) -> str:
        """Give the one mail that the owner was sent, on one line; it says where it comes from."""
        (mail,) = self.told()
        text = " ".join(f"{mail['Subject']} {mail.get_content()}".replace("\u00a0", " ").split())
        for said in (f"Host: {socket.gethostname()}", f"Folder: {self.root}", "Command: make ", "Month: "):
            assert said in text
        assert f"Log: {self.root}/_output/unattended.log" in text
        return text


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month_folder(tmp_path_factory.mktemp("october"), factory.month(4))


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    """Start what Python would run as forks: libraries are imported once for all tests."""
    with forge() as tools:
        yield tools


@pytest.fixture
def checkout(tmp_path: Path, october: Path, tools: Path) -> Iterator[Checkout]:
    with lay_out(tmp_path, october, tools) as checkout:
        yield checkout


@contextmanager
def lay_out(root: Path, october: Path, tools: Path) -> Iterator[Checkout]:
    """Lay out a checkout, with a mail server."""
    for name in ("report", "segmentation", "templates", "Makefile"):
        (root / name).symlink_to(ROOT / name)
    (root / "settings.toml").write_text(SETTINGS)
    (root / "data").mkdir()
    shutil.copy(ROOT / "data" / "columns.toml", root / "data")
    (root / "data" / "2026-10.csv").write_text("user_id\nsomebody\n")
    shutil.copytree(october, root / "_output" / "2026-10")
    (root / "report_of_before.py").write_text(OF_BEFORE)
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\nif test "$3" = report; then shift 2; set -- report_of_before.py "$@"; fi\nexec {tools}/python "$@"\n'
    )
    python.chmod(0o755)
    for name in ("requirements.txt", "pyproject.toml", ".venv/.installed", ".venv/.quarto-tried"):
        (root / name).write_text("")
    with Mailroom() as room:
        (root / ".env").write_text(f"SMTP_HOST=localhost\nSMTP_PORT={room.port}\nSMTP_TLS=none\n")
        (root / ".env").chmod(0o600)
        yield Checkout(root, room)


@pytest.fixture(scope="module")
def mailed(october: Path, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout whose briefs of October were mailed."""
    with lay_out(tmp_path_factory.mktemp("mailed"), october, tools) as checkout:
        assert checkout.make()[0] == 0
        return checkout.root


@pytest.fixture
def after(checkout: Checkout, mailed: Path) -> Checkout:
    """Give a checkout after a run that went well."""
    for name in ("_output", "_output-mailed"):
        shutil.copytree(mailed / name, checkout.root / name, dirs_exist_ok=True)
    return checkout


def test_all_went_well_and_nobody_is_told(checkout: Checkout) -> None:
    """Else a mail would prove nothing. The log is for its owner alone, and a second run sends nothing more."""
    assert checkout.make()[0] == 0
    assert checkout.make()[0] == 0

    assert checkout.told() == []
    assert len(checkout.room.inbox) == 4
    assert (checkout.root / "_output" / "unattended.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SETTINGS.encode() + b"[segments]\nkk = 3\n", "line 10: unknown key 'kk'"),
        (SETTINGS.replace('"olga@example.com"', '"olga@example.com').encode(), "settings.toml: "),
        (SETTINGS.encode() + b"# \xff\n", "is not UTF-8 text"),
    ],
    ids=["key", "quote", "no UTF-8"],
)
def test_a_mistake_in_settings_is_told(checkout: Checkout, text: bytes, said: str) -> None:
    """From what can be read of the file, with what is there."""
    (checkout.root / "settings.toml").write_bytes(text)

    assert checkout.make()[0] != 0
    assert said in checkout.told_once()
    assert "Newest file: " in checkout.told_once()


def test_a_failure_is_told_once_a_day(checkout: Checkout) -> None:
    """`make notify` alone knows of it as well, and adds no second mail; the next day there is another."""
    (checkout.root / "settings.toml").write_text(SETTINGS + "[segments]\nkk = 3\n")
    for _ in range(2):
        assert checkout.make()[0] != 0
    assert checkout.make("notify")[0] == 0
    assert "unknown key 'kk'" in checkout.told_once()

    assert checkout.make(at=MORNING + timedelta(days=1))[0] != 0
    assert len(checkout.told()) == 2


def test_nobody_outside_the_domains_is_told(checkout: Checkout) -> None:
    """Settings are refused for it, and mail goes nowhere else all the same."""
    path = checkout.root / "settings.toml"
    path.write_text(SETTINGS.replace('owner = "olga@example.com"', 'owner = "olga@elsewhere.com"'))
    code, said = checkout.make()

    assert code != 0
    assert "Nobody was told by mail: mail.owner is not set" in said
    assert checkout.room.heard == []


@pytest.mark.parametrize("lost", ["missing", "a folder"])
def test_settings_that_are_lost_are_told_to_who_was_known(after: Checkout, lost: str) -> None:
    """The last run that could read them remembers sender and owner."""
    path = after.root / "settings.toml"
    path.unlink()
    if lost == "a folder":
        path.mkdir()

    assert after.make()[0] != 0
    assert "settings.toml" in after.told_once()
    assert len(after.room.inbox) == 1


REFUSED = {
    "empty": b"",
    "cut": SETTINGS[: SETTINGS.index("owner")].encode(),
    "domain": SETTINGS.replace("domains", "domain").encode(),
    "ownr": SETTINGS.replace("owner", "ownr").encode(),
    "mial": SETTINGS.replace("[mail]", "[mial]").encode(),
    "from": SETTINGS.replace("sender", "from").encode(),
    "outside": SETTINGS.replace('["example.com"]', '["example.org"]').encode(),
    "none": SETTINGS.replace('["example.com"]', "[]").encode(),
    "star": SETTINGS.replace('["example.com"]', '["*.example.com"]').encode(),
    "link": SETTINGS.replace('["example.com"]', '["https://example.com"]').encode(),
}


@pytest.mark.parametrize("name", ["empty", "ownr", "outside"])
def test_settings_that_are_refused_are_told_to_who_was_known(after: Checkout, name: str) -> None:
    """Every day anew, until they are corrected."""
    (after.root / "settings.toml").write_bytes(REFUSED[name])

    assert after.make()[0] != 0
    assert "settings.toml" in after.told_once()
    assert after.make(at=MORNING + timedelta(days=1))[0] != 0
    assert len(after.told()) == 2


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_of_settings_that_are_refused_sender_and_owner_are_known(
    mailed: Path, tmp_path: Path, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the note of the last run that could read them."""
    shutil.copytree(mailed / "_output", tmp_path / "_output")
    (tmp_path / "settings.toml").write_bytes(text)
    monkeypatch.setattr(notices, "PROJECT_ROOT", tmp_path)
    settings, output = tmp_path / "settings.toml", tmp_path / "_output"

    for _ in range(2):  # the second time after a note that had no settings to read
        known = notices.OwnerNotifier.from_settings({}).identity
        assert (known.sender, known.owner) == ("briefs@example.com", "olga@example.com")
        with pytest.raises(ReportError, match=r"settings\.toml") as error:
            cli._check_owner(settings, read_settings(settings), output)
        record_run_failure(output, "", lambda: MORNING, error.value)


def test_an_owner_who_was_taken_out_is_told_nothing(after: Checkout) -> None:
    """By settings that are accepted; not by ones that are refused."""
    checkout, path = after, after.root / "settings.toml"
    nobody = SETTINGS.replace("olga@example.com", "")
    path.write_text(nobody + "[segments]\nkk = 3\n")
    assert checkout.make()[0] != 0
    assert "unknown key 'kk'" in checkout.told_once()
    path.write_text(nobody)
    (checkout.root / "data" / "2026-10.csv").unlink()

    assert checkout.make(at=MORNING + timedelta(days=1))[0] != 0
    path.write_text(nobody + "[segments]\nkk = 3\n")
    assert checkout.make(at=MORNING + timedelta(days=2))[0] != 0
    assert len(checkout.told()) == 1


def fail_set_up(root: Path) -> None:
    """Ask for new packages, as after an update, where no package index can be reached."""
    digest = "0" * 64
    (root / "requirements.txt").write_text(f"no-such-package==1.0 --hash=sha256:{digest}\n")
    later = time.time() + 60
    os.utime(root / "requirements.txt", (later, later))


def lose_python(root: Path) -> None:
    """Leave a link with nothing behind it, as after an upgrade of the system."""
    python = root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.0")


def lose_packages(root: Path) -> None:
    """Leave a Python that has none of the packages, as after an upgrade of the system."""
    (root / "report_of_before.py").write_text("import no_such_package\n")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (fail_set_up, "`make setup` ended with exit code 2"),
        (lose_python, ".venv/bin/python can't be run: No such file or directory."),
        (lose_packages, "`make report` ended with exit code 1"),
    ],
)
def test_a_set_up_that_is_broken_is_told(checkout: Checkout, spoil: Callable[[Path], None], said: str) -> None:
    """With the environment of before, or with any Python and no package at all; with what to do."""
    spoil(checkout.root)
    assert checkout.make(PIP_NO_INDEX="1")[0] != 0

    assert said in checkout.told_once()
    assert "make clean" in checkout.told_once()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("this is no line\n", ".env: line 4 isn't NAME=value"),
        ("SMTP_USER=briefs\n", "Of SMTP_USER and SMTP_PASSWORD only one is set"),
    ],
)
def test_a_mistake_in_env_is_told(checkout: Checkout, lines: str, said: str) -> None:
    """By the server that the other lines name."""
    with (checkout.root / ".env").open("a") as file:
        file.write(lines)

    assert checkout.make()[0] != 0
    assert said in checkout.told_once()
    assert "no brief of October 2026" in checkout.told_once()


@pytest.mark.parametrize(
    ("verb", "act", "said", "todo"),
    [
        ("RCPT", "550 no such inbox", "4 refused", "correct what the server named"),
        (
            "DOT",
            "accept drop",
            "2 waiting and 2 unknown",
            "marketing@example.com <2026-10.S1.brief@example.com> handed over",
        ),
    ],
)
def test_briefs_that_do_not_arrive_are_told_once(checkout: Checkout, verb: str, act: str, said: str, todo: str) -> None:
    checkout.room.act = lambda found, to: act if (found, to) == (verb, "marketing@example.com") else None

    assert checkout.make()[0] != 0
    assert checkout.make()[0] != 0 or verb == "DOT"
    assert said in checkout.told()[0].get("Subject", "")
    assert todo in " ".join(checkout.told()[0].get_content().split())
    assert verb == "DOT" or checkout.told_once()


def test_an_earlier_month_that_was_never_mailed_is_told(checkout: Checkout) -> None:
    """August was mailed, September wasn't, and July was only worked out: September alone is named, once, with what to type."""
    for month in ("2026-07", "2026-08", "2026-09"):
        month_folder(checkout.root / "_output", replace(factory.month(4), month=month))
    shutil.rmtree(checkout.root / "_output" / "2026-07" / "briefs")
    sent = subprocess.run(
        ["make", "send", "MONTH=2026-08", "CONFIRM=yes"], cwd=checkout.root, capture_output=True, check=False
    )
    assert sent.returncode == 0
    checkout.room.inbox.clear()

    assert checkout.make()[0] != 0
    assert checkout.make()[0] != 0
    assert "Nobody was mailed a brief of September 2026." in checkout.told_once()
    assert "`make send MONTH=2026-09 CONFIRM=yes`" in checkout.told_once()
    assert sum(to == "marketing@example.com" for to, _ in checkout.room.inbox) == 4


def test_a_key_that_names_no_segment_is_told(checkout: Checkout) -> None:
    """S9 was merged away: who read of it hears no more, and nobody else would know."""
    with (checkout.root / "settings.toml").open("a") as file:
        file.write('S9 = ["ann@example.com"]\n')

    assert checkout.make()[0] != 0
    assert checkout.make()[0] != 0
    assert "'S9' in [mail.recipients] of settings.toml is no segment of October 2026" in checkout.told_once()
    assert len(checkout.room.inbox) == 5


def test_a_file_that_never_came_is_told_once(checkout: Checkout) -> None:
    """On the terminal from its month's end on; by mail, and by the exit code, from the fourth day on."""
    mornings = [datetime(2026, 12, day, 7, tzinfo=UTC) for day in (1, 3, 4, 7)]
    ended = [checkout.make(at=morning) for morning in mornings]

    assert [code != 0 for code, _ in ended] == [False, False, True, True]
    for _, said in ended:
        assert "There is no file of November\u00a02026, which has ended." in said
    assert "named like 2026-11.csv" in checkout.told_once()
    assert "the briefs of S1, S2, S3, S4 of October 2026" in checkout.told_once()


def test_what_had_been_mailed_is_said(after: Checkout) -> None:
    """A run fails after the month's briefs went out: it would be untrue that nobody was mailed one."""
    (after.root / "data" / "2026-10.xlsx").touch()

    assert after.make()[0] != 0
    assert "Mailed before: the briefs of S1, S2, S3, S4 of October 2026" in after.told_once()
    assert "are the same month" in after.told_once()


@pytest.mark.parametrize("damage", ["ledger", "output"])
def test_a_failure_is_told_though_nothing_can_be_recorded(checkout: Checkout, damage: str) -> None:
    """The ledger of notices is damaged; or nothing can be written beside the months at all."""
    output = checkout.root / "_output"
    if damage == "ledger":
        (output / "outbox").mkdir()
        (output / "outbox" / "notices.sqlite").write_text("no database, and longer than a header of one is" * 9)
        (checkout.root / "data" / "2026-10.csv").unlink()
    else:
        shutil.rmtree(output)
        output.write_text("a file where the folder should be")

    assert checkout.make()[0] != 0
    (mail,) = checkout.told()
    assert ("holds no month" if damage == "ledger" else "_output") in mail.get_content()


def test_a_run_that_is_ended_is_told(checkout: Checkout) -> None:
    """As systemd ends what takes too long: every process is told to end, and there is time left for a mail."""
    (checkout.root / "report_of_before.py").write_text("import time; print('at work', flush=True); time.sleep(60)")
    with subprocess.Popen(
        ["make", "unattended"], cwd=checkout.root, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as make:
        assert make.stdout is not None
        assert any("at work" in line for line in make.stdout)
        os.killpg(make.pid, signal.SIGTERM)
        make.stdout.read()

    assert make.returncode != 0
    assert "It was stopped before it had ended." in checkout.told_once()


def test_what_tells_of_failures_needs_no_package() -> None:
    """A set-up that failed may have left none: -S leaves Python with its standard library."""
    words = [sys.executable, "-S", "-c", "import report.operations.unattended, report.operations.notices"]
    subprocess.run(words, cwd=ROOT, check=True)
