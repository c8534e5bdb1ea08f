"""Reasons why a month's briefs aren't mailed.

The owner gets the reason instead of the briefs.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from report.operations import missing_fonts, reference
from report.operations.notices import Notice, hash_parts
from report.pages.playbook import has_plays
from report.settings import MailSettings, Settings
from report.storage import paths
from report.storage.months import find_newest_month_file
from report.storage.runlog import read_last_run
from report.text import holds, sentences
from report.text.formatting import format_month, format_percent_pair, join_with_and
from segmentation.facts import Facts


@dataclass(frozen=True, slots=True)
class BlockingReason:
    """A reason for mailing nobody."""

    key: str  # identifies its notice, which the owner gets once
    why: str  # the reason in a few words
    text: str  # the reason in sentences, with what to do


def find_blocking_reason(
    facts: Facts,
    settings: Settings,
    output: Path,
    data: Path,
    *,
    explicit_month: bool,
    mailed_segments: Collection[str] = (),
) -> BlockingReason | None:
    """Return the first reason to mail nobody, or None.

    A month that the user didn't name must be the newest. The segments are those whose brief of this month somebody has,
    or may have.
    """
    default_output = paths.ROOT / settings.data.output
    return (
        _check_last_run(facts, output, explicit_month=explicit_month)
        or (None if explicit_month else _check_newer_month(facts, data))
        or _check_drop_rate(facts, settings.mail.max_drop_rate)
        or check_reliable_segments(facts)
        or check_month_hold(facts, output, default_output=default_output)
        or _check_missing_fonts(facts, output, default_output=default_output)
        or _check_replaced_segments(facts, output, mailed_segments, default_output=default_output)
    )


def _check_last_run(facts: Facts, output: Path, *, explicit_month: bool) -> BlockingReason | None:
    run = read_last_run(output)
    if run is None or run.state == "done" or (explicit_month and run.month not in ("", facts.month)):
        return None
    why = "the last run failed" if run.state == "failed" else "the last run has not ended"
    again = "" if "run `make report` again" in run.sentence else " Run `make report` again."
    return BlockingReason(f"failed-{hash_parts(run.month, run.why or run.at)}", why, f"{run.sentence}{again}")


def _check_newer_month(facts: Facts, data: Path) -> BlockingReason | None:
    file = find_newest_month_file(data)  # None where months come from elsewhere: make report DATA=any/file
    newest = file.stem if file else ""
    if newest <= facts.month:
        return None
    return BlockingReason(
        f"older-than-{newest}",
        f"{format_month(newest)} is there",
        f"The data of {format_month(newest)} is there, and its report was not made. Run `make report`; or if it is really "
        f"{format_month(facts.month)} that should be mailed: make send MONTH={facts.month}.",
    )


def _check_drop_rate(facts: Facts, max_rate: float) -> BlockingReason | None:
    audit = facts.audit
    dropped = 1 - audit.kept / audit.read
    if dropped <= max_rate:
        return None
    lost, allowed = format_percent_pair(dropped, max_rate)
    return BlockingReason(
        "dropped",
        f"{lost} of the rows were dropped",
        f"{sentences.describe_cleaning(facts)} That is more than the {allowed} of the rows that settings.toml allows (mail.max_drop_rate). "
        "Correct the export and run `make report` again.",
    )


_NO_PLAYS = BlockingReason(
    "no_plays",
    "no plays",
    "These columns have no playbook yet, so there are no briefs. Write one as templates/playbook.toml is written, and name it in "
    "settings.toml: playbook under [data].",
)


def check_reliable_segments(facts: Facts) -> BlockingReason | None:
    """Return a reason if no segment is reliable, or none has a play."""
    if facts.structure.reliable:
        return None if has_plays(facts) else _NO_PLAYS
    return BlockingReason(
        "unreliable",
        "no reliable segments",
        f"{sentences.write_headline(facts)}. {sentences.describe_certainty(facts)} The report describes the users, and is there as always.",
    )


def check_month_hold(
    facts: Facts, output: Path, *, default_output: Path = paths.DEFAULT_OUTPUT
) -> BlockingReason | None:
    """Return a reason while a suspicious month isn't accepted."""
    if not facts.suspicions:
        return None
    reasons = [holds.describe_anomaly(facts, one) for one in facts.suspicions]
    reason = BlockingReason(
        reference.build_hold_key(facts),
        "the month is held",
        f"{' '.join(reasons)} If the file is wrong, correct it and run `make report` again. If it is right: {_format_accept_command(facts, output, default_output)}.",
    )
    return None if reference.build_acceptance_path(facts, reason.key, output).exists() else reason


