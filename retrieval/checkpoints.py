"""Checkpoints: folders of model weights on this machine, found without touching the network."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ModelUnavailable

WEIGHTS = (".safetensors", ".bin", ".pt")
_SAMPLE = 65_536
"""Bytes at the start, middle and end of a weights file that its fingerprint reads: naming does not read gigabytes."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files, all there."""

    name: str
    """What people call it: the last part of its hub name, or of its folder."""
    folder: Path
    revision: str
    """Fingerprint of the files: the same checkpoint has the same wherever it lies."""

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the checkpoint, `{}` when it has none of that name."""
        file = self.folder / name
        if not file.is_file():
            return {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelUnavailable(f"{file} is damaged ({error}); fetch the model again.") from error
        if not isinstance(found, dict):
            raise ModelUnavailable(f"{file} is damaged (not an object); fetch the model again.")
        return found


def split_revision(model: str) -> tuple[str, str | None]:
    """Name and revision of a model as settings name it.

    >>> split_revision("vidore/colSmol-256M@a59110f"), split_revision("vidore/colSmol-256M")
    (('vidore/colSmol-256M', 'a59110f'), ('vidore/colSmol-256M', None))
    """
    name, _, revision = model.partition("@")
    return name, revision or None


def find_checkpoint(model: str, folder: Path | None = None) -> Checkpoint:
    """The files of a model: a local folder, one below `folder` by the name's last part, or the hub's cache.

    `model` is a path or a hub name, either with `@revision` for the hub. Never touches the network. Raises
    `ModelUnavailable` with the command that fetches it.
    """
    given = Path(model).expanduser()
    if given.is_dir():
        return _open(given, given.resolve().name)
    model, revision = split_revision(model)
    name = model.rstrip("/").rpartition("/")[2]
    for place in [folder / model, folder / name] if folder else []:
        if place.is_dir():
            return _open(place, name)
    if folder is not None or Path(model).is_absolute() or model.startswith((".", "~")):
        where = folder / name if folder else Path(model)
        raise ModelUnavailable(f"There is no model at {where}; name the folder that holds its config.json.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(model, revision=revision, local_files_only=True))
    except IncompleteSnapshotError as error:
        # Another program's list of the repository's files has more than inference needs; what lacks, `_open` says.
        found = Path(error.snapshot_path)
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        at = f"@{revision}" if revision else ""
        raise ModelUnavailable(
            f"The model {model}{at} is not on this machine; fetch it with: pagesight models pull {model}{at}"
        ) from None
    return _open(found, name)


def _open(folder: Path, name: str) -> Checkpoint:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    configs = [file for file in files if file.suffix == ".json" and "config" in file.name]
    weights = [file for file in files if file.suffix in WEIGHTS]
    if not configs or not weights:
        lacking = "configuration" if not configs else "weights"
        raise ModelUnavailable(f"The model at {folder} has no {lacking}: it was not fetched whole; fetch it again.")
    for index in folder.glob("*.safetensors.index.json"):
        try:
            named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelUnavailable(f"{index} is damaged ({error}); fetch the model again.") from error
        missing = sorted(name for name in named if not (folder / name).is_file())
        if missing:
            raise ModelUnavailable(
                f"The model at {folder} lacks {missing[0]}: it was not fetched whole; fetch it again."
            )
    digest = hashlib.sha256()
    for file in [*configs, *weights]:
        digest.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        digest.update(file.read_bytes() if file in configs else _sample(file))
    for file in weights:
        if file.suffix == ".safetensors":
            tensor_shapes(file)  # a file that was cut short is named here, not in a traceback later
    return Checkpoint(name, folder, digest.hexdigest()[:12])


def _sample(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as opened:
        parts = []
        for start in (0, size // 2, max(size - _SAMPLE, 0)):
            opened.seek(start)
            parts.append(opened.read(_SAMPLE))
    return b"".join(parts)


def tensor_shapes(file: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name to dtype and shape of each tensor of a safetensors file, from its header; no weight is read.

    Raises `ModelUnavailable` when the file is damaged or cut short.
    """
    size = file.stat().st_size
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > size:
                raise ValueError("its header is longer than the file")
            header = json.loads(opened.read(length))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
        if 8 + length + end != size:
            raise ValueError(f"it has {size} bytes and should have {8 + length + end}")
        return {name: (str(entry["dtype"]), tuple(entry["shape"])) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise ModelUnavailable(f"{file} is damaged or cut short ({error}); fetch the model again.") from error
