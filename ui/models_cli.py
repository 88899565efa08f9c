"""`pagesight models`: which models the profiles name, what they cost, fetching them, and checking them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..retrieval.hub import Installed, Plan, Progress
    from ..retrieval.profiles import ModelCard

app = typer.Typer(
    name="models",
    help="Models: what the profiles need, before anything is fetched; fetch them, list them, check them.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DAMAGED = 1


@app.callback()
def show(context: typer.Context, as_json: JsonOption = False) -> None:
    """Models: what the profiles need, before anything is fetched; fetch them, list them, check them.

    Without a command, the profiles and their models: licence, download, memory, speed, and what is there already.
    """
    if context.invoked_subcommand is not None:
        return
    from ..retrieval.profiles import model_cards, profiles

    there = {entry.name for entry in _installed() if entry.whole}
    named = {card.name for profile in profiles() for card in profile.models}
    others = [card for card in model_cards() if card.name not in named]
    if as_json:
        _print_json(
            {
                "profiles": [
                    {"name": profile.name, "about": profile.about, "models": [card.name for card in profile.models]}
                    for profile in profiles()
                ],
                "models": [_to_dict(card, card.name in there) for card in model_cards()],
            }
        )
        return
    for profile in profiles():
        typer.echo(f"{profile.name}: {profile.about}")
        if profile.models:
            typer.echo(f"  {_cost(profile.models, profile.download_bytes)}")
            _print_cards(profile.models, there)
        typer.echo("")
    typer.echo("Others that can be named in place of these:")
    _print_cards(others, there)
    typer.echo("\nFetch a profile, or single models, with: pagesight models pull NAME", err=True)


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(help="Profiles, and models as owner/name or owner/name@revision.")],
) -> None:
    """Fetch models into the cache that huggingface_hub keeps (HF_HOME), once. What is there is not fetched again.

    Stopped halfway, the same command goes on where it ended. Nothing else of pagesight fetches anything.
    """
    from ..retrieval.hub import fetch, plan
    from ..retrieval.profiles import card, gigabytes, profile, profiles

    wanted: list[str] = []
    for name in names:
        if name in {entry.name for entry in profiles()}:
            wanted += [entry.pinned for entry in profile(name).models]
            if not profile(name).models:
                typer.echo(f"{name} needs no download: all of it is installed.")
        else:
            known = card(name)
            wanted.append(known.pinned if known else name)
    if not wanted:
        return
    cards = [known for model in wanted if (known := card(model))]
    plans = plan(wanted)
    missing, total = sum(entry.missing for entry in plans), sum(entry.bytes for entry in plans)
    typer.echo(f"{gigabytes(missing)} to fetch of {gigabytes(total)}; {_memory(cards)}", err=True)
    for entry in cards:
        if not entry.permissive:
            licences = " and ".join(dict.fromkeys((entry.licence, entry.base_licence)))
            typer.echo(f"{entry.name}: the licence is {licences}; check that you may use it.", err=True)
    with _progress(missing) as on_progress:
        fetch(plans, on_progress=on_progress)
    for entry in plans:
        typer.echo(f"{_state(entry):8} {entry.model}@{entry.revision[:8]}  {gigabytes(entry.bytes)}")


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models that are on this machine, in the cache that huggingface_hub keeps."""
    from ..retrieval.profiles import card, gigabytes

    entries = _installed()
    if as_json:
        _print_json(
            [
                {
                    "name": entry.name,
                    "revision": entry.revision,
                    "bytes": entry.bytes,
                    "folder": str(entry.folder),
                    "whole": entry.whole,
                }
                for entry in entries
            ]
        )
        return
    for entry in entries:
        known = card(entry.name)
        role = known.role if known else "-"
        state = "" if entry.whole else "  not whole; fetch it again"
        typer.echo(f"{role:9} {entry.name}@{entry.revision[:8]}  {gigabytes(entry.bytes)}{state}")
    if not entries:
        typer.echo("No models are here; the profile embedded needs none.", err=True)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all that are here when none is named.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Remove what is damaged and fetch it again.")] = False,
) -> None:
    """Compare every byte of the fetched models with the hashes that the hub gave. Exit 1 when something is damaged."""
    from ..retrieval.hub import forget, pull
    from ..retrieval.hub import verify as check

    damaged = False
    for name in names or [f"{entry.name}@{entry.revision}" for entry in _installed()]:
        found = list(check(name))
        for damage in found:
            typer.echo(str(damage))
        if found and repair:
            for damage in found:
                forget(damage)
            pull(name)
            typer.echo(f"repaired {name}")
            found = list(check(name))
        if not found:
            typer.echo(f"ok       {name}")
        damaged = damaged or bool(found)
    raise typer.Exit(DAMAGED if damaged else 0)


def _installed() -> list[Installed]:
    from ..retrieval.hub import installed

    return installed()


def _print_cards(cards: tuple[ModelCard, ...] | list[ModelCard], there: set[str]) -> None:
    from ..retrieval.profiles import gigabytes, memory_need

    rows = [("role", "model", "licence", "download", "memory 16-bit", "float32", "s/page on CPU", "")]
    for card in cards:
        licence = card.licence if card.permissive else f"{card.licence}, base {card.base_licence}"
        rows.append(
            (
                card.role,
                f"{card.name}@{card.revision[:8]}" if card.revision else f"{card.name} (not pinned)",
                licence,
                gigabytes(card.download_bytes),
                gigabytes(memory_need(card, "bfloat16")),
                gigabytes(memory_need(card, "float32")),
                _seconds(card),
                "installed" if card.name in there else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        typer.echo(f"  {line.rstrip()}")


def _seconds(card: ModelCard) -> str:
    """Expected seconds a page on a CPU; only encoders see every page."""
    if card.role not in ("visual", "image"):
        return "-"
    seconds = card.cpu_seconds_per_page
    return "not measured" if seconds is None else f"{seconds:.2g}"


def _cost(cards: tuple[ModelCard, ...], download: int) -> str:
    from ..retrieval.profiles import gigabytes

    return f"{gigabytes(download)} to download; {_memory(cards)}"


def _memory(cards: tuple[ModelCard, ...] | list[ModelCard]) -> str:
    from ..retrieval.profiles import Profile, gigabytes, memory_need

    if not cards:
        return "how much memory they take is known once they are here"
    together = Profile("", "", tuple(cards))
    half, full = memory_need(together, "bfloat16"), memory_need(together, "float32")
    return f"in memory {gigabytes(half)} (16-bit, GPU) or {gigabytes(full)} (float32, CPU)"


def _state(plan: Plan) -> str:
    return "fetched" if plan.missing else "there"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr; none when that is no terminal or nothing is to be fetched."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    hidden = not sys.stderr.isatty() or not total
    with Bar(*columns, console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task("fetching", total=total)

        def on_progress(event: Progress) -> None:
            bar.update(task, description=event.model.rpartition("/")[2][:40], advance=event.fetched)

        yield on_progress


def _to_dict(card: ModelCard, there: bool) -> dict[str, Any]:
    from ..retrieval.profiles import memory_need

    memory = {"bfloat16": memory_need(card, "bfloat16"), "float32": memory_need(card, "float32")}
    return asdict(card) | {"permissive": card.permissive, "memory_bytes": memory, "installed": there}


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
