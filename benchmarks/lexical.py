"""Full text in tantivy, as the library has it, beside SQLite's FTS5: which the lexical channel should stand on.

    python benchmarks/lexical.py [--pages 10000] [--keep DIR] [--json FILE]

Pages are made up: 250 words each of a vocabulary of 200,000 by Zipf's law, 20 pages a document that share a subject of
200 words, a fifth of each page. A question is six words of a page: two of its subject, four of any. Both engines get
the same terms; `top` is the best hundred, `all` every page that matches, with its score, `in 5` the best hundred of
five documents, `in half` of half of all. Both commit each document to the disk when one is added to the full index.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from copies import machine

from pagesight.retrieval.analysis import query_terms, terms
from pagesight.retrieval.stores.tantivy_index import TantivyIndex

VOCABULARY, WORDS, SUBJECT, IN_DOCUMENT = 200_000, 250, 200, 20
TOGETHER = 50
"""Documents that are added in one step while building."""

_LETTERS = str.maketrans("0123456789", "bcdfghjklm")
"""Numbers as words that no stemmer touches."""


class Engine(Protocol):
    def add(self, documents: Mapping[str, Mapping[str, str]]) -> None: ...
    def search(self, words: Sequence[str], limit: int, documents: Sequence[str] | None = None) -> list[str]: ...
    def remove(self, document: str) -> None: ...


class Fts:
    """Pages in an FTS5 table, and beside it whose they are: its rows have numbers only."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "fts.sqlite")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(
            """CREATE TABLE IF NOT EXISTS rows (rowid INTEGER PRIMARY KEY, page TEXT UNIQUE, document TEXT);
               CREATE INDEX IF NOT EXISTS rows_document ON rows (document);
               CREATE VIRTUAL TABLE IF NOT EXISTS pages USING fts5(body);"""
        )

    def add(self, documents: Mapping[str, Mapping[str, str]]) -> None:
        with self._connection as connection:
            for document, pages in documents.items():
                for page, text in pages.items():
                    row = connection.execute("INSERT INTO rows (page, document) VALUES (?, ?)", (page, document))
                    body = " ".join(terms(text))
                    connection.execute("INSERT INTO pages (rowid, body) VALUES (?, ?)", (row.lastrowid, body))

    def search(self, words: Sequence[str], limit: int, documents: Sequence[str] | None = None) -> list[str]:
        statement = (
            "SELECT page, bm25(pages) AS score FROM pages JOIN rows ON rows.rowid = pages.rowid WHERE pages MATCH ?"
        )
        values: list[object] = [" OR ".join(f'"{word}"' for word in query_terms(" ".join(words)))]
        if documents is not None:
            statement += " AND document IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(documents))
        values.append(limit)
        return [page for page, _ in self._connection.execute(f"{statement} ORDER BY score LIMIT ?", values)]

    def remove(self, document: str) -> None:
        with self._connection as connection:
            connection.execute(
                "DELETE FROM pages WHERE rowid IN (SELECT rowid FROM rows WHERE document = ?)", (document,)
            )
            connection.execute("DELETE FROM rows WHERE document = ?", (document,))


class Tantivy:
    def __init__(self, folder: Path) -> None:
        self._index = TantivyIndex(folder)

    def add(self, documents: Mapping[str, Mapping[str, str]]) -> None:
        for document, pages in documents.items():
            self._index.add(document, {page: {"body": text} for page, text in pages.items()})

    def search(self, words: Sequence[str], limit: int, documents: Sequence[str] | None = None) -> list[str]:
        return list(self._index.search(" ".join(words), limit, documents))

    def remove(self, document: str) -> None:
        self._index.remove(document)

    def settle(self) -> None:
        self._index.settle()


def documents(pages: int, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, str]]]:
    chances = 1 / np.arange(1, VOCABULARY + 1)
    bounds = np.cumsum(chances / chances.sum())
    for number in range(pages // IN_DOCUMENT):
        subject = rng.integers(1000, VOCABULARY, SUBJECT)
        name, made = f"d{number:07d}", {}
        for page in range(1, IN_DOCUMENT + 1):
            own = np.searchsorted(bounds, rng.random(WORDS - WORDS // 5))
            shared = subject[rng.integers(0, SUBJECT, WORDS // 5)]
            made[f"{name}/{page}"] = " ".join(
                str(word).translate(_LETTERS) for word in (*shared.tolist(), *own.tolist())
            )
        yield name, made


def milliseconds(run: Callable[[int], object], count: int) -> dict[str, float]:
    taken = []
    for i in range(count):
        started = time.perf_counter()
        run(i)
        taken.append(1000 * (time.perf_counter() - started))
    return {"p50": round(statistics.median(taken), 2), "p95": round(sorted(taken)[int(0.95 * len(taken))], 2)}


def measure(make: Callable[[Path], Engine], folder: Path, pages: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    engine, taken, questions, some = make(folder), 0.0, [], dict[str, dict[str, str]]()
    every = max(1, pages // IN_DOCUMENT // 200)
    for number, (name, made) in enumerate(documents(pages, rng)):
        some[name] = made
        if number % every == 0:
            words = made[f"{name}/7"].split()
            questions.append([*words[:2], *words[60:64]])
        if len(some) == TOGETHER:
            started = time.perf_counter()
            engine.add(some)
            taken, some = taken + time.perf_counter() - started, {}
    started = time.perf_counter()
    engine.add(some)
    taken += time.perf_counter() - started
    names = [f"d{number:07d}" for number in range(0, pages // IN_DOCUMENT, 2)]
    report: dict[str, Any] = {
        "pages/s": round(pages / taken),
        "kB a page": round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / pages / 1000, 2),
    }
    for words in questions[:5]:
        engine.search(words, 100)
    report["all"] = milliseconds(lambda i: engine.search(questions[i], pages), len(questions))
    report["top"] = milliseconds(lambda i: engine.search(questions[i], 100), len(questions))
    report["in 5"] = milliseconds(lambda i: engine.search(questions[i], 100, names[i : i + 5]), len(questions))
    report["in half"] = milliseconds(lambda i: engine.search(questions[i], 100, names), 20)
    new = [
        {f"new{number}": {f"new{number}/{n}": text for n, text in enumerate(made.values(), start=1)}}
        for number, (_, made) in enumerate(documents(20 * IN_DOCUMENT, rng))
    ]
    report["add"] = milliseconds(lambda i: engine.add(new[i]), len(new))
    report["remove"] = milliseconds(lambda i: engine.remove(f"new{i}"), len(new))
    if isinstance(engine, Tantivy):
        engine.settle()
    again = time.perf_counter()
    make(folder).search(questions[0], 100)
    report["open, ms"] = round(1000 * (time.perf_counter() - again), 1)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="folder for the indexes; made anew")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    report: dict[str, Any] = {"machine": machine(), "pages": asked.pages}
    with tempfile.TemporaryDirectory() as folder:
        base = asked.keep or Path(folder)
        engines: dict[str, Callable[[Path], Engine]] = {"fts5": Fts, "tantivy": Tantivy}
        for name, make in engines.items():
            shutil.rmtree(base / name, ignore_errors=True)
            report[name] = measure(make, base / name, asked.pages)
    for name, value in report["fts5"].items():
        print(f"{name:10} {value!s:34} {report['tantivy'][name]}")
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
