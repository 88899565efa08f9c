"""BEIR folders: `queries.jsonl`, and what is relevant to them in `qrels/*.tsv`.

Ids of the corpus name what a library holds: a page as `FILE/N` or a document, by file name, path or id.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import QueryError
from .questions import Question, Target, json_lines, text_lines


def read_beir(path: Path) -> list[Question]:
    """The questions of a folder by `qrels/test.tsv`, or by all of `qrels` where there is none of that name.

    `path` may be one file of `qrels` instead. Questions that no file judges are no questions; those with nothing
    relevant are left out with that reason. Raises `QueryError`, with file and line, for what is not as it should be.
    """
    folder = path if path.is_dir() else path.parent.parent
    files = [path] if path.is_file() else [folder / "qrels" / "test.tsv"]
    if not files[0].is_file():
        files = sorted((folder / "qrels").glob("*.tsv"))
    if not files or not (folder / "queries.jsonl").is_file():
        raise QueryError(f"{folder} is no BEIR folder: it has no queries.jsonl, or no qrels/*.tsv.")
    texts = _texts(folder / "queries.jsonl")
    judged: dict[str, dict[str, int]] = {}
    for file in files:
        _read_qrels(file, texts, judged)
    return [
        Question(
            id_,
            texts[id_],
            targets := tuple(parse_target(name, grade) for name, grade in grades.items() if grade > 0),
            every=True,
            left_out=None if targets else "nothing is relevant to it",
        )
        for id_, grades in judged.items()
    ]


def parse_target(name: str, grade: int = 1) -> Target:
    """What an id of a corpus or a run names.

    >>> parse_target("bücher/a.pdf/12"), parse_target("MED-10")
    (Target(document='bücher/a.pdf', page=12, grade=1), Target(document='MED-10', page=None, grade=1))
    """
    document, _, number = name.rpartition("/")
    if document and number.isascii() and number.isdecimal() and int(number) > 0:
        return Target(document, int(number), grade)
    return Target(name, None, grade)


def _texts(path: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, entry in json_lines(path):
        id_, text = entry.get("_id"), entry.get("text")
        if not isinstance(id_, str) or not isinstance(text, str) or not text.strip():
            raise QueryError(f"{path}, line {number}: a query needs _id and text.")
        texts[id_] = text
    return texts


def _read_qrels(path: Path, texts: dict[str, str], judged: dict[str, dict[str, int]]) -> None:
    for number, line in text_lines(path):
        fields = line.split("\t")
        if number == 1 and fields[-1].strip() == "score":
            continue
        try:
            query, name, grade = fields[0], fields[1], int(fields[2])
        except (IndexError, ValueError) as error:
            raise QueryError(f"{path}, line {number}: this is not query-id, corpus-id and score, by tabs.") from error
        if query not in texts:
            raise QueryError(f"{path}, line {number}: there is no query {query!r} in queries.jsonl.")
        judged.setdefault(query, {})[name] = grade
