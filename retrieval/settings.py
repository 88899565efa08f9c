"""Settings: the only place that reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each one can be set as an environment variable, in capitals, with `PAGESIGHT_` before it."""

    model_config = SettingsConfigDict(env_prefix="PAGESIGHT_", extra="ignore")

    library: Path = Field(
        default=Path("library"), description="Folder of the library that commands use when none is named."
    )
    encoder: Path | None = Field(
        default=None,
        description="Folder of a sentence-transformers model for the dense and words channels; "
        "without it, the packaged MiniLM. A library stays with the encoder it was built with.",
    )
    ocr: Literal["auto", "off", "force"] = Field(
        default="auto",
        description="When to read the picture of a page: `auto` where there is no usable text layer, `off` never, "
        "`force` always.",
    )
    dpi: int = Field(default=144, ge=36, le=600, description="Resolution of the stored page pictures, dots per inch.")
    page_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Longest time that reading one page may take, in seconds; then the page counts as failed.",
    )
    parse_memory_gb: float = Field(
        default=6.0,
        gt=0,
        description="Most address space that the process which reads files may take, in GB; it uses 1 GB.",
    )
