"""What sending leaves for a person to do: a notice each."""

import hashlib

from report.errors import ReportError
from report.mail.export import BRIEFS_FOLDER
from report.mail.postbox import MonthlyMailing
from report.operations.notices import Notice, OwnerNotifier
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
from report.transport import deliver
from segmentation.errors import SegmentationError
from segmentation.preprocessing.spelling import normalise_text


def list_owner_notices(
    mailing: MonthlyMailing,
    mail: MailSettings,
    notifier: OwnerNotifier,
    *,
    explicit_month: bool,
    is_blocked: bool,
) -> list[Notice]:
    """List what keeps a brief from somebody before anything is sent.

    Parameters
    ----------
    mailing : Month
        The month that is about to be sent.
    explicit_month : bool
        Whether it was asked for by its name; else it should be the newest, and those before it mailed.
    is_blocked : bool
        Whether a gate keeps it from being mailed: who would get its briefs is then no question yet.
    """
    found = (
        []
        if is_blocked
        else [_check_unknown_recipients(mailing, mail), _check_unaddressed_segments(mailing, mail)]
    )
    if not explicit_month:
        found += [
            _check_late_month(mailing, notifier),
            _check_month_gaps(notifier),
            _check_unmailed_months(mailing, notifier),
        ]
    return [notice for notice in found if notice]


def make_undelivered_notice(mailing: MonthlyMailing, outcome: deliver.DeliverySummary) -> Notice | None:
    """Say which briefs were not sent; None where all were."""
    left = tuple(one for one in outcome.deliveries if one.state != "sent")
    if not left:
        return None
    person = [(one.number, one.state) for one in left if one.state != "waiting"]
    count = deliver.DeliverySummary(left).counts
    said = join_with_and([f"{number} {state}" for state, number in count.items() if number])
    waits = " What waits is tried again by the next `make unattended`, or now by `make send CONFIRM=yes`."
    return Notice(
        key=f"{mailing.facts.month}.undelivered-{_hash_parts(*person, count['waiting'] > 0)}",
        subject=f"Segment briefs of {format_month(mailing.facts.month)}: {said}",
        text=(
            f"Not every brief of {format_month(mailing.facts.month)} has arrived: {said}.{waits if count['waiting'] else ''}\n\n"
            f"{deliver.DeliverySummary(left, outcome.problem, outcome.stopped).format_table(mailing.format_make_arguments)}"
        ),
    )


def _check_unknown_recipients(made: MonthlyMailing, mail: MailSettings) -> Notice | None:
    """Name the keys of [mail.recipients] that fit no segment.

    Where no segment has a recipient, say that.
    """
    kinds = [(segment.id, segment.name) for segment in made.facts.segments]
    month = format_month(made.facts.month)
    there = join_with_and([f"{id_} ({name})" for id_, name in kinds])
    if not any(mail.list_recipients(*one) for one in kinds):
        return Notice(
            f"{made.facts.month}.nobody",
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
        f"{made.facts.month}.keys-{_hash_parts(*unknown)}",
        f"Some recipients get no segment brief of {month}",
        f"{keys} in [mail.recipients] of settings.toml {'is' if len(unknown) == 1 else 'are'} no segment of {month}, so nobody gets "
        f"a brief by {'it' if len(unknown) == 1 else 'them'}. Its segments: {there}. Correct or delete "
        f"{'that key' if len(unknown) == 1 else 'those keys'}, and run `make send CONFIRM=yes`.",
    )


def _check_unaddressed_segments(made: MonthlyMailing, mail: MailSettings) -> Notice | None:
    """Name the segments that no key of [mail.recipients] fits, where others have one."""
    left = {one.id: one.name for one in made.facts.segments if not mail.list_recipients(one.id, one.name)}
    if not left or len(left) == len(made.facts.segments):
        return None
    names = join_with_and([f"{id_} ({name})" for id_, name in left.items()])
    month = format_month(made.facts.month)
    return Notice(
        f"segments.unnamed-{_hash_parts(*left)}",  # of no month: it is told once, and may be meant
        f"Nobody gets the segment brief of {join_with_and(list(left))}",
        f"No key of [mail.recipients] in settings.toml names {names} of {month}, so nobody gets a brief of "
        f"{'it' if len(left) == 1 else 'them'}. Name who gets {'it' if len(left) == 1 else 'them'} there, and run "
        "`make send CONFIRM=yes`. If nobody should, there is nothing to do: this is told once.",
        harmless=True,
    )


