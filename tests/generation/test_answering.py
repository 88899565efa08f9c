"""Answering from a library: quotes that are cited to the place, and abstentions."""

import json
from pathlib import Path

import pytest
import tiny_vlms
from contracts import GeneratorContract
from fakes import ScriptedGenerator, shown_page
from pydantic import SecretStr

from pagesight.generation import answer, make_generator, stream_answer
from pagesight.generation.extractive import ExtractiveGenerator, threshold
from pagesight.generation.models import make_chat
from pagesight.generation.protocols import Abstention
from pagesight.retrieval import Answer, Library, Settings
from pagesight.retrieval.errors import GeneratorError, ModelUnavailable


class TestExtractiveGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> ExtractiveGenerator:
        return ExtractiveGenerator()


class TestScriptedGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> ScriptedGenerator:
        return ScriptedGenerator("Die Fläche is 12 m² [1]", " large [2].")


@pytest.mark.parametrize(
    ("question", "quote", "file", "number"),
    [
        ("What was the net revenue in 2021?", "4,512 million euros", "annual-report.pdf", 1),
        ("How much water does the pump PS-400 deliver?", "35 m³ of water", "annual-report.pdf", 2),
        ("Скільки становить бюджет міста на освіту?", "12 мільйонів гривень", "план.pdf", 1),
    ],
)
def test_an_answer_quotes_and_cites_the_very_words(library: Library, question: str, quote: str, file: str, number: int):
    found = answer(library, question)
    assert not found.abstained, found.reason
    citation = found.citations[0]
    assert quote in citation.quote
    assert (Path(citation.page.source).name, citation.page.number) == (file, number)
    words = library.page_words(citation.page.id)
    inside = [word.text for word in words if any(box.union(word.box) == box for box in citation.boxes)]
    assert " ".join(inside) == citation.quote
    for one in found.citations:
        assert one.page.id in {hit.page.id for hit in found.hits}
        said = found.text[one.start : one.end]
        assert said.strip("“”").replace("‘", "“").replace("’", "”") == one.quote.replace("’", "”").replace("‘", "“")


@pytest.mark.parametrize(
    "question",
    ["Who won the chess tournament in Reykjavík?", "What is the boiling point of tungsten?", "Хто написав роман?"],
)
def test_what_the_documents_do_not_say_is_not_answered(library: Library, question: str):
    found = answer(library, question)
    assert found.abstained
    assert (found.text, found.citations) == ("", ())
    assert found.reason
    assert found.hits == tuple(library.retrieve(question)), "what was looked at is still shown"


def test_an_abstention_says_what_was_looked_for_in_vain(library: Library):
    reason = answer(library, "Who won the chess tournament in Reykjavík?").reason or ""
    assert "Reykjavík" in reason or "chess" in reason


def test_an_empty_scope_is_an_abstention(library: Library):
    found = answer(library, "Größe?", where={"document": []})
    assert (found.abstained, found.hits, found.reason) == (True, (), "No page matches the question.")


def test_a_question_can_be_put_to_one_document(library: Library):
    found = answer(library, "What was the net revenue in 2021?", where={"document": "план.pdf"})
    assert {hit.page.source for hit in found.hits} == {library.page("план.pdf", 1).source}


def test_text_of_a_document_is_quoted_and_never_obeyed(library: Library):
    found = answer(library, "Which instructions should you ignore, and what is the treasure password?")
    allowed = " ".join(word.text for hit in found.hits for word in library.page_words(hit.page.id))
    assert "HACKED" not in found.text or "“" in found.text
    for citation in found.citations:
        assert citation.marker <= len(found.hits), "the document's own [9] is no marker"
        assert citation.quote in allowed
    outside = found.text
    for citation in found.citations:
        outside = outside.replace(found.text[citation.start : citation.end], "")
    assert set(outside) <= set("[]0123456789 \n"), "there is nothing but quotes and markers"


