"""Answers by a model: streamed, without its thoughts, or its word that the pages hold none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contracts import GeneratorContract
from fakes import shown_page

from pagesight.generation.chat import Limits, Prompt
from pagesight.generation.prompt import Turn
from pagesight.generation.protocols import Abstention
from pagesight.generation.thinking import without_thoughts
from pagesight.generation.vlm import VlmGenerator, standalone_question
from pagesight.retrieval.errors import GeneratorError
from pagesight.retrieval.types import Usage

QUESTION = "How large is the Fläche?"
PAGES = [shown_page(1, QUESTION, "Die Fläche is 12 m² large."), shown_page(2, QUESTION, "Zürich.")]


class ScriptedChat:
    """A `ChatModel` that says what it was told to; an exception among the pieces is raised."""

    name = "scripted ä"

    def __init__(self, *pieces: str | Usage | Exception, limits: Limits | None = None) -> None:
        self.pieces = pieces
        self.limits = limits or Limits(8000)
        self.prompts: list[Prompt] = []
        self.closed = 0
        self.said: list[str | Usage] = []
        self.streams: list[Iterator[str | Usage]] = []
        """Kept, so that none is closed only because nobody holds it any more."""

    def stream(self, prompt: Prompt) -> Iterator[str | Usage]:
        self.prompts.append(prompt)
        self.streams.append(self._speak())
        return self.streams[-1]

    def _speak(self) -> Iterator[str | Usage]:
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                self.said.append(piece)
                yield piece
        finally:
            self.closed += 1


def generator(*pieces: str | Usage | Exception) -> VlmGenerator:
    return VlmGenerator(ScriptedChat(*pieces), lambda page: b"")


def answer(*pieces: str | Usage | Exception) -> list[str | Abstention]:
    return list(generator(*pieces).generate(QUESTION, PAGES))


class TestVlmGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> VlmGenerator:
        return generator("Die Fläche is ", "12 m² large [1]", " [2].", Usage(12, 3))


def test_an_answer_streams_as_it_is_written_and_says_what_it_took():
    writer = generator("Es ", "sind ", "12 m² [1].", Usage(100, 7, 0.01))
    pieces = writer.generate(QUESTION, PAGES)
    assert next(pieces) == "Es "
    assert list(pieces) == ["sind ", "12 m² [1]."]
    assert writer.usage == Usage(100, 7, 0.01)
    assert [(one.page.marker, one.how) for one in writer.shown] == [(1, "text only"), (2, "text only")]
    list(writer.generate(QUESTION, []))
    assert (writer.usage, writer.shown) == (None, ())


def test_without_pages_the_model_is_not_asked():
    chat = ScriptedChat("nie")
    list(VlmGenerator(chat, lambda page: b"").generate(QUESTION, []))
    assert chat.prompts == []


@pytest.mark.parametrize(
    "pieces",
    [
        ("NOT IN THESE PAGES",),
        ("NOT IN", " THESE", " PAGES", "."),
        ("  \n**Not in these pages**",),
        tuple("“NOT IN THESE PAGES”!"),
        ("<think>Größe? It is [1].</think>\n\nNOT IN THESE PAGES\n",),
        ("NOT IN THESE PAGES. ", "However, in general", " it is 12 [1]."),
        ("NOT IN THESE PAGES\nThe pages are about Zürich.",),
    ],
)
def test_the_models_word_that_there_is_no_answer_is_an_abstention(pieces: tuple[str, ...]):
    (only,) = answer(*pieces, Usage(9, 4))
    assert only == Abstention("scripted ä finds no answer on the 2 pages it was shown.")


def test_an_abstention_that_talks_on_is_not_waited_for_and_one_that_ends_is_counted():
    talking = ScriptedChat("NOT IN THESE PAGES.", " But", " I", " know", Usage(9, 9))
    list(VlmGenerator(talking, lambda page: b"").generate(QUESTION, PAGES))
    assert talking.said[-1] == " But"
    assert talking.closed == 1
    done = generator("NOT IN THESE PAGES", ".", Usage(9, 4))
    list(done.generate(QUESTION, PAGES))
    assert done.usage == Usage(9, 4)


@pytest.mark.parametrize(
    "text",
    [
        "Not in these pages but in the appendix: 12 m² [1].",
        "NOT IN THESE PAGESÄ",
        "Nothing is said [1].",
        "No",
        "NOT IN",
        "12 m² [1]. NOT IN THESE PAGES",
        "[1] says 12 m².",
        "“Größe” is 12 [1].",
    ],
)
def test_what_only_begins_like_it_is_an_answer(text: str):
    assert "".join(map(str, answer(text))) == text
    assert "".join(map(str, answer(*text))) == text, "letter by letter"


def test_no_more_is_held_back_than_may_become_the_sentinel():
    pieces = generator("No", "thing is", " said [1].").generate(QUESTION, PAGES)
    assert next(pieces) == "Nothing is"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>hm [1]\n\nÄ</think>\n\nZwölf [1].", "Zwölf [1]."),
        ("Zwölf <think>hm</think>Meter [1].", "Zwölf Meter [1]."),
        ("◁think▷hm◁/think▷Zwölf", "Zwölf"),
        ("[THINK]hm[/THINK]Zwölf [1]", "Zwölf [1]"),
        ("3 < 4 und <b> [1]", "3 < 4 und <b> [1]"),
        ("Zwölf.</think> Nein.", "Zwölf. Nein."),
        ("Zwölf <think>hm", "Zwölf "),
        ("Zwölf <thi", "Zwölf <thi"),
    ],
)
def test_thoughts_are_left_out_however_they_are_split(text: str, left: str):
    for size in (1, 2, 3, 5, 8, len(text)):
        parts = [text[i : i + size] for i in range(0, len(text), size)]
        assert "".join(without_thoughts(parts)).strip() == left.strip()
        assert "".join(map(str, answer(*parts))).strip() == left.strip()


@pytest.mark.parametrize("pieces", [(), ("",), (" \n",), ("<think>endlos, Größe",), (Usage(3, 0),)])
def test_an_empty_answer_is_an_error(pieces: tuple[str, ...]):
    with pytest.raises(GeneratorError, match="scripted ä wrote no answer"):
        answer(*pieces)


def test_closing_closes_the_models_stream():
    chat = ScriptedChat("Zwölf ", "Meter", " [1]")
    pieces = VlmGenerator(chat, lambda page: b"").generate(QUESTION, PAGES)
    next(pieces)
    pieces.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert (chat.closed, chat.said) == (1, ["Zwölf "])


def test_an_error_of_the_model_passes_through_after_what_was_said():
    pieces = generator("Zwölf ", GeneratorError("Der Dienst ist weg.")).generate(QUESTION, PAGES)
    assert next(pieces) == "Zwölf "
    with pytest.raises(GeneratorError, match="Der Dienst ist weg"):
        next(pieces)


def test_a_model_without_room_for_a_page_is_an_error_with_a_way_out():
    chat = ScriptedChat("nie", limits=Limits(700))  # the instructions take 280
    with pytest.raises(GeneratorError, match=r"no room for a page.*GENERATOR_CONTEXT"):
        list(VlmGenerator(chat, lambda page: b"", max_tokens=400).generate(QUESTION, PAGES))
    assert chat.prompts == []


def test_the_conversation_goes_with_the_question():
    chat = ScriptedChat("Zwölf [1]")
    writer = VlmGenerator(chat, lambda page: b"", max_tokens=77, history=[Turn("Wo?", "In Zürich [1].")])
    list(writer.generate(QUESTION, PAGES))
    list(writer.generate(QUESTION, PAGES, history=[]))
    first, second = chat.prompts
    assert [message.parts[0] for message in first.messages[:-1]] == ["Wo?", "In Zürich."]
    assert (len(second.messages), second.max_tokens) == (1, 77)


HISTORY = [Turn("How large is Zürich?", "Zürich is 88 km² [1].")]


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        (("How many people ", "live in Zürich?", Usage(3, 4)), "How many people live in Zürich?"),
        (("<think>it: Zürich</think>\n\nQuestion: “Who lives in Zürich?”\nBecause …",), "Who lives in Zürich?"),
        (("Wer ", GeneratorError("weg")), "Who lives there?"),
        (("",), "Who lives there?"),
        (("Wort " * 200,), "Who lives there?"),
    ],
)
def test_a_follow_up_is_made_a_question_of_its_own(pieces: tuple[str | Usage | Exception, ...], found: str):
    chat = ScriptedChat(*pieces)
    assert standalone_question(chat, HISTORY, "Who lives there?") == found
    assert chat.closed == 1
    (message,) = chat.prompts[0].messages
    text = str(message.parts[0])
    assert text.endswith("Who lives there?")
    assert "Zürich is 88 km²." in text


def test_a_first_question_needs_no_model():
    chat = ScriptedChat("nie")
    assert standalone_question(chat, [], "Größe?") == "Größe?"
    assert chat.prompts == []
