"""The commands that ask: search, ask and chat."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..retrieval.errors import QueryError
from ..retrieval.terminal import shown_lines
from .cli_options import (
    DocumentOption,
    ExportOption,
    GeneratorOption,
    JsonOption,
    KOption,
    LibraryOption,
    WhereOption,
    open_for,
    print_json,
    short,
    tell,
    where_for,
    write_output,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..retrieval.library import Library
    from ..retrieval.scope import Where
    from ..retrieval.types import Answer, Hit, Usage


def search(
    question: Annotated[str, typer.Argument(help="What to look for, in words.")] = "",
    library: LibraryOption = None,
    k: KOption = 5,
    document: DocumentOption = None,
    where: WhereOption = None,
    figure: Annotated[
        list[str] | None,
        typer.Option("--figure", help="Only pages with a figure that shows this: chart, table, photo, … Repeatable."),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", help="Look for a picture: a screenshot, a crop or a photo, alone or with words."),
    ] = None,
    per_document: Annotated[
        int | None, typer.Option("--per-document", min=1, help="At most so many pages of one document.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option("--min-score", help="The least score of a page; 0 is the average of the candidates.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find pages, best first, with the score of each channel and the place on the page that speaks for it."""
    if not question.strip() and image is None:
        raise QueryError("The question is empty: give words, or a picture with --image.")
    opened = open_for(library)
    picture = None
    if image is not None:
        from ..retrieval.picture_query import read_picture

        picture = read_picture(image, opened.settings)
    narrowed = where_for(document, where, figure)
    hits = opened.retrieve(question, k=k, where=narrowed, image=picture, per_document=per_document, min_score=min_score)
    if picture is not None:
        tell(_how_read(picture.text, [name for hit in hits[:1] for name in hit.channels]), err=True)
    if as_json:
        print_json([hit.to_dict() for hit in hits])
        return
    for hit in hits:
        channels = "  ".join(f"{name} {entry.score:.2f} (#{entry.rank})" for name, entry in hit.channels.items())
        typer.echo(f"{hit.rank}. {short(hit.page.source)}, page {hit.page.number}   {hit.score:.2f}   {channels}")
        for place in hit.evidence[:1]:
            tell(f"     {place.text[:160]}")
        if hit.copies:
            page, more = hit.copies[0], len(hit.copies) - 1
            tell(f"     the same: {short(page.source)}, page {page.number}" + (f", and {more} more" if more else ""))
    _offer(opened, question)


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    library: LibraryOption = None,
    k: KOption = 5,
    document: DocumentOption = None,
    where: WhereOption = None,
    generator: GeneratorOption = None,
    export: ExportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the documents, with page citations; or say that they do not answer it.

    Only the generators openai, anthropic and gemini send anything away: the question and the pages found.
    """
    opened = open_for(library, generator)
    _write_export(export, [ask_once(opened, question, k, where_for(document, where), as_json)])
    _offer(opened, question)


def _offer(library: Library, question: str) -> None:
    """Say how a word may have been meant that no document has."""
    if meant := library.suggest(question):
        tell(f"Did you mean: {meant}", err=True)


def chat(
    library: LibraryOption = None,
    k: KOption = 5,
    document: DocumentOption = None,
    where: WhereOption = None,
    generator: GeneratorOption = None,
    export: ExportOption = None,
) -> None:
    """Ask one question after the other, a line each, from the terminal or a pipe; an empty line ends it.

    A follow-up may leave out what was said before, and "only in this document" keeps to what the last answer cites.
    """
    from ..generation.conversation import documents_meant
    from .conversation import standalone_for

    opened, limits = open_for(library, generator), where_for(document, where)
    answers: list[Answer] = []
    try:
        while question := _next_question():
            meant = documents_meant(answers, question)
            inside = {**limits, "document": meant} if meant else limits
            asked = standalone_for(opened, answers, question)
            if asked != question:
                tell(f"(asked as: {asked})", err=True)
            answers.append(ask_once(opened, asked, k, inside, as_json=False, history=answers))
            typer.echo("")
    finally:
        _write_export(export, answers)


def ask_once(
    library: Library,
    question: str,
    k: int,
    where: Where | None,
    as_json: bool,
    history: Sequence[Answer] = (),
) -> Answer:
    from ..generation.answering import stream_answer
    from .conversation import generator_for

    hits = library.retrieve(question, k=k, where=where)
    for piece in stream_answer(library, question, hits, generator=generator_for(library, history)):
        if not isinstance(piece, str):
            if as_json:
                print_json(piece.to_dict())
            else:
                _print_sources(piece, hits)
            return piece
        if not as_json:
            typer.echo(shown_lines(piece), nl=False)
    raise AssertionError("a stream ends with its answer")


def _next_question() -> str:
    """The next line of stdin; with a prompt when a person types it. Empty at the end."""
    if sys.stdin.isatty():
        typer.echo("> ", nl=False, err=True)
    return sys.stdin.readline().strip()


def _write_export(file: Path | None, answers: list[Answer]) -> None:
    if file is None:
        return
    from ..generation.export import export_answer, export_chat

    form = "json" if file.suffix.lower() == ".json" else "markdown"
    text = export_answer(answers[0], form) if len(answers) == 1 else export_chat(answers, form)
    write_output(file, text)


def _print_sources(answer: Answer, hits: list[Hit]) -> None:
    if answer.abstained:
        tell(f"The documents do not answer this. {answer.reason}")
        if hits:
            page = hits[0].page
            typer.echo(f"The closest page is {short(page.source)}, page {page.number}.")
        return
    typer.echo("\n")
    pages = {citation.marker: citation.page for citation in answer.citations}
    for marker, page in sorted(pages.items()):
        typer.echo(f"[{marker}] {short(page.source)}, page {page.number}")
    for start, end in answer.unsupported:
        tell(f"No place in these pages bears this out: {answer.text[start:end]}")
    if answer.usage is not None:
        typer.echo(_cost(answer.usage), err=True)


def _cost(usage: Usage) -> str:
    """What an answer took, in a line."""
    parts = [
        f"{count:,} tokens {what}"
        for count, what in ((usage.input_tokens, "read"), (usage.output_tokens, "written"))
        if count is not None
    ]
    if usage.dollars is not None:
        parts.append(f"${usage.dollars:.4f}")
    return ", ".join(parts)


def _how_read(text: str, channels: list[str]) -> str:
    """What was made of a picture, in a line."""
    words = " ".join(text.split())
    read = f"read by OCR: {words[:100]}{'…' if len(words) > 100 else ''}" if words else "no words read by OCR"
    return (
        f"The picture was {read if words else 'looked at; ' + read}. Compared by: {', '.join(channels) or 'nothing'}."
    )