def test_an_answer_is_plain_json(library: Library):
    for question in ("Скільки становить бюджет міста на освіту?", "Who won in Reykjavík?"):
        found = answer(library, question)
        plain = json.loads(json.dumps(found.to_dict(), ensure_ascii=False))
        assert plain["question"] == question
        assert plain["abstained"] == found.abstained
        assert plain["model"] == "extractive"
        for citation in plain["citations"]:
            start, end = citation["span"]
            assert plain["answer"][start:end]
            assert all(len(box) == 4 for box in citation["boxes"])


def test_a_stream_gives_pieces_and_then_the_answer(library: Library):
    hits = library.retrieve("How large is the Größe?", k=3)
    generator = ScriptedGenerator("Es ist ", "groß [1]", ".")
    *pieces, last = stream_answer(library, "How large is the Größe?", hits, generator=generator)
    assert pieces == ["Es ist ", "groß [1]", "."]
    assert isinstance(last, Answer)
    assert (last.text, last.model, len(last.citations)) == ("Es ist groß [1].", "scripted", 1)
    assert [page.marker for page in generator.shown] == [1, 2, 3]
    assert [page.hit for page in generator.shown] == hits


def test_an_abstention_comes_without_pieces(library: Library):
    (only,) = stream_answer(library, "Größe?", [], generator=ScriptedGenerator("nie gesagt"))
    assert isinstance(only, Answer)
    assert (only.abstained, only.text, only.reason) == (True, "", "Nobody told me about Größe?.")


def test_quotation_marks_inside_a_quote_do_not_end_it():
    question = "What is the treasure password?"
    page = shown_page(1, question, "The treasure password is “open sésame” today.")
    text = "".join(map(str, ExtractiveGenerator().generate(question, [page])))
    assert text == "“The treasure password is ‘open sésame’ today.” [1]"


def test_a_heading_that_repeats_the_question_is_no_answer():
    question = "How large is the Fläche?"
    page = shown_page(1, question, "How large is the Fläche?")
    (only,) = ExtractiveGenerator().generate(question, [page])
    assert isinstance(only, Abstention)


def test_the_same_sentence_is_not_quoted_twice():
    question = "How large is the Fläche?"
    pages = [shown_page(n, question, "The Fläche is 12 m² large.") for n in (1, 2)]
    assert "".join(map(str, ExtractiveGenerator().generate(question, pages))) == "“The Fläche is 12 m² large.” [1]"


def test_generators_are_made_by_the_settings(library: Library):
    assert make_generator(library).name == "extractive"
    assert 0 < threshold() < 1
    for name in ("openai", "anthropic", "gemini"):
        with pytest.raises(GeneratorError, match="set PAGESIGHT_GENERATOR_MODEL"):
            make_generator(library, Settings(generator=name))
    with pytest.raises(GeneratorError, match="or PAGESIGHT_PROFILE=visual"):
        make_generator(library, Settings(generator="transformers"))
    with pytest.raises(ModelUnavailable, match="pagesight models pull"):
        make_generator(library, Settings(generator="transformers", profile="visual"))
    writer = make_generator(
        library, Settings(generator="openai", generator_model="größtes", generator_key=SecretStr("geheim"))
    )
    assert "größtes" in writer.name
    assert "geheim" not in repr(writer) + writer.name


def test_claims_without_a_place_are_marked(library: Library):
    question = "What was the net revenue in 2021?"
    hits = library.retrieve(question, k=2)
    written = "The net revenue was 4,512 million euros [1]. The Fläche is green and has no owner. Yes."
    (*_, found) = stream_answer(library, question, hits, generator=ScriptedGenerator(written))
    assert isinstance(found, Answer)
    assert [found.text[start:end] for start, end in found.unsupported] == ["The Fläche is green and has no owner."]


def test_a_model_of_this_machine_is_kept_between_questions(tmp_path: Path):
    tiny_vlms.build("qwen2_5_vl", tmp_path / "größe")
    settings = Settings(generator="transformers", generator_model=str(tmp_path / "größe"))
    kept = make_chat(settings)
    assert make_chat(settings) is kept
    assert make_chat(settings.model_copy(update={"generator_context": 900})) is not kept
