"""Keeping an eye on folders."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .changes import Wanted
from .discover import visited_folders
from .sidecars import NAMES

EVERY = 2.0
"""Seconds between two looks: system calls for changes do not reach network drives, looking does."""


def changes(wanted: Wanted) -> Iterator[None]:
    """Yields at once, and then whenever files have come, changed or gone, as soon as they stay as they are."""
    seen = _look(wanted)
    yield
    while True:
        time.sleep(EVERY)
        now = _look(wanted)
        if now == seen:
            continue
        while True:  # somebody is still copying
            time.sleep(EVERY)
            later = _look(wanted)
            if later == now:
                break
            now = later
        seen = now
        yield


def _look(wanted: Wanted) -> dict[str, tuple[int, int] | None]:
    """Size and time of each file, metadata files among them."""
    folders = [folder for path in wanted.paths for folder in visited_folders(path)]
    files = [*wanted.files(), *(folder / name for folder in folders for name in NAMES)]
    found: dict[str, tuple[int, int] | None] = {}
    for file in files:
        try:
            stat = file.stat()
            found[str(file)] = stat.st_size, stat.st_mtime_ns
        except OSError:
            found[str(file)] = None
    return found
