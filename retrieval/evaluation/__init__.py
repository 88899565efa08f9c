"""How well a library finds what questions ask for.

from pagesight.retrieval import open_library
from pagesight.retrieval.evaluation import evaluate, read_questions

report = evaluate(open_library("my-library"), read_questions(Path("questions.jsonl")))
for name, mean in report.means("fused").items():
    print(name, mean.mean, mean.low, mean.high)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from .asking import EQUAL, FUSED, RECIPROCAL, Answered, LeftOut, ask_all
from .chance import Difference, Mean, difference_of, mean_of
from .comparing import Comparison, compare_reports
from .measures import ALL_MEASURES, Wanted, measure, measure_boxes, measure_documents
from .naming import Names
from .questions import GoldBox, Question, Target, read_questions
from .report import Report, make_report, read_report
from .runs import score_run
from .trec import format_run, read_run

if TYPE_CHECKING:
    from ..library import Library

__all__ = [
    "ALL_MEASURES",
    "EQUAL",
    "FUSED",
    "RECIPROCAL",
    "Answered",
    "Comparison",
    "Difference",
    "GoldBox",
    "LeftOut",
    "Mean",
    "Names",
    "Question",
    "Report",
    "Target",
    "Wanted",
    "ask_all",
    "compare_reports",
    "difference_of",
    "evaluate",
    "format_run",
    "make_report",
    "mean_of",
    "measure",
    "measure_boxes",
    "measure_documents",
    "read_questions",
    "read_report",
    "read_run",
    "score_run",
]


def evaluate(
    library: Library,
    questions: Sequence[Question],
    channels: Collection[str] | None = None,
    *,
    on_answer: Callable[[Answered | LeftOut], None] | None = None,
) -> Report:
    """Put all questions to a library and measure every channel and fusion; `channels`: only these, fused.

    `on_answer` gets each question's rankings as they come, for a run file or to show progress. Raises `QueryError` for
    a channel that is unknown or off. Questions that cannot be scored are in the report, with the reason.
    """
    names = Names(library.documents())

    def passing(answers: Iterable[Answered | LeftOut]) -> Iterator[Answered | LeftOut]:
        for one in answers:
            if on_answer is not None:
                on_answer(one)
            yield one

    return make_report(passing(ask_all(library, questions, names, channels)), names.missing(questions))
