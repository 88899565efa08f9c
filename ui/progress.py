"""Progress of adding documents, on stderr: documents, pages, pages a second, time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..ingest import pipeline
from ..retrieval.library import Library


def run_with_progress(
    library: Library, paths: list[Path], total: int, *, password: str | None
) -> Iterator[pipeline.Outcome]:
    """Add documents; yields their outcomes. There is no bar when stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents, {task.fields[pages]} pages, {task.fields[rate]:.1f} pages/s,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("adding", total=total, pages=0, rate=0.0)
        written = 0

        def on_progress(event: pipeline.Progress) -> None:
            nonlocal written
            written += 1
            seconds = bar.tasks[0].elapsed or 1.0
            name = Path(event.path).name
            bar.update(
                task, description=f"{name[:32]} {event.page}/{event.pages}", pages=written, rate=written / seconds
            )

        for outcome in pipeline.add(library, paths, password=password, on_progress=on_progress):
            bar.advance(task)
            yield outcome
