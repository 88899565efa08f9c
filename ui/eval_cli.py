"""`pagesight eval`: how well pages are found, two runs compared, and questions to begin with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..retrieval.errors import QueryError
from .cli_options import GeneratorOption, LibraryOption, count, open_for, page_counter, plain, write_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..retrieval.evaluation import Answered, LeftOut, Question, Report
    from ..retrieval.library import Library

NAMED = 5
"""Questions and documents that are named where some are left out; all are in the JSON."""


def evaluate(
    questions: Annotated[
        Path | None,
        typer.Option("--questions", "-q", help="Questions: a .jsonl file, a BEIR folder or one of its qrels/*.tsv."),
    ] = None,
    library: LibraryOption = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            help="Only this channel, or the fusions of these. Repeatable. With --compare: which channel or fusion of "
            "both files, or, given twice, of the first and of the second.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write all figures to this file, - for stdout; --compare reads it."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FILE", help="Write the ranking to this file, as a TREC run.")
    ] = None,
    run_in: Annotated[
        Path | None,
        typer.Option(
            "--run-in",
            metavar="FILE",
            help="Score the ranking in this TREC run instead of asking the library; its pages are called FILE/N.",
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A.json B.json", help="Compare two runs of the same questions, paired."),
    ] = None,
    make_questions: Annotated[
        Path | None,
        typer.Option(
            "--make-questions",
            metavar="OUT.jsonl",
            help="Write questions about the library to this file, to be read and corrected before use.",
        ),
    ] = None,
    number: Annotated[int, typer.Option("--count", min=1, help="How many questions to make, at most.")] = 50,
    generator: GeneratorOption = None,
) -> None:
    """Measure how well pages are found, for each channel and each way of fusing them, with 95% intervals.

    A line of a .jsonl file is an object with question, doc (file name, path or id) and pages (from 1); id, type, lang,
    match (any page is enough, or all), scope (corpus, or doc: search inside it), answerable and boxes (page, and box as
    x0, y0, x1, y1 in points from the top left) may be there. In a BEIR folder, corpus ids are pages as FILE/N, or
    documents by file name, path or id, of which any page will do. Questions about what is not in the library are
    counted and named.

    Rankings are those before a reranker, and times theirs, without evidence. Questions that --make-questions makes,
    from headings, tables and captions, or by a model that --generator names, are no truth: they stand in the file for
    you to correct.
    """
    modes = {"--compare": compare, "--make-questions": make_questions, "--questions": questions}
    given = [name for name, value in modes.items() if value is not None]
    if len(given) != 1:
        raise QueryError(
            f"{' and '.join(given)} are different things to do; name one of them."
            if given
            else "Say what to do: --questions FILE, --compare A.json B.json or --make-questions OUT.jsonl."
        )
    if run_in is not None and (questions is None or run is not None or channel):
        raise QueryError("--run-in goes with --questions, and without --run and --channel: the library is not asked.")
    if compare is not None:
        _compare(compare, channel or [], json_file)
    elif make_questions is not None:
        _make(open_for(library, generator), make_questions, number)
    elif questions is not None and run_in is not None:
        _score(questions, run_in, library, json_file)
    elif questions is not None:
        _evaluate(open_for(library), questions, channel, json_file, run)


def _evaluate(
    library: Library, file: Path, channels: list[str] | None, json_file: Path | None, run_file: Path | None
) -> None:
    from ..retrieval.evaluation import FUSED, LeftOut, Names, evaluate, format_run, read_questions

    questions = read_questions(file)
    rankings: dict[str, list[str]] = {}
    names = Names(library.documents())
    with page_counter() as progress:
        done = 0

        def note(one: Answered | LeftOut) -> None:
            nonlocal done
            done += 1
            progress(done, len(questions))
            if run_file is not None and not isinstance(one, LeftOut):
                names.aim(one.question)  # so that its documents are called as the questions call them
                order = one.orders[FUSED if FUSED in one.orders else next(iter(one.orders))]
                rankings[one.question.id] = [names.name(page) for page in order]

        report = evaluate(library, questions, channels, on_answer=note)
    _show(report, questions, json_file)
    if run_file is not None:
        write_output(run_file, format_run(rankings))


def _score(file: Path, run_in: Path, library: Path | None, json_file: Path | None) -> None:
    from ..retrieval.evaluation import Names, read_questions, read_run, score_run

    questions = read_questions(file)
    run = read_run(run_in, [question.id for question in questions])
    names = None if library is None else Names(open_for(library).documents())
    _show(score_run(run, questions, names), questions, json_file)


def _show(report: Report, questions: list[Question], json_file: Path | None) -> None:
    from .eval_tables import print_groups, print_measures

    for reason, ids in report.reasons().items():
        typer.echo(f"left out: {_some(ids)}: {plain(reason)}", err=True)
    if report.missing:
        typer.echo(f"not in the library: {_some(report.missing)}", err=True)
    if not report.scored:
        raise QueryError("None of the questions can be scored; see above.")
    if not _write_json(json_file, report.to_dict()):
        typer.echo(f"{len(report.scored)} of {count(len(questions), 'question')} scored.")
        print_measures(report)
        print_groups(report)


def _compare(files: tuple[Path, Path], channels: list[str], json_file: Path | None) -> None:
    from ..retrieval.evaluation import compare_reports, read_report
    from .eval_tables import print_comparison

    if len(channels) > 2:
        raise QueryError("Two runs are compared: give --channel once for both, or twice, for the first and the second.")
    systems = (channels[0], channels[-1]) if channels else None
    found = compare_reports(read_report(files[0]), read_report(files[1]), systems)
    if not _write_json(json_file, {"files": [str(file) for file in files], **found.to_dict()}):
        print_comparison(found)


def _make(library: Library, out: Path, number: int) -> None:
    from ..generation.made_questions import make_questions

    with page_counter() as progress:
        made = make_questions(library, number, on_progress=progress)
    for problem in made.problems:
        typer.echo(plain(problem), err=True)
    if not made.questions:
        raise QueryError("No questions could be made: no page has a heading, table or caption of its own.")
    write_output(out, "".join(json.dumps(one.to_dict(), ensure_ascii=False) + "\n" for one in made.questions))
    kinds = ", ".join(f"{number} from {kind}" for kind, number in made.counts().items())
    typer.echo(f"{count(len(made.questions), 'question')} ({kinds}): read and correct them before use.")


def _some(names: Sequence[str]) -> str:
    """The first of some names, in a line.

    >>> _some(["ä", "b"]), _some("abcdefgh")
    ('ä, b', 'a, b, c, d, e and 3 more')
    """
    more = "" if len(names) <= NAMED else f" and {len(names) - NAMED:,} more"
    return plain(", ".join(names[:NAMED])) + more


def _write_json(file: Path | None, value: dict[str, Any]) -> bool:
    """Write to a file, or to stdout for `-`; whether stdout is taken by it."""
    if file is None:
        return False
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    if str(file) == "-":
        sys.stdout.write(text)
        return True
    write_output(file, text)
    return False
