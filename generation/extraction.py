"""Structured data out of documents, each value with the place it stands on.

    extraction = extract_fields(library, "invoice.pdf", schema, chat)
    for field in extraction.fields:
        print(field.path, field.value, field.found, field.place)

A model only says what a value is. Where it stands is found among the page's words; what is not there is marked as not
found. Without a model, values are read off the labels they stand by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..retrieval.evidence import line_boxes
from ..retrieval.library import Library
from ..retrieval.types import Box, Page, Usage, Word
from .chat import ChatModel
from .extract_labels import Candidate, candidates
from .extract_prompts import Asker, Batch, Progress, batches, pages_of
from .extract_schema import check_schema, leaves, partial_schema, problem_of, wanted_fields, without_nulls
from .extract_values import find_value

OFFLINE = "labels"
"""The name of what extracts without a model."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where on a page something stands."""

    page: Page
    boxes: tuple[Box, ...]
    """One a line. Points, display frame."""
    quote: str
    """The page's words inside the boxes."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "source": self.page.source,
            "document": self.page.document,
            "page": self.page.number,
            "boxes": [[round(edge, 1) for edge in box] for box in self.boxes],
            "quote": self.quote,
        }


@dataclass(frozen=True, slots=True)
class Field:
    """A value, or a property that has none."""

    path: str
    """JSON Pointer into `Extraction.data`, such as `/lines/0/price`."""
    value: Any
    """`None`: there is none."""
    place: Place | None = None
    reason: str | None = None
    """Why there is no value, or no place; `None` when there are both."""

    @property
    def found(self) -> bool:
        """Whether the value stands on a page that was read."""
        return self.place is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        place = self.place.to_dict() if self.place else None
        return {"path": self.path, "value": self.value, "found": self.found, "place": place, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was extracted from pages."""

    data: dict[str, Any]
    """By the schema, without properties that were not found."""
    fields: tuple[Field, ...]
    """Every value, and every property of the schema without one."""
    pages: tuple[Page, ...]
    """That were read."""
    model: str
    problems: tuple[str, ...] = ()
    """What does not keep to the schema, and answers that were refused twice; empty when all is well."""
    usage: Usage | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight extract fields` prints."""
        return {
            "data": self.data,
            "fields": [field.to_dict() for field in self.fields],
            "pages": [{"source": page.source, "document": page.document, "page": page.number} for page in self.pages],
            "model": self.model,
            "problems": list(self.problems),
            "usage": None if self.usage is None else asdict(self.usage),
        }


def extract_fields(
    library: Library,
    documents: str | Sequence[str],
    schema: Mapping[str, Any],
    chat: ChatModel | None = None,
    *,
    pages: Sequence[int] | None = None,
    on_progress: Progress | None = None,
    max_tokens: int = 2048,
) -> Extraction:
    """Extract by a JSON Schema of an object, from documents (names or ids) or some `pages` (1-based) of them.

    With a `chat` the pages go to it in batches that fit, and what it finds is merged: the first value counts, one that
    stands on its page before one that does not; lists are joined. Without one, properties of the types string (also
    with format `date`), number and integer are read off labels: titles, names and short descriptions.

    Raises `QueryError` for a schema or page that cannot be, and `GeneratorError` when the model fails.
    """
    check_schema(schema)
    names = [documents] if isinstance(documents, str) else list(documents)
    read = [page for name in names for page in pages_of(library, name, pages)]
    if chat is None:
        return _by_labels(library, read, schema, on_progress)
    asker = Asker(chat, max_tokens)
    partial = partial_schema(schema)
    task = "You extract data from documents. Give values as the documents write them; never calculate, never guess."
    asked = "Extract what these pages say. Give null for what they do not say."
    room = asker.room(task, asked, partial)
    words: dict[str, tuple[Word, ...]] = {}
    merged: dict[str, Any] = {}
    places: dict[str, Place] = {}
    problems: list[str] = []
    done: set[str] = set()
    for batch in batches(library, read, asker, room):
        answer, problem = asker.ask_json(task, batch, asked, partial, lambda value: problem_of(value, partial))
        if problem is not None:
            problems.append(f"{_span(batch.pages)}: the model's answer was refused twice: {problem}")
        else:
            found = without_nulls(answer["data"])
            told = {entry["path"]: entry["page"] for entry in answer["pages"]}
            bound = dict(_bind(library, batch, found, told, words))
            merged = _merge(merged, found, places, bound, "")
        done |= {page.id for page in batch.pages}
        if on_progress:
            on_progress(len(done), len(read))
    if (problem := problem_of(merged, schema)) is not None:
        problems.append(problem)
    fields = [Field(path, value, places.get(path), _why(value, places.get(path))) for path, value in leaves(merged)]
    fields += _missing(schema, fields, "The model found it on no page.")
    return Extraction(merged, tuple(fields), tuple(read), chat.name, tuple(problems), asker.usage)


def _bind(
    library: Library, batch: Batch, data: Any, told: Mapping[str, int], words: dict[str, tuple[Word, ...]]
) -> Iterable[tuple[str, Place]]:
    """The places of a batch's values: on the page that the model names, else on any page of the batch."""
    for path, value in leaves(data):
        named = told.get(path)
        label = path.rsplit("/", 1)[-1].replace("_", " ")
        for page in sorted(batch.pages, key=lambda page: (page.number != named, page.number)):
            if page.id not in words:
                words[page.id] = library.page_words(page.id)
            found = find_value(words[page.id], value, label)
            if found is not None:
                yield path, place_of(page, words[page.id][found[0] : found[1]])
                break


def place_of(page: Page, words: Sequence[Word]) -> Place:
    """The place of some words of a page."""
    return Place(page, line_boxes(words), " ".join(word.text for word in words))


def _merge(old: Any, new: Any, places: dict[str, Place], bound: Mapping[str, Place], path: str, to: str = "") -> Any:
    """Two batches' values as one; `places` gets those of what is taken from the new one.

    `path` is where `new` stands in its own batch, `to` where it goes.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        joined = dict(old)
        for name, value in new.items():
            step = f"/{name.replace('~', '~0').replace('/', '~1')}"
            joined[name] = _merge(old.get(name), value, places, bound, path + step, to + step)
        return joined
    if isinstance(old, list) and isinstance(new, list):
        joined_list = list(old)
        for number, value in enumerate(new):
            if value not in joined_list:
                _move(value, places, bound, f"{path}/{number}", f"{to}/{len(joined_list)}")
                joined_list.append(value)
        return joined_list
    if old is None or (not isinstance(old, dict | list) and to not in places and path in bound):
        _move(new, places, bound, path, to)
        return new
    return old


def _move(value: Any, places: dict[str, Place], bound: Mapping[str, Place], path: str, to: str) -> None:
    for below, _ in leaves(value):
        if path + below in bound:
            places[to + below] = bound[path + below]


def _why(value: Any, place: Place | None) -> str | None:
    if place is not None:
        return None
    if isinstance(value, bool):
        return "Yes or no does not stand on a page."
    return "The model gave this value, but it does not stand on the pages it was shown."


def _missing(schema: Mapping[str, Any], fields: Sequence[Field], reason: str) -> list[Field]:
    there = [field.path for field in fields]
    return [
        Field(path, None, None, reason)
        for path, _ in wanted_fields(schema)
        if not any(one == path or one.startswith(path + "/") for one in there)
    ]


def _by_labels(
    library: Library, pages: Sequence[Page], schema: Mapping[str, Any], on_progress: Progress | None
) -> Extraction:
    wanted = dict(wanted_fields(schema))
    best: dict[str, tuple[Candidate, Page]] = {}
    for done, page in enumerate(pages, start=1):
        words = library.page_words(page.id)
        for path, part in wanted.items():
            for candidate in candidates(words, path.rsplit("/", 1)[-1], part):
                if path not in best or candidate.score > best[path][0].score:
                    best[path] = candidate, page
        if on_progress:
            on_progress(done, len(pages))
    data: dict[str, Any] = {}
    fields = []
    for path, part in wanted.items():
        if path in best:
            candidate, page = best[path]
            _put(data, path, candidate.value)
            fields.append(Field(path, candidate.value, place_of(page, candidate.words)))
        else:
            fields.append(Field(path, None, None, _unfound(part)))
    problem = problem_of(data, schema)
    return Extraction(data, tuple(fields), tuple(pages), OFFLINE, (problem,) if problem else ())


def _unfound(part: Mapping[str, Any]) -> str:
    kind = part.get("type", "string")
    if kind not in ("string", "number", "integer") and not isinstance(kind, list):
        return f"Values of type {kind} need a model: set PAGESIGHT_GENERATOR."
    return "No label on the pages has this name with a value of its type beside or below it."


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    *above, last = (step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])
    for step in above:
        data = data.setdefault(step, {})
    data[last] = value


def _span(pages: Sequence[Page]) -> str:
    first, last = pages[0], pages[-1]
    name = Path(first.source).name
    return f"{name}, page {first.number}" if first.id == last.id else f"{name}, pages {first.number} to {last.number}"
