"""A tantivy index in a folder: opening it, writing to it, and telling whether its files are whole.

What this library is trusted with: a commit is one rename of `meta.json`, readers keep the files that they have mapped,
and each file ends in a checksum of what is before it. What it does not do: notice that another process has committed,
open in a folder where nobody may make its lock files, and check those checksums.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, RLock
from typing import TYPE_CHECKING

from ..errors import MEND, CorruptFile
from ..sqlite_files import may_write

if TYPE_CHECKING:
    from tantivy import DocAddress, Index, IndexWriter, Schema, Searcher

META = "meta.json"
HEAP = 32 << 20
"""Bytes of new pages that a writer holds before it makes a segment of them; tantivy takes 15 MB and more."""
NAMES = 100_000
"""Names that are remembered, some 15 MB."""
_MAGIC = 1337
"""What tantivy's files end in, after the checksum and its length."""
_PIECE = 1 << 20

_Stamp = tuple[int, int, int]


class TantivyFolder:
    """One index. Searching is safe from many threads; one writes at a time."""

    def __init__(self, folder: Path, key: str, schema: Schema) -> None:
        """The folder is made when something is first written. `key`: the field that names a row."""
        self.path, self.key, self.schema = folder, key, schema
        self._reading, self._writing = Lock(), RLock()
        self._found: tuple[_Stamp, Searcher] | None = None
        self._writer: IndexWriter | None = None
        self._names: tuple[Searcher | None, dict[tuple[int, int], str]] = None, {}

    def searcher(self) -> Searcher | None:
        """What is committed now, by whichever process; `None` where there is no index yet.

        Raises `CorruptFile` when it cannot be opened.
        """
        with self._reading:
            for _ in range(20):
                now = self._stamp()
                if now is None:
                    self._found = None
                    return None
                if self._found is not None and self._found[0] == now:
                    return self._found[1]
                try:
                    self._found = now, self._open()
                except FileNotFoundError:  # committed again since, and what was there before is gone
                    continue
                return self._found[1]
        raise self._damaged("files are missing")

    def name(self, searcher: Searcher, address: DocAddress) -> str:
        """What a row is of. Remembered: it is stored among others, which are unpacked together in 10 µs."""
        held = self._names
        if held[0] is not searcher or len(held[1]) > NAMES:
            self._names = held = searcher, {}
        names, place = held[1], (address.segment_ord, address.doc)
        if place not in names:
            names[place] = str(searcher.doc(address)[self.key][0])
        return names[place]

    @contextmanager
    def writing(self) -> Iterator[IndexWriter]:
        """A writer, whose changes are committed together on leaving, or dropped with an exception.

        It stays open, so that merging small segments goes on meanwhile, until `settle`. Raises `OSError` for what
        tantivy cannot write.
        """
        with self._writing:
            try:
                if self._writer is None:
                    self._writer = self._begin().writer(HEAP, 1)
                yield self._writer
                self._writer.commit()
            except BaseException as error:
                self._end()  # it may have done half, and would commit it with what comes next
                if isinstance(error, ValueError | RuntimeError):
                    raise OSError(f"tantivy could not write {self.path}: {error}") from error
                raise

    @property
    def held(self) -> bool:
        """Whether this one writes, so that no other may."""
        return self._writer is not None

    def settle(self) -> None:
        """Finish merging, and let go of what one writer at a time may hold."""
        with self._writing:
            if self._writer is not None:
                with suppress(ValueError, RuntimeError):  # what cannot be deleted now is deleted another time
                    self._writer.garbage_collect_files()
                self._end()

    def _end(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(ValueError, RuntimeError):  # what is not merged now is merged another time
                writer.wait_merging_threads()  # whoever else may still hold it, it is of no use to him after this

    def deleted(self) -> int:
        """Rows that were deleted and are still in the files."""
        return sum((segment.get("deletes") or {}).get("num_deleted_docs", 0) for segment in self._segments())

    def verify(self) -> Iterator[str]:
        """A line, for people, for each file that is damaged or missing."""
        if not (self.path / META).is_file():
            return
        try:
            segments = self._segments()
            for file in sorted(_files(self.path, segments)):
                if said := _damage(file):
                    yield f"{file} is damaged ({said}); {MEND}"
            self.searcher()
        except CorruptFile as error:
            yield str(error)

    def _open(self) -> Searcher:
        if may_write(self.path / META):
            return self._open_in(self.path)
        with TemporaryDirectory(prefix="pagesight-") as temporary:
            return self._open_in(_linked(self.path, Path(temporary)))

    def _open_in(self, folder: Path) -> Searcher:
        import tantivy

        try:
            index = tantivy.Index.open(str(folder))
            index.config_reader("manual")  # a thread that looks for news would find them half a second later
            index.reload()
            return index.searcher()
        except ValueError as error:
            if "FileDoesNotExist" in str(error) and self._whole():
                raise FileNotFoundError from error
            raise self._damaged(str(error)) from error

    def _begin(self) -> Index:
        import tantivy

        self.path.mkdir(parents=True, exist_ok=True)
        return tantivy.Index(self.schema, path=str(self.path))

    def _segments(self) -> list[dict]:
        try:
            return json.loads((self.path / META).read_bytes())["segments"]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(f"{META}: {error}") from error

    def _whole(self) -> bool:
        return all(file.is_file() for file in _files(self.path, self._segments()))

    def _stamp(self) -> _Stamp | None:
        try:
            found = (self.path / META).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _damaged(self, said: str) -> CorruptFile:
        return CorruptFile(f"{self.path} is damaged ({' '.join(said.split())[:200]}); {MEND}")


def _files(folder: Path, segments: list[dict]) -> Iterator[Path]:
    """The files that the segments cannot do without."""
    for segment in segments:
        name = str(segment["segment_id"]).replace("-", "")
        for part in ("fast", "fieldnorm", "idx", "pos", "store", "term"):
            yield folder / f"{name}.{part}"
        if segment.get("deletes"):
            yield folder / f"{name}.{segment['deletes']['opstamp']}.del"


def _damage(file: Path) -> str:
    """What is wrong with a file, by the checksum at its end; `""` for nothing."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            opened.seek(max(0, size - 8))
            end = opened.read(8)
            length, magic = int.from_bytes(end[:4], "little"), int.from_bytes(end[4:], "little")
            left = size - 8 - length
            if len(end) < 8 or magic != _MAGIC or left < 0:
                return "its end is missing"
            opened.seek(left)
            expected = json.loads(opened.read(length))["crc"]
            opened.seek(0)
            found = 0
            while left > 0 and (piece := opened.read(min(left, _PIECE))):
                found, left = zlib.crc32(piece, found), left - len(piece)
        return "" if found == expected else "its checksum does not match"
    except FileNotFoundError:
        return "it is missing"
    except (ValueError, KeyError, TypeError):
        return "its checksum cannot be read"


def _linked(folder: Path, temporary: Path) -> Path:
    """A folder of links to the files of another, in which lock files may be made."""
    for file in folder.iterdir():
        if not file.name.endswith(".lock"):
            (temporary / file.name).symlink_to(file.absolute())
    return temporary
