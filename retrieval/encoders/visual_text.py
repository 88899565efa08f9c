"""Text for vision-language models: what of a prompt is the user's, and which word each piece belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Word
from .words import LONGEST_WORD, split_words


class Prompts:
    """Pieces of prompts, by way of a fast tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        marks = {str(token) for token in tokenizer.get_added_vocab()} | set(tokenizer.all_special_tokens)
        marks = {mark for mark in marks if mark.strip() and not mark.isalnum()}
        longest_first = sorted(marks, key=len, reverse=True)
        self._marks = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()} - {tokenizer.unk_token_id}
        self._special = np.array(sorted(special))  # `<unk>` is special to tokenizers, and stands for a word of the text

    def plain(self, text: str) -> str:
        """Text without strings that the tokenizer would take for its own marks, such as `<image>`; composed (NFC)."""
        # A byte of an argument or a name that is not UTF-8 comes as a lone surrogate, which the tokenizer refuses.
        # Half of the tokenizers compose letters themselves: then pieces decode to a text that is not the given one.
        whole = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
        return self._marks.sub(" ", whole).strip()

    def cut(self, text: str, room: int) -> str:
        """As much of the beginning as fits into so many pieces."""
        offsets = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
            "offset_mapping"
        ]
        return text if len(offsets) <= room else text[: offsets[max(room, 1) - 1][1]]

    def spans(self, ids: NDArray[np.int64], text: str, prompt: str = "") -> NDArray[np.int32]:
        """Where in `text` each piece of a prompt around it lies: starts and ends, `(pieces, 2)`; -1 where it does not.

        The prompt is known from its pieces: as `prompt` + `text`, or else as what they decode to, which is exact for
        byte-level tokenizers. When neither gives the same pieces again, none is placed.
        """
        result = np.full((len(ids), 2), -1, np.int32)
        decoded = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        for whole, own in ((prompt + text, True), (prompt + text, False), (decoded, False)):
            found = self._tokenizer(whole, add_special_tokens=own, return_offsets_mapping=True, verbose=False)
            again, offsets = np.array(found["input_ids"]), np.array(found["offset_mapping"]).reshape(-1, 2)
            if not len(again) or len(again) > len(ids) or (again != ids[: len(again)]).any():
                continue
            ours = (offsets[:, 1] > offsets[:, 0]) & ~np.isin(again, self._special)
            # The last place in what no special piece covers: before the text stand prefixes, after it only marks.
            visible = list(whole)
            for a, b in offsets[~ours]:
                visible[a:b] = "\0" * (b - a)
            start = "".join(visible).rfind(text)
            if start < 0:
                continue
            inside = ours & (offsets[:, 1] > start) & (offsets[:, 0] < start + len(text))
            result[: len(again)][inside] = np.clip(offsets[inside] - start, 0, len(text))
            break
        return result

    def pieces(self, ids: NDArray[np.int64], text: str, prompt: str = "") -> tuple[str, ...]:
        """The letters of `text` that each token stands for, `""` for one of the prompt's. `(tokens,)`."""
        spans = self.spans(ids, text, prompt)
        if (spans >= 0).any():
            return pieces_of(text, spans)
        plain = np.where(np.isin(ids, self._special), -1, ids).tolist()
        return tuple(self._tokenizer.decode([i]).strip() if i >= 0 else "" for i in plain)

    def coverage(self, text: str) -> float:
        """The share of the words with letters that the tokenizer knows: at least 2.5 bytes of UTF-8 a piece.

        A word of an alphabet that the tokenizer has not learnt falls into single bytes or letters, or into `<unk>`.
        """
        words = [word for word in split_words(self.plain(text)) if any(letter.isalpha() for letter in word)]
        if not words:
            return 1.0
        encoded = self._tokenizer([f" {word}" for word in words], add_special_tokens=False, verbose=False)["input_ids"]
        unknown = self._tokenizer.unk_token_id
        known = [
            unknown not in ids and 0 < len(ids) <= max(1, len(word.encode()) / 2.5)
            for word, ids in zip(words, encoded, strict=True)
        ]
        return sum(known) / len(known)

    def windows(self, words: Sequence[Word], room: int) -> list[Window]:
        """Cut the words of a page into runs of at most `room` pieces; a word that is only marks is left out."""
        texts = [self.plain(word.text)[:LONGEST_WORD].strip() for word in words]
        kept = [i for i, text in enumerate(texts) if text]
        if not kept:
            return []
        counts = self._tokenizer([f" {texts[i]}" for i in kept], add_special_tokens=False, verbose=False)["input_ids"]
        windows, run, used = [], [], 0
        for i, ids in zip(kept, counts, strict=True):
            if run and used + len(ids) > room:
                windows.append(Window.of(run, texts))
                run, used = [], 0
            run.append(i)
            used += len(ids)
        return [*windows, Window.of(run, texts)]


class Window:
    """A run of words of a page as one text."""

    def __init__(self, text: str, words: NDArray[np.int32], starts: NDArray[np.int32]) -> None:
        self.text = text
        self._words = words
        self._starts = starts

    @classmethod
    def of(cls, words: Sequence[int], texts: Sequence[str]) -> Window:
        """`words` are positions in `texts`."""
        lengths = np.array([len(texts[i]) + 1 for i in words], np.int32)
        starts = np.r_[0, np.cumsum(lengths)[:-1]].astype(np.int32)
        return cls(" ".join(texts[i] for i in words), np.array(words, np.int32), starts)

    def owners(self, spans: NDArray[np.int32]) -> NDArray[np.int32]:
        """The word that each piece ends in, -1 for a piece of none; `spans` are places in the text. `(pieces,)`.

        A piece that is only the space before a word is part of that word, as in pieces that begin with their space.
        """
        inside = spans[:, 1] > spans[:, 0]
        space = np.isin(spans[:, 1], self._starts)  # it ends where a word starts
        last = np.where(space, spans[:, 1], spans[:, 1] - 1)
        owners = self._words[np.searchsorted(self._starts, last, side="right") - 1]
        return np.where(inside, owners, -1).astype(np.int32)


def pieces_of(text: str, spans: NDArray[np.int32]) -> tuple[str, ...]:
    """What people recognise of each piece: the letters of the text it stands for, `""` for none."""
    return tuple(text[a:b].strip() if b > a else "" for a, b in spans.tolist())
