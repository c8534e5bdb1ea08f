"""The command line, which `make` calls."""

import contextlib
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from report.columns.dictionary import read_columns
from report.errors import ReportError, SettingsError, describe_error, describe_os_error
from report.mail.send import MailContext, apply_resolution, send_month
from report.operations.lenient import read_notice_settings
from report.operations.missing_fonts import describe_missing_fonts
from report.operations.notices import OwnerNotifier
from report.pages.playbook import has_plays
from report.proposal.command import propose_columns
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
    use_number_style,
)
from report.transport.ledger import Ledger
from report.transport.message import parse_segment_ids
from report.transport.server import read_mail_server
from segmentation import facts
from segmentation.errors import SegmentationError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
_CONSOLE = Console(highlight=False)
_SETTINGS_FILE = paths.ROOT / "settings.toml"
_INTERRUPTED_EXIT_CODE = 130  # a shell's code for Ctrl-C


@app.callback()
def configure_logging() -> None:
    """Make the report of a month."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@app.command()
def report(
    data: Annotated[
        str, typer.Option(help="The month's file, folder or database; the newest in data/ if left out.")
    ] = "",
    month: Annotated[str, typer.Option(help="The month, as 2026-10; from the file's name if left out.")] = "",
    spark: Annotated[str, typer.Option(help="Spark's master, which then reads the data.")] = "",
    columns: Annotated[Path | None, typer.Option(help="The columns file, if not the one that settings name.")] = None,
    engine: Annotated[str, typer.Option(help="auto, quarto or embedded.")] = "auto",
    settings: Annotated[Path, typer.Option(help="The settings file.")] = _SETTINGS_FILE,
    output: Annotated[Path | None, typer.Option(help="Where the month's folder goes.")] = None,
) -> None:
    """Turn a month's file of users into its report."""
    if settings != _SETTINGS_FILE and not settings.exists():
        raise SettingsError(f"{settings}: no such file. Name a settings file, or leave --settings out.")
    requested_month = month if MONTH_PATTERN.fullmatch(month) else ""
    try:
        config = read_settings(settings)
        config = config.with_columns(read_columns(columns or paths.ROOT / config.data.columns))
        data_folder, default_output = paths.ROOT / config.data.folder, paths.ROOT / config.data.output
        where = output or default_output
        _check_owner(settings, config, where)
    except ReportError as error:
        where = output or paths.ROOT / read_notice_settings(settings).output
        record_run_failure(where, requested_month, read_clock, error)
        raise
    recorded = record_run(where, requested_month, read_clock, sender=config.mail.sender, owner=config.mail.owner)
    with atomic.run_lock(where), recorded, _show_progress() as report_progress:
        if month:
            paths.check_month(month)
        explicit_data = bool(data or spark)
        source = parse_location(data, spark) if explicit_data else paths.find_month_file(data_folder, month)
        name = paths.resolve_month(source, month)
        run = build_report(
            source,
            name,
            config,
            engine=_check_engine(engine),
            output=where,
            now=read_clock(),
            report_progress=report_progress,
        )
    try:
        _print_summary(run, config.names, paths.format_output_option(where, default_output))
        if not (explicit_data or month):
            gaps = describe_month_gaps(find_month_gaps(data_folder, where))
            for missing in filter(None, (describe_missing_months(name, read_clock()), gaps)):
                _CONSOLE.print(f"  [bold]missing[/]     {escape(missing)}", soft_wrap=True)
        sys.stdout.flush()
    except (OSError, SystemExit) as error:  # a log's disk is full; or rich ends, as nobody reads its output
        _report_hidden_summary(run.folder, error)


