"""Scoring a ranking that was made elsewhere, as a TREC run file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from ..errors import QueryError
from .asking import LeftOut, score_order
from .measures import Wanted
from .naming import Aim, Names
from .questions import Question
from .report import Report, Scored

RUN = "run"
"""What a run from elsewhere is called in a report."""


def score_run(
    run: Mapping[str, Sequence[str]], questions: Iterable[Question], names: Names | None = None, system: str = RUN
) -> Report:
    """Score a run (`read_run`) by questions. A question that the run lacks found nothing.

    With `names`, ids of the run and documents of the questions are those of a library, whichever way each names them.
    Without, they are compared as they stand: pages as `DOCUMENT/N`, documents by the last part of their path.
    """
    scored: list[Scored] = []
    left_out: list[tuple[str, str]] = []
    asked = list(questions)
    for one in _aimed(asked, names):
        if isinstance(one, LeftOut):
            left_out.append((one.question.id, one.reason))
            continue
        question, aim = one
        order = [names.unit(page) if names else _last(page) for page in run.get(question.id, ())]
        values = score_order(list(dict.fromkeys(order)), aim)
        scored.append(Scored(question.id, question.groups, {system: values}))
    if scored and not any(one.id in run for one in scored):
        raise QueryError("The run answers none of the questions; its first column must be the questions' ids.")
    return Report(tuple(scored), tuple(left_out), tuple(names.missing(asked)) if names else ())


def _aimed(questions: Iterable[Question], names: Names | None) -> Iterator[tuple[Question, Aim] | LeftOut]:
    for question in questions:
        if question.left_out is not None:
            yield LeftOut(question, question.left_out)
            continue
        try:
            yield question, names.aim(question) if names else _literal(question)
        except QueryError as error:
            yield LeftOut(question, str(error))


def _literal(question: Question) -> Aim:
    grades = {
        _last(one.document) if one.page is None else f"{_last(one.document)}/{one.page}": one.grade
        for one in question.targets
    }
    documents = frozenset(_last(target.document) for target in question.targets)
    return Aim(Wanted(grades, question.every), documents, question.inside, ())


def _last(name: str) -> str:
    """A document without the folders it lies in, its page kept.

    >>> _last("берег/a.pdf/3"), _last("берег/a.pdf"), _last("MED-10")
    ('a.pdf/3', 'a.pdf', 'MED-10')
    """
    path = PurePath(name)
    if path.name.isascii() and path.name.isdecimal() and len(path.parts) > 1:
        return f"{path.parent.name}/{path.name}"
    return path.name
