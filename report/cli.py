"""The command line: what `make` calls."""

import contextlib
import io
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from report.errors import ReportError, SettingsError, describe_error, describe_os_error
from report.operations.lenient import read_notice_settings
from report.rendering.engine import EngineChoice
from report.rendering.notebook import write_notebook
from report.run import ReportRun, build_report
from report.settings import Settings, read_settings
from report.storage import atomic, paths
from report.storage.location import parse_location
from report.storage.months import (
    MONTH_PATTERN,
    describe_missing_months,
    describe_month_gaps,
    find_month_gaps,
    read_clock,
)
from report.storage.runlog import read_last_run, record_run, record_run_failure
from report.style import theme
from report.text import changes, holds, sentences
from report.text.formatting import (
    format_month,
    format_percent,
    format_similarity,
    format_thousands,
    join_with_and,
)
from report.transport.server import read_mail_server
from segmentation import facts
from segmentation.errors import SegmentationError

if TYPE_CHECKING:
    from report.mail import send as sending

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
_CONSOLE = Console(highlight=False)
_SETTINGS_FILE = paths.ROOT / "settings.toml"
_INTERRUPTED_EXIT_CODE = 130  # what a shell calls a program that Ctrl-C ended


@app.callback()
def configure_logging() -> None:
    """Make the listener report of a month."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@app.command()
def report(
    data: Annotated[
        str, typer.Option(help="The month's file, folder or database; the newest in data/ if left out.")
    ] = "",
    month: Annotated[str, typer.Option(help="The month, as 2026-10; from the file's name if left out.")] = "",
    spark: Annotated[str, typer.Option(help="Spark's master, which then reads the data.")] = "",
    engine: Annotated[str, typer.Option(help="auto, quarto or embedded.")] = "auto",
    settings: Annotated[Path, typer.Option(help="The dials.")] = _SETTINGS_FILE,
    output: Annotated[Path | None, typer.Option(help="Where the month's folder goes.")] = None,
) -> None:
    """Turn a month's file of users into its report."""
    if settings != _SETTINGS_FILE and not settings.exists():
        raise SettingsError(
            f"{settings}: no such file. Name the one that has the dials, or leave --settings out."
        )
    asked_for = month if MONTH_PATTERN.fullmatch(month) else ""
    try:
        dials = read_settings(settings)
        _check_owner(settings, dials, output or paths.ROOT / dials.data.output)
    except ReportError as error:
        record_run_failure(
            output or paths.ROOT / read_notice_settings(settings).output, asked_for, read_clock, error
        )
        raise
    where = output or paths.ROOT / dials.data.output
    noting = record_run(where, asked_for, read_clock, sender=dials.mail.sender, owner=dials.mail.owner)
    with atomic.run_lock(where), noting, _show_progress() as tell:
        if month:
            paths.check_month(month)
        asked = data or spark
        source = (
            parse_location(data, spark)
            if asked
            else paths.find_month_file(paths.ROOT / dials.data.folder, month)
        )
        name = paths.resolve_month(source, month)
        run = build_report(
            source,
            name,
            dials,
            engine=_check_engine(engine),
            output=where,
            now=read_clock(),
            report_progress=tell,
        )
    try:
        _print_summary(run, dials.names, paths.format_output_option(where, paths.ROOT / dials.data.output))
        if not (asked or month):
            gaps = describe_month_gaps(find_month_gaps(paths.ROOT / dials.data.folder, where))
            for missing in filter(None, (describe_missing_months(name, read_clock()), gaps)):
                _CONSOLE.print(f"  [bold]missing[/]     {escape(missing)}", soft_wrap=True)
        sys.stdout.flush()
    except (
        OSError,
        SystemExit,
    ) as error:  # the disk of a log is full; or nobody reads any more, where rich would end
        _report_hidden_summary(run.folder, error)