def _check_month_gaps(desk: OwnerNotifier) -> Notice | None:
    """Name the months that are missing between others."""
    gaps = find_month_gaps(desk.data, desk.output)
    if not gaps:
        return None
    return Notice(
        f"{gaps[-1]}.gap",
        f"The file of {format_month(gaps[-1])} is missing",
        f"{describe_month_gaps(gaps)} What follows was compared with the month before. To do: put the file into {desk.data}, named like "
        f"{gaps[-1]}.csv, and run `make report MONTH={gaps[-1]}`. If there is none, there is nothing to do: this is told once.",
        harmless=True,
    )


def _check_late_month(made: MonthlyMailing, desk: OwnerNotifier) -> Notice | None:
    """Say that a month's file never came."""
    file = find_newest_month_file(desk.data)
    newest = max(file.stem if file else "", made.facts.month)
    late = list_missing_months(newest, desk.clock() - GRACE_PERIOD)
    if not late:
        return None
    return Notice(
        f"{late[-1]}.missing",
        f"The file of {format_month(late[-1])} is missing",
        f"{describe_missing_months(newest, desk.clock())} So the report and its briefs are still those of {format_month(made.facts.month)}. To do: put "
        f"the file of {format_month(late[-1])} into {desk.data}, named like {late[-1]}.csv, and run `make unattended` again.",
    )


def _check_unmailed_months(made: MonthlyMailing, desk: OwnerNotifier) -> Notice | None:
    """Name the earlier months of which nobody got a brief.

    Meant are those since the last one that was mailed. Where none was ever mailed, those whose briefs were made: the
    others were only worked out to compare with.
    """
    earlier = [path.parent for path in paths.list_earlier_facts(desk.output, made.facts.month)]
    mailed = [folder.name for folder in earlier if _was_mailed(folder.name, desk)]
    left = [
        folder.name
        for folder in earlier
        if folder.name > max(mailed, default="")
        and (mailed or (folder / BRIEFS_FOLDER).is_dir())
        and _has_briefs_to_mail(folder.name, made, desk)
    ]
    if not left:
        return None
    names = join_with_and([format_month(month) for month in left])
    todo = "\n".join(
        f"  `make send MONTH={month} CONFIRM=yes`"
        if (desk.output / month / BRIEFS_FOLDER).is_dir()
        else f"  `make report MONTH={month}`, then `make send MONTH={month} CONFIRM=yes`"
        for month in left
    )
    return Notice(
        f"{made.facts.month}.before-{_hash_parts(*left)}",
        f"Never mailed: the segment briefs of {names}",
        f"Nobody was mailed a brief of {names}. If they should still go out, the oldest first:\n\n{todo}\n\n"
        "If not, there is nothing to do: the next month no longer names them.",
    )


def _was_mailed(month: str, desk: OwnerNotifier) -> bool:
    """Tell whether a month began to be mailed."""
    outbox = desk.output / paths.LEDGER_FOLDER
    try:
        return any(outbox.glob(f"{month}.*.segments")) or bool(
            deliver.list_delivered_ids(outbox / f"{month}.sqlite", clock=desk.clock)
        )
    except ReportError:  # a ledger that can't be read is of a month that was sent
        return True


def _has_briefs_to_mail(month: str, made: MonthlyMailing, desk: OwnerNotifier) -> bool:
    """Tell whether a month has briefs for anybody.

    Made-up users are for trying out, and so is mail of them once there are real ones.
    """
    try:
        facts = paths.read_facts(desk.output / month / "facts.json")
    except (ReportError, SegmentationError):
        return False
    return facts.structure.reliable and facts.source.synthetic == made.facts.source.synthetic


def _hash_parts(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