@app.command()
def send(
    month: Annotated[str, typer.Option(help="The month, as 2026-10; the newest if left out.")] = "",
    confirm: Annotated[str, typer.Option(help="yes sends; without it, who would get what is shown.")] = "",
    to: Annotated[str, typer.Option(help="One address that gets all of them, as a test.")] = "",
    resolve: Annotated[str, typer.Option(help="What became of a message, as 3:sent or 3:again.")] = "",
    accept: Annotated[str, typer.Option(help="yes says that a month that is held is right.")] = "",
    settings: Annotated[Path, typer.Option(help="The settings file.")] = _SETTINGS_FILE,
    output: Annotated[Path | None, typer.Option(help="Where the months' folders lie.")] = None,
) -> None:
    """Show or send a month's briefs."""
    if confirm not in ("", "yes"):
        raise ReportError(f"CONFIRM={confirm} sends nothing. To send: make send CONFIRM=yes.")
    if accept not in ("", "yes"):
        raise ReportError(f"ACCEPT={accept} accepts nothing. To accept a month that is held: make send ACCEPT=yes.")
    context = _build_mail_context(settings, output)
    if resolve:
        raise typer.Exit(apply_resolution(context, resolve, month=month, to=to))
    raise typer.Exit(send_month(context, month=month, confirm=bool(confirm), to=to, accept=bool(accept)))


@app.command(name="columns")
def write_columns_file(
    data: Annotated[str, typer.Option(help="The file to look at.")] = "",
    columns: Annotated[Path, typer.Option(help="The columns file to write.")] = Path(),
    force: Annotated[str, typer.Option(help="yes writes over a columns file that is there.")] = "",
    month: Annotated[str, typer.Option(help="The month, as 2026-10; from the file's name if left out.")] = "",
) -> None:
    """Write a first columns file for another service's file."""
    propose_columns(data, columns, force=force == "yes", month=month)


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
    """Show each step, but only on a terminal."""
    if not _CONSOLE.is_terminal:
        yield lambda _: None
        return
    with _CONSOLE.status("Starting") as status:
        yield status.update


def _build_mail_context(path: Path, output: Path | None) -> MailContext:
    settings = read_settings(path)
    notifier = OwnerNotifier(
        output or paths.ROOT / settings.data.output,
        paths.ROOT / settings.data.folder,
        settings.mail.build_identity(settings.brand.name),
        read_mail_server(paths.ROOT / ".env"),
    )
    return MailContext(settings, notifier, paths.ROOT / paths.JOURNAL_FOLDER)


def _check_owner(path: Path, settings: Settings, output: Path) -> None:
    """Refuse settings that lost their owner."""
    last = read_last_run(output)
    if last and last.owner and "owner" not in settings.mail.model_fields_set:
        raise SettingsError(
            f"{path}: names no owner under [mail], and at the last run it did. Restore the file; or write "
            'owner = "" under [mail], if nobody is to be told of a failure.'
        )


def _check_engine(engine: str) -> EngineChoice:
    if engine in ("auto", "quarto", "embedded"):
        return engine  # type: ignore[return-value]
    # a longer value may be a password in the wrong variable
    shown = f"ENGINE={engine}" if re.fullmatch(r"[\w-]{1,12}", engine) else "ENGINE"
    raise ReportError(f"{shown} is no engine. Choose auto, quarto or embedded.")


def _print_summary(run: ReportRun, names: Mapping[str, str], output_option: str) -> None:
    """Print the segments and the files' places."""
    month, audit = run.facts, run.facts.audit
    use_number_style(month.schema)
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
    folder, count = escape(str(paths.shorten_path(run.folder))), len(month.segments)
    reliable = month.structure.reliable
    briefs = _describe_briefs(run, output_option) if reliable else "none: no reliable segments"
    if reliable and not has_plays(month):
        briefs = "none: these columns have no playbook yet (docs/columns.md)"
    lines = [
        f"  report      {folder}/report.html",
        f"  executives  {folder}/executive.pdf   {run.pages} pages",
        f"  profiles    {folder}/profiles/   {count}",
        f"  briefs      {folder}/briefs/   {briefs}",
    ]
    if month.suspicions:
        lines.append(f"  [bold]held[/]        {escape(holds.describe_hold(month))}")
    if missing := describe_missing_fonts(run.missing_fonts):
        lines.append(f"  [bold]fonts[/]       {escape(missing)} Until then `make send` waits, or for ACCEPT=yes.")
    if outdated := changes.summarise_outdated_names(month):
        lines.append(f"  [bold]names[/]       {escape(outdated)} Rename under \\[names] in settings.toml.")
    if gone := [id_ for id_ in names if id_ not in {segment.id for segment in month.segments}]:
        lines.append(
            f"  [bold]names[/]       {join_with_and(gone)} under \\[names] in settings.toml: no such segment this month."
        )
    why = "" if run.engine == "quarto" else " (Quarto not found or not asked for)"
    why = f" (Quarto failed: {run.fallback.rstrip('.')})" if run.fallback else why
    lines.append(f"  rendered by the {run.engine} engine{escape(why)} in {run.seconds:.1f} s")
    _CONSOLE.print("\n".join(lines), soft_wrap=True)


