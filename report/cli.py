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

from report import changes, doubts, exchange, files, theme, words
from report.engines import Choice
from report.errors import ReportError, SettingsError, reason, told
from report.lastrun import last_run, note_failure, noted
from report.lenient import read_addresses
from report.mailserver import read_server
from report.month import Run, make_month
from report.months import MONTH, describe_gaps, describe_missing, find_gaps
from report.months import read_clock as _now
from report.notebook import write_notebook
from report.settings import Settings, read_settings
from report.sources.places import place_of
from report.written import likeness, listed, percent, thousands
from segmentation import facts
from segmentation.errors import SegmentationError

if TYPE_CHECKING:
    from report import sending

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
_out = Console(highlight=False)
_SETTINGS = files.ROOT / "settings.toml"
_STOPPED = 130  # what a shell calls a program that Ctrl-C ended


@app.callback()
def main() -> None:
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
    settings: Annotated[Path, typer.Option(help="The dials.")] = _SETTINGS,
    output: Annotated[Path | None, typer.Option(help="Where the month's folder goes.")] = None,
) -> None:
    """Turn a month's file of users into its report."""
    if settings != _SETTINGS and not settings.exists():
        raise SettingsError(
            f"{settings}: no such file. Name the one that has the dials, or leave --settings out."
        )
    asked_for = month if MONTH.fullmatch(month) else ""
    try:
        dials = read_settings(settings)
        _check_owner(settings, dials, output or files.ROOT / dials.data.output)
    except ReportError as error:
        note_failure(output or files.ROOT / read_addresses(settings).output, asked_for, _now, error)
        raise
    where = output or files.ROOT / dials.data.output
    noting = noted(where, asked_for, _now, sender=dials.mail.sender, owner=dials.mail.owner)
    with exchange.alone(where), noting, _telling() as tell:
        if month:
            files.check_month(month)
        asked = data or spark
        source = place_of(data, spark) if asked else files.find_month(files.ROOT / dials.data.folder, month)
        name = files.month_of(source, month)
        run = make_month(
            source,
            name,
            dials,
            engine=_engine(engine),
            output=where,
            now=_now(),
            tell=tell,
        )
    try:
        _tell(run, dials.names, files.elsewhere(where, files.ROOT / dials.data.output))
        if not (asked or month):
            gaps = describe_gaps(find_gaps(files.ROOT / dials.data.folder, where))
            for missing in filter(None, (describe_missing(name, _now()), gaps)):
                _out.print(f"  [bold]missing[/]     {escape(missing)}", soft_wrap=True)
        sys.stdout.flush()
    except (
        OSError,
        SystemExit,
    ) as error:  # the disk of a log is full; or nobody reads any more, where rich would end
        _made_unseen(run.folder, error)


@app.command()
def send(
    month: Annotated[str, typer.Option(help="The month, as 2026-10; the newest if left out.")] = "",
    confirm: Annotated[str, typer.Option(help="yes sends; without it, who would get what is shown.")] = "",
    to: Annotated[str, typer.Option(help="One address that gets all of them, as a test.")] = "",
    resolve: Annotated[str, typer.Option(help="What became of a message, as 3:sent or 3:again.")] = "",
    accept: Annotated[str, typer.Option(help="yes says that a month that is held is right.")] = "",
    settings: Annotated[Path, typer.Option(help="The dials.")] = _SETTINGS,
    output: Annotated[Path | None, typer.Option(help="Where the months' folders lie.")] = None,
) -> None:
    """Show who would get which brief, or send them; accept a month that is held."""
    if confirm not in ("", "yes"):
        raise ReportError(f"CONFIRM={confirm} sends nothing. To send: make send CONFIRM=yes.")
    if accept not in ("", "yes"):
        raise ReportError(
            f"ACCEPT={accept} accepts nothing. To accept a month that is held: make send ACCEPT=yes."
        )
    from report import sending  # noqa: PLC0415 - a report sends nothing, and need not wait for what does

    postman = _postman(settings, output)
    if resolve:
        raise typer.Exit(sending.resolve(postman, resolve, month=month, to=to))
    raise typer.Exit(
        sending.send_month(postman, month=month, confirm=bool(confirm), to=to, accept=bool(accept))
    )


@app.command()
def sample() -> None:
    """Write the synthetic months of data/, and the hashes by which they are known."""
    from segmentation.sample import MONTHS  # noqa: PLC0415 - nothing else needs them
    from segmentation.sample import make_month as make_sample  # noqa: PLC0415

    files.write_sample(files.ROOT / "data", {month: make_sample(month).csv() for month in MONTHS})


@app.command()
def schema() -> None:
    """Write the schema of facts.json."""
    files.write_json(files.ROOT / "docs" / "facts.schema.json", facts.schema())


@app.command()
def notebook() -> None:
    """Write the analysis as a notebook."""
    path = files.ROOT / "music_streaming_segmentation.ipynb"
    write_notebook(files.ROOT / "report" / "report.qmd", path)
    _out.print(
        f"{escape(str(files.shown(path)))}: open it in Jupyter; it shows the newest month that was made",
        soft_wrap=True,
    )


