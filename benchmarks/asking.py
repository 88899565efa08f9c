"""Questions with answers, for the scripts that measure answering: of the samples, and of sets of documents."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval_quality import open_set

from pagesight.ingest import add
from pagesight.retrieval import Library, create_library

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what answers it."""

    set: str
    text: str
    answers: tuple[str, ...]
    """Each one alone is right; none when nothing in the documents answers."""
    answerable: bool
    document: str | None
    """The file to search in; `None` for the whole set."""
    pages: frozenset[tuple[str, int]]
    """File name and number of the pages that answer."""
    group: str
    """Questions of one group are left out together in cross-validation: those of one document."""

    @property
    def kind(self) -> str:
        """`number`, `list` or `string`: what the answer is."""
        first = self.answers[0].strip() if self.answers else ""
        if first.startswith("[") or first.count(",") >= 2:
            return "list"
        return "number" if first and sum(letter.isdigit() for letter in first) * 2 >= len(first) else "string"


def sample_questions() -> list[Asked]:
    """Those of `data/questions.jsonl`; an unanswerable one has no document and is a group of its own."""
    entries = [json.loads(line) for line in (ROOT / "data" / "questions.jsonl").read_text().splitlines()]
    return [
        Asked(
            "samples",
            entry["question"],
            (entry["answer"],) if entry["answerable"] else (),
            entry["answerable"],
            None,
            frozenset((entry["document"], page) for page in entry["pages"]),
            entry["document"] or entry["id"],
        )
        for entry in entries
    ]


def set_questions(folder: Path, sets: Sequence[str]) -> list[Asked]:
    """Those of sets of documents; see `retrieval_quality.py`."""
    found = []
    for line in (folder / "qa.jsonl").read_text().splitlines():
        entry: dict[str, Any] = json.loads(line)
        if entry["set"] not in sets:
            continue
        answerable = entry.get("answerable") is not False
        answer = entry["answer"]
        said = [", ".join(map(str, answer))] if isinstance(answer, list) else [str(answer)]
        pages = {(entry["doc"], page) for page in entry.get("pages") or ()}
        found.append(
            Asked(
                entry["set"],
                entry["question"],
                tuple(said + list(entry.get("aliases") or ())) if answerable else (),
                answerable,
                entry["doc"] if entry["scope"] == "doc" else None,
                frozenset(pages),
                f"{entry['set']}/{entry['doc']}",
            )
        )
    return found


@contextmanager
def sample_library() -> Iterator[Library]:
    """A library of `data/samples`, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        library = create_library(Path(folder) / "library")
        for outcome in add(library, [ROOT / "data" / "samples"]):
            assert outcome.state == "indexed", outcome
        yield library


@contextmanager
def library_of(name: str, folder: Path | None, cache: Path | None) -> Iterator[Library]:
    """The library that a set's questions are put to."""
    if name == "samples":
        with sample_library() as library:
            yield library
    else:
        assert folder is not None
        assert cache is not None
        with open_set(folder, cache, name) as library:
            yield library
