"""Fetching models once, and looking after those that were fetched. `pull` alone touches the network.

Files lie in huggingface_hub's cache, where every program that uses it finds them, and its settings hold: HF_HOME,
HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE. What differs is how weights get there: huggingface_hub 2.4 writes them to a file
that it deletes when it is stopped, so 9 GB start from zero; here what has arrived stays, and the next pull asks for
the rest. They also come last, so that a model whose weights are there is there whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .checkpoints import find_checkpoint, split_revision
from .errors import ModelUnavailable
from .hub_cache import (
    SHA1,
    SHA256,
    Damage,
    Installed,
    base_of,
    cache_folder,
    forget,
    hash_of,
    installed,
    is_whole,
    quiet_hub,
    storage,
    verify,
)
from .hub_errors import explained
from .hub_files import RemoteFile, is_weights, needed
from .profiles import gigabytes, pinned

__all__ = [
    "Damage",
    "Installed",
    "Plan",
    "Progress",
    "RemoteFile",
    "fetch",
    "forget",
    "installed",
    "is_whole",
    "needed",
    "plan",
    "pull",
    "verify",
]

SPARE_BYTES = 200_000_000
"""Room that must stay on the disk after a pull."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull of one model would fetch."""

    model: str
    revision: str
    """Commit hash."""
    asked: str | None
    """The revision that was asked for: a hash, a branch or tag, or `None`."""
    files: tuple[RemoteFile, ...]
    """Small ones first, then weights."""
    bytes: int
    """Of all files."""
    missing: int
    """Bytes that have not arrived yet."""


@dataclass(frozen=True, slots=True)
class Progress:
    model: str
    file: str
    fetched: int
    """Bytes that arrived since the last report."""


def pull(model: str, *, on_progress: Callable[[Progress], None] | None = None) -> Path:
    """Fetch a model, and the base that an adapter names; the folder of its files. What is there is not fetched again.

    A model that `profiles.json` pins is fetched at that revision. Raises `ModelUnavailable` in one line: offline, no
    network, no such model, gated, no room on the disk, damaged on the way.
    """
    plans = plan([model])
    fetch(plans, on_progress=on_progress)
    return _snapshot(plans[-1])


def plan(models: Iterable[str]) -> list[Plan]:
    """What a pull would fetch, an adapter's base before the adapter. Asks the hub unless all is there already."""
    plans: dict[tuple[str, str], Plan] = {}
    for model in models:
        for found in _plan(pinned(model)):
            plans.setdefault((found.model, found.revision), found)
    return list(plans.values())


def fetch(plans: Iterable[Plan], *, on_progress: Callable[[Progress], None] | None = None) -> None:
    """Carry plans out. Raises as `pull` does, before anything is fetched when the disk is too small for all."""
    plans = list(plans)
    missing = sum(entry.missing for entry in plans)
    free = _free_disk()
    if missing and missing + SPARE_BYTES > free:
        raise ModelUnavailable(
            f"Not enough room on the disk of {cache_folder()}: {gigabytes(missing)} are to be fetched and "
            f"{gigabytes(free)} are free; make room, or name another folder in HF_HOME."
        )
    for entry in plans:
        with explained(entry.model):
            _fetch(entry, on_progress or (lambda _: None))


def _plan(model: str) -> list[Plan]:
    name, asked = split_revision(model)
    if asked and SHA1.fullmatch(asked) and is_whole(model):
        folder = find_checkpoint(model).folder
        return [Plan(name, asked, asked, (), sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()), 0)]
    quiet_hub()
    from huggingface_hub import HfApi, hf_hub_download

    with explained(name):
        info = HfApi().model_info(name, revision=asked, files_metadata=True)
        siblings = info.siblings or []
        listed = (RemoteFile(s.rfilename, s.size or 0, s.lfs.sha256 if s.lfs else None) for s in siblings)
        chosen = tuple(needed(listed))
        if not info.sha or not any(is_weights(file.path) for file in chosen):
            raise ModelUnavailable(f"The hub has no weights of {name} that can be used here (.safetensors or .bin).")
        bases: list[Plan] = []
        found = Plan(name, info.sha, asked, chosen, sum(file.size for file in chosen), 0)
        if any(file.path == "adapter_config.json" for file in chosen):
            read = _read_adapter(Path(hf_hub_download(name, "adapter_config.json", revision=info.sha)), name)
            if base := read.get("base_model_name_or_path"):
                bases = _plan(base_of(name, base, read.get("revision")))
        missing = sum(file.size - _arrived(found, file) for file in chosen)
        return [*bases, Plan(name, info.sha, asked, chosen, found.bytes, missing)]


