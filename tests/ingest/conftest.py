"""An empty library that reads what pages say, and no more."""

from pathlib import Path

import pytest
from drafts import empty_library

from pagesight.retrieval import Library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return empty_library(tmp_path / "бібліотека", ocr="off", dpi=36)
