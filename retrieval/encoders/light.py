"""A small BERT in numpy, for questions: ready at once, where torch and its libraries take seconds to import.

The arithmetic is that of Devlin et al. 2018 as `transformers.BertModel` has it, in float32, a sequence at a time. For
pages, and for models of any other kind, there is torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Vectors

_TRANSFORMER, _POOLING, _NORMALIZE = "Transformer", "Pooling", "Normalize"


@dataclass(frozen=True, slots=True)
class EncodedWords:
    """A sequence as the model sees it."""

    tokens: Vectors
    """`(tokens, dim)`, special tokens among them."""
    words: list[int | None]
    """The word that each token is of; `None` for special ones."""


class LightEncoder:
    """Reads a sentence-transformers folder that `supported` says yes to. Safe to use from several threads."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from safetensors import safe_open
        from tokenizers import Tokenizer

        config = _read(folder / "config.json")
        said = folder / "sentence_bert_config.json"
        limits = [
            max_tokens,
            config["max_position_embeddings"],
            _read(said).get("max_seq_length") if said.is_file() else None,
        ]
        self._heads, self._epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(min(limit for limit in limits if limit))
        self._free = Tokenizer.from_file(str(folder / "tokenizer.json"))  # of pieces of words: none is cut
        self._free.no_padding()
        self._free.no_truncation()
        with safe_open(folder / "model.safetensors", "np") as file:
            names = [name for name in file.keys() if not name.startswith("pooler.") and not name.endswith("_ids")]  # noqa: SIM118
            self._weights: dict[str, NDArray[np.float32]] = {
                name: np.asarray(file.get_tensor(name), np.float32) for name in names
            }
        self._layers = int(config["num_hidden_layers"])
        self._states = lru_cache(maxsize=16)(self._forward)  # a question comes as a text, and again as its words

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        """The numbers of the pieces that the tokenizer cuts each word into."""
        return [one.ids for one in self._free.encode_batch(list(words), add_special_tokens=False)]

    @property
    def unknown(self) -> int | None:
        """The number of the piece for what the tokenizer does not know."""
        return self._free.token_to_id("[UNK]")

    def sentence(self, text: str) -> Vectors:
        """`(dim,)`, unit: the mean of the text's tokens."""
        mean = self._states(tuple(self._tokenizer.encode(text).ids)).mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)

    def words(self, words: Sequence[str]) -> EncodedWords:
        """A sequence of words; what is past the window is left out."""
        encoded = self._tokenizer.encode(list(words), is_pretokenized=True)
        return EncodedWords(self._states(tuple(encoded.ids)), encoded.word_ids)

    def _forward(self, ids: tuple[int, ...]) -> Vectors:
        """`(tokens, dim)`. Inside, each token is a column: BLAS multiplies by few columns faster than by few rows."""
        weights = self._weights
        x = weights["embeddings.word_embeddings.weight"][list(ids)]
        x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
        x = x + weights["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(np.ascontiguousarray(x.T), "embeddings.LayerNorm")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            x = self._norm(x + self._attend(x, name), f"{name}.attention.output.LayerNorm")
            inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        x = np.ascontiguousarray(x.T)
        x.setflags(write=False)
        return x

    def _attend(self, x: Vectors, name: str) -> Vectors:
        def by_head(part: str) -> Vectors:
            made = self._linear(x, f"{name}.attention.self.{part}")
            return made.reshape(self._heads, -1, x.shape[1])  # (heads, dim of a head, tokens)

        query, key, value = map(by_head, ("query", "key", "value"))
        scores = query.transpose(0, 2, 1) @ key / np.sqrt(np.float32(query.shape[1]))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = value @ (scores / scores.sum(axis=-1, keepdims=True)).transpose(0, 2, 1)
        return self._linear(mixed.reshape(x.shape), f"{name}.attention.output.dense")

    def _linear(self, x: Vectors, name: str) -> Vectors:
        return self._weights[f"{name}.weight"] @ x + self._weights[f"{name}.bias"][:, None]

    def _norm(self, x: Vectors, name: str) -> Vectors:
        x = x - x.mean(axis=0)
        x = x / np.sqrt((x * x).mean(axis=0) + np.float32(self._epsilon))
        return x * self._weights[f"{name}.weight"][:, None] + self._weights[f"{name}.bias"][:, None]


@lru_cache(maxsize=2)
def light_encoder(folder: Path, max_tokens: int) -> LightEncoder | None:
    """The encoder of a folder; `None` for a model that this module does not compute."""
    return LightEncoder(folder, max_tokens) if supported(folder) else None


def supported(folder: Path) -> bool:
    """Whether a sentence-transformers folder holds a BERT whose tokens' mean, made a unit vector, is the sentence's."""
    try:
        config, modules = _read(folder / "config.json"), _read(folder / "modules.json")
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
        if kinds != [_TRANSFORMER, _POOLING, _NORMALIZE] or modules[0]["path"]:
            return False
        pooling = _read(folder / modules[1]["path"] / "config.json")
        said = folder / "config_sentence_transformers.json"
        prompts = (_read(said).get("prompts") or {}) if said.is_file() else {}
        said = folder / "sentence_bert_config.json"
        folded = said.is_file() and _read(said).get("do_lower_case")
        from safetensors import safe_open

        with safe_open(folder / "model.safetensors", "np") as file:
            plain = "embeddings.word_embeddings.weight" in file.keys()  # noqa: SIM118
            plain = plain and file.get_slice("embeddings.word_embeddings.weight").get_dtype() in ("F32", "F16")
        modes = {name for name, on in pooling.items() if name.startswith("pooling_mode") and on is True}
        return (
            plain
            and (folder / "tokenizer.json").is_file()
            and config["model_type"] == "bert"
            and config["hidden_act"] == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and not config.get("is_decoder")
            and not folded
            and modes == {"pooling_mode_mean_tokens"}
            and not any(prompts.values())
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False  # whatever is wrong with it, who loads it with torch says so


def _read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def _gelu(x: Vectors) -> Vectors:
    """x times the normal distribution's share below it, exact to 1e-6 (Abramowitz & Stegun 1964, 7.1.26)."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * np.float32(1.061405429)))))
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return (x * (1 + erf) / 2).astype(np.float32)
