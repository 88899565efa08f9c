"""The journal: kept whole, each person's own, and gone with the documents that it quotes."""

from __future__ import annotations

import pytest

from pagesight.retrieval import Answer, Box, Citation, Hit, Library
from pagesight.retrieval.journal import FILE, Case, Journal


def answered(library: Library, question: str = "Скільки?") -> Answer:
    page = library.catalog.pages(library.catalog.page_documents())
    first = page[sorted(page)[0]]
    citation = Citation(1, 0, 4, first, (Box(1.0, 2.0, 3.0, 4.0),), "сорок")
    return Answer(question, "сорок [1]", (citation,), (Hit(first, 0.0, 1),), "extractive", unsupported=((0, 2),))


def test_a_conversation_is_there_when_the_library_is_opened_again(library_copy: Library) -> None:
    journal = Journal(library_copy.path, library_copy.catalog)
    session = journal.begin("оля", "Перша розмова")
    turn = journal.say(session, "q=Скільки%3F", answered(library_copy))
    journal.rate(turn, 1)
    journal.close()
    again = Journal(library_copy.path, library_copy.catalog)
    assert again.lasting
    assert [one.title for one in again.sessions("оля")] == ["Перша розмова"]
    (kept,) = again.turns(session)
    assert (kept.answer, kept.rating, kept.address) == (answered(library_copy), 1, "q=Скільки%3F")
    assert [one.id for one in again.rated()] == [turn]
    again.close()


def test_people_do_not_see_each_other_s_conversations(library_copy: Library) -> None:
    journal = Journal(library_copy.path, library_copy.catalog)
    session = journal.begin("оля", "Моє")
    assert journal.sessions("zoë") == []
    journal.rename(session, "Інше")
    assert [one.title for one in journal.sessions("оля")] == ["Інше"]
    journal.say(session, "", answered(library_copy))
    journal.delete(session)
    assert journal.sessions("оля") == []
    assert journal.turns(session) == []
    journal.close()


def test_what_quotes_a_removed_document_goes_from_the_file_too(library_copy: Library) -> None:
    journal = Journal(library_copy.path, library_copy.catalog)
    answer = answered(library_copy)
    session = journal.begin("оля", "Розмова")
    journal.say(session, "", answer)
    journal.keep_case("Скільки?", [answer.hits[0].page.id])
    assert journal.cases() == [Case("Скільки?", (answer.hits[0].page.id,))]
    with library_copy.writer() as writer:
        writer.remove_sources(
            [path for one in library_copy.documents() if one.id == answer.hits[0].page.document for path in one.sources]
        )
    assert "сорок".encode() not in (library_copy.path / FILE).read_bytes(), "before anybody reads the journal again"
    assert journal.turns(session) == []
    assert journal.cases() == []
    journal.close()


@pytest.mark.parametrize("state", ["read-only", "broken"])
def test_a_library_that_may_only_be_read_has_a_journal_until_the_process_ends(
    library_copy: Library, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = library_copy.path / FILE
    if state == "broken":
        file.write_bytes(b"not a database, " * 100)
    else:
        file.mkdir()  # what root, too, cannot write a file to
    journal = Journal(library_copy.path, library_copy.catalog)
    session = journal.begin("оля", "Розмова")
    assert not journal.lasting
    assert "cannot be used" in caplog.text
    assert [one.id for one in journal.sessions("оля")] == [session]
    journal.keep_case("Де?", [])
    journal.drop_case("Де?")
    journal.close()
    assert state != "broken" or file.read_bytes() == b"not a database, " * 100


def test_ranking_knows_every_candidate_with_its_channels(library: Library) -> None:
    question = "What does it say about Zürich?"
    hits = library.retrieve(question, k=3)
    ranked = library.rank(question)
    assert [one.page for one in ranked[:3]] == [hit.page.id for hit in hits]
    assert ranked[0].channels == hits[0].channels
