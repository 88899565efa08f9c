"""Prompts in the form that a checkpoint was trained with: by its chat template, or, without one, by its kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..retrieval.errors import GeneratorError
from ..retrieval.pictures import decode
from .chat import Limits, Message, Picture, Prompt
from .thinking import MARKS

if TYPE_CHECKING:
    from PIL.Image import Image

NO_TEMPLATE = ("blip-2", "instructblip")
"""Model types that were trained on one picture and one text, without turns."""
SIDE = 1536
"""Pixels: models that take larger pictures are not given them, for a page costs over 2,000 tokens already."""


@dataclass(frozen=True, slots=True)
class MeasuredLimits(Limits):
    """Limits of a model whose processor says what a picture costs."""

    measure: Callable[[int, int], int] | None = field(default=None, compare=False)
    """Width and height in pixels to tokens."""

    def picture_tokens(self, width: int, height: int) -> int:
        if self.measure is None:
            return Limits.picture_tokens(self, width, height)
        return self.measure(width, height)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as one text with places for its pictures."""

    text: str
    pictures: tuple[Picture, ...]
    thinks: bool = False
    """The prompt ends inside a thought that the model goes on with."""


def plain(text: str, marks: tuple[str, ...]) -> str:
    """A text without tokens that have a meaning to the model: one that says `<|im_end|>` shall not end the prompt.

    >>> plain("Größe <im<end>> 12", ("<im>", "<end>"))
    'Größe  12'
    """
    text = text.encode("utf-8", "replace").decode()  # tokenizers refuse lone surrogates
    while any(mark in text for mark in marks):  # again, as what is left may join to another
        for mark in marks:
            text = text.replace(mark, "")
    return text


def marks_of(processor: Any) -> tuple[str, ...]:
    """Tokens that a text must not hold: special ones, and those that stand for pictures."""
    tokenizer = processor.tokenizer
    special = [str(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special]
    names = ("image_token", "video_token", "audio_token", "boi_token", "eoi_token", "fake_image_token")
    special += [str(getattr(processor, name)) for name in names if getattr(processor, name, None)]
    return tuple(dict.fromkeys(mark for mark in special if mark.strip()))


def render(processor: Any, model_type: str, prompt: Prompt) -> Rendered:
    """Raises `GeneratorError` when the checkpoint has no template, or one that loses a part of the prompt."""
    marks = marks_of(processor)
    system = plain(prompt.system, marks)
    messages = [
        Message(
            message.role, tuple(part if isinstance(part, Picture) else plain(part, marks) for part in message.parts)
        )
        for message in prompt.messages
    ]
    pictures = tuple(part for message in messages for part in message.parts if isinstance(part, Picture))
    if model_type in NO_TEMPLATE and _template(processor) is None:
        texts = [part for message in messages for part in message.parts if isinstance(part, str)]
        # the form that BLIP-2 was shown questions in; InstructBLIP was shown this one among others
        return Rendered("\n".join([system, *texts]).strip() + " Answer:", pictures[:1])
    if _template(processor) is None:
        raise GeneratorError(
            f"The model has no chat template, and pagesight knows no prompt for {model_type!r}; name a checkpoint that "
            "was trained to answer (instruct, chat)."
        )
    wanted = [system.strip().split("\n")[0], _last_text(messages)]
    for text in _attempts(processor, system, messages):
        if all(part in text for part in wanted) and _holds(processor, text, len(pictures)):
            thinks = any(text.rstrip().endswith(opening) for opening, _ in MARKS)
            return Rendered(text, pictures, thinks)
    raise GeneratorError(
        "The model's chat template loses a part of the prompt or refuses it; fetch the model again, or name another."
    )


def encode(processor: Any, model_type: str, rendered: Rendered) -> Any:
    """What the model's `generate` takes, as tensors, a batch of one."""
    pictures = [_as_seen(processor, picture) for picture in rendered.pictures]
    more: dict[str, Any] = {}
    if model_type in NO_TEMPLATE:
        from PIL import Image

        images: Any = pictures or [Image.new("RGB", (64, 64), "white")]  # they cannot do without one
    else:
        images = [pictures] if pictures else None  # of the one text
        start = processor.tokenizer.bos_token
        if start and rendered.text.startswith(start):
            more["add_special_tokens"] = False  # the template has set it
    inputs = processor(text=[rendered.text], images=images, return_tensors="pt", **more)
    if "qformer_input_ids" in inputs:
        # InstructBLIP's Q-Former reads the question to know what to look for, and has room for 512 tokens
        question = rendered.text[rendered.text.rfind("Question: ") :].removesuffix(" Answer:")
        looks = processor.qformer_tokenizer(question, truncation=True, max_length=512, return_tensors="pt")
        inputs["qformer_input_ids"], inputs["qformer_attention_mask"] = looks["input_ids"], looks["attention_mask"]
    return inputs


def limits_of(processor: Any, model_type: str, context: int) -> Limits:
    """What a model of so many tokens can take, as its processor says."""
    side = min(_picture_side(processor), SIDE)
    if model_type in NO_TEMPLATE:
        queries = int(getattr(processor, "num_query_tokens", None) or 32)
        return MeasuredLimits(context, picture_side=side, measure=lambda width, height: queries)
    return MeasuredLimits(context, picture_side=side, measure=lru_cache(_measured(processor)))


def _measured(processor: Any) -> Callable[[int, int], int]:
    """What a picture of that width and height costs, in tokens, by the processor."""
    told = getattr(processor, "_get_num_multimodal_tokens", None)
    if told is not None:
        return lambda width, height: int(told(image_sizes=[(height, width)])["num_image_tokens"][0])

    def tried(width: int, height: int) -> int:  # some do not say, SmolVLM's for one, and enlarge what is small
        from PIL import Image

        image = Image.new("RGB", (width, height), "white")
        return len(processor(text=[str(processor.image_token)], images=[[image]])["input_ids"][0])

    return tried


def _picture_side(processor: Any) -> int:
    """Pixels of the longest side that a picture keeps."""
    images = processor.image_processor
    size = _edges(getattr(images, "size", None))
    crop = _edges(getattr(images, "crop_size", None))
    if pinpoints := getattr(images, "image_grid_pinpoints", None):  # LLaVA-NeXT: the grids of tiles there are
        return math.isqrt(max(height * width for height, width in pinpoints))
    tile = min(size.get("height", 0), size.get("width", 0))
    tiles = getattr(images, "max_patches", None) if hasattr(images, "crop_to_patches") else None  # InternVL
    tiles = tiles or getattr(images, "dynamic_hd", None)  # Phi-4
    if tile and tiles:
        return tile * math.isqrt(int(tiles))
    if size.get("longest_edge"):
        # Qwen's processors call the number of pixels so
        return math.isqrt(size["longest_edge"]) if hasattr(images, "merge_size") else size["longest_edge"]
    if _crops(images) and crop:
        return min(crop.values())
    return tile or size.get("shortest_edge") or 448


def _edges(size: Any) -> dict[str, int]:
    """`{"height": …}` and the like, of a processor's `size`: a dictionary or an object of that kind."""
    names = ("height", "width", "shortest_edge", "longest_edge")
    found = {} if size is None else size if isinstance(size, Mapping) else vars(size)
    return {name: int(found[name]) for name in names if found.get(name)}


def _crops(images: Any) -> bool:
    # LLaVA-NeXT's says so too, of tiles that have that size already
    return bool(getattr(images, "do_center_crop", False)) and not getattr(images, "image_grid_pinpoints", None)


def _as_seen(processor: Any, picture: Picture) -> Image:
    """A picture as RGB; on a white square where the model would cut off what sticks out of one."""
    from PIL import Image

    image = decode(picture.data)
    if not _crops(processor.image_processor) or image.width == image.height:
        return image
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _template(processor: Any) -> str | None:
    found = getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)
    return found.get("default") if isinstance(found, dict) else found


