"""`pagesight add`: adding documents from a terminal, once or for as long as a folder changes."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..retrieval.errors import LibraryLocked
from .cli_options import (
    FAILED,
    JsonOption,
    LibraryOption,
    ModelsOption,
    ProfileOption,
    count,
    print_json,
    settings_for,
    short,
    tell,
)
from .meta_cli import MetaOption, read_pairs

if TYPE_CHECKING:
    from ..ingest.changes import Wanted
    from ..ingest.plan import Plan
    from ..ingest.report import Report
    from ..retrieval.settings import Settings

ESTIMATED_FROM = 5
"""New files from which an estimate is worth its second."""
SHOWN = 20
"""Failures that the summary repeats."""


def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, and folders with files in them.")],
    library: LibraryOption = None,
    password: Annotated[str | None, typer.Option(help="For encrypted documents.")] = None,
    meta: MetaOption = None,
    include: Annotated[
        list[str] | None,
        typer.Option(help="Of what is in folders only what fits this pattern: '*.pdf', '2021/*'. Repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Of what is in folders nothing that fits: 'drafts', '*-old.pdf'. Repeatable."),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove documents whose files left these folders.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files and pages again that could not be read before.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: add what comes or changes, until Ctrl-C.")] = False,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add documents: PDF, pictures and, with LibreOffice, Office files, HTML, Markdown, text and mail.

    What is there already, unchanged, costs no work.

    Ctrl-C stops after the pages in hand; the same command goes on there, also after a power cut.

    In a folder, metadata.csv or metadata.jsonl says what is known of the files there: a row a file, the column 'file'
    has its path from there, the other columns are keys. It is read again with each add.

    With --json, one object a line, its kind as 'event': plan, page, document (path, state: indexed, unchanged, partial,
    failed, removed, pages, reason, seconds), summary.
    """
    from ..ingest.changes import Wanted
    from ..ingest.watch import changes

    settings, metadata = settings_for(library, profile, models), read_pairs(meta)
    wanted = Wanted(paths, include or (), exclude or (), password, retry_failed)
    if dry_run:
        _dry_run(settings, wanted, prune=prune, as_json=as_json)
        return
    run = _Run(settings, wanted, metadata, prune=prune, as_json=as_json)
    if not watch:
        raise typer.Exit(FAILED if run.once().counts.get("failed") else 0)
    for _ in changes(wanted):
        try:
            run.once()
        except LibraryLocked as error:
            tell(f"pagesight: {error}", err=True)
        typer.echo("Watching; Ctrl-C stops.", err=True)


@dataclass
class _Run:
    settings: Settings
    wanted: Wanted
    metadata: Mapping[str, object]
    prune: bool
    as_json: bool

    def once(self) -> Report:
        from ..ingest.documents import display_path
        from ..ingest.plan import make_plan
        from ..ingest.report import Report
        from ..retrieval.opening import create_library
        from .progress import run_with_progress

        names = [display_path(path) for path in self.wanted.files()]
        total = len(names)
        with create_library(self.settings.library, self.settings) as library:
            new = len(set(names) - {source.path for source in library.catalog.sources()})
            if self.as_json or new >= ESTIMATED_FROM:
                self._tell(make_plan(library, self.settings, self.wanted, prune=self.prune))
            report = Report()
            with _stopping_gently() as stopped:

                def note_page(progress: Any) -> None:
                    event = report.page(progress)
                    if self.as_json:
                        print_json(event)
                    if stopped():
                        raise KeyboardInterrupt

                steps = run_with_progress(
                    library, self.wanted, total, self.metadata, prune=self.prune, on_progress=note_page
                )
                try:
                    for outcome in steps:
                        event = report.document(outcome)
                        print_json(event) if self.as_json else _show(outcome)
                        if stopped():
                            raise KeyboardInterrupt
                finally:
                    self._sum_up(report, total)
        return report

    def _tell(self, plan: Plan) -> None:
        if self.as_json:
            print_json({"event": "plan", **plan.to_dict()})
        elif plan.pages:
            typer.echo(_estimate(plan), err=True)
        there = next(one for one in (self.settings.library, *self.settings.library.absolute().parents) if one.exists())
        free = shutil.disk_usage(there).free
        if plan.bytes > free:
            room, needed = (f"{size / 1e9:,.1f} GB" for size in (free, plan.bytes))
            typer.echo(
                f"The disk has {room} free, and about {needed} are needed. What does not fit is left out, and the "
                "same command goes on when there is room.",
                err=True,
            )

    def _sum_up(self, report: Report, total: int) -> None:
        said = report.summary()
        if self.as_json:
            print_json(said)
            return
        if not total and not report.counts:
            typer.echo("Nothing to add: there is no document at that place.", err=True)
            return
        line = ", ".join(f"{number} {state}" for state, number in said["documents"].items()) or "nothing done"
        if report.pages:
            line += (
                f"; {count(report.pages, 'page')} in {_clock(said['seconds'])}, {said['pages_per_second']:.1f} a second"
            )
        typer.echo(line, err=True)
        if sum(report.counts.values()) > SHOWN and report.failures:
            typer.echo("Could not be read:", err=True)
            for reason in report.failures[:SHOWN]:
                tell(f"  {reason}", err=True)
            if len(report.failures) > SHOWN:
                typer.echo(f"  and {len(report.failures) - SHOWN} more: pagesight list", err=True)


def _show(outcome: Any) -> None:
    if outcome.state == "failed":
        tell(outcome.reason, err=True)
    elif outcome.state == "removed":
        typer.echo(f"{outcome.state:9} {short(outcome.path)}")
    else:
        reason = f" ({outcome.reason})" if outcome.reason else ""
        tell(f"{outcome.state:9} {short(outcome.path)}, {count(outcome.pages, 'page')}{reason}")


def _dry_run(settings: Settings, wanted: Wanted, *, prune: bool, as_json: bool) -> None:
    from ..ingest.plan import make_plan
    from ..retrieval.errors import LibraryNotFound
    from ..retrieval.opening import open_library

    try:
        with open_library(settings.library, settings) as library:
            plan = make_plan(library, settings, wanted, prune=prune)
    except LibraryNotFound:  # nor does a dry run make one
        plan = make_plan(None, settings, wanted)
    _show_plan(plan, as_json=as_json)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        for one in plan.files:
            print_json({"event": "file", "path": one.path, "change": one.change, "bytes": one.bytes})
        print_json({"event": "plan", **plan.to_dict()})
        return
    for one in plan.files:
        typer.echo(f"{one.change:9} {short(one.path)}")
    typer.echo(_estimate(plan), err=True)


def _estimate(plan: Plan) -> str:
    todo = plan.count("new", "changed", "again")
    if not todo:
        return "There is nothing to read."
    took = "" if plan.seconds is None else f", {_clock(plan.seconds)} at the speed so far"
    return f"{count(todo, 'file')} to read: about {count(plan.pages, 'page')}{took}, {plan.bytes / 1e6:,.0f} MB on disk"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def _stopping_gently() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is noted; pressed again, it stops at once. Says whether it was pressed."""
    asked = False

    def note(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        typer.echo("\nStopping after the pages in hand; Ctrl-C again stops at once.", err=True)

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread: nobody presses Ctrl-C there
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
