"""Send briefs through 2,000 faults, kill -9 of the sender among them, and count what lies in each inbox.

`python -m tests.bench.send [FAULTS] [SEED]`, loopback only. Each case is a new ledger, a real SMTP server (every
second one with STARTTLS and AUTH) and sender processes that are started until nothing waits. After each of them the
ledger is held against the inboxes; what is unknown is resolved as a person would, by looking. Ends with 1 if an inbox
has two or none, or if the ledger ever said what isn't so.
"""

import json
import os
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme

from report.errors import ReportError
from report.storage.passwords import Password
from report.transport.deliver import read_delivery_status, send_messages
from report.transport.ledger import Ledger
from report.transport.server import MailServer
from tests.support import ROOT
from tests.support.mail.server import PASSWORD, SENDER, USER, Mailroom, letter

SEGMENTS, PEOPLE = 3, ("ann@example.com", "bo@example.com")
FAULTS_PER_CASE = 12
MOST_RUNS = 80
MOST_SECONDS = 480
EVERY_VERB = ("451 4.7.1 later", "421 4.3.2 closing", "drop", "kill", "break", "slow")
FAULTS = (
    *((verb, act) for verb in ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA") for act in EVERY_VERB),
    *((verb, "554 5.7.1 no") for verb in ("CONNECT", "MAIL", "RCPT", "DATA", "DOT")),
    ("AUTH", "535 5.7.8 no"),
    ("RCPT", "nonsense"),
    *(("BODY", act) for act in ("drop", "drop", "kill", "kill", "break", "552 5.3.4 too much", "451 4.3.0 later")),
    *(("DOT", act) for act in ("451 4.3.0 later", "421 4.3.2 closing", "drop", "kill", "break", "slow", "nonsense")),
    *(("DOT", f"accept {act}") for act in ("drop", "kill", "break", "slow", "nonsense")),
)


@dataclass
class Tally:
    """What happened."""

    faults: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Sender:
    """Starts real sender processes fast: a process that has imported everything forks one for each order."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.send", "--sender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(self, order: dict[str, Any]) -> int:
        """Start a sender; give its process id."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        """Wait for its end; until `reap` its process id is nobody else's."""
        self._process.stdout.readline()

    def reap(self) -> tuple[int, str]:
        """Give the exit status (-9 if killed), and the sentence if it ended with one."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        status, _, word = self._process.stdout.readline().strip().partition(" ")
        return int(status), word

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve_orders() -> None:
    """Be the process behind `Sender`."""
    while line := sys.stdin.readline():
        read, write = os.pipe()
        if not (child := os.fork()):
            try:
                order = json.loads(line)
                messages = [letter(*one) for one in order["messages"]]
                known = order["server"] | {
                    "ca": Path(order["server"]["ca"]),
                    "password": Password(order["server"]["password"]),
                }
                file = Path(order["ledger"])
                with Ledger.open(file, now, [file.with_suffix(".mailed")]) as ledger:
                    outcome = send_messages(
                        messages,
                        ledger,
                        MailServer(**known),
                        sender=SENDER,
                        sleep=time.sleep,
                        retry_delays=(0.001,) * 3,
                    )
                os._exit(outcome.exit_status)
            except ReportError as error:
                os.write(write, str(error).replace("\n", " ").encode()[:2000])
                os._exit(1)
            except BaseException as error:  # noqa: BLE001
                os.write(write, f"TRACEBACK {error!r}".encode()[:2000])
                os._exit(99)
        os.close(write)
        print(child, flush=True)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        print("ended", flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        word = os.read(read, 4096).decode()
        os.close(read)
        print(os.waitstatus_to_exitcode(status), word, flush=True)


def now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def run(faults: int, seed: int, folder: Path) -> Tally:
    """Play so many faults; the same seed makes the same plans, and the machine's timing the rest."""
    tally, rng = Tally(), random.Random(seed)
    authority = trustme.CA()
    pem = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(trust)
    senders = Sender(), Sender()
    number = 0
    end = time.monotonic() + MOST_SECONDS
    while (left := faults - sum(tally.faults.values())) > 0 and not tally.wrong and time.monotonic() < end:
        number += 1
        safe = number % 2 == 1
        with Mailroom(tls="starttls" if safe else "none", trust=trust, auth=safe, slowness=0.15) as room:
            ledger = folder / f"{number}.sqlite"
            Case(room, ledger, pem, senders, rng, tally, left=min(FAULTS_PER_CASE, left)).play()
    for sender in senders:
        sender.close()
    tally.seen["ledgers"] = number
    return tally


@dataclass
class Case:
    """One month's briefs, and the faults between them and their inboxes."""

    room: Mailroom
    ledger: Path
    pem: Path
    senders: tuple[Sender, Sender]
    rng: random.Random
    tally: Tally
    left: int

    def play(self) -> None:
        """Start senders until every inbox has its own."""
        pairs = [(segment, person) for segment in range(SEGMENTS) for person in PEOPLE]
        self.messages = [letter(*pair) for pair in pairs]
        login = {"user": USER, "password": PASSWORD} if self.room.auth else {"user": "", "password": ""}
        where = {"host": "localhost", "port": self.room.port, "tls": self.room.tls, "ca": str(self.pem)}
        order = {"ledger": str(self.ledger), "messages": pairs, "server": where | login}
        self.room.act = self.act
        for _ in range(MOST_RUNS):
            self.start(order)
            if self.ledger.exists() and self.everyone_has_one():
                break
        taken = self.room.taken()
        self.tally.seen["inboxes x messages"] += len(self.messages)
        self.tally.seen["with two or more"] += sum(count > 1 for count in taken.values())
        self.tally.seen["with none"] += sum(not taken[one.message_id, one.recipient] for one in self.messages)

    def act(self, verb: str, _recipient: str) -> str | None:
        """Choose what happens at this verb; mostly nothing."""
        possible = [fault for at, fault in FAULTS if at == verb]
        often = 0.35 if verb in ("BODY", "DOT") else 0.08
        if not self.left or not possible or self.rng.random() > often:
            return None
        chosen = self.rng.choice(possible)
        self.count(f"{'after' if chosen.startswith('accept') else 'at'} {verb}: {_kind(chosen)}")
        return chosen

    def count(self, fault: str) -> None:
        """Count a fault that was played."""
        self.tally.faults[fault] += 1
        self.left -= self.left > 0

    def start(self, order: dict[str, Any]) -> None:
        """Run one sender to its end, which may come early; perhaps with a second one beside it."""
        planned = _kills(self.tally)
        first, second = self.senders
        seconds = 0.1 if self.left else 5  # with faults to come, the machine may be too slow as well
        order["server"] |= {"timeout": seconds, "last_timeout": seconds, "grace": 0.004}
        self.room.victim = first.start(order)
        self.tally.seen["sender processes"] += 1
        chance = self.rng.random() if self.left else 1
        if chance < 0.2:
            self.meet(second, order)
        elif chance < 0.6:
            time.sleep(self.rng.uniform(0, 0.12))
            os.kill(self.room.victim, signal.SIGKILL)
        first.end()
        self.room.quiet()
        self.room.victim = 0
        status, word = first.reap()
        if status == -signal.SIGKILL:
            self.tally.seen["killed with -9"] += 1
            if _kills(self.tally) == planned:
                self.count("at a random instant: kill -9")
        if word.startswith("TRACEBACK"):
            self.tally.wrong.append(word)

    def meet(self, second: Sender, order: dict[str, Any]) -> None:
        """Start a second sender; whichever comes second meets a sentence, at once."""
        began = time.monotonic()
        second.start(order)
        second.end()
        status, word = second.reap()
        if "Another sender" not in word:
            self.tally.seen["second sender came before or after the first"] += 1
            return
        self.count("a second sender")
        if status != 1 or time.monotonic() - began > 5:
            self.tally.wrong.append(f"the second sender: {status} {word}")

    def everyone_has_one(self) -> bool:
        """Hold the ledger against the inboxes, and resolve what asks for a person by looking there."""
        with Ledger.open(self.ledger, now) as ledger:
            return self.check(ledger)

    def check(self, ledger: Ledger) -> bool:
        """Compare the ledger with the inboxes."""
        outcome, taken = read_delivery_status(self.messages, ledger), self.room.taken()
        for one in outcome.deliveries:
            have = taken[one.message_id, one.recipient]
            true = have < 2 if one.state == "unknown" else have == (one.state == "sent")
            if not true:
                word = f"{self.ledger.name}: {one.recipient} {one.message_id} is {one.state}, the inbox has {have}"
                self.tally.wrong.append(word)
            if one.state in ("unknown", "refused"):
                there = one.state == "unknown" and have
                self.tally.seen[f"{one.state}, then {'found in the inbox' if there else 'sent again'}"] += 1
                ledger.resolve_delivery(one.number, "sent" if there else "again")
        return bool(self.tally.wrong) or outcome.counts["sent"] == len(self.messages)


def _kills(tally: Tally) -> int:
    """Count the kills that were played."""
    return sum(count for name, count in tally.faults.items() if name.endswith("kill -9"))


def _kind(act: str) -> str:
    """Name a fault for the table."""
    if act[:1].isdigit():
        return f"{act[0]}xx"
    names = {"drop": "cut off", "kill": "kill -9", "break": "disk fails", "slow": "too slow", "nonsense": "nonsense"}
    return names[act.removeprefix("accept ")]


def main() -> int:
    """Run and print."""
    faults, seed = (*map(int, sys.argv[1:]), *(2000, 1)[len(sys.argv) - 1 :])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(faults, seed, Path(folder))
    took = time.monotonic() - began
    for name, count in sorted(tally.faults.items()):
        print(f"  {name:<46} {count:>6,}")
    played = sum(tally.faults.values())
    print(f"{played:,} faults in {took:.0f} s ({played / took:.0f} a second), seed {seed}")
    for name, count in sorted(tally.seen.items()):
        print(f"  {name:<46} {count:>6,}")
    print(f"  {'recorded falsely':<46} {len(tally.wrong):>6,}")
    print(*tally.wrong, sep="\n")
    return int(bool(tally.wrong or tally.seen["with two or more"] or tally.seen["with none"] or played < faults))


if __name__ == "__main__":
    if sys.argv[1:] == ["--sender"]:
        serve_orders()
    else:
        sys.exit(main())