def _describe_briefs(run: ReportRun, output_option: str) -> str:
    """Say how many briefs there are, and whether they were mailed."""
    month, count = run.facts.month, len(run.facts.segments)
    ledger_file = run.folder.parent / paths.LEDGER_FOLDER / f"{month}.sqlite"
    try:
        with Ledger.open(ledger_file, read_clock, create=False) as ledger:
            mailed = parse_segment_ids(ledger.list_delivered_ids(), month) & {one.id for one in run.facts.segments}
    except (ReportError, OSError):  # `make send` says what is wrong with it
        return f"{count}: make send{output_option}"
    if not mailed:
        return f"{count}, unsent: make send{output_option}"
    sent = "all" if len(mailed) == count else f"{len(mailed)}"
    return f"{count}, {sent} sent before: make send{output_option} shows to whom, and what has changed since"


def run_command_line() -> None:
    """Run a command; a known error prints one sentence."""
    signal.signal(signal.SIGTERM, _handle_sigterm)
    _escape_unencodable_output()
    try:
        code = app(standalone_mode=False)
    except (ReportError, SegmentationError, OSError, MemoryError) as error:
        _exit_with_error(describe_error(error))
    except typer.TyperException as error:  # an unknown option, or no command
        problem = error.format_message().rstrip(".")  # empty where the help was shown
        if not problem:
            sys.exit(error.exit_code)
        if "://" in problem:  # it may hold a password
            problem = "there is an argument too many"
        _exit_with_error(f"{problem}. See python -m report --help.", error.exit_code)
    except typer.Abort:
        code = _INTERRUPTED_EXIT_CODE
    except Exception as error:
        if os.environ.get("REPORT_DEBUG"):
            raise
        _exit_with_error(describe_error(error))
    if code == _INTERRUPTED_EXIT_CODE:
        sending = _get_command() == "send"
        state = (
            "the ledger knows who has what. Run `make send` again" if sending else "the last good report is as it was"
        )
        print(f"Stopped; {state}.", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _report_hidden_summary(folder: Path, error: BaseException) -> None:
    """Say that only the summary failed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # else the rest of the output would fail again at the end
    why = describe_os_error(error) if isinstance(error, OSError) else "nobody reads it"
    try:
        print(f"{paths.shorten_path(folder)} is made; its summary can't be shown ({why}).", file=sys.stderr, flush=True)
    except OSError:  # the same log
        os.dup2(nowhere, 2)


def _escape_unencodable_output() -> None:
    """Write escapes for letters that the terminal doesn't know."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _handle_sigterm(*_: object) -> NoReturn:
    """Stop as after Ctrl-C, which cleans up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # ignore further ones
    raise KeyboardInterrupt


def _exit_with_error(sentence: str, code: int = 1) -> NoReturn:
    print(f"make {_get_command()}: {sentence}", file=sys.stderr)
    sys.exit(code)


def _get_command() -> str:
    """Return the command to name in messages."""
    return next((word for word in sys.argv[1:2] if word in ("send", "columns")), "report")
