"""Picture files as documents."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pagesight.ingest.documents import ParseOptions, PictureDocument, open_document
from pagesight.ingest.ocr import OcrWord
from pagesight.ingest.parsed import ParsedPage
from pagesight.ingest.pictures import flatten
from pagesight.retrieval.errors import DocumentUnreadable
from pagesight.retrieval.types import Box

NO_OCR = ParseOptions(ocr="off")


class OneWord:
    """An engine that finds one word in the left upper quarter of every picture."""

    name = "one word"

    def read(self, image: Image.Image) -> list[OcrWord]:
        return [OcrWord("Größe", Box(0, 0, image.width / 2, image.height / 2), 0)]


def sheet(width: int = 300, height: int = 200, colour: str = "white") -> Image.Image:
    """A picture with a black square in its left upper corner."""
    image = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(image).rectangle((0, 0, 40, 40), "black")
    return image


def read(path: Path, number: int = 1, options: ParseOptions = NO_OCR) -> ParsedPage:
    with open_document(path, options=options) as document:
        return document.read_page(number)


def pixels(page: ParsedPage) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.image)).convert("L"))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp"])
def test_every_kind_is_a_document_of_one_page(tmp_path: Path, suffix: str):
    sheet().save(tmp_path / f"bild ä.{suffix}")
    with open_document(tmp_path / f"bild ä.{suffix}", options=NO_OCR) as document:
        assert isinstance(document, PictureDocument)
        assert document.info.pages == 1
        assert document.info.title is None
        assert document.info.media_type == f"image/{suffix.replace('jpg', 'jpeg')}"
        page = document.read_page(1)
    assert (page.text, page.text_origin, page.rotation) == ("", "none", 0)
    assert (page.width, page.height, page.image_size) == (150, 100, (300, 200))  # 144 dpi, since none is stated
    assert pixels(page)[20, 20] < 40
    assert pixels(page)[100, 200] > 240


@pytest.mark.parametrize(("dpi", "width"), [(72, 150), (96, 150), (150, 144), (300, 72), (5000, 150)])
def test_the_size_in_points_follows_a_believable_resolution(tmp_path: Path, dpi: int, width: float):
    sheet().save(tmp_path / "bild.png", dpi=(dpi, dpi))
    assert read(tmp_path / "bild.png").width == pytest.approx(width, rel=1e-3)


def test_a_fine_scan_is_kept_at_the_resolution_of_page_images(tmp_path: Path):
    sheet(2480, 3508).save(tmp_path / "scan.png", dpi=(300, 300))
    page = read(tmp_path / "scan.png")
    assert (page.width, page.height) == pytest.approx((595.2, 841.92), abs=0.05)
    assert page.image_size == (1190, 1684)


def test_words_are_placed_in_points(tmp_path: Path):
    sheet(3000, 2000).save(tmp_path / "scan.png", dpi=(300, 300))
    with open_document(tmp_path / "scan.png", ocr=OneWord()) as document:
        page = document.read_page(1)
    assert page.text_origin == "ocr"
    assert [(word.text, word.box) for word in page.words] == [("Größe", (0, 0, 360, 240))]
    assert page.passages[0].text == "Größe"


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter clockwise to see it upright
    sheet().save(tmp_path / "foto.jpg", exif=exif)
    page = read(tmp_path / "foto.jpg")
    assert page.image_size == (200, 300)
    assert pixels(page)[20, 180] < 40  # the left upper corner is now the right one


def test_frames_of_a_tiff_are_pages(tmp_path: Path):
    second = Image.new("RGBA", (100, 400), (0, 0, 0, 0))
    sheet().save(tmp_path / "fax.tif", save_all=True, append_images=[second, Image.new("1", (50, 50), 1)])
    with open_document(tmp_path / "fax.tif", options=NO_OCR) as document:
        assert document.info.pages == 3
        assert [document.read_page(number).image_size for number in (2, 1, 3)] == [(100, 400), (300, 200), (50, 50)]
        with pytest.raises(IndexError):
            document.read_page(4)


def test_what_is_transparent_is_white(tmp_path: Path):
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 40, 40), (0, 0, 0, 255))
    image.save(tmp_path / "grafik.png")
    page = pixels(read(tmp_path / "grafik.png"))
    assert page[20, 20] < 40
    assert page[80, 80] > 240
    image.quantize().save(tmp_path / "palette.png")
    assert pixels(read(tmp_path / "palette.png"))[80, 80] > 240


def test_sixteen_bits_and_floats_keep_their_greys():
    ramp = np.linspace(0, 65535, 256).reshape(16, 16)
    for image in (Image.fromarray(ramp.astype(np.uint16)), Image.fromarray((ramp / 65535).astype(np.float32))):
        shown = np.asarray(flatten(image).convert("L"), np.int32).ravel()
        assert np.abs(shown - np.arange(256)).max() <= 1


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, in 60 bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(15000, 13000), (60000, 60000)])
def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path, size: tuple[int, int]):
    (tmp_path / "bömbe.png").write_bytes(bomb(*size))
    with pytest.raises(DocumentUnreadable, match="more than 178 million pixels; make it smaller"):
        open_document(tmp_path / "bömbe.png", options=NO_OCR)


def test_a_large_picture_below_the_bound_is_no_warning(tmp_path: Path):
    (tmp_path / "plakat.png").write_bytes(bomb(10000, 9500))
    with open_document(tmp_path / "plakat.png", options=NO_OCR) as document:
        assert document.info.pages == 1


def test_a_picture_cut_short_fails_with_a_reason(tmp_path: Path):
    noise = np.random.default_rng(7).integers(0, 255, (200, 300, 3), np.uint8)
    for suffix in ("jpg", "png", "webp", "tiff"):
        path = tmp_path / f"größe.{suffix}"
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(DocumentUnreadable, match="it is broken or cut short"):
            read(path)


def test_a_tall_picture_is_shrunk_to_what_a_webp_file_can_hold(tmp_path: Path):
    sheet(60, 17000).save(tmp_path / "rolle ä.png")
    page = read(tmp_path / "rolle ä.png")
    assert max(page.image_size) == 16383
    assert page.height == 8500
