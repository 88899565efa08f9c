"""Libraries as older versions of pagesight made them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from pagesight.retrieval.stores.multivectors import MultiVectorSegments
from pagesight.retrieval.stores.segment import PackedPage
from pagesight.retrieval.stores.tantivy_index import TantivyIndex
from pagesight.retrieval.stores.text_rows import rows_of

CATALOG_2 = """
CREATE TABLE documents (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    title       TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    pages       INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('indexed', 'partial')),
    reason      TEXT,
    added       TEXT NOT NULL,
    seconds     REAL NOT NULL
);
CREATE TABLE sources (
    path        TEXT PRIMARY KEY,
    document    TEXT REFERENCES documents (id) ON DELETE CASCADE,
    bytes       INTEGER,
    modified    INTEGER,
    reason      TEXT,
    seen        TEXT NOT NULL
);
CREATE INDEX sources_document ON sources (document);
CREATE TABLE pages (
    id          TEXT PRIMARY KEY,
    document    TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    width       REAL NOT NULL,
    height      REAL NOT NULL,
    rotation    INTEGER NOT NULL,
    text        TEXT,
    text_origin TEXT NOT NULL CHECK (text_origin IN ('layer', 'ocr', 'none')),
    words       BLOB,
    passages    TEXT NOT NULL DEFAULT '[]',
    image_sha   TEXT,
    failure     TEXT,
    UNIQUE (document, number)
);
CREATE TABLE figures (
    id          TEXT PRIMARY KEY,
    page        TEXT NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('picture', 'drawing', 'page')),
    x0          REAL NOT NULL,
    y0          REAL NOT NULL,
    x1          REAL NOT NULL,
    y1          REAL NOT NULL,
    hash        INTEGER,
    tags        TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX figures_page ON figures (page);
CREATE TABLE jobs (
    document    TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('add', 'remove')),
    begun       TEXT NOT NULL
);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO counters VALUES ('generation', 0);
"""
"""The catalog of format 2."""


def as_format_2(library: Path) -> None:
    """Turn a library into what it would have been in format 2."""
    with closing(sqlite3.connect(library / "catalog.sqlite")) as new:
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old_path = library / "old.sqlite"
    with closing(sqlite3.connect(old_path)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.executescript(CATALOG_2)
        old.execute("ATTACH ? AS new", (str(library / "catalog.sqlite"),))
        old.execute("DELETE FROM counters")
        for (table,) in old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
        old.commit()
    for suffix in ("-wal", "-shm"):
        (library / f"catalog.sqlite{suffix}").unlink(missing_ok=True)
    shutil.move(old_path, library / "catalog.sqlite")
    for channel in (library / "multivectors").iterdir():
        as_batches(channel)
    as_fts(library / "lexical")
    entries = json.loads((library / "library.json").read_text())
    (library / "library.json").write_text(json.dumps(entries | {"format": 2}))


def as_fts(folder: Path) -> None:
    """Turn the full text into what formats 2 to 5 had of pages: SQLite's FTS5, with terms in the place of texts."""
    index = TantivyIndex(folder)
    searcher = index._pages.searcher()
    assert searcher is not None
    pages = {
        page: (document, row)
        for document in index.documents()
        for page, row in rows_of(searcher, index._pages.schema, document)
    }
    for part in folder.iterdir():
        shutil.rmtree(part)
    with closing(sqlite3.connect(folder / "fts.sqlite")) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.execute("CREATE TABLE rows (rowid INTEGER PRIMARY KEY, page TEXT UNIQUE, document TEXT)")
        old.execute("CREATE VIRTUAL TABLE pages USING fts5(body, headings, title, name)")
        for number, (page, (document, row)) in enumerate(pages.items(), start=1):
            texts = [row[name] for name in ("body", "headings", "title", "name")]
            old.execute("INSERT INTO rows VALUES (?, ?, ?)", (number, page, document))
            old.execute(
                "INSERT INTO pages (rowid, body, headings, title, name) VALUES (?, ?, ?, ?, ?)", (number, *texts)
            )
        old.commit()


def as_batches(store: Path) -> None:
    """Turn segments of pages of many vectors into the folders that formats 2 and 3 had."""
    snapshot = MultiVectorSegments(store)._now()
    documents: dict[str, list[PackedPage]] = defaultdict(list)
    for number in snapshot.alive.tolist():
        segment, i = snapshot.place(number)
        documents[segment.id(i).rpartition("/")[0]].append(segment.packed(i))
    folders = list(store.iterdir())
    for document, pages in documents.items():
        for begin in range(0, len(pages), 8):
            write_batch(store / f"{document}-{begin // 8:06d}", pages[begin : begin + 8])
    for folder in folders:
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def write_batch(folder: Path, pages: Sequence[PackedPage]) -> None:
    """Some pages as formats 2 and 3 stored them."""
    folder.mkdir(parents=True)
    lengths = [np.diff(page.groups, prepend=0) for page in pages]
    arrays = {
        "rows": np.concatenate([(page.rows ^ np.uint8(128)).view(np.int8) for page in pages]),
        "scales": np.array([page.scale for page in pages], np.float32),
        "offsets": np.cumsum([0, *(len(page.rows) for page in pages)], dtype=np.int64),
        "boxes": np.concatenate([page.boxes for page in pages]),
        "groups": np.concatenate([np.repeat(np.arange(len(one), dtype=np.int32), one) for one in lengths]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    sums = {name: hashlib.sha256((folder / f"{name}.npy").read_bytes()).hexdigest() for name in arrays}
    (folder / "manifest.json").write_text(json.dumps({"pages": [page.id for page in pages], "sha256": sums}))