@app.command()
def send(
    month: Annotated[str, typer.Option(help="The month, as 2026-10; the newest if left out.")] = "",
    confirm: Annotated[str, typer.Option(help="yes sends; without it, who would get what is shown.")] = "",
    to: Annotated[str, typer.Option(help="One address that gets all of them, as a test.")] = "",
    resolve: Annotated[str, typer.Option(help="What became of a message, as 3:sent or 3:again.")] = "",
    accept: Annotated[str, typer.Option(help="yes says that a month that is held is right.")] = "",
    settings: Annotated[Path, typer.Option(help="The dials.")] = _SETTINGS_FILE,
    output: Annotated[Path | None, typer.Option(help="Where the months' folders lie.")] = None,
) -> None:
    """Show who would get which brief, or send them; accept a month that is held."""
    if confirm not in ("", "yes"):
        raise ReportError(f"CONFIRM={confirm} sends nothing. To send: make send CONFIRM=yes.")
    if accept not in ("", "yes"):
        raise ReportError(
            f"ACCEPT={accept} accepts nothing. To accept a month that is held: make send ACCEPT=yes."
        )
    from report.mail import send as sending  # noqa: PLC0415 - a report sends nothing, and need not wait for what does

    postman = _build_mail_context(settings, output)
    if resolve:
        raise typer.Exit(sending.apply_resolution(postman, resolve, month=month, to=to))
    raise typer.Exit(
        sending.send_month(postman, month=month, confirm=bool(confirm), to=to, accept=bool(accept))
    )


@app.command()
def schema() -> None:
    """Write the schema of facts.json."""
    paths.write_json(paths.ROOT / "docs" / "facts.schema.json", facts.build_facts_schema())


@app.command()
def notebook() -> None:
    """Write the analysis as a notebook."""
    path = paths.ROOT / "music_streaming_segmentation.ipynb"
    write_notebook(paths.ROOT / "report" / "report.qmd", path)
    _CONSOLE.print(
        f"{escape(str(paths.shorten_path(path)))}: open it in Jupyter; it shows the newest month that was made",
        soft_wrap=True,
    )


@contextlib.contextmanager
def _show_progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is done; a file, which may be on a full disk, is told the result alone."""
    if not _CONSOLE.is_terminal:
        yield lambda _: None
        return
    with _CONSOLE.status("Starting") as status:
        yield status.update


def _build_mail_context(settings: Path, output: Path | None) -> "sending.MailContext":
    from report.mail import send as sending  # noqa: PLC0415 - as above

    dials = read_settings(settings)
    return sending.MailContext(
        output=output or paths.ROOT / dials.data.output,
        data=paths.ROOT / dials.data.folder,
        settings=dials,
        server=read_mail_server(paths.ROOT / ".env"),
        clock=read_clock,
        sleep=time.sleep,
        print_line=print,
        journal_folder=paths.ROOT / paths.JOURNAL_FOLDER,
    )


def _check_owner(path: Path, dials: Settings, output: Path) -> None:
    """Refuse settings that lost their owner: the file may be empty, or cut off."""
    last = read_last_run(output)
    if last and last.owner and "owner" not in dials.mail.model_fields_set:
        raise SettingsError(
            f"{path}: names no owner under [mail], and at the last run it did. Restore the file; or write "
            'owner = "" under [mail], if nobody is to be told of a failure.'
        )


def _check_engine(said: str) -> EngineChoice:
    if said in ("auto", "quarto", "embedded"):
        return said  # type: ignore[return-value]
    shown = f"ENGINE={said}" if re.fullmatch(r"[\w-]{1,12}", said) else "ENGINE"  # as in `check_month`
    raise ReportError(f"{shown} is no engine. Choose auto, quarto or embedded.")


def _print_summary(run: ReportRun, names: Mapping[str, str], elsewhere: str) -> None:
    """End with a short table of the segments and where the files lie; the output folder is named where it isn't the usual one."""
    month, audit = run.facts, run.facts.audit
    _CONSOLE.print(
        f"[bold]{format_month(month.month)}[/] · {format_thousands(audit.read)} rows read, {format_thousands(audit.read - audit.kept)} dropped, "
        f"{format_thousands(audit.kept)} users kept · {len(month.segments)} {sentences.choose_segment_noun(month)}s ({month.elbow.decided_by}) · "
        f"structure {sentences.name_evidence_level(month)}",
        soft_wrap=True,
    )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for column in ("left", "right", "right", "right", "left"):
        table.add_column(justify=column)
    for segment in sentences.rank_segments(month):
        table.add_row(
            f"  [{theme.get_segment_colour(segment.id)}]■[/] {escape(segment.name)}",
            format_thousands(segment.users),
            format_percent(segment.share),
            changes.format_share_change(month, segment),
            f"{segment.stability.grade} {format_similarity(segment.stability.jaccard)}",
        )
    _CONSOLE.print(table)
    where = escape(str(paths.shorten_path(run.folder)))
    _CONSOLE.print(f"  report      {where}/report.html", soft_wrap=True)
    _CONSOLE.print(f"  executives  {where}/executive.pdf   {run.pages} pages", soft_wrap=True)
    _CONSOLE.print(f"  profiles    {where}/profiles/   {len(month.segments)}", soft_wrap=True)
    briefs = (
        f"{len(month.segments)}, unsent: make send{elsewhere}"
        if month.structure.reliable
        else "none: no reliable segments"
    )
    _CONSOLE.print(f"  briefs      {where}/briefs/   {briefs}", soft_wrap=True)
    if month.suspicions:
        _CONSOLE.print(f"  [bold]held[/]        {escape(holds.describe_hold(month))}", soft_wrap=True)
    if outdated := changes.summarise_outdated_names(month):
        _CONSOLE.print(
            f"  [bold]names[/]       {escape(outdated)} Rename under \\[names] in settings.toml.",
            soft_wrap=True,
        )
    if gone := [id_ for id_ in names if id_ not in {segment.id for segment in month.segments}]:
        _CONSOLE.print(
            f"  [bold]names[/]       {join_with_and(gone)} under \\[names] in settings.toml: no such segment this month.",
            soft_wrap=True,
        )
    why = "" if run.engine == "quarto" else " (Quarto not found or not asked for)"
    why = f" (Quarto failed: {run.fallback.rstrip('.')})" if run.fallback else why
    _CONSOLE.print(
        f"  rendered by the {run.engine} engine{escape(why)} in {run.seconds:.1f} s", soft_wrap=True
    )


