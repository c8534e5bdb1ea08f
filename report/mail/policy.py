"""What keeps a month from being mailed: each gate says why, in words that the owner gets instead of the briefs."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from report.settings import Settings
from report.storage import paths
from report.storage.months import list_month_files
from report.storage.runlog import read_last_run
from report.text import holds, sentences
from report.text.formatting import format_month, format_percent_pair, join_with_and
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class BlockingReason:
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


def find_blocking_reason(
    facts: Facts,
    settings: Settings,
    output: Path,
    data: Path,
    *,
    explicit_month: bool,
    mailed_segments: Collection[str] = (),
) -> BlockingReason | None:
    """Find what keeps a month from being mailed; None where nothing does.

    Parameters
    ----------
    facts : Facts
        The month.
    output, data : Path
        Where the months' folders and files lie.
    explicit_month : bool
        Whether this month was asked for by its name; else it must be the newest.
    mailed_segments : collection of str
        Ids of segments whose brief of this month somebody has, or may have.
    """
    usual = paths.ROOT / settings.data.output
    return (
        _check_last_run(facts, output, asked=explicit_month)
        or (None if explicit_month else _check_newer_month(facts, data))
        or _check_drop_rate(facts, settings.mail.max_drop_rate)
        or check_reliable_segments(facts)
        or check_month_hold(facts, output, default_output=usual)
        or _check_replaced_segments(facts, output, mailed_segments, usual=usual)
    )


def _check_last_run(facts: Facts, output: Path, *, asked: bool) -> BlockingReason | None:
    run = read_last_run(output)
    if run is None or run.state == "done" or (asked and run.month not in ("", facts.month)):
        return None
    digest = hashlib.sha256(f"{run.month}{run.why or run.at}".encode()).hexdigest()[:8]
    why = "the last run failed" if run.state == "failed" else "the last run has not ended"
    again = "" if "run `make report` again" in run.sentence else " Run `make report` again."
    return BlockingReason(f"failed-{digest}", why, f"{run.sentence}{again}")


def _check_newer_month(facts: Facts, data: Path) -> BlockingReason | None:
    there = list_month_files(data)  # or nothing: months may come from elsewhere, make report DATA=any/file
    newest = there[-1].stem if there else ""
    if newest <= facts.month:
        return None
    return BlockingReason(
        f"older-than-{newest}",
        f"{format_month(newest)} is there",
        f"The data of {format_month(newest)} is there, and its report was not made. Run `make report`; or if it is really "
        f"{format_month(facts.month)} that should be mailed: make send MONTH={facts.month}.",
    )


def _check_drop_rate(facts: Facts, most: float) -> BlockingReason | None:
    audit = facts.audit
    dropped = 1 - audit.kept / audit.read
    if dropped <= most:
        return None
    lost, allowed = format_percent_pair(dropped, most)
    return BlockingReason(
        "dropped",
        f"{lost} of the rows were dropped",
        f"{sentences.describe_cleaning(facts)} That is more than the {allowed} of the rows that settings.toml allows (mail.max_drop_rate). "
        "Correct the export and run `make report` again.",
    )


def check_reliable_segments(facts: Facts) -> BlockingReason | None:
    """Say that a month has no reliable segments; None where it has."""
    if facts.structure.reliable:
        return None
    return BlockingReason(
        "unreliable",
        "no reliable segments",
        f"{sentences.write_headline(facts)}. {sentences.describe_certainty(facts)} The report describes the users, and is there as always.",
    )


def check_month_hold(
    facts: Facts, output: Path, *, default_output: Path = paths.DEFAULT_OUTPUT
) -> BlockingReason | None:
    """Say that a month is held, until a person accepts it as it is; None where it isn't, or is accepted."""
    if not facts.suspicions:
        return None
    reasons = [holds.describe_anomaly(facts, one) for one in facts.suspicions]
    gate = BlockingReason(
        f"held-{_hash_parts(facts.source.sha256, reasons)}",
        "the month is held",
        f"{' '.join(reasons)} If the file is wrong, correct it and run `make report` again. If it is right: {_format_accept_command(facts, output, default_output)}.",
    )
    return None if _build_acceptance_path(facts, gate, output).exists() else gate


def _check_replaced_segments(
    facts: Facts, output: Path, out: Collection[str], *, usual: Path = paths.DEFAULT_OUTPUT
) -> BlockingReason | None:
    """Say that a month was made again with other segments after briefs had gone out: nobody gets a second set unasked.

    Told by segments that are out and gone; or, where only more are there, by those with which it began to be mailed.
    """
    there = [segment.id for segment in facts.segments]
    gone, new = sorted(set(out) - set(there)), sorted(set(there) - set(out))
    sets = list_mailed_sets(facts, output)
    if not out or not new or not (gone or (sets and _build_mailed_set_path(facts, output) not in sets)):
        return None
    gate = BlockingReason(
        f"others-{_hash_parts(gone, there)}",
        "briefs of other segments are out",
        f"{format_month(facts.month)} was made again with other segments, and briefs of those of before ({join_with_and(sorted(out))}) are "
        f"out already. If its new ones ({join_with_and(new)}) shall go out, too: {_format_accept_command(facts, output, usual)}.",
    )
    return None if _build_acceptance_path(facts, gate, output).exists() else gate


def record_mailed_set(facts: Facts, output: Path) -> None:
    """Remember with which segments a month begins to be mailed: made again with others, it is another set of briefs."""
    _build_mailed_set_path(facts, output).touch(mode=0o600)


def list_mailed_sets(facts: Facts, output: Path) -> set[Path]:
    """Give the sets of segments with which a month was mailed."""
    return set((output / paths.LEDGER_FOLDER).glob(f"{facts.month}.*.segments"))


def _build_mailed_set_path(facts: Facts, output: Path) -> Path:
    ids = _hash_parts(sorted(segment.id for segment in facts.segments))
    return output / paths.LEDGER_FOLDER / f"{facts.month}.{ids}.segments"


def accept_month(
    facts: Facts,
    output: Path,
    mailed_segments: Collection[str] = (),
    *,
    default_output: Path = paths.DEFAULT_OUTPUT,
) -> tuple[BlockingReason, ...]:
    """Remember that a person says that a month is right, and give what it was held for; another file is another question."""
    gates = tuple(
        gate
        for gate in (
            check_month_hold(facts, output, default_output=default_output),
            _check_replaced_segments(facts, output, mailed_segments, usual=default_output),
        )
        if gate
    )
    for gate in gates:
        path = _build_acceptance_path(facts, gate, output)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    return gates


def _format_accept_command(facts: Facts, output: Path, usual: Path) -> str:
    return f"`make send MONTH={facts.month} ACCEPT=yes{paths.format_output_option(output, usual)}`"


def _hash_parts(*asked: object) -> str:
    return hashlib.sha256("".join(map(str, asked)).encode()).hexdigest()[:8]


def _build_acceptance_path(facts: Facts, gate: BlockingReason, output: Path) -> Path:
    return output / paths.LEDGER_FOLDER / f"{facts.month}.{gate.key}.accepted"


def format_blocked_notice(reason: BlockingReason, month: str, place: str) -> str:
    """Write the letter to the owner."""
    there = f"\n\nThe report: {place}" if place else ""
    return f"No segment brief of {format_month(month)} is mailed now: {reason.why}.\n\n{reason.text}{there}"
