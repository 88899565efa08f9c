"""Values of metadata: what is written is what is kept, and what is shown is read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from drafts import empty_library, write

from pagesight.retrieval.errors import MetadataError
from pagesight.retrieval.facts import SIDECAR, replace_facts
from pagesight.retrieval.metadata import read_value, spelled, type_of
from pagesight.retrieval.types import MetadataValue


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("9007199254740992", 2**53),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        ("9007199254740993.0", "9007199254740993.0"),
        (9007199254740993, "9007199254740993"),
        ("1e23", 1e23),
        ("1e999", "1e999"),
        ("0.10000000000000001", 0.1),
    ],
)
def test_a_whole_number_is_kept_to_its_last_digit_or_is_text(written: object, kept: MetadataValue):
    found = read_value(written)
    assert (found, type(found)) == (kept, type(kept))


def test_a_number_that_would_be_rounded_is_refused_where_numbers_are_expected():
    with pytest.raises(MetadataError, match="has more digits than a number keeps"):
        read_value("9007199254740993", "number")
    with pytest.raises(MetadataError, match="more than 1000 digits"):
        read_value(10**5000)


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5, 2.0**53 + 2, 2022, 1e22, 'ä "ö"', '"ї"', " ґ"]
)
def test_what_is_shown_of_a_value_is_read_as_that_value(value: MetadataValue):
    assert read_value(spelled(value), type_of(value)) == value


def test_a_range_compares_values_of_one_type_only(tmp_path: Path):
    with empty_library(tmp_path / "größen") as library, library.writer() as writer:
        write(writer, "aa", "/ä.pdf", "Wärmepumpe")
        write(writer, "bb", "/ї.pdf", "насос")
        with library.catalog.transaction() as connection:  # as a library of an earlier version may have it
            replace_facts(connection, {"aa": {"year": "FY19"}, "bb": {"year": 2021}}, SIDECAR)
        assert list(library.scope({"year": {">=": 2020}}).pages) == ["bb/1"]
        assert list(library.scope({"year": {"!=": 2020}}).pages) == ["bb/1"]
