"""What of a multi-vector store on disk is not what was written, and what is left without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import MEND, CorruptFile
from . import lists as inverted
from .segment import Segment
from .segment_list import Entry, SegmentList, read_segment_list


def damages(folder: Path) -> Iterator[str]:
    """Read every byte; a line for each array that is not what was written."""
    try:
        listed = read_segment_list(folder)
    except CorruptFile as error:
        yield str(error)
        return
    for entry in listed.segments:
        try:
            segment = Segment(folder / entry.name, entry.counts, listed.dim)
        except (CorruptFile, FileNotFoundError) as error:
            yield f"{error}" if isinstance(error, CorruptFile) else f"{error.filename} is missing."
            continue
        yield from segment.verify(np.flatnonzero(entry.alive()).tolist())
        if not _lists_sound(folder, entry):
            yield f"{folder / entry.name / entry.lists} is damaged; {MEND}"
    if not _centres_sound(folder, listed):
        yield f"{folder / listed.centres} is damaged; {MEND}"


def without_damages(folder: Path) -> SegmentList:
    """The list of segments without damaged pages, lists, and segments of which nobody can tell which pages are whole.

    Empty when the list is damaged itself; numbers of segments that were in use are not used again.
    """
    try:
        listed = read_segment_list(folder)
    except CorruptFile:
        numbers = [int(part.name) for part in folder.glob("[0-9]*") if part.name.isdecimal()]
        return SegmentList(following=max(numbers, default=0) + 1)
    kept: list[Entry] = []
    for entry in listed.segments:
        try:
            segment = Segment(folder / entry.name, entry.counts, listed.dim)
        except (CorruptFile, FileNotFoundError):
            continue
        damaged = [n for n in np.flatnonzero(entry.alive()).tolist() if any(segment.verify([n]))]
        left = entry.without(damaged) if damaged else entry
        kept.append(left if _lists_sound(folder, entry) else replace(left, lists="", lists_sum=""))
    if _centres_sound(folder, listed):
        return replace(listed, segments=tuple(kept))
    bare = tuple(replace(entry, lists="", lists_sum="") for entry in kept)
    return replace(listed, centres="", centres_sum="", trained=0, segments=bare)


def _lists_sound(folder: Path, entry: Entry) -> bool:
    file = folder / entry.name / entry.lists
    return not entry.lists or (file.is_file() and inverted.checksum(file.read_bytes()) == entry.lists_sum)


def _centres_sound(folder: Path, listed: SegmentList) -> bool:
    file = folder / listed.centres
    return not listed.centres or (file.is_file() and inverted.checksum(file.read_bytes()) == listed.centres_sum)