def _attempts(processor: Any, system: str, messages: list[Message]) -> Iterator[str]:
    """The prompt by the template: with parts as such or as one text, the system's words apart or before the person's.

    Templates of some checkpoints refuse a system message, drop it, or take nothing but text.
    """
    from jinja2 import TemplateError

    first = Message("user", (f"{system}\n\n", *messages[0].parts))
    apart = [{"role": "system", "content": _content(Message("user", (system,)))}]
    token = str(getattr(processor, "image_token", None) or "<image>")
    for image in (None, token):
        told = [{"role": m.role, "content": _content(m, image)} for m in messages]
        head = [{"role": "system", "content": system}] if image else apart
        folded = [{"role": "user", "content": _content(first, image)}, *told[1:]]
        for conversation in ([*head, *told], folded):
            try:
                text = processor.apply_chat_template(
                    conversation, chat_template=_template(processor), add_generation_prompt=True, tokenize=False
                )
            except (TemplateError, TypeError, KeyError, AttributeError):
                continue
            if "{'type': " not in text:  # a template that prints a list of parts as Python does
                yield text


def _content(message: Message, image: str | None = None) -> list[dict[str, str]] | str:
    """Parts as templates take them; as one text where `image` stands for each picture."""
    if image is not None:
        return "".join(part if isinstance(part, str) else image for part in message.parts)
    return [{"type": "text", "text": part} if isinstance(part, str) else {"type": "image"} for part in message.parts]


def _holds(processor: Any, text: str, pictures: int) -> bool:
    names = ("image_token", "boi_token", "start_image_token")
    tokens = [str(token) for token in (getattr(processor, name, None) for name in names) if token]
    return not tokens or any(text.count(token) >= pictures for token in tokens)


def _last_text(messages: list[Message]) -> str:
    texts = [part for part in messages[-1].parts if isinstance(part, str) and part.strip()]
    return texts[-1].strip().split("\n")[-1] if texts else ""
