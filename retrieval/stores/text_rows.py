"""The rows of the full text: a page's, of its fields as terms, and a document's, of its pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tantivy import IndexWriter, Schema, Searcher

FIELDS = {"body": 1, "headings": 2, "title": 1, "name": 1}
"""Field to weight. Title and file name stand on every page of a document: they let its identity speak for its pages."""

FRONT = 2
"""Pages at the front of a document, which with title and file name make its identity, by which questions name it. A
company that ten reports speak of heads only its own, so that its name is rare here and common in the texts. A document
that has not twice as many pages is its pages, and they speak for themselves."""

TEXT, WHOLE, IDENTITY = "text", "whole", "identity"
"""What is searched: of a page, of a document as one text, and of what a document is named by."""


def schema_of(key: str, fields: Sequence[str], *, stored: bool = False) -> Schema:
    """`key`: what a row is of. `stored`: with the fields as terms, so that rows can be made again."""
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    for field in fields:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="position")
    for field in dict.fromkeys((key, "document")):
        builder.add_text_field(field, stored=field == key, tokenizer_name="raw", index_option="basic")
    if stored:
        builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
        builder.add_bytes_field("row", stored=True, indexed=False)
    return builder.build()


def put_page(writer: IndexWriter, page: str, document: str, language: str, fields: Mapping[str, str]) -> None:
    from tantivy import Document

    text = " ".join(fields[name] for name, weight in FIELDS.items() for _ in range(weight) if fields[name])
    row = json.dumps({"language": language, **fields}, ensure_ascii=False).encode()
    writer.add_document(Document(text=[text], page=[page], document=[document], language=[language], row=[row]))


def put_document(writer: IndexWriter, document: str, rows: Sequence[Mapping[str, str]]) -> None:
    """`rows`: the fields of its pages. Title and name stand on every page; the document has them once."""
    from tantivy import Document

    once = [rows[0]["title"], rows[0]["name"]]
    pages = [row[name] for row in rows for name in ("body", "headings") for _ in range(FIELDS[name])]
    front = [row["body"] for row in rows[:FRONT]] if len(rows) >= 2 * FRONT else []
    writer.add_document(
        Document(document=[document], whole=[" ".join([*pages, *once])], identity=[" ".join([*front, *once])])
    )


def rows_of(searcher: Searcher, schema: Schema, document: str) -> list[tuple[str, dict[str, str]]]:
    """The pages of a document, in order, with what was put into them."""
    from tantivy import Query

    count = searcher.doc_freq("document", document)
    if not count:
        return []
    hits = searcher.search(Query.term_query(schema, "document", document, "basic"), count, count=False).hits
    found = [(str(row["page"][0]), json.loads(row["row"][0])) for row in (searcher.doc(address) for _, address in hits)]
    return sorted(found, key=lambda one: int(one[0].rpartition("/")[2]))
