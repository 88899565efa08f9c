"""The commands over metadata of documents: meta show, set and unset."""

from __future__ import annotations

from typing import Annotated

import typer

from ..retrieval.errors import MetadataError
from .cli_options import DocumentArgument, JsonOption, LibraryOption, count, open_for, plain, print_json

app = typer.Typer(
    name="meta",
    help="What is known of documents beside their text: text, numbers, dates, true or false, under keys of your own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

MetaOption = Annotated[
    list[str] | None,
    typer.Option("--meta", metavar="KEY=VALUE", help="Keep this of each of these documents, as year=2022. Repeatable."),
]

ORIGINS = ("the file", "a metadata file", "you")


def read_pairs(pairs: list[str] | None) -> dict[str, str]:
    """`key=value` each. Raises `MetadataError` for what is none."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise MetadataError(f"{pair!r} is no metadata; write KEY=VALUE, as year=2022.")
        found[key] = value
    return found


@app.command()
def show(document: DocumentArgument, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Show what is known of a document, and who says so."""
    from ..retrieval.facts import facts_of
    from ..retrieval.metadata import as_json as json_value
    from ..retrieval.metadata import spelled, type_of

    opened = open_for(library)
    entries = [
        {"document": id_, "key": key, "type": type_of(value), "value": value, "from": ORIGINS[origin]}
        for id_ in opened.resolve(document)
        for key, (value, origin) in facts_of(opened.catalog, id_).items()
    ]
    if as_json:
        print_json([entry | {"value": json_value(entry["value"])} for entry in entries])
        return
    for entry in entries:
        typer.echo(f"{entry['key']:20} {entry['type']:8} {plain(spelled(entry['value']))}   (from {entry['from']})")
    if not entries:
        typer.echo(f"Nothing is known of {document} yet.", err=True)


@app.command("set")
def set_(
    document: DocumentArgument,
    pairs: Annotated[list[str], typer.Argument(metavar="KEY=VALUE…", help="As year=2022 company='Boeing'.")],
    library: LibraryOption = None,
) -> None:
    """Keep something of a document; a key that it has gets the new value.

    2023-04-30 is a date, true and false are what they are, numbers are numbers, all else is text, and so is everything
    in double quotes. A key keeps its type across the library.
    """
    opened = open_for(library)
    ids = opened.resolve(document)
    with opened.writer() as writer:
        writer.set_metadata(ids, read_pairs(pairs))
    typer.echo(f"{count(len(pairs), 'key')} of {document} set")


@app.command()
def unset(
    document: DocumentArgument,
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="Keys to take out.")],
    library: LibraryOption = None,
) -> None:
    """Take keys out of a document. What a metadata file beside it says comes back with the next add."""
    from ..retrieval.metadata import read_key

    opened = open_for(library)
    ids = opened.resolve(document)
    with opened.writer() as writer:
        found = writer.unset_metadata(ids, [read_key(key) for key in keys])
    if not found:
        raise MetadataError(f"{document} has none of these keys; `pagesight meta show` lists those it has.")
    typer.echo(f"{count(found, 'key')} of {document} taken out")