def run_command_line() -> None:
    """Run the command line; what a person can correct ends in a sentence and exit code 1."""
    signal.signal(signal.SIGTERM, _handle_sigterm)
    _escape_unencodable_output()
    try:
        code = app(standalone_mode=False)
    except (ReportError, SegmentationError, OSError, MemoryError) as error:
        _exit_with_error(describe_error(error))
    except typer.TyperException as error:  # an option that there isn't, or no command at all
        said = error.format_message().rstrip(".")  # nothing, where the help was shown
        said = "there is an argument too many" if "://" in said else said  # it may hold a password
        _exit_with_error(f"{said}. See python -m report --help.", error.exit_code) if said else sys.exit(
            error.exit_code
        )
    except typer.Abort:
        code = _INTERRUPTED_EXIT_CODE
    except Exception as error:
        if os.environ.get("REPORT_DEBUG"):
            raise
        _exit_with_error(describe_error(error))
    if code == _INTERRUPTED_EXIT_CODE:
        left = {"send": "the ledger knows who has what. Run `make send` again"}
        print(f"Stopped; {left.get(_get_command(), 'the last good report is as it was')}.", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _report_hidden_summary(folder: Path, error: BaseException) -> None:
    """Say that a month is made though its summary can't be shown, if that can be said."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what is left to be written would fail once more, at the very end
    why = describe_os_error(error) if isinstance(error, OSError) else "nobody reads it"
    try:
        print(
            f"{paths.shorten_path(folder)} is made; its summary can't be shown ({why}).",
            file=sys.stderr,
            flush=True,
        )
    except OSError:  # one log for both
        os.dup2(nowhere, 2)


def _escape_unencodable_output() -> None:
    """Let a terminal that knows no "·" show something else for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _handle_sigterm(*_: object) -> NoReturn:
    """End as Ctrl-C ends it: what is half made is gone, and nothing is left at work."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def _exit_with_error(sentence: str, code: int = 1) -> NoReturn:
    print(f"make {_get_command()}: {sentence}", file=sys.stderr)
    sys.exit(code)


def _get_command() -> str:
    """Give the command that was asked for."""
    return next((word for word in sys.argv[1:2] if word == "send"), "report")
