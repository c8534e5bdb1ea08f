"""Notices about briefs that somebody won't get, or didn't."""

from report.errors import ReportError
from report.mail.export import BRIEFS_FOLDER
from report.operations.notices import Notice, OwnerNotifier, hash_parts
from report.settings import MailSettings
from report.storage import paths
from report.storage.months import (
    GRACE_PERIOD,
    describe_missing_months,
    describe_month_gaps,
    find_month_gaps,
    find_newest_month_file,
    format_month,
    list_missing_months,
)
from report.text.formatting import join_with_and
from report.transport.deliver import DeliverySummary
from report.transport.ledger import Ledger
from segmentation.errors import SegmentationError
from segmentation.facts import Facts
from segmentation.preprocessing.spelling import normalise_text


def list_owner_notices(
    facts: Facts, mail: MailSettings, notifier: OwnerNotifier, *, explicit_month: bool, is_blocked: bool
) -> list[Notice]:
    """List what keeps a brief from somebody, before sending.

    A month that the user didn't name should be the newest, and those before it mailed. Where nobody is mailed anyway,
    who would get its briefs doesn't matter yet.
    """
    notices: list[Notice | None] = []
    if not is_blocked:
        notices += [_check_unknown_recipients(facts, mail), _check_unaddressed_segments(facts, mail)]
    if not explicit_month:
        notices += [
            _check_late_month(facts, notifier),
            _check_month_gaps(notifier),
            _check_unmailed_months(facts, notifier),
        ]
    return [notice for notice in notices if notice]


def make_undelivered_notice(facts: Facts, outcome: DeliverySummary, make_arguments: str) -> Notice | None:
    """Return a notice of the briefs that weren't sent."""
    left = tuple(one for one in outcome.deliveries if one.state != "sent")
    if not left:
        return None
    month, summary = format_month(facts.month), DeliverySummary(left, outcome.problem, outcome.stopped)
    decisions = [(one.number, one.state) for one in left if one.state != "waiting"]
    count = summary.counts
    states = join_with_and([f"{number} {state}" for state, number in count.items() if number])
    waits = " What waits is tried again by the next `make unattended`, or now by `make send CONFIRM=yes`."
    return Notice(
        key=f"{facts.month}.undelivered-{hash_parts(*decisions, count['waiting'] > 0)}",
        subject=f"Segment briefs of {month}: {states}",
        text=(
            f"Not every brief of {month} has arrived: {states}.{waits if count['waiting'] else ''}\n\n"
            f"{summary.format_table(make_arguments)}"
        ),
    )


def _check_unknown_recipients(facts: Facts, mail: MailSettings) -> Notice | None:
    """Name keys of [mail.recipients] that match no segment."""
    kinds = [(segment.id, segment.name) for segment in facts.segments]
    month = format_month(facts.month)
    there = join_with_and([f"{id_} ({name})" for id_, name in kinds])
    if not any(mail.list_recipients(*one) for one in kinds):
        return Notice(
            f"{facts.month}.nobody",
            f"Nobody gets a segment brief of {month}",
            f"[mail.recipients] in settings.toml names nobody for any segment of {month}, so no brief is sent. Its segments: "
            f"{there}. Name who gets them there, and run `make send CONFIRM=yes`.",
        )
    known = {"all", *(normalise_text(one).casefold() for pair in kinds for one in pair)}
    unknown = [key for key in mail.recipients if normalise_text(key).casefold() not in known]
    if not unknown:
        return None
    keys = join_with_and([repr(key) for key in unknown])
    return Notice(
        f"{facts.month}.keys-{hash_parts(*unknown)}",
        f"Some recipients get no segment brief of {month}",
        f"{keys} in [mail.recipients] of settings.toml {'is' if len(unknown) == 1 else 'are'} no segment of {month}, so nobody gets "
        f"a brief by {'it' if len(unknown) == 1 else 'them'}. Its segments: {there}. Correct or delete "
        f"{'that key' if len(unknown) == 1 else 'those keys'}, and run `make send CONFIRM=yes`.",
    )


