"""Which language a text is in, by py3langid: a model in its package, nothing downloaded, a millisecond a page."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SURE = 0.5
"""Below this probability nobody can tell: headings alone, names, lists of units. Whole pages lie above 0.9."""

_LOOKED_AT = 2_000
"""Characters: more of a page change nothing but the time."""

_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str | None) -> str | None:
    """The language of a text, ISO 639-1; `None` where there is too little of it to tell.

    >>> language_of("Оплату слід здійснити протягом тридцяти днів.")
    'uk'
    >>> language_of("4,512 3,876 12.5% EUR") is None
    True
    """
    # Numbers and codes are in no language, and a page of them was taken for Volapük.
    words = " ".join(_WORD.findall((text or "")[:_LOOKED_AT]))
    if not words:
        return None
    language, probability = _detector().classify(words)
    return language if probability >= SURE and language != _NONE else None


_NONE = "zxx"
"""What the model calls a text in no language."""


@lru_cache(maxsize=1)
def _detector() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 0.5 s, with its model

    detector = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    detector.set_languages([label for label in detector.labels if len(label) == 2 or label == _NONE])
    return detector
