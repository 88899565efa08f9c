"""The optional channels of a library, `visual` and `image`, and its reranker: on with their encoder, or off and why.

Part of the composition root: `library.py` puts together what is always there, this file what needs a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from .errors import EncoderMismatch, ModelUnavailable
from .manifest import Manifest, ModelSpec
from .settings import Settings
from .types import EncoderId

if TYPE_CHECKING:
    from .encoders.device import Runtime
    from .protocols import ImageEncoder, PageEncoder, Reranker

Encoder = TypeVar("Encoder", "PageEncoder", "ImageEncoder")

OptionalChannel = Literal["visual", "image"]
OPTIONAL: tuple[OptionalChannel, ...] = ("visual", "image")


@dataclass(frozen=True, slots=True)
class Part(Generic[Encoder]):
    """An optional channel as settings and library together have it."""

    spec: ModelSpec | None
    """What is asked for, or what the library was built with; `None` when neither names a model."""
    encoder: Encoder | None
    """`None` while the channel is off."""
    off: str | None
    """Why it is off and what turns it on, for people; `None` while it is on."""
    wanted: bool = False
    """The settings name a model, by themselves or by their profile."""


def find_visual(settings: Settings, manifest: Manifest | None) -> Part[PageEncoder]:
    """The visual channel. `manifest`: the library's; `None` for a library that is to be made.

    Raises `EncoderMismatch` when the library's vectors come from another encoder than the settings name.
    """
    return _find(settings, manifest, "visual", open_visual)


def find_image(settings: Settings, manifest: Manifest | None) -> Part[ImageEncoder]:
    """The image channel; see `find_visual`."""
    return _find(settings, manifest, "image", open_image)


def open_visual(spec: ModelSpec, settings: Settings) -> PageEncoder:
    """The encoder of a specification; loads no weights. Raises `ModelUnavailable`."""
    from .checkpoints import find_checkpoint
    from .encoders.visual import visual_encoder

    return visual_encoder(
        find_checkpoint(spec.model, settings.models),
        _runtime(settings),
        folder=settings.models,
        max_pixels=spec.max_pixels,
        pool_factor=spec.pool_factor,
        page_text=spec.page_text,
        batch=settings.batch,
    )


def open_image(spec: ModelSpec, settings: Settings) -> ImageEncoder:
    """See `open_visual`."""
    from .encoders.clip import ClipEncoder

    encoder = ClipEncoder(spec.model, runtime=_runtime(settings), folder=settings.models, batch=settings.batch)
    _ = encoder.id  # says now what is missing, not at the first picture
    return encoder


def require(settings: Settings, channel: OptionalChannel, part: Part) -> None:
    """Refuse a run that is to fill a channel, before it begins, when its model is not there or does not fit in memory.

    Raises `ModelUnavailable` with what turns it on, or with the nearest profile that fits.
    """
    if part.encoder is None:
        if part.wanted:
            raise ModelUnavailable(part.off or f"There is no model for the channel {channel!r}.")
        return
    from .checkpoints import find_checkpoint
    from .encoders.device import choose_runtime
    from .profiles import check_fits

    assert part.spec is not None
    try:
        checkpoint = find_checkpoint(part.spec.model, settings.models)
    except ModelUnavailable:
        return  # open_clip's own names; those models are small
    check_fits(checkpoint, choose_runtime(settings.device, settings.dtype, settings.attention), role=channel)


def find_reranker(settings: Settings) -> tuple[Reranker | None, str | None]:
    """The reranker, or why there is none."""
    model = settings.reranker or _of_profile(settings, "reranker")
    if model in (None, "off"):
        return None, "off: name one with PAGESIGHT_RERANKER"
    from .rerankers import open_reranker

    try:
        return open_reranker(model, _runtime(settings), settings.models), None
    except ModelUnavailable as error:
        return None, str(error)


def _find(settings: Settings, manifest: Manifest | None, channel: OptionalChannel, open_encoder) -> Part:
    named = getattr(settings, channel)
    if named == "off":
        return Part(None, None, f"off by PAGESIGHT_{channel.upper()}")
    built = manifest.models.get(channel) if manifest else None
    asked = named or _of_profile(settings, channel)
    if not asked and not built:
        return Part(None, None, f"off: no model named; try a profile that has one, or PAGESIGHT_{channel.upper()}")
    # A library stays with the model it was built with, unless a setting says otherwise by name.
    spec = _spec(settings, channel, built, named or (built.model if built else asked or ""))
    try:
        encoder = open_encoder(spec, settings)
        now: EncoderId = encoder.id
    except ModelUnavailable as error:
        return Part(spec, None, str(error), bool(asked))
    before = manifest.encoders.get(channel) if manifest else None
    if before is not None and before != now:
        raise EncoderMismatch(
            f"The library was built with {before} for its channel {channel!r}, and the settings name {now}; unset "
            f"PAGESIGHT_{channel.upper()}, or encode its pages anew: pagesight encode --channel {channel} --rebuild"
        )
    if manifest is not None and before is None:
        return Part(
            spec, None, f"the library has none yet; add it with: pagesight encode --channel {channel}", bool(asked)
        )
    return Part(spec, encoder, None, bool(asked))


def _spec(settings: Settings, channel: str, built: ModelSpec | None, model: str) -> ModelSpec:
    from .profiles import pinned

    if not Path(model).expanduser().is_dir():
        model = pinned(model)
    if channel != "visual":
        return ModelSpec(model)
    kept = built or ModelSpec(model)
    return ModelSpec(
        model,
        kept.max_pixels if settings.visual_max_pixels is None else settings.visual_max_pixels,
        kept.pool_factor if settings.visual_pooling is None else settings.visual_pooling,
        kept.page_text if settings.visual_text is None else settings.visual_text,
    )


def _of_profile(settings: Settings, role: Literal["visual", "image", "reranker"]) -> str | None:
    if settings.profile == "embedded":
        return None
    from .profiles import profile

    return profile(settings.profile).model(role)


def _runtime(settings: Settings) -> Runtime | None:
    """What the settings say of device and numbers; `None` leaves the choice to the encoder, when it loads."""
    if (settings.device, settings.dtype, settings.attention) == ("auto", "auto", "auto"):
        return None
    from .encoders.device import choose_runtime

    return choose_runtime(settings.device, settings.dtype, settings.attention)