def _check_unaddressed_segments(facts: Facts, mail: MailSettings) -> Notice | None:
    """Name segments without a recipient, if others have one."""
    left = {one.id: one.name for one in facts.segments if not mail.list_recipients(one.id, one.name)}
    if not left or len(left) == len(facts.segments):
        return None
    names = join_with_and([f"{id_} ({name})" for id_, name in left.items()])
    month = format_month(facts.month)
    return Notice(
        f"segments.unnamed-{hash_parts(*left)}",  # of no month: it is told once, and may be meant
        f"Nobody gets the segment brief of {join_with_and(list(left))}",
        f"No key of [mail.recipients] in settings.toml names {names} of {month}, so nobody gets a brief of "
        f"{'it' if len(left) == 1 else 'them'}. Name who gets {'it' if len(left) == 1 else 'them'} there, and run "
        "`make send CONFIRM=yes`. If nobody should, there is nothing to do: this is told once.",
        harmless=True,
    )


def _check_month_gaps(notifier: OwnerNotifier) -> Notice | None:
    """Name months that are missing between others."""
    gaps = find_month_gaps(notifier.data, notifier.output)
    if not gaps:
        return None
    return Notice(
        f"{gaps[-1]}.gap",
        f"The file of {format_month(gaps[-1])} is missing",
        f"{describe_month_gaps(gaps)} What follows was compared with the month before. To do: put the file into {notifier.data}, named like "
        f"{gaps[-1]}.csv, and run `make report MONTH={gaps[-1]}`. If there is none, there is nothing to do: this is told once.",
        harmless=True,
    )


def _check_late_month(facts: Facts, notifier: OwnerNotifier) -> Notice | None:
    """Name a month whose file hasn't come in time."""
    file = find_newest_month_file(notifier.data)
    newest = max(file.stem if file else "", facts.month)
    late = list_missing_months(newest, notifier.clock() - GRACE_PERIOD)
    if not late:
        return None
    return Notice(
        f"{late[-1]}.missing",
        f"The file of {format_month(late[-1])} is missing",
        f"{describe_missing_months(newest, notifier.clock())} So the report and its briefs are still those of {format_month(facts.month)}. To do: put "
        f"the file of {format_month(late[-1])} into {notifier.data}, named like {late[-1]}.csv, and run `make unattended` again.",
    )


def _check_unmailed_months(facts: Facts, notifier: OwnerNotifier) -> Notice | None:
    """Name earlier months of which nobody got a brief.

    These are the months since the last one that was mailed. Where none was ever mailed, only months whose briefs were
    made count: the others were analysed for comparison.
    """
    earlier = [path.parent for path in paths.list_earlier_facts(notifier.output, facts.month)]
    mailed = [folder.name for folder in earlier if _was_mailed(folder.name, notifier)]
    left = [
        folder.name
        for folder in earlier
        if folder.name > max(mailed, default="")
        and (mailed or (folder / BRIEFS_FOLDER).is_dir())
        and _has_briefs_to_mail(folder.name, facts, notifier)
    ]
    if not left:
        return None
    names = join_with_and([format_month(month) for month in left])
    todo = "\n".join(
        f"  `make send MONTH={month} CONFIRM=yes`"
        if (notifier.output / month / BRIEFS_FOLDER).is_dir()
        else f"  `make report MONTH={month}`, then `make send MONTH={month} CONFIRM=yes`"
        for month in left
    )
    return Notice(
        f"{facts.month}.before-{hash_parts(*left)}",
        f"Never mailed: the segment briefs of {names}",
        f"Nobody was mailed a brief of {names}. If they should still go out, the oldest first:\n\n{todo}\n\n"
        "If not, there is nothing to do: the next month no longer names them.",
    )


def _was_mailed(month: str, notifier: OwnerNotifier) -> bool:
    """Return whether mailing of a month has begun."""
    folder = notifier.output / paths.LEDGER_FOLDER
    if any(folder.glob(f"{month}.*.segments")):
        return True
    try:
        with Ledger.open(folder / f"{month}.sqlite", notifier.clock, create=False) as ledger:
            return bool(ledger.list_delivered_ids())
    except ReportError:  # an unreadable ledger belongs to a month that was sent
        return True


def _has_briefs_to_mail(month: str, facts: Facts, notifier: OwnerNotifier) -> bool:
    """Return whether an earlier month has briefs to mail.

    Synthetic months are for trying out: next to real ones, nobody waits for their briefs.
    """
    try:
        earlier = paths.read_facts(notifier.output / month / "facts.json")
    except (ReportError, SegmentationError):
        return False
    return earlier.structure.reliable and earlier.source.synthetic == facts.source.synthetic
