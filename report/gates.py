"""What keeps a month from being mailed: each gate says why, in words that the owner gets instead of the briefs."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from report import doubts, files, words
from report.lastrun import last_run
from report.months import months_in
from report.settings import Settings
from report.written import both_percent, listed, month_name
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class Gate:
    """A reason for mailing nobody.

    Attributes
    ----------
    key : str
        What makes its notice one and the same; the owner gets it once.
    why : str
        The reason, in a few words.
    text : str
        The reason in sentences, with what to do.
    """

    key: str
    why: str
    text: str


def shut(
    facts: Facts,
    settings: Settings,
    output: Path,
    data: Path,
    *,
    asked: bool,
    out: Collection[str] = (),
) -> Gate | None:
    """Find what keeps a month from being mailed; None where nothing does.

    Parameters
    ----------
    facts : Facts
        The month.
    output, data : Path
        Where the months' folders and files lie.
    asked : bool
        Whether this month was asked for by its name; else it must be the newest.
    out : collection of str
        Ids of segments whose brief of this month somebody has, or may have.
    """
    usual = files.ROOT / settings.data.output
    return (
        _failed(facts, output, asked=asked)
        or (None if asked else _older(facts, data))
        or _thin(facts, settings.mail.most_dropped)
        or unreliable(facts)
        or held(facts, output, usual=usual)
        or _others(facts, output, out, usual=usual)
    )


def _failed(facts: Facts, output: Path, *, asked: bool) -> Gate | None:
    run = last_run(output)
    if run is None or run.state == "done" or (asked and run.month not in ("", facts.month)):
        return None
    digest = hashlib.sha256(f"{run.month}{run.why or run.at}".encode()).hexdigest()[:8]
    why = "the last run failed" if run.state == "failed" else "the last run has not ended"
    again = "" if "run `make report` again" in run.sentence else " Run `make report` again."
    return Gate(f"failed-{digest}", why, f"{run.sentence}{again}")


def _older(facts: Facts, data: Path) -> Gate | None:
    there = months_in(data)  # or nothing: months may come from elsewhere, make report DATA=any/file
    newest = there[-1].stem if there else ""
    if newest <= facts.month:
        return None
    return Gate(
        f"older-than-{newest}",
        f"{month_name(newest)} is there",
        f"The data of {month_name(newest)} is there, and its report was not made. Run `make report`; or if it is really "
        f"{month_name(facts.month)} that should be mailed: make send MONTH={facts.month}.",
    )


def _thin(facts: Facts, most: float) -> Gate | None:
    audit = facts.audit
    dropped = 1 - audit.kept / audit.read
    if dropped <= most:
        return None
    lost, allowed = both_percent(dropped, most)
    return Gate(
        "dropped",
        f"{lost} of the rows were dropped",
        f"{words.kept(facts)} That is more than the {allowed} of the rows that settings.toml allows (mail.most_dropped). "
        "Correct the export and run `make report` again.",
    )


def unreliable(facts: Facts) -> Gate | None:
    """Say that a month has no reliable segments; None where it has."""
    if facts.structure.reliable:
        return None
    return Gate(
        "unreliable",
        "no reliable segments",
        f"{words.headline(facts)}. {words.certainty(facts)} The report describes the users, and is there as always.",
    )


def held(facts: Facts, output: Path, *, usual: Path = files.USUAL) -> Gate | None:
    """Say that a month is held, until a person accepts it as it is; None where it isn't, or is accepted."""
    if not facts.suspicions:
        return None
    reasons = [doubts.reason(facts, one) for one in facts.suspicions]
    gate = Gate(
        f"held-{_digest(facts.source.sha256, reasons)}",
        "the month is held",
        f"{' '.join(reasons)} If the file is wrong, correct it and run `make report` again. If it is right: {_accepting(facts, output, usual)}.",
    )
    return None if _accepted(facts, gate, output).exists() else gate


def _others(facts: Facts, output: Path, out: Collection[str], *, usual: Path = files.USUAL) -> Gate | None:
    """Say that a month was made again with other segments after briefs had gone out: nobody gets a second set unasked.

    Told by segments that are out and gone; or, where only more are there, by those with which it began to be mailed.
    """
    there = [segment.id for segment in facts.segments]
    gone, new = sorted(set(out) - set(there)), sorted(set(there) - set(out))
    sets = begun(facts, output)
    if not out or not new or not (gone or (sets and _set(facts, output) not in sets)):
        return None
    gate = Gate(
        f"others-{_digest(gone, there)}",
        "briefs of other segments are out",
        f"{month_name(facts.month)} was made again with other segments, and briefs of those of before ({listed(sorted(out))}) are "
        f"out already. If its new ones ({listed(new)}) shall go out, too: {_accepting(facts, output, usual)}.",
    )
    return None if _accepted(facts, gate, output).exists() else gate


def begin(facts: Facts, output: Path) -> None:
    """Remember with which segments a month begins to be mailed: made again with others, it is another set of briefs."""
    _set(facts, output).touch(mode=0o600)


def begun(facts: Facts, output: Path) -> set[Path]:
    """Give the sets of segments with which a month was mailed."""
    return set((output / files.OUTBOX).glob(f"{facts.month}.*.segments"))


def _set(facts: Facts, output: Path) -> Path:
    ids = _digest(sorted(segment.id for segment in facts.segments))
    return output / files.OUTBOX / f"{facts.month}.{ids}.segments"


def accept(
    facts: Facts, output: Path, out: Collection[str] = (), *, usual: Path = files.USUAL
) -> tuple[Gate, ...]:
    """Remember that a person says that a month is right, and give what it was held for; another file is another question."""
    gates = tuple(
        gate for gate in (held(facts, output, usual=usual), _others(facts, output, out, usual=usual)) if gate
    )
    for gate in gates:
        path = _accepted(facts, gate, output)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    return gates


def _accepting(facts: Facts, output: Path, usual: Path) -> str:
    return f"`make send MONTH={facts.month} ACCEPT=yes{files.elsewhere(output, usual)}`"


def _digest(*asked: object) -> str:
    return hashlib.sha256("".join(map(str, asked)).encode()).hexdigest()[:8]


def _accepted(facts: Facts, gate: Gate, output: Path) -> Path:
    return output / files.OUTBOX / f"{facts.month}.{gate.key}.accepted"


def notice_text(gate: Gate, month: str, place: str) -> str:
    """Write the letter to the owner."""
    there = f"\n\nThe report: {place}" if place else ""
    return f"No segment brief of {month_name(month)} is mailed now: {gate.why}.\n\n{gate.text}{there}"