@contextlib.contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is done; a file, which may be on a full disk, is told the result alone."""
    if not _out.is_terminal:
        yield lambda _: None
        return
    with _out.status("Starting") as status:
        yield status.update


def _postman(settings: Path, output: Path | None) -> "sending.Postman":
    from report import sending  # noqa: PLC0415 - as above

    dials = read_settings(settings)
    return sending.Postman(
        output=output or files.ROOT / dials.data.output,
        data=files.ROOT / dials.data.folder,
        settings=dials,
        server=read_server(files.ROOT / ".env"),
        clock=_now,
        sleep=time.sleep,
        tell=print,
        mailed=files.ROOT / files.MAILED,
    )


def _check_owner(path: Path, dials: Settings, output: Path) -> None:
    """Refuse settings that lost their owner: the file may be empty, or cut off."""
    last = last_run(output)
    if last and last.owner and "owner" not in dials.mail.model_fields_set:
        raise SettingsError(
            f"{path}: names no owner under [mail], and at the last run it did. Restore the file; or write "
            'owner = "" under [mail], if nobody is to be told of a failure.'
        )


def _engine(said: str) -> Choice:
    if said in ("auto", "quarto", "embedded"):
        return said  # type: ignore[return-value]
    shown = f"ENGINE={said}" if re.fullmatch(r"[\w-]{1,12}", said) else "ENGINE"  # as in `check_month`
    raise ReportError(f"{shown} is no engine. Choose auto, quarto or embedded.")


def _tell(run: Run, names: Mapping[str, str], elsewhere: str) -> None:
    """End with a short table of the segments and where the files lie; the output folder is named where it isn't the usual one."""
    month, audit = run.facts, run.facts.audit
    _out.print(
        f"[bold]{words.month(month)}[/] · {thousands(audit.read)} rows read, {thousands(audit.read - audit.kept)} dropped, "
        f"{thousands(audit.kept)} users kept · {len(month.segments)} {words.noun(month)}s ({month.elbow.decided_by}) · "
        f"structure {words.strength(month)}",
        soft_wrap=True,
    )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for column in ("left", "right", "right", "right", "left"):
        table.add_column(justify=column)
    for segment in words.ranked(month):
        table.add_row(
            f"  [{theme.colour(segment.id)}]■[/] {escape(segment.name)}",
            thousands(segment.users),
            percent(segment.share),
            changes.said_of(month, segment),
            f"{segment.stability.grade} {likeness(segment.stability.jaccard)}",
        )
    _out.print(table)
    where = escape(str(files.shown(run.folder)))
    _out.print(f"  report      {where}/report.html", soft_wrap=True)
    _out.print(f"  executives  {where}/executive.pdf   {run.pages} pages", soft_wrap=True)
    _out.print(f"  profiles    {where}/profiles/   {len(month.segments)}", soft_wrap=True)
    briefs = (
        f"{len(month.segments)}, unsent: make send{elsewhere}"
        if month.structure.reliable
        else "none: no reliable segments"
    )
    _out.print(f"  briefs      {where}/briefs/   {briefs}", soft_wrap=True)
    if month.suspicions:
        _out.print(f"  [bold]held[/]        {escape(doubts.held(month))}", soft_wrap=True)
    if outdated := changes.outdated(month):
        _out.print(
            f"  [bold]names[/]       {escape(outdated)} Rename under \\[names] in settings.toml.",
            soft_wrap=True,
        )
    if gone := [id_ for id_ in names if id_ not in {segment.id for segment in month.segments}]:
        _out.print(
            f"  [bold]names[/]       {listed(gone)} under \\[names] in settings.toml: no such segment this month.",
            soft_wrap=True,
        )
    why = "" if run.engine == "quarto" else " (Quarto not found or not asked for)"
    why = f" (Quarto failed: {run.fallback.rstrip('.')})" if run.fallback else why
    _out.print(f"  rendered by the {run.engine} engine{escape(why)} in {run.seconds:.1f} s", soft_wrap=True)


def run() -> None:
    """Run the command line; what a person can correct ends in a sentence and exit code 1."""
    signal.signal(signal.SIGTERM, _stop)
    _speak_anywhere()
    try:
        code = app(standalone_mode=False)
    except (ReportError, SegmentationError, OSError, MemoryError) as error:
        _end(told(error))
    except typer.TyperException as error:  # an option that there isn't, or no command at all
        said = error.format_message().rstrip(".")  # nothing, where the help was shown
        said = "there is an argument too many" if "://" in said else said  # it may hold a password
        _end(f"{said}. See python -m report --help.", error.exit_code) if said else sys.exit(error.exit_code)
    except typer.Abort:
        code = _STOPPED
    except Exception as error:
        if os.environ.get("REPORT_DEBUG"):
            raise
        _end(told(error))
    if code == _STOPPED:
        left = {"send": "the ledger knows who has what. Run `make send` again"}
        print(f"Stopped; {left.get(_asked(), 'the last good report is as it was')}.", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _made_unseen(folder: Path, error: BaseException) -> None:
    """Say that a month is made though its summary can't be shown, if that can be said."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what is left to be written would fail once more, at the very end
    why = reason(error) if isinstance(error, OSError) else "nobody reads it"
    try:
        print(
            f"{files.shown(folder)} is made; its summary can't be shown ({why}).", file=sys.stderr, flush=True
        )
    except OSError:  # one log for both
        os.dup2(nowhere, 2)


def _speak_anywhere() -> None:
    """Let a terminal that knows no "·" show something else for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stop(*_: object) -> NoReturn:
    """End as Ctrl-C ends it: what is half made is gone, and nothing is left at work."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def _end(sentence: str, code: int = 1) -> NoReturn:
    print(f"make {_asked()}: {sentence}", file=sys.stderr)
    sys.exit(code)


def _asked() -> str:
    """Give the command that was asked for."""
    return next((word for word in sys.argv[1:2] if word == "send"), "report")
