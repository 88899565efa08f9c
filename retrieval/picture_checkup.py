"""The pictures of pages, and what lies about in a library's folders that belongs to no document."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from .inventory import Inventory
from .lock import HOLDER

HALF_WRITTEN = 60.0
"""Seconds that a half file is left alone for, while others may write."""


def damaged_pictures(
    inventory: Inventory,
    library: Path,
    on_picture: Callable[[int, int], None] = lambda *_: None,
    *,
    among: Collection[str] | None = None,
) -> dict[str, Path]:
    """The pages whose picture is not the one that was stored, and the file where it should be. Reads every picture.

    `on_picture` is told how many were read, and how many there are; `among`: look at these pages only.
    """
    wanted = [one for one in inventory.pictures() if among is None or one[0] in among]
    wrong: dict[str, Path] = {}
    for done, (page, document, number, sha) in enumerate(wanted):
        on_picture(done, len(wanted))
        file = library / "pages" / document / f"{number:05d}.webp"
        if _sum(file) != sha:
            wrong[page] = file
    return wrong


def leftovers(inventory: Inventory, library: Path) -> Iterator[Path]:
    """Files and folders that nothing refers to: pictures of pages that are not there, and halves of killed writers."""
    pictures: dict[str, set[str]] = {document: set() for document in inventory.documents}
    for _, document, number, _ in inventory.pictures():
        pictures[document].add(f"{number:05d}.webp")
    for folder in sorted((library / "pages").glob("[!.]*")):
        if folder.name in inventory.unfinished:
            continue
        if folder.name not in pictures or not folder.is_dir():
            yield folder
            continue
        known = pictures[folder.name] | {f"{page.rpartition('/')[2]:0>5}.webp" for page in inventory.failed}
        yield from sorted(file for file in folder.glob("[!.]*") if file.name not in known)
    if inventory.alone or not _at_work(library):
        for folder in ("", "pages", "pages/*", "chroma", "faiss", "faiss/*", "multivectors", "multivectors/*"):
            for left in sorted(library.glob(f"{folder}/.new-*".removeprefix("/"))):
                if left.parent.name not in inventory.unfinished and (inventory.alone or _is_old(left)):
                    yield left


def _sum(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None


def _is_old(file: Path) -> bool:
    """Whether it is not just being written by somebody who is about to say so."""
    try:
        return time.time() - file.stat().st_mtime > HALF_WRITTEN
    except FileNotFoundError:
        return False


def _at_work(library: Path) -> bool:
    """Whether a writer may be at work, whose half files these are. Taking the lock to see would keep one out."""
    try:
        holder = json.loads((library / HOLDER).read_bytes())
        if holder["host"] != socket.gethostname():
            return True
        os.kill(int(holder["pid"]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return True
