"""The figure or table that a citation stands in."""

from dataclasses import replace

from pagesight.generation import answer
from pagesight.retrieval import Box, Library
from pagesight.ui.cards import citation_data
from pagesight.ui.crops import crops


def test_a_table_that_is_cited_is_shown_whole_and_once(library: Library) -> None:
    found = answer(library, "What is the Umsatz of Thüringen?")
    (region,) = crops(library, found).values()
    words = [word.text for word in library.page_words(found.citations[0].page.id) if region.union(word.box) == region]
    assert {"Region", "Bavaria", "Saxony", "Thüringen"} <= set(words)
    twice = replace(found, citations=found.citations * 2)
    assert crops(library, twice) == {0: region}
    x, y, wide, high = citation_data(found.citations[0], "bild", region)["crop"]
    assert (x, wide) == (0, 1)
    assert y < region.y0 / found.citations[0].page.height < region.y1 / found.citations[0].page.height < y + high


def test_running_text_and_places_unknown_have_no_crop(library: Library) -> None:
    found = answer(library, "What was the net revenue in 2021?")
    assert crops(library, found) == {}
    table = answer(library, "What is the Umsatz of Thüringen?")
    assert crops(library, replace(table, citations=(replace(table.citations[0], boxes=()),))) == {}
    outside = replace(table.citations[0], boxes=(*table.citations[0].boxes, Box(1.0, 1.0, 2.0, 2.0)))
    assert crops(library, replace(table, citations=(outside,))) == {}
