"""`pagesight extract`: tables and fields out of documents."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..retrieval.errors import QueryError
from .cli_options import (
    DocumentArgument,
    Format,
    GeneratorOption,
    LibraryOption,
    OutputOption,
    open_for,
    page_counter,
    tell,
    write_output,
    write_to,
)

if TYPE_CHECKING:
    from ..generation.tables import Table
    from ..retrieval.types import Page

app = typer.Typer(
    name="extract",
    help="Tables and fields out of documents, each value with its place.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class TableFormat(StrEnum):
    """How tables are written."""

    csv = "csv"
    markdown = "markdown"
    json = "json"


PageOption = Annotated[int | None, typer.Option("--page", "-p", min=1, help="This page only, from 1.")]
PagesOption = Annotated[
    list[int] | None, typer.Option("--page", "-p", min=1, help="This page only, from 1. Repeatable.")
]


@app.command()
def tables(
    document: DocumentArgument,
    library: LibraryOption = None,
    page: PageOption = None,
    form: Annotated[TableFormat, typer.Option("--format", "-f", help="How tables are written.")] = TableFormat.csv,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file for all tables, or a folder for one file a table."),
    ] = None,
) -> None:
    """Write the tables of a document, or of one page of it. No model.

    JSON has every cell with its box, in points from the top left corner of the page.
    """
    from ..generation.extract_prompts import pages_of
    from ..generation.tables import tables_of

    opened = open_for(library)
    found = [
        (one, number, table)
        for one in pages_of(opened, document, None if page is None else [page])
        for number, table in enumerate(tables_of(opened, one), start=1)
    ]
    typer.echo(f"{len(found)} table{'' if len(found) == 1 else 's'} in {document}.", err=True)
    if output is not None and (output.is_dir() or not output.suffix):
        output.mkdir(parents=True, exist_ok=True)
        suffix = {"csv": "csv", "markdown": "md", "json": "json"}[form.value]
        for one, number, table in found:
            name = f"{_file_stem(one)}-page-{one.number}-table-{number}.{suffix}"
            write_output(output / name, _tables_as([(one, number, table)], form))
        return
    write_to(output, _tables_as(found, form))


@app.command()
def fields(
    document: DocumentArgument,
    schema: Annotated[Path, typer.Option("--schema", "-s", help="File with a JSON Schema of what to extract.")],
    library: LibraryOption = None,
    page: PagesOption = None,
    generator: GeneratorOption = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="How the fields are written.")] = Format.json,
    output: OutputOption = None,
) -> None:
    """Extract fields by a JSON Schema, each with the page and the place it stands on.

    With a generator that is a model, any schema; with `extractive`, properties that stand by a label of their name.
    """
    from ..generation.export import export_extraction
    from ..generation.extraction import extract_fields
    from ..generation.models import make_chat

    opened = open_for(library, generator)
    wanted, chat = _read_schema(schema), make_chat(opened.settings)
    with page_counter() as progress:
        extraction = extract_fields(opened, document, wanted, chat, pages=page, on_progress=progress)
    for problem in extraction.problems:
        tell(problem, err=True)
    write_to(output, export_extraction(extraction, form.value))


def _read_schema(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise QueryError(f"Cannot read the schema {file}: {error.strerror or error}.") from error
    except ValueError as error:
        raise QueryError(f"The schema {file} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise QueryError(f"The schema {file} is no JSON object.")
    return found


def _tables_as(found: list[tuple[Page, int, Table]], form: TableFormat) -> str:
    if form is TableFormat.json:
        entries = [
            {"source": page.source, "document": page.document, "page": page.number, "table": number, **table.to_dict()}
            for page, number, table in found
        ]
        return json.dumps(entries, ensure_ascii=False, indent=2) + "\n"
    texts = [table.to_csv() if form is TableFormat.csv else table.to_markdown() for _, _, table in found]
    return "\n".join(texts)


def _file_stem(page: Page) -> str:
    """A document's name as part of a file's: letters, digits, dots and dashes of any script."""
    return re.sub(r"[^\w.-]+", "-", Path(page.source).stem).strip("-.") or page.document[:12]
