"""What is known of documents beside their text: from people, from metadata files, from the files themselves."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pdfs
import pytest

from pagesight.ingest import Outcome, add, sidecars
from pagesight.ingest.documents import open_document
from pagesight.ingest.pdf_metadata import own_metadata
from pagesight.retrieval import Library
from pagesight.retrieval.errors import MetadataError
from pagesight.retrieval.facts import key_types
from pagesight.retrieval.types import MetadataValue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "unterlagen ä"
    (folder / "tief").mkdir(parents=True)
    for name in ("a.pdf", "б.pdf", "tief/c.pdf"):
        (folder / name).write_bytes(pdfs.pdf(pdfs.text_page(f"Die Wärmepumpe von {name} läuft.")))
    return folder


def known(library: Library) -> dict[str, dict[str, MetadataValue]]:
    return {Path(one.sources[0]).name: dict(one.metadata) for one in library.documents()}


def problems(outcomes: list[Outcome]) -> dict[str, str]:
    return {Path(one.path).name: f"{one.state}: {one.reason}" for one in outcomes if one.reason}


def test_what_is_given_with_a_run_holds_for_its_files_new_and_old(library: Library, folder: Path):
    list(add(library, [folder / "a.pdf"]))
    given = {"Company Name": "Бойинг", "year": "2022", "signed": "2023-04-30", "final": "true", "code": "007"}
    list(add(library, [folder / "a.pdf", folder / "б.pdf"], metadata=given))
    list(add(library, [folder / "tief"], metadata={"year": 2021, "code": '"8"'}))
    same = {"company_name": "Бойинг", "year": 2022, "signed": date(2023, 4, 30), "final": True, "code": "007"}
    assert known(library) == {"a.pdf": same, "б.pdf": same, "c.pdf": {"year": 2021, "code": "8"}}
    assert key_types(library.catalog) == {
        "code": "text", "company_name": "text", "final": "boolean", "signed": "date", "year": "number"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"year": "MMXX"}, "'year' is a number in this library: 'MMXX' is text, and a number is expected"),
        ({"year": "2022-01-01"}, "'year' is a number"),
        ({"2022": "x"}, "is no key"),
        ({"language": "uk"}, "has a meaning of its own"),
        ({"größe": " \x00\u202e "}, "'größe' cannot be kept: it is empty"),
        ({"größe": "x" * 1001}, "1001 characters"),
        ({"größe": float("nan")}, "none of text, number"),
        ({f"k{n}": n for n in range(65)}, "at most 64 keys"),
    ],
)
def test_what_cannot_be_kept_is_said_before_anything_is_read(
    library: Library, folder: Path, given: dict[str, object], told: str
):
    list(add(library, [folder / "a.pdf"], metadata={"year": 2022}))
    with pytest.raises(MetadataError) as refused:
        list(add(library, [folder / "б.pdf"], metadata=given))
    assert told in str(refused.value)
    assert known(library) == {"a.pdf": {"year": 2022}}


def test_a_mistaken_type_can_be_mended_where_it_stands_alone(library: Library, folder: Path):
    list(add(library, [folder], metadata={"year": 2022}))
    one, *others = [document.id for document in library.documents()]
    with library.writer() as writer:
        writer.unset_metadata(others, ["year"])
        writer.set_metadata([one], {"year": "MMXXII"})
        with pytest.raises(MetadataError, match="is text in this library"):
            writer.set_metadata(others, {"year": 2022})
        writer.set_metadata([one], {"year": "2022"})
    assert key_types(library.catalog) == {"year": "number"}


def test_a_metadata_file_holds_until_it_says_otherwise(library: Library, folder: Path):
    (folder / "metadata.csv").write_text(
        "﻿file;Year;company\na.pdf;2022;Ä & Co\nб.pdf;2023;\ntief/c.pdf;2020;Ö\n", encoding="utf-8"
    )
    (folder / "tief" / "metadata.jsonl").write_text(
        '{"file": "c.pdf", "company": "Ü", "final": false, "when": "2024-02-29"}\n\n', encoding="utf-8"
    )
    assert problems(list(add(library, [folder]))) == {}
    assert known(library) == {
        "a.pdf": {"year": 2022, "company": "Ä & Co"},
        "б.pdf": {"year": 2023},
        "c.pdf": {"year": 2020, "company": "Ü", "final": False, "when": date(2024, 2, 29)},
    }
    generation = library.catalog.generation()
    list(add(library, [folder]))
    assert library.catalog.generation() == generation, "nothing changed, so nothing is written"

    (folder / "metadata.csv").write_text("file,year\na.pdf,2019\n", encoding="utf-8")
    assert {one.state for one in add(library, [folder])} == {"unchanged"}
    assert known(library)["a.pdf"] == {"year": 2019}
    assert known(library)["б.pdf"] == {}
    (folder / "metadata.csv").unlink()
    list(add(library, [folder / "a.pdf"]))
    assert known(library)["a.pdf"] == {"year": 2019}, "a file alone does not ask its folder"
    list(add(library, [folder]))
    assert known(library)["a.pdf"] == {}


def test_a_person_counts_before_a_metadata_file_and_that_before_the_file_itself(library: Library, folder: Path):
    page = pdfs.text_page("Звіт про роботу порту за минулий рік")
    info = {"Author": "Олена\n\x07 Коваль", "Keywords": "порт, звіт", "CreationDate": "D:20230405120000+02'00'"}
    (folder / "a.pdf").write_bytes(pdfs.pdf(page, info=info))
    list(add(library, [folder]))
    own = {"author": "Олена Коваль", "created": date(2023, 4, 5), "keywords": "порт, звіт"}
    assert known(library)["a.pdf"] == own
    (folder / "metadata.csv").write_text("file,author\na.pdf,Jürgen\n", encoding="utf-8")
    list(add(library, [folder]))
    assert known(library)["a.pdf"] == own | {"author": "Jürgen"}
    list(add(library, [folder / "a.pdf"], metadata={"author": "Zoë"}))
    list(add(library, [folder]))
    assert known(library)["a.pdf"] == own | {"author": "Zoë"}
    (folder / "a.pdf").write_bytes(pdfs.pdf(page, info={"Author": "Інша"}))
    list(add(library, [folder]))
    assert known(library)["a.pdf"] == {"author": "Zoë"}, "what a person said stays with the file when it changes"


def test_what_a_file_says_of_itself_gives_way_to_the_librarys_types(library: Library, folder: Path):
    list(add(library, [folder / "б.pdf"], metadata={"created": "navesni"}))
    (folder / "a.pdf").write_bytes(pdfs.pdf(pdfs.text_page("Größe"), info={"CreationDate": "D:2023", "Author": "Ö"}))
    assert problems(list(add(library, [folder / "a.pdf"]))) == {}
    assert known(library)["a.pdf"] == {"author": "Ö"}


@pytest.mark.parametrize("stated", ["", "D:", "gestern", "D:00000000", "D:19040101000000", "D:20231399", "D:99999999"])
def test_a_date_that_is_none_is_left_out(stated: str):
    assert own_metadata({"CreationDate": stated}.get) == {}


def test_what_programs_write_when_nobody_said_anything_is_left_out():
    stated = {"Author": "anonymous", "Subject": "(unspecified)", "Keywords": "\ufffd\ufffd"}
    assert own_metadata(stated.get) == {}


def test_a_hostile_entry_is_short_and_plain_text(tmp_path: Path):
    file = tmp_path / "ä.pdf"
    info = {"Author": "x" * 100_000, "Subject": "<script>\x07[31m\u202egnp", "Keywords": " \x00 "}
    file.write_bytes(pdfs.pdf(pdfs.text_page("Größe"), info=info))
    with open_document(file) as document:
        assert document.info.metadata == {"author": "x" * 1000, "subject": "<script> [31mgnp"}


def test_a_row_that_makes_no_sense_costs_itself_and_is_told(library: Library, folder: Path):
    rows = [
        "file,year",
        "a.pdf,2022",
        "нема.pdf,2022",
        "б.pdf,колись",
        ",2022",
        "../../etc/passwd,2022",
        "tief/c.pdf,2020",
    ]
    (folder / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    (outcome,) = [one for one in add(library, [folder]) if one.reason]
    assert (Path(outcome.path).name, outcome.state) == ("metadata.csv", "partial")
    assert outcome.reason is not None
    assert "row 3: there is no document 'нема.pdf' beside it; row 4: The metadata 'year' is a number" in outcome.reason
    assert outcome.reason.endswith("; row 5: it names no file; the column 'file' has the path from here; and 1 more")
    assert known(library) == {"a.pdf": {"year": 2022}, "б.pdf": {}, "c.pdf": {"year": 2020}}


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("metadata.csv", b"name,year\na.pdf,1\n", "no column 'file'"),
        ("metadata.csv", b"", "no column 'file'"),
        ("metadata.csv", b"file,x\na.pdf,\xff\xfe\n", "UTF-8"),
        ("metadata.csv", b'file,x\na.pdf,"' + b"x" * 200_000, "field larger"),
        ("metadata.jsonl", b"[" * 100_000, "cannot be read further"),
        ("metadata.jsonl", b'{"file": "a.pdf", "x": ' + b"9" * 5000 + b"}", "cannot be read further"),
        ("metadata.jsonl", b'{"file": "a.pdf", "x": [1]}', "none of text, number"),
        ("metadata.jsonl", b"17\n", "names no file"),
    ],
)
def test_a_metadata_file_that_is_none_stops_nothing_and_what_was_known_stays(
    library: Library, folder: Path, name: str, data: bytes, told: str
):
    (folder / "metadata.csv").write_text("file,year\na.pdf,2022\n", encoding="utf-8")
    list(add(library, [folder]))
    (folder / name).write_bytes(data)
    outcomes = list(add(library, [folder]))
    (report,) = problems(outcomes).values()
    assert report.startswith("failed: ")
    assert told in report
    assert len(report) < 500
    assert known(library)["a.pdf"] == {"year": 2022}
    assert [one.state for one in outcomes] == ["unchanged"] * 3 + ["failed"]


def test_values_written_as_json_are_what_they_are(library: Library, folder: Path):
    values = {"file": "a.pdf", "n": 2.50, "big": 1e30, "long": 10**30, "yes": True, "none": None, "text": "так"}
    (folder / "metadata.jsonl").write_text(json.dumps(values), encoding="utf-8")
    list(add(library, [folder]))
    assert known(library)["a.pdf"] == {"n": 2.5, "big": 1e30, "long": f"1{'0' * 30}", "yes": True, "text": "так"}


def test_a_link_that_leads_out_of_the_folder_is_no_metadata_file(library: Library, folder: Path, tmp_path: Path):
    (tmp_path / "chuzhe.csv").write_text("file,year\na.pdf,2022\n", encoding="utf-8")
    (folder / "metadata.csv").symlink_to(tmp_path / "chuzhe.csv")
    assert problems(list(add(library, [folder]))) == {}
    assert known(library)["a.pdf"] == {}


def test_a_folder_added_alone_is_told_of_by_the_folders_around_it(library: Library, folder: Path):
    (folder / "metadata.csv").write_text("file,company,year\ntief/c.pdf,Ö,2019\na.pdf,Ä,колись\n,,\n", encoding="utf-8")
    (folder / "tief" / "metadata.csv").write_text("file,year\nc.pdf,2020\n", encoding="utf-8")
    list(add(library, [folder]))
    list(add(library, [folder / "tief"]))
    assert known(library)["c.pdf"] == {"company": "Ö", "year": 2020}
    (folder / "metadata.csv").write_text("file,company\ntief/c.pdf,Ü\nнема.pdf,Ä\n", encoding="utf-8")
    assert problems(list(add(library, [folder / "tief"]))) == {}, "rows about other files are not asked about"
    assert known(library)["c.pdf"] == {"company": "Ü", "year": 2020}
    for paths in ([folder, folder / "tief"], [folder / "tief", folder]):
        (report,) = problems(list(add(library, paths))).values()
        assert report.count("нема.pdf") == 1
        assert known(library)["c.pdf"] == {"company": "Ü", "year": 2020}, "the inner folder counts"


def test_around_a_folder_other_files_of_that_name_stop_nothing_and_broken_ones_keep_what_they_said(
    library: Library, folder: Path
):
    (folder / "tief" / "metadata.csv").write_text("file,year\nc.pdf,2020\n", encoding="utf-8")
    (folder / "metadata.csv").write_text("id,label\n1,кіт\n", encoding="utf-8")
    assert problems(list(add(library, [folder / "tief"]))) == {}
    (folder / "metadata.csv").write_text("file,company\ntief/c.pdf,Ö\n", encoding="utf-8")
    list(add(library, [folder / "tief"]))
    (folder / "metadata.csv").write_bytes(b"file,company\ntief/c.pdf,Neu\ntief/c.pdf,\xff\n")
    (folder / "tief" / "metadata.csv").write_text("file,year\nc.pdf,2021\n", encoding="utf-8")
    (report,) = problems(list(add(library, [folder / "tief"]))).values()
    assert report.startswith("failed: ")
    assert known(library)["c.pdf"] == {"company": "Ö", "year": 2021}


def test_what_a_twins_folder_says_stays_when_the_other_is_added(library: Library, folder: Path):
    (folder / "zwei").mkdir()
    (folder / "zwei" / "c.pdf").write_bytes((folder / "tief" / "c.pdf").read_bytes())
    (folder / "zwei" / "metadata.csv").write_text("file,company,year\nc.pdf,Ö,2020\n", encoding="utf-8")
    list(add(library, [folder]))
    (folder / "tief" / "metadata.csv").write_text("file,year\nc.pdf,2021\n", encoding="utf-8")
    list(add(library, [folder / "tief"]))
    assert known(library)["c.pdf"] == {"company": "Ö", "year": 2021}
    (folder / "zwei" / "metadata.csv").unlink()
    list(add(library, [folder]))
    assert known(library)["c.pdf"] == {"year": 2021}


def test_a_metadata_file_speaks_of_its_own_folder_only(library: Library, folder: Path):
    (folder / "tief" / "metadata.csv").write_text("file,year\n../a.pdf,2021\n", encoding="utf-8")
    (report,) = problems(list(add(library, [folder]))).values()
    assert "there is no document '../a.pdf' beside it" in report
    assert known(library)["a.pdf"] == {}


def test_what_is_kept_of_an_unreadable_file_says_which_types_keys_have(library: Library, folder: Path):
    (folder / "tief" / "metadata.csv").write_text("file,year\nc.pdf,2019\n", encoding="utf-8")
    list(add(library, [folder]))
    (folder / "metadata.csv").write_text("file,year\na.pdf,FY19\n", encoding="utf-8")
    (folder / "tief" / "metadata.csv").write_bytes(b"file,year\nc.pdf,\xff\n")
    told = problems(list(add(library, [folder])))["metadata.csv"]
    assert known(library) == {"a.pdf": {}, "б.pdf": {}, "c.pdf": {"year": 2019}}, told
    assert library.catalog.rows("SELECT DISTINCT type FROM metadata WHERE key = 'year'") == [("number",)]


def test_rows_that_make_no_sense_are_counted_not_kept_and_one_gives_up_on_too_many(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sidecars, "MOST_BAD_ROWS", 50)
    (folder / "metadata.csv").write_text("file,year\na.pdf,2022\n" + "нема,1\n" * 50, encoding="utf-8")
    list(add(library, [folder]))
    (report,) = sidecars.read_sidecars(library.catalog, [folder]).reports
    assert (report.applied, report.problems, len(report.told)) == (1, 50, 3)
    (folder / "metadata.csv").write_text("file,year\na.pdf,2023\n" + "нема,1\n" * 90, encoding="utf-8")
    (told,) = problems(list(add(library, [folder]))).values()
    assert told.startswith("failed: ")
    assert "and 48 more; it cannot be read further (more than 50 of its rows make no sense)" in told
    assert known(library)["a.pdf"] == {"year": 2022}
    (folder / "metadata.csv").unlink()
    (folder / "metadata.jsonl").write_text(f"[{'[],' * 400_000}[]]\n", encoding="utf-8")
    assert "longer than 1,000,000 characters" in problems(list(add(library, [folder])))["metadata.jsonl"]
