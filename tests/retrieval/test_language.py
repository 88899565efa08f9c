"""The language of a page, and when nobody can tell."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pagesight.retrieval.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Пасажири мають пересісти на наступній станції.", "uk"),
        ("Пассажиры должны пересесть на следующей станции.", "ru"),
        ("승객은 다음 역에서 기차를 갈아타야 합니다.", "ko"),
        ("乘客必须在下一站换乘火车。", "zh"),
        ("乗客は次の駅で列車を乗り換えてください。", "ja"),
        ("يجب على الركاب تغيير القطار في المحطة التالية.", "ar"),
        ("Fahrgäste müssen am nächsten Bahnhof umsteigen.", "de"),
        ("Passengers must change trains at the next station.", "en"),
    ],
)
def test_a_sentence_is_enough(text: str, language: str):
    assert language_of(text) == language
    assert language_of(f"7 {text}\n4,512 3,876 12.5 % 2021 (1)") == language


@pytest.mark.parametrize(
    "text", [None, "", " \n", "4,512 3,876 12.5 % €", "AX-1200 B7 Q4 2024", "kg m s V A W Hz mm", "Äpfel", "\ud800 7"]
)
def test_too_little_is_none(text: str | None):
    assert language_of(text) is None


def test_importing_the_library_loads_no_detector():
    code = "import sys, pagesight.retrieval, pagesight.ingest; sys.exit('py3langid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
