"""Models in huggingface_hub's cache: which there are, whether they are whole, and whether their bytes are right.

Nothing here touches the network.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .checkpoints import find_checkpoint, split_revision
from .errors import ModelUnavailable
from .profiles import card, pinned

SHA256 = re.compile(r"[0-9a-f]{64}")
SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Installed:
    """A revision of a model in the cache."""

    name: str
    revision: str
    bytes: int
    folder: Path
    whole: bool
    """Whether its configuration and weights are all there."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of a fetched model that is not what the hub has."""

    model: str
    file: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.model}: {self.file.name} {self.reason}"


def is_whole(model: str) -> bool:
    """Whether a model, as it is pinned, is on this machine with all its weights. Never touches the network."""
    try:
        checkpoint = find_checkpoint(pinned(model))
        base = checkpoint.read_json("adapter_config.json").get("base_model_name_or_path")
        return base is None or bool(find_checkpoint(base_of(model, base, None)))
    except ModelUnavailable:
        return False


def installed() -> list[Installed]:
    """All models in the cache, a row a revision, by name. Never touches the network.

    Not by huggingface_hub's `scan_cache_dir`: 2.4 leaves out a whole model for one link that points nowhere.
    """
    found = []
    for folder in sorted(cache_folder().glob("models--*/snapshots/*")):
        name = folder.parents[1].name.removeprefix("models--").replace("--", "/", 1)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found.append(Installed(name, folder.name, size, folder, is_whole(f"{name}@{folder.name}")))
    return found


def verify(model: str) -> Iterator[Damage]:
    """Read every byte of a fetched model and compare with the hash that the hub gave; never touches the network.

    In the cache a file is a link to a blob that is named by its hash: SHA-256 for large files, git's SHA-1 for small
    ones. Copies, on disks without links, have no such name, and are not checked. Raises `ModelUnavailable` when
    nothing of the model is there.
    """
    name, revision = split_revision(pinned(model))
    entries = [row for row in installed() if row.name == name and revision in (None, row.revision)]
    if not entries:
        raise ModelUnavailable(
            f"The model {model} is not on this machine; fetch it with: pagesight models pull {model}"
        )
    for entry in entries:
        label = f"{entry.name}@{entry.revision[:8]}"
        for link in sorted(path for path in entry.folder.rglob("*") if path.is_symlink()):
            # one step only: a blob may itself be a link into a store that several models share, under another name
            hashed = link.readlink().name
            if not link.exists():
                yield Damage(label, link, "is missing")
            elif (actual := hash_of(link, hashed)) is not None and actual != hashed:
                yield Damage(label, link, f"is damaged (its hash is {actual[:12]}… and should be {hashed[:12]}…)")
        if not entry.whole:
            yield Damage(label, entry.folder, "was not fetched whole")


def forget(damage: Damage) -> None:
    """Remove a damaged file from the cache, so that the next pull fetches it again."""
    if damage.file.is_symlink():
        (damage.file.parent / damage.file.readlink()).unlink(missing_ok=True)
        damage.file.unlink(missing_ok=True)


def base_of(adapter: str, base: str, revision: str | None) -> str:
    """The base of an adapter: at the revision that it names, else as the adapter's card or its own pins it."""
    if revision:
        return f"{base}@{revision}"
    known = card(adapter)
    if known and known.base and split_revision(known.base)[0] == base:
        return known.base
    return pinned(base)


def hash_of(file: Path, like: str) -> str | None:
    """The hash of a file's bytes, of the kind that `like` is; `None` when that is none."""
    if SHA256.fullmatch(like):
        digest = hashlib.sha256()
    elif SHA1.fullmatch(like):
        digest = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return None
    with file.open("rb") as opened:
        while block := opened.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def quiet_hub() -> None:
    """No telemetry: huggingface_hub reads its setting once, when it is imported, which may have happened."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True


def cache_folder() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def storage(model: str) -> Path:
    return cache_folder() / f"models--{model.replace('/', '--')}"
