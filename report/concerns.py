"""What sending leaves for a person to do: a notice each."""

import hashlib

from report import delivery, files
from report.errors import ReportError
from report.mailbag import FOLDER
from report.months import (
    GRACE,
    describe_gaps,
    describe_missing,
    find_gaps,
    missing_months,
    month_name,
    newest_file,
)
from report.notices import Desk, Notice
from report.postbox import Month
from report.settings import MailSettings
from report.written import listed
from segmentation.errors import SegmentationError
from segmentation.text import normalise_text


def list_concerns(made: Month, mail: MailSettings, desk: Desk, *, asked: bool, shut: bool) -> list[Notice]:
    """List what keeps a brief from somebody before anything is sent.

    Parameters
    ----------
    made : Month
        The month that is about to be sent.
    asked : bool
        Whether it was asked for by its name; else it should be the newest, and those before it mailed.
    shut : bool
        Whether a gate keeps it from being mailed: who would get its briefs is then no question yet.
    """
    found = [] if shut else [_check_recipients(made, mail), _find_unnamed(made, mail)]
    if not asked:
        found += [_check_calendar(made, desk), _find_gaps(desk), _find_unmailed(made, desk)]
    return [notice for notice in found if notice]


def describe_undelivered(made: Month, outcome: delivery.Outcome) -> Notice | None:
    """Say which briefs were not sent; None where all were."""
    left = tuple(one for one in outcome.deliveries if one.state != "sent")
    if not left:
        return None
    person = [(one.number, one.state) for one in left if one.state != "waiting"]
    count = delivery.Outcome(left).counts
    said = listed([f"{number} {state}" for state, number in count.items() if number])
    waits = " What waits is tried again by the next `make unattended`, or now by `make send CONFIRM=yes`."
    return Notice(
        key=f"{made.facts.month}.undelivered-{_digest(*person, count['waiting'] > 0)}",
        subject=f"Segment briefs of {month_name(made.facts.month)}: {said}",
        text=(
            f"Not every brief of {month_name(made.facts.month)} has arrived: {said}.{waits if count['waiting'] else ''}\n\n"
            f"{delivery.Outcome(left, outcome.problem, outcome.stopped).table(made.named)}"
        ),
    )


def _check_recipients(made: Month, mail: MailSettings) -> Notice | None:
    """Name the keys of [mail.recipients] that fit no segment.

    Where no segment has a recipient, say that.
    """
    kinds = [(segment.id, segment.name) for segment in made.facts.segments]
    month = month_name(made.facts.month)
    there = listed([f"{id_} ({name})" for id_, name in kinds])
    if not any(mail.of(*one) for one in kinds):
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
    keys = listed([repr(key) for key in unknown])
    return Notice(
        f"{made.facts.month}.keys-{_digest(*unknown)}",
        f"Some recipients get no segment brief of {month}",
        f"{keys} in [mail.recipients] of settings.toml {'is' if len(unknown) == 1 else 'are'} no segment of {month}, so nobody gets "
        f"a brief by {'it' if len(unknown) == 1 else 'them'}. Its segments: {there}. Correct or delete "
        f"{'that key' if len(unknown) == 1 else 'those keys'}, and run `make send CONFIRM=yes`.",
    )


def _find_unnamed(made: Month, mail: MailSettings) -> Notice | None:
    """Name the segments that no key of [mail.recipients] fits, where others have one."""
    left = {one.id: one.name for one in made.facts.segments if not mail.of(one.id, one.name)}
    if not left or len(left) == len(made.facts.segments):
        return None
    names = listed([f"{id_} ({name})" for id_, name in left.items()])
    month = month_name(made.facts.month)
    return Notice(
        f"segments.unnamed-{_digest(*left)}",  # of no month: it is told once, and may be meant
        f"Nobody gets the segment brief of {listed(list(left))}",
        f"No key of [mail.recipients] in settings.toml names {names} of {month}, so nobody gets a brief of "
        f"{'it' if len(left) == 1 else 'them'}. Name who gets {'it' if len(left) == 1 else 'them'} there, and run "
        "`make send CONFIRM=yes`. If nobody should, there is nothing to do: this is told once.",
        harmless=True,
    )


def _find_gaps(desk: Desk) -> Notice | None:
    """Name the months that are missing between others."""
    gaps = find_gaps(desk.data, desk.output)
    if not gaps:
        return None
    return Notice(
        f"{gaps[-1]}.gap",
        f"The file of {month_name(gaps[-1])} is missing",
        f"{describe_gaps(gaps)} What follows was compared with the month before. To do: put the file into {desk.data}, named like "
        f"{gaps[-1]}.csv, and run `make report MONTH={gaps[-1]}`. If there is none, there is nothing to do: this is told once.",
        harmless=True,
    )


def _check_calendar(made: Month, desk: Desk) -> Notice | None:
    """Say that a month's file never came."""
    file = newest_file(desk.data)
    newest = max(file.stem if file else "", made.facts.month)
    late = missing_months(newest, desk.clock() - GRACE)
    if not late:
        return None
    return Notice(
        f"{late[-1]}.missing",
        f"The file of {month_name(late[-1])} is missing",
        f"{describe_missing(newest, desk.clock())} So the report and its briefs are still those of {month_name(made.facts.month)}. To do: put "
        f"the file of {month_name(late[-1])} into {desk.data}, named like {late[-1]}.csv, and run `make unattended` again.",
    )


def _find_unmailed(made: Month, desk: Desk) -> Notice | None:
    """Name the earlier months of which nobody got a brief.

    Meant are those since the last one that was mailed. Where none was ever mailed, those whose briefs were made: the
    others were only worked out to compare with.
    """
    earlier = [path.parent for path in files.made_before(desk.output, made.facts.month)]
    mailed = [folder.name for folder in earlier if _was_mailed(folder.name, desk)]
    left = [
        folder.name
        for folder in earlier
        if folder.name > max(mailed, default="")
        and (mailed or (folder / FOLDER).is_dir())
        and _is_to_mail(folder.name, made, desk)
    ]
    if not left:
        return None
    names = listed([month_name(month) for month in left])
    todo = "\n".join(
        f"  `make send MONTH={month} CONFIRM=yes`"
        if (desk.output / month / FOLDER).is_dir()
        else f"  `make report MONTH={month}`, then `make send MONTH={month} CONFIRM=yes`"
        for month in left
    )
    return Notice(
        f"{made.facts.month}.before-{_digest(*left)}",
        f"Never mailed: the segment briefs of {names}",
        f"Nobody was mailed a brief of {names}. If they should still go out, the oldest first:\n\n{todo}\n\n"
        "If not, there is nothing to do: the next month no longer names them.",
    )


def _was_mailed(month: str, desk: Desk) -> bool:
    """Tell whether a month began to be mailed."""
    outbox = desk.output / files.OUTBOX
    try:
        return any(outbox.glob(f"{month}.*.segments")) or bool(
            delivery.list_delivered(outbox / f"{month}.sqlite", clock=desk.clock)
        )
    except ReportError:  # a ledger that can't be read is of a month that was sent
        return True


def _is_to_mail(month: str, made: Month, desk: Desk) -> bool:
    """Tell whether a month has briefs for anybody.

    Made-up users are for trying out, and so is mail of them once there are real ones.
    """
    try:
        facts = files.read_facts(desk.output / month / "facts.json")
    except (ReportError, SegmentationError):
        return False
    return facts.structure.reliable and facts.source.synthetic == made.facts.source.synthetic


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
