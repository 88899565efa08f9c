"""How right answers are, and whether they cite the right page: for the extractive answerer, or any generator.

    python benchmarks/answers.py [--eval DIR --cache DIR] [--sets NAME …] [--generator NAME] [--json FILE]

Asks the questions of `data/questions.jsonl` of a library of `data/samples`, and with `--eval` those of sets of
documents (see `retrieval_quality.py`). The generator is that of the settings; `--generator` overrides it.

Columns, over the answerable questions of a row, an abstention being wrong: `exact`, the answer, or what it quotes
first, is the expected one and no more; `says`, the expected answer stands in it (every item of a list, the same
number in any writing, four fifths of the words of a string); `F1`, words shared with the expected answer; `cited`,
the share of its markers that lead to a page known to answer, over the questions that were answered and have such
pages; `refused`. `refused unanswerable` is over the questions that nothing answers. `words` of an answer and
`seconds`: medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from asking import Asked, library_of, sample_questions, set_questions

from pagesight.generation import answer, make_generator
from pagesight.generation.protocols import Generator
from pagesight.retrieval import Library, Settings

ENOUGH = 0.8
"""Of the words of an expected string; the rest is articles, cases and spelling."""
_NUMBER = re.compile(r"\d[\d.,\u00a0\u202f]*")
_YES, _NO = ("yes", "true", "так"), ("no", "false", "ні")


@dataclass(frozen=True, slots=True)
class Row:
    """One question, answered."""

    set: str
    kind: str
    """Of the expected answer: string, number, list, yes or no; `none` for unanswerable questions."""
    question: str
    expected: tuple[str, ...]
    said: str
    abstained: bool
    exact: float
    says: float
    f1: float
    cited: float | None
    """Share of markers on a right page; `None` without markers or where no page is known."""
    seconds: float


def numbers(text: str) -> list[float]:
    """The numbers in a text, by value.

    >>> numbers("€1,234.50 and 40 %"), numbers("1.234,5; 2.5"), numbers("12,000")
    ([1234.5, 40.0], [1234.5, 2.5], [12000.0])
    """
    found = []
    for match in _NUMBER.finditer(text):
        plain = re.sub(r"[\u00a0\u202f]", "", match.group()).rstrip(".,")
        if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}", plain):
            plain = plain.replace(".", "").replace(",", ".")
        elif re.fullmatch(r"\d+,\d{1,2}", plain):
            plain = plain.replace(",", ".")
        try:
            found.append(float(plain.replace(",", "")))
        except ValueError:
            continue
    return found


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def bare(text: str) -> str:
    """What an answer says, without markers, marks of quotation, and unit signs."""
    return " ".join(words(re.sub(r"\[\d{1,3}\]|[$€£%]", " ", text)))


def first_quote(said: str) -> str:
    found = re.search(r"“([^”]*)”", said)
    return found.group(1) if found else said


def expected_kind(one: Asked) -> str:
    if not one.answerable:
        return "none"
    if one.answers[0].strip(" .").casefold() in _YES + _NO:
        return "yes or no"
    return one.kind


def says(said: str, expected: str) -> float:
    """1 where the expected answer stands in what was said."""
    if expected.strip(" .").casefold() in _YES + _NO:
        first = (words(said) or [""])[0]
        return float(first in (_YES if expected.strip(" .").casefold() in _YES else _NO))
    items = re.findall(r"'([^']*)'|\"([^\"]*)\"", expected) if expected.startswith("[") else []
    parts = [one or two for one, two in items] or [expected]
    return float(all(_stands(part, said) for part in parts))


def _stands(part: str, said: str) -> bool:
    wanted = numbers(part)
    there = numbers(said)
    if any(all(abs(number - other) > 1e-6 * max(1.0, abs(number)) for other in there) for number in wanted):
        return False
    letters = [word for word in words(part) if not any(letter.isdigit() for letter in word)]
    if wanted and len(letters) <= len(wanted) + 2:  # a figure with its unit
        return True
    in_it = set(words(said))
    return sum(word in in_it for word in letters) >= ENOUGH * len(letters)


def f1(said: str, expected: str) -> float:
    one, other = Counter(bare(said).split()), Counter(bare(expected).split())
    shared = sum((one & other).values())
    return 2 * shared / (sum(one.values()) + sum(other.values())) if shared else 0.0


def ask(library: Library, one: Asked, writer: Generator) -> Row:
    started = time.monotonic()
    found = answer(library, one.text, where={"document": one.document} if one.document else None, generator=writer)
    seconds = time.monotonic() - started
    cited = None
    if found.citations and one.pages:
        cited = float(
            np.mean([(Path(each.page.source).name, each.page.number) in one.pages for each in found.citations])
        )

    def best(score: Callable[[str, str], float]) -> float:
        return max((score(found.text, expected) for expected in one.answers), default=0.0)

    return Row(
        one.set,
        expected_kind(one),
        one.text,
        one.answers,
        found.text,
        found.abstained,
        best(lambda said, expected: float(bare(expected) in (bare(said), bare(first_quote(said))))),
        best(says),
        best(f1),
        cited,
        seconds,
    )


def line(name: str, rows: Sequence[Row]) -> str:
    answerable = [row for row in rows if row.kind != "none"]
    nothing = [row for row in rows if row.kind == "none"]

    def mean(values: Iterable[float | None]) -> str:
        known = [value for value in values if value is not None]
        return f"{np.mean(known):.2f}" if known else "-"

    columns = (
        name,
        str(len(answerable)),
        mean(row.exact for row in answerable),
        mean(row.says for row in answerable),
        mean(row.f1 for row in answerable),
        mean(row.cited for row in answerable),
        mean(float(row.abstained) for row in answerable),
        f"{mean(float(row.abstained) for row in nothing)} of {len(nothing)}" if nothing else "-",
        f"{np.median([len(row.said.split()) for row in answerable]):.0f}",
        f"{np.median([row.seconds for row in rows]):.2f}",
    )
    return "| " + " | ".join(columns) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, help="folder of sets of documents with questions")
    parser.add_argument("--cache", type=Path, help="where libraries of these sets are kept")
    parser.add_argument("--sets", nargs="+", default=["mmlongbench", "financebench", "erc", "unlp2026", "visr"])
    parser.add_argument("--generator", help="extractive, transformers, openai, anthropic, gemini; or the settings'")
    parser.add_argument("--json", type=Path, help="write every question with its answer here")
    arguments = parser.parse_args()
    settings = Settings(generator=arguments.generator) if arguments.generator else Settings()
    questions: list[Asked] = sample_questions()
    if arguments.eval:
        questions += set_questions(arguments.eval, arguments.sets)
    rows: list[Row] = []
    print(f"{platform.machine()}, Python {platform.python_version()}, generator {settings.generator}\n")
    print("| questions | n | exact | says | F1 | cited | refused | refused unanswerable | words | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(one.set for one in questions):
        with library_of(name, arguments.eval, arguments.cache) as library:
            writer = make_generator(library, settings)
            rows += [ask(library, one, writer) for one in questions if one.set == name]
        print(line(name, [row for row in rows if row.set == name]), flush=True)
    for kind in ("string", "number", "list", "yes or no"):
        if chosen := [row for row in rows if row.kind == kind]:
            print(line(f"all, {kind}", chosen))
    print(line("all", rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