def _read_adapter(file: Path, name: str) -> dict[str, Any]:
    import json

    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ModelUnavailable(f"The adapter_config.json of {name} cannot be read ({error}).") from error


def _fetch(plan: Plan, on_progress: Callable[[Progress], None]) -> None:
    if not plan.files:
        return
    quiet_hub()
    from filelock import FileLock
    from huggingface_hub import hf_hub_download

    locks = cache_folder() / ".locks" / storage(plan.model).name
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / "pagesight.lock"):  # two pulls of one model would write to the same unfinished file
        for file in plan.files:

            def report(fetched: int, file: RemoteFile = file) -> None:
                on_progress(Progress(plan.model, file.path, fetched))

            if _arrived(plan, file) == file.size and (_snapshot(plan) / file.path).exists():
                continue
            _remove_unlike(plan, file)
            if file.sha256 and SHA256.fullmatch(file.sha256):
                _fetch_blob(plan, file, report)
                hf_hub_download(plan.model, file.path, revision=plan.revision)  # the blob is there: it makes the link
            else:
                hf_hub_download(plan.model, file.path, revision=plan.revision)
                report(file.size)
        _note_revision(plan)


def _fetch_blob(plan: Plan, file: RemoteFile, report: Callable[[int], None]) -> None:
    """Fetch a large file to where the cache keeps it, going on where an earlier try ended."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    blob = _blob(plan, file)
    if blob.exists():
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    url = hf_hub_url(plan.model, file.path, revision=plan.revision)
    location = get_hf_file_metadata(url).location
    headers = build_hf_headers()
    if urlsplit(location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # a signed address on another host: the token is not for it
    partial = _partial(blob)
    with partial.open("r+b" if partial.exists() else "wb") as opened:
        opened.seek(0, os.SEEK_END)
        start = opened.tell()
        bar: Any = _bar(report)
        http_get(location, opened, resume_size=start, headers=headers, expected_size=file.size, tqdm_class=bar)
    if hash_of(partial, file.sha256 or "") != file.sha256:
        partial.unlink()
        raise ModelUnavailable(f"{file.path} of {plan.model} arrived damaged; run the same command again.")
    partial.replace(blob)


def _bar(report: Callable[[int], None]) -> type:
    """What huggingface_hub takes for a progress bar, that only passes the bytes on."""

    class Bar:
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *args: object) -> None: ...
        def close(self) -> None: ...
        def update(self, fetched: float | None = 1) -> None:
            report(int(fetched or 0))

    return Bar


def _arrived(plan: Plan, file: RemoteFile) -> int:
    """Bytes of a file that are on this machine."""
    placed = _snapshot(plan) / file.path
    places = [placed, _blob(plan, file), _partial(_blob(plan, file))] if file.sha256 else [placed]
    size = next((place.stat().st_size for place in places if place.exists()), 0)
    return size if size <= file.size else 0


def _remove_unlike(plan: Plan, file: RemoteFile) -> None:
    """Remove a file of another size than the hub's: cut short by a full disk or by hand."""
    for place in (_snapshot(plan) / file.path, _blob(plan, file) if file.sha256 else None):
        if (
            place is not None
            and (place.exists() or place.is_symlink())
            and (not place.exists() or place.stat().st_size != file.size)
        ):
            if place.is_symlink():
                (place.parent / place.readlink()).unlink(missing_ok=True)
            place.unlink(missing_ok=True)


def _note_revision(plan: Plan) -> None:
    """Note which commit a branch stands for, so that the model is found offline by its name alone.

    So does a pinned model where the cache knows no `main`: libraries that load an adapter's base name no revision.
    """
    named = plan.asked if plan.asked and not SHA1.fullmatch(plan.asked) else "main"
    ref = storage(plan.model) / "refs" / named
    if plan.asked == plan.revision and ref.exists():
        return
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(plan.revision)


def _snapshot(plan: Plan) -> Path:
    return storage(plan.model) / "snapshots" / plan.revision


def _blob(plan: Plan, file: RemoteFile) -> Path:
    return storage(plan.model) / "blobs" / (file.sha256 or "")


def _partial(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.partial")


def _free_disk() -> int:
    place = cache_folder()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
