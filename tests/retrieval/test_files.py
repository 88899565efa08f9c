"""What a folder takes up on disk."""

from __future__ import annotations

from pathlib import Path

from pagesight.retrieval.files import disk_use


def test_a_folder_is_counted_by_its_parts_with_all_that_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "сторінки" / "a").mkdir(parents=True)
    (tmp_path / "сторінки" / "a" / "1.webp").write_bytes(b"x" * 10)
    (tmp_path / "сторінки" / "2.webp").write_bytes(b"x" * 5)
    (tmp_path / "сторінки" / "a.sqlite-shm").write_bytes(b"x" * 7)
    (tmp_path / "library.json").write_bytes(b"{}")
    assert disk_use(tmp_path) == {"library.json": 2, "сторінки": 15}
