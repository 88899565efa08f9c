"""Progress of adding documents and of encoding them, on stderr: documents, pages, pages a second, time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..ingest import pipeline
from ..ingest.changes import Wanted
from ..retrieval.encode import Encoded, encode
from ..retrieval.library import Library
from ..retrieval.optional import OptionalChannel
from ..retrieval.settings import Settings
from ..retrieval.terminal import shown


def run_with_progress(
    library: Library,
    wanted: Wanted,
    total: int,
    metadata: Mapping[str, object],
    *,
    prune: bool,
    on_progress: Callable[[pipeline.Progress], None],
) -> Iterator[pipeline.Outcome]:
    """Add documents; yields their outcomes. There is no bar when stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents, {task.fields[pages]} pages, {task.fields[rate]:.1f} pages/s,"),
        TextColumn("{task.fields[failed]} failed,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("adding", total=total, pages=0, rate=0.0, failed=0)
        written = failed = 0

        def show(event: pipeline.Progress) -> None:
            nonlocal written
            written += 1
            seconds = bar.tasks[0].elapsed or 1.0
            name = Path(event.path).name
            bar.update(
                task,
                description=f"{shown(name[:32])} {event.page}/{event.pages}",
                pages=written,
                rate=written / seconds,
            )
            on_progress(event)

        steps = pipeline.add(
            library,
            wanted.paths,
            password=wanted.password,
            metadata=metadata,
            include=wanted.include,
            exclude=wanted.exclude,
            retry_failed=wanted.retry_failed,
            prune=prune,
            on_progress=show,
        )
        for outcome in steps:
            failed += outcome.state == "failed"
            bar.update(task, advance=outcome.state != "removed", failed=failed)
            yield outcome


def encode_with_progress(settings: Settings, channel: OptionalChannel, *, rebuild: bool) -> Iterator[Encoded]:
    """Add a channel to a library; yields its steps. There is no bar when stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[new]} pages, {task.fields[rate]:.2f} pages/s,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    steps = encode(settings.library, channel, settings, rebuild=rebuild)
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(f"encoding for {channel}", total=None, new=0, rate=0.0)
        new = 0
        for step in steps:
            new += step.new
            seconds = bar.tasks[0].elapsed or 1.0
            name = Path(step.source).name
            bar.update(
                task,
                description=f"{shown(name[:32])} {step.pages}/{step.of}",
                total=step.library_pages,
                completed=step.library_done,
                new=new,
                rate=new / seconds,
            )
            yield step
