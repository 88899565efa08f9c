"""Readers beside readers, and beside a writer."""

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from drafts import empty_library, write
from fakes import page_content

from pagesight.retrieval import Hit, Library

QUESTIONS = (
    "What was the net revenue in 2021?",
    "PS-400 m³",
    "Бюджет міста на освіту",
    "서울 매출",
    "penguins",
    "Umsatz in Thüringen",
)


def summary(hits: list[Hit]) -> list[tuple[str, float, tuple[str, ...]]]:
    return [(hit.page.id, round(hit.score, 3), tuple(place.text for place in hit.evidence)) for hit in hits]


def test_eight_threads_find_what_one_finds(library: Library):
    alone = {question: summary(library.retrieve(question)) for question in QUESTIONS}
    with ThreadPoolExecutor(8) as pool:
        for question, hits in pool.map(lambda question: (question, library.retrieve(question)), QUESTIONS * 4):
            assert summary(hits) == alone[question]


# Asks with the fake encoder, for each line on stdin, and prints the documents that each channel found.
READER = """
import json, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from fakes import FakePageEncoder, FakeTextEncoder
from pagesight.retrieval import open_library

library = open_library(Path(sys.argv[1]))
words = FakePageEncoder(384)
for line in sys.stdin:
    question = line.strip()
    query = words.encode_query(question)
    print(json.dumps([
        sorted(document.id for document in library.documents()),
        sorted({page.split("/")[0] for page in library.lexical.search(question)}),
        sorted({page.split("/")[0] for page, _ in library.dense.search(query.rows[0], 100)}),
        sorted({page.split("/")[0] for page in library.words.score(query)}),
        sorted(library.scope().pages),
    ]), flush=True)
"""


def test_an_open_reader_sees_what_another_process_commits_and_nothing_before(
    tmp_path, child: Callable[..., subprocess.Popen[str]], pytestconfig
):
    library = empty_library(tmp_path / "größen")
    with library.writer() as writer:
        write(writer, "aa", "/a.pdf", "Wärmepumpe läuft")
    reader = child(READER, library.path, pytestconfig.rootpath / "tests")
    assert reader.stdin is not None
    assert reader.stdout is not None

    def ask() -> list[list[str]]:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("Wärmepumpe\n")
        reader.stdin.flush()
        return json.loads(reader.stdout.readline())

    assert ask() == [["aa"]] * 4 + [["aa/1"]]
    with library.writer() as writer:
        with writer.document("bb") as draft:
            assert ask()[0] == ["aa"]
            del draft
        write(writer, "cc", "/c.pdf", "Wärmepumpe steht", "Wärmepumpe fällt")
        assert ask() == [["aa", "cc"]] * 4 + [["aa/1", "cc/1", "cc/2"]]
        writer.remove_sources(["/a.pdf"])
        assert ask() == [["cc"]] * 4 + [["cc/1", "cc/2"]]


def test_an_index_row_without_its_catalog_row_does_not_exist(library_copy: Library):
    def thoughts() -> list[tuple[str, dict[str, int]]]:
        hits = library_copy.retrieve("penguins", k=100)
        return [(hit.page.id, {name: entry.rank for name, entry in hit.channels.items()}) for hit in hits]

    before = thoughts()
    assert before
    vector = library_copy.text_encoder.encode_query(["penguins"])
    content = page_content("geist/1", "penguins revenue Größe")
    library_copy.lexical.add("geist", {"geist/1": {"body": "penguins revenue Größe"}})
    library_copy.dense.add("geist", ["geist/1"], ["geist/1#0"], vector)
    library_copy.words.add("geist", library_copy.page_encoder.encode_pages([content]))
    assert thoughts() == before


def test_a_page_removed_while_it_is_searched_for_is_left_out(library_copy: Library):
    question = "What was the net revenue in 2021?"
    first, *rest = library_copy.retrieve(question, k=7)
    look_up = library_copy.catalog.pages

    def removed_meanwhile(ids):
        return {id_: page for id_, page in look_up(ids).items() if id_ != first.page.id}

    library_copy.catalog.pages = removed_meanwhile  # type: ignore[method-assign]
    hits = library_copy.retrieve(question, k=7)
    assert [hit.page.id for hit in hits] == [hit.page.id for hit in rest]
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
