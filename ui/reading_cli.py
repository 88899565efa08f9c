"""The commands that read whole documents and figures: describe, analyze, compare and summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..retrieval.errors import QueryError
from .cli_options import (
    DocumentArgument,
    Format,
    GeneratorOption,
    JsonOption,
    LibraryOption,
    OutputOption,
    open_for,
    page_counter,
    plain,
    print_json,
    write_to,
)

if TYPE_CHECKING:
    from ..generation.chat import ChatModel
    from ..generation.extract_compare import Comparison
    from ..retrieval.library import Library

analyze_app = typer.Typer(
    name="analyze",
    help="What a figure says, as data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

OneDocumentPage = Annotated[int, typer.Option("--page", "-p", min=1, help="The page, from 1.")]


def describe(
    document: DocumentArgument,
    page: OneDocumentPage,
    library: LibraryOption = None,
    generator: GeneratorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the figures of a page show, for people who cannot see them. Needs a model that sees."""
    from ..generation.extract_figures import describe as describe_figures

    opened = open_for(library, generator)
    chat = _need_chat(opened, "describe")
    found = describe_figures(opened, opened.page(document, page), chat)
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    if not found:
        typer.echo(f"There is no figure on page {page} of {document}.", err=True)
    for number, one in enumerate(found, start=1):
        typer.echo(f"{number}. {plain(one.alt)}\n   {plain(one.caption)}")


@analyze_app.command()
def chart(
    document: DocumentArgument,
    page: OneDocumentPage,
    library: LibraryOption = None,
    generator: GeneratorOption = None,
    figure: Annotated[
        int | None, typer.Option("--figure", min=1, help="Which figure of the page, from 1; the largest by default.")
    ] = None,
) -> None:
    """Read a chart's type, axes, series and trend, as JSON. Needs a model that sees."""
    from ..generation.extract_figures import analyze_chart

    opened = open_for(library, generator)
    chat = _need_chat(opened, "analyze chart")
    print_json(analyze_chart(opened, opened.page(document, page), chat, figure).to_dict())


def compare(
    first: Annotated[str, typer.Argument(help="The document before: file name, path or id.")],
    second: Annotated[str, typer.Argument(help="The document after.")],
    library: LibraryOption = None,
    generator: GeneratorOption = None,
    summary: Annotated[bool, typer.Option("--summary", help="Have a model write what the changes amount to.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the texts of two documents: what was added (+), removed (-) and changed, and which figures."""
    from ..generation.extract_compare import compare as compare_documents

    opened = open_for(library, generator)
    chat = _need_chat(opened, "compare --summary") if summary else None
    with page_counter() as progress:
        found = compare_documents(opened, first, second, chat, progress)
    if as_json:
        print_json(found.to_dict())
    else:
        _print_changes(found)


def summary(
    document: DocumentArgument,
    library: LibraryOption = None,
    generator: GeneratorOption = None,
    question: Annotated[
        str | None, typer.Option("--question", "-q", help="Answer this from every page, instead of a summary.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="How it is written.")] = Format.markdown,
    output: OutputOption = None,
) -> None:
    """Summarise a document from all of its pages, with page citations. Needs a model."""
    from ..generation.export import export_answer
    from ..generation.extract_summary import ask_document, summarise

    opened = open_for(library, generator)
    chat = _need_chat(opened, "summary")
    with page_counter() as progress:
        if question:
            answer = ask_document(opened, document, question, chat, progress)
        else:
            answer = summarise(opened, document, chat, progress)
    write_to(output, export_answer(answer, form.value))


def _need_chat(library: Library, command: str) -> ChatModel:
    from ..generation.models import make_chat

    chat = make_chat(library.settings)
    if chat is None:
        raise QueryError(
            f"'{command}' needs a model that writes: give --generator openai, anthropic, gemini or transformers, "
            "and set PAGESIGHT_GENERATOR_MODEL to its name."
        )
    return chat


def _print_changes(found: Comparison) -> None:
    if not found.changes:
        typer.echo("The texts are the same.")
    for change in found.changes:
        for sign, places in (("-", change.before), ("+", change.after)):
            for place in places:
                typer.echo(f"{sign} page {place.page.number}: {plain(place.quote)}")
        for before, after in change.numbers:
            typer.echo(f"  figure: {before or 'none'} -> {after or 'none'}")
    if found.summary:
        typer.echo(f"\n{found.summary}")
    typer.echo(f"{found.same:.0%} of the words are the same.", err=True)
