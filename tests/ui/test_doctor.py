"""`pagesight doctor`: what works, what is wrong with a library, and mending it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pagesight.retrieval import Library, Settings
from pagesight.retrieval.journal import Journal
from pagesight.ui.doctor import examine

Doctor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def doctor(
    run: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    library_copy: Library,
    open_shared: Callable[[Path], Library],
) -> Doctor:
    """`pagesight doctor` with these arguments, for a library that may be damaged: exit status, stdout, stderr."""
    monkeypatch.setattr("pagesight.ui.doctor.open_library", lambda path, settings: open_shared(path))
    return lambda *arguments: run("doctor", "-l", library_copy.path, *arguments)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_the_doctor_names_every_part(doctor: Doctor) -> None:
    status, out, err = doctor("--json")
    found = {entry["name"]: entry["ok"] for entry in json.loads(out)}
    names = ("lexical", "dense", "words", "visual", "image", "reranker", "perceptual", "maxsim", "ocr", "formats")
    names += ("poppler", "answers", "catalog", "pictures", "orphans", "journal", "library")
    assert status == 0
    assert found == dict.fromkeys(names, True)
    assert len(json.loads(out)) == len(found), "each once"
    assert err == ""


def test_the_doctor_finds_damage_and_mends_it(doctor: Doctor, library_copy: Library) -> None:
    path = library_copy.path
    before = {hit.page.id: hit.score for hit in library_copy.retrieve("pump delivers water", k=5)}
    flip(next((path / "multivectors" / "words").glob("*/rows.u8")))
    flip(next(path.glob("pages/*/00001.webp")))
    shutil.rmtree(path / "lexical")
    (path / "pages" / "fremd").mkdir()
    library_copy.lexical.settle()
    status, out, _ = doctor()
    assert status == 1
    wrong = [line for line in out.splitlines() if line.startswith("NO ")]
    assert [line.split()[1] for line in wrong] == ["lexical", "words", "pictures", "orphans"]
    assert wrong[1].startswith("NO  words      on: late interaction over words")
    assert "rows.u8 is damaged at the page" in wrong[1]
    status, out, err = doctor("--repair")
    assert status == 0, out
    assert "lexical: 7 pages are indexed again" in err
    assert "orphans: pages/fremd is removed" in err
    assert "NO " not in out
    assert doctor("--repair", "--json")[2] == "", "nothing is left to mend"
    hits = library_copy.retrieve("pump delivers water", k=5)
    assert {hit.page.id: hit.score for hit in hits} == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize("damage", ["deleted", "garbled"])
def test_a_lost_list_of_models_is_written_anew_where_the_vectors_say_whose_they_are(
    doctor: Doctor, library_copy: Library, damage: str
) -> None:
    file = library_copy.path / "library.json"
    before = file.read_bytes()
    file.unlink() if damage == "deleted" else file.write_bytes(before[:40])
    status, out, _ = doctor()
    assert status == 1
    assert "library.json is missing or damaged; mend it with: pagesight doctor --repair" in out
    status, _, err = doctor("--repair")
    assert status == 0
    assert "library.json is written anew" in err
    assert file.read_bytes() == before


def test_it_is_not_written_for_another_encoder_than_the_vectors_come_from(
    doctor: Doctor, library_copy: Library
) -> None:
    (library_copy.path / "library.json").unlink()
    shutil.rmtree(library_copy.path / "multivectors")
    status, out, err = doctor("--repair")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "do not say what they come from" in err
    assert "Restore the file" in err
    assert not (library_copy.path / "library.json").exists()


def test_a_repair_beside_a_writer_says_who_it_is(doctor: Doctor, library_copy: Library) -> None:
    with library_copy.writer():
        assert doctor()[0] == 0
        status, out, err = doctor("--repair")
    assert (status, out) == (1, "")
    assert "is being written by process" in err


def test_a_damaged_journal_is_named(doctor: Doctor, library_copy: Library) -> None:
    Journal(library_copy.path, library_copy.catalog).close()
    assert doctor()[0] == 0
    (library_copy.path / "journal.sqlite").write_bytes(b"Tagebuch" * 1000)
    status, out, _ = doctor("--repair")
    assert status == 1
    assert "journal.sqlite is damaged (file is not a database)" in out


def test_a_catalog_that_cannot_be_read_is_one_finding_with_the_way_out(doctor: Doctor, library_copy: Library) -> None:
    library_copy.close()
    for end in ("-wal", "-shm"):
        (library_copy.path / f"catalog.sqlite{end}").unlink(missing_ok=True)
    file = library_copy.path / "catalog.sqlite"
    file.write_bytes(file.read_bytes()[:5000])
    status, out, _ = doctor("--repair")
    assert status == 1
    (wrong,) = [line for line in out.splitlines() if line.startswith("NO ")]
    assert "catalog.sqlite is damaged" in wrong
    assert "pagesight add FILES --library NEW" in wrong


def test_progress_is_told_of_each_part(library_copy: Library) -> None:
    steps: list[tuple[str, int, int]] = []
    examine(Settings(library=library_copy.path), lambda *step: steps.append(step))
    assert {what for what, _, _ in steps} == {"catalog", "pictures", "indexes"}
    assert ("pictures", 3, 7) in steps


def test_a_glance_at_a_library_reads_none_of_its_pictures(library_copy: Library) -> None:
    for picture in (library_copy.path / "pages").rglob("*.webp"):
        flip(picture)
    found = {one.name: one for one in examine(Settings(library=library_copy.path), every_file=False)}
    assert all(one.ok for one in found.values())
    assert "pages" in found["library"].note
    assert not all(one.ok for one in examine(Settings(library=library_copy.path)))
