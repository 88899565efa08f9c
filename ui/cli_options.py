"""What the commands share: options, settings, opening a library, and how things are printed and written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..retrieval.errors import QueryError
from ..retrieval.terminal import shown, shown_json, shown_lines

if TYPE_CHECKING:
    from ..retrieval.library import Library
    from ..retrieval.scope import Where

LibraryOption = Annotated[
    Path | None,
    typer.Option("--library", "-l", help="Folder of the library; PAGESIGHT_LIBRARY, or 'library', when not given."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
KOption = Annotated[int, typer.Option("-k", help="How many pages to find, 1 to 1000.")]
DocumentOption = Annotated[
    list[str] | None,
    typer.Option("--document", "-d", help="Search inside this document only: file name, path or id. Repeatable."),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help="Search only where this holds: 'year >= 2022 and company in (Boeing, Airbus)'. Names are keys of metadata "
        "and document, folder, type, language (as uk) and figure.",
    ),
]

ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", help="Models of a new library: embedded, visual-small, visual; see 'pagesight models'."),
]
ModelsOption = Annotated[
    Path | None, typer.Option("--models", help="Folder with model folders in it, instead of the hub's cache.")
]

GeneratorOption = Annotated[
    str | None,
    typer.Option("--generator", help="What writes: extractive, transformers, openai, anthropic, gemini."),
]
ExportOption = Annotated[
    Path | None, typer.Option("--export", help="Write answers with their citations to this file: .md or .json.")
]
DocumentArgument = Annotated[str, typer.Argument(help="The document: file name, path or id.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")]


class Format(StrEnum):
    """How extracted data and summaries are written."""

    markdown = "markdown"
    json = "json"


FAILED = 1
WRONG_USAGE = 2


def settings_for(
    library: Path | None, profile: str | None = None, models: Path | None = None, generator: str | None = None
) -> Any:
    from ..retrieval.settings import Settings

    given = {"library": library, "profile": profile, "models": models, "generator": generator}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValueError as error:  # pydantic's own message runs over five lines
        first = getattr(error, "errors", list)()[0]
        name = ".".join(map(str, first["loc"]))
        raise QueryError(f"The setting {name} is {first['input']!r}: {first['msg'].lower()}.") from error


def open_for(library: Path | None, generator: str | None = None) -> Library:
    from ..retrieval.opening import open_library

    settings = settings_for(library, generator=generator)
    return open_library(settings.library, settings)


def where_for(documents: list[str] | None, where: str | None = None, figures: list[str] | None = None) -> Where:
    """The filters of the options together. Raises `QueryError` for one that is given in two ways."""
    from ..retrieval.where_text import parse_where

    written = parse_where(where) if where is not None else {}
    options = {name: values for name, values in (("document", documents), ("figure", figures)) if values}
    twice = written.keys() & options.keys()
    if twice:
        raise QueryError(f"{min(twice)!r} is asked for twice, by --where and by --{min(twice)}; keep one of them.")
    return {**written, **options}


def print_json(value: object) -> None:
    typer.echo(shown_json(value))


def short(path: str) -> str:
    """A path as seen from here, when it lies below, as one line that no terminal obeys."""
    return shown(path.removeprefix(os.path.join(os.getcwd(), "")))  # noqa: PTH109, PTH118 - text, maybe not a path


def tell(text: str, *, err: bool = False) -> None:
    """Print a line that may quote strangers."""
    typer.echo(shown(text), err=err)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def plain(text: str) -> str:
    """One line without control characters, which a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def write_to(file: Path | None, text: str) -> None:
    """Write to a file, or to stdout for `None`."""
    if file is None:
        typer.echo(shown_lines(text), nl=False)
    else:
        write_output(file, text)


def write_output(file: Path, text: str) -> None:
    """Write a file whole, and say so on stderr. A run that is stopped leaves the old one."""
    from ..retrieval.files import write_whole

    try:
        write_whole(file, text.encode())
        mask = os.umask(0)
        os.umask(mask)
        file.chmod(0o666 & ~mask)  # as other files of this person
    except OSError as error:
        raise QueryError(f"Cannot write {file}: {error.strerror or error}.") from error
    typer.echo(f"written to {file}", err=True)


@contextmanager
def page_counter() -> Iterator[Callable[[int, int], None]]:
    """A counter of pages on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    try:
        yield lambda done, total: typer.echo(f"\r{done} of {total}", nl=False, err=True)
    finally:
        typer.echo("\r\033[K", nl=False, err=True)


@contextmanager
def step_counter() -> Iterator[Callable[[str, int, int], None]]:
    """How far each of several things is, on stderr, where that is a terminal; said once a hundredth."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return

    def show(what: str, done: int, total: int) -> None:
        if done % max(total // 100, 1) == 0:
            typer.echo(f"\r\033[K{what}: {done} of {total}", nl=False, err=True)

    try:
        yield show
    finally:
        typer.echo("\r\033[K", nl=False, err=True)