def _check_missing_fonts(facts: Facts, output: Path, *, default_output: Path) -> BlockingReason | None:
    """Return a reason while briefs show boxes for letters."""
    missing = missing_fonts.read_missing_fonts(output / facts.month)
    if not missing:
        return None
    scripts = [one.script for one in missing]
    reason = BlockingReason(
        f"fonts-{hash_parts(scripts)}",
        f"no font has {join_with_and(scripts)}",
        f"{missing_fonts.describe_missing_fonts(missing)} If the briefs shall go out with boxes: "
        f"{_format_accept_command(facts, output, default_output)}.",
    )
    return None if reference.build_acceptance_path(facts, reason.key, output).exists() else reason


def _check_replaced_segments(
    facts: Facts, output: Path, mailed: Collection[str], *, default_output: Path
) -> BlockingReason | None:
    """Return a reason if mailed segments changed.

    Nobody gets a second set unasked. The set changed if a mailed segment is gone; or, where there are only more
    segments, if none of the sets that were mailed is this one.
    """
    ids = [segment.id for segment in facts.segments]
    gone, new = sorted(set(mailed) - set(ids)), sorted(set(ids) - set(mailed))
    sets = list_mailed_sets(facts, output)
    if not mailed or not new or not (gone or (sets and _build_mailed_set_path(facts, output) not in sets)):
        return None
    reason = BlockingReason(
        f"others-{hash_parts(gone, ids)}",
        "briefs of other segments are out",
        f"{format_month(facts.month)} was made again with other segments, and briefs of those of before ({join_with_and(sorted(mailed))}) are "
        f"out already. If its new ones ({join_with_and(new)}) shall go out, too: {_format_accept_command(facts, output, default_output)}.",
    )
    return None if reference.build_acceptance_path(facts, reason.key, output).exists() else reason


def record_mailed_set(facts: Facts, output: Path) -> None:
    """Record the segments that a month is mailed with."""
    _build_mailed_set_path(facts, output).touch(mode=0o600)


def list_mailed_sets(facts: Facts, output: Path) -> set[Path]:
    """Return the files that record a month's mailed segments."""
    return set((output / paths.LEDGER_FOLDER).glob(f"{facts.month}.*.segments"))


def _build_mailed_set_path(facts: Facts, output: Path) -> Path:
    ids = hash_parts(sorted(segment.id for segment in facts.segments))
    return output / paths.LEDGER_FOLDER / f"{facts.month}.{ids}.segments"


def accept_month(
    facts: Facts, output: Path, mailed_segments: Collection[str] = (), *, default_output: Path = paths.DEFAULT_OUTPUT
) -> tuple[BlockingReason, ...]:
    """Record acceptance; return what held the month.

    Another file of the month has to be accepted again.
    """
    found = (
        check_month_hold(facts, output, default_output=default_output),
        _check_missing_fonts(facts, output, default_output=default_output),
        _check_replaced_segments(facts, output, mailed_segments, default_output=default_output),
    )
    reasons = tuple(reason for reason in found if reason)
    for reason in reasons:
        path = reference.build_acceptance_path(facts, reason.key, output)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    return reasons


def _format_accept_command(facts: Facts, output: Path, default_output: Path) -> str:
    return f"`make send MONTH={facts.month} ACCEPT=yes{paths.format_output_option(output, default_output)}`"


def make_blocked_notice(reason: BlockingReason, facts: Facts, mail: MailSettings) -> Notice:
    """Return the owner's notice that a month isn't mailed."""
    month, report = format_month(facts.month), mail.locate_report(facts.month)
    link = f"\n\nThe report: {report}" if report else ""
    return Notice(
        key=f"{facts.month}.{reason.key}",
        subject=f"No segment briefs for {month}: {reason.why}",
        text=f"No segment brief of {month} is mailed now: {reason.why}.\n\n{reason.text}{link}",
    )
