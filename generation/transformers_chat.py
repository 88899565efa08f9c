"""A `ChatModel` that runs on this machine: any vision-language model that transformers has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock
from typing import Any

from ..retrieval.checkpoints import find_checkpoint
from ..retrieval.encoders.device import Runtime, choose_runtime
from ..retrieval.encoders.visual_loading import free_cache, is_out_of_memory
from ..retrieval.errors import GeneratorError, ModelUnavailable
from ..retrieval.types import Usage
from .chat import Limits, Prompt
from .thinking import MARKS
from .transformers_loading import Bits, Reader, check_kind, load_model, load_reader
from .transformers_prompt import encode, limits_of, marks_of, plain, render

CONTEXT = 8192
"""Tokens, where nobody sets more: keys and values of longer prompts take memory that `check_fits` does not count."""
UNKNOWN_CONTEXT = 2048
"""Tokens of models that do not say how many they can take."""
LEAST_ANSWER = 16
"""Tokens that must be left for the answer."""


class TransformersChat:
    """A checkpoint on this machine. Weights are loaded at the first prompt; one prompt at a time is worked on."""

    def __init__(
        self,
        model: str,
        *,
        runtime: Runtime | None = None,
        folder: Path | None = None,
        context: int | None = None,
        bits: Bits | None = None,
    ) -> None:
        """`model` and `folder` as for `find_checkpoint`; `context`: tokens of prompt and answer together.

        `bits`: weights are shrunk to so many while they are loaded, by bitsandbytes. Raises `ModelUnavailable` when
        the model is not on this machine or is none that can be asked, `GeneratorError` without bitsandbytes.
        """
        self._checkpoint = find_checkpoint(model, folder)
        check_kind(self._checkpoint, bits)
        self._given, self._asked = runtime, context
        self._bits: Bits | None = bits
        self._lock = Lock()
        self._reader: Reader | None = None
        self._limits: Limits | None = None
        self._model: Any = None
        # one thread: a second prompt waits until the first is done or was cancelled
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="pagesight-generator")

    @property
    def name(self) -> str:
        return f"transformers {self._checkpoint.name}"

    @property
    def limits(self) -> Limits:
        """As the checkpoint's processor says. Raises `GeneratorError` when it cannot be read."""
        reader = self._read()
        if self._limits is None:
            self._limits = limits_of(reader.processor, reader.model_type, self._context(reader))
        return self._limits

    def count_tokens(self, text: str) -> int:
        """Of a text, by the model's own tokenizer."""
        processor = self._read().processor
        return len(processor.tokenizer(plain(text, marks_of(processor)), add_special_tokens=False)["input_ids"])

    def stream(self, prompt: Prompt) -> Iterator[str | Usage]:
        """Yield the answer as it is written, the likeliest token each time, and last what it took.

        Closing the iterator stops the work before its next token. Raises `GeneratorError` when the model cannot be
        loaded or run, or when the prompt is longer than it can take.
        """
        reader = self._read()
        with self._lock:  # truncation and padding are a tokenizer's state
            rendered = render(reader.processor, reader.model_type, prompt)
            inputs = encode(reader.processor, reader.model_type, rendered)
        taken, context = int(inputs["input_ids"].shape[1]), self._context(reader)
        if context - taken < LEAST_ANSWER:
            raise GeneratorError(
                f"The prompt takes {taken} tokens, and {self.name} is run with {context} for prompt and answer; ask of "
                "fewer pages, or raise PAGESIGHT_GENERATOR_CONTEXT."
            )
        model = self._load()
        if rendered.thinks:
            yield MARKS[0][0]  # the prompt has begun the thought, so that its end would come without beginning
        tokens: SimpleQueue[list[int] | None] = SimpleQueue()
        stop = Event()
        work = self._worker.submit(_generate, model, inputs, min(prompt.max_tokens, context - taken), tokens, stop)
        work.add_done_callback(lambda _: tokens.put(None))
        written: list[int] = []
        try:
            yield from _decoded(reader.processor.tokenizer, tokens, written)
            if error := work.exception():
                raise self._failed(error) from error
        finally:
            stop.set()
            work.cancel()
        yield Usage(taken, len(written))

    def _context(self, reader: Reader) -> int:
        if self._asked is not None:
            return min(self._asked, reader.context or self._asked)
        return min(CONTEXT, reader.context or UNKNOWN_CONTEXT)

    def _runtime(self) -> Runtime:
        self._given = self._given or choose_runtime()
        return self._given

    def _read(self) -> Reader:
        with self._lock:
            if self._reader is None:
                try:
                    self._reader = load_reader(self._checkpoint, self._runtime())
                except ModelUnavailable as error:
                    raise GeneratorError(str(error)) from error
            return self._reader

    def _load(self) -> Any:
        with self._lock:
            if self._model is None:
                try:
                    self._model = load_model(self._checkpoint, self._runtime(), self._bits)
                except ModelUnavailable as error:
                    raise GeneratorError(str(error)) from error
            return self._model

    def _failed(self, error: BaseException) -> GeneratorError:
        device = self._runtime().device
        if is_out_of_memory(error):
            free_cache()
            return GeneratorError(
                f"There is no room for this prompt with {self._checkpoint.name} on {device}; ask of fewer pages, lower "
                "PAGESIGHT_GENERATOR_CONTEXT, or choose a smaller model."
            )
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = (lines or [type(error).__name__])[0][:200]
        return GeneratorError(f"{self.name} failed on {device}: {said}; try again, or name another model.")


def _generate(model: Any, inputs: Any, most: int, tokens: SimpleQueue[list[int] | None], stop: Event) -> None:
    """Write until the end or until `stop`; tokens are put as they come."""
    from transformers import StoppingCriteriaList
    from transformers.generation.streamers import BaseStreamer

    class Streamer(BaseStreamer):
        """Not transformers' `TextIteratorStreamer`: that decodes a line at a time, so that its pieces need not join
        to the text that decoding the whole gives, and it holds each word back until the next has begun."""

        def __init__(self) -> None:
            self.prompt = True

        def put(self, value: Any) -> None:
            if not self.prompt:
                tokens.put(value.reshape(-1).tolist())
            self.prompt = False

        def end(self) -> None:
            pass

    def stopped(input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full((input_ids.shape[0],), stop.is_set(), dtype=torch.bool, device=input_ids.device)

    model.generate(
        **inputs.to(model.device, dtype=model.dtype),
        max_new_tokens=most,
        streamer=Streamer(),
        stopping_criteria=StoppingCriteriaList([stopped]),
    )


def _decoded(tokenizer: Any, tokens: SimpleQueue[list[int] | None], written: list[int]) -> Iterator[str]:
    """Tokens to text, in pieces that join to what decoding all at once gives. `written` collects the tokens."""
    said = ""
    while (found := tokens.get()) is not None:
        written += found
        text = _text(tokenizer, written).rstrip("\ufffd")  # half of a letter, until the rest of its bytes come
        if len(text) > len(said) and text.startswith(said):
            yield text[len(said) :]
            said = text
    if rest := _text(tokenizer, written)[len(said) :]:
        yield rest


def _text(tokenizer: Any, tokens: list[int]) -> str:
    return tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
