"""Settings: the only place that reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

GeneratorName = Literal["extractive", "transformers", "openai", "anthropic", "gemini"]
VectorStoreName = Literal["chroma", "faiss"]
OcrName = Literal["rapidocr", "tesseract"]


class Settings(BaseSettings):
    """Each one can be set as an environment variable, in capitals, with `PAGESIGHT_` before it."""

    model_config = SettingsConfigDict(env_prefix="PAGESIGHT_", extra="ignore")

    library: Path = Field(
        default=Path("library"), description="Folder of the library that commands use when none is named."
    )
    profile: Literal["embedded", "visual-small", "visual"] = Field(
        default="embedded",
        description="Which models a new library is built with: `embedded` none to download, `visual-small` and "
        "`visual` those that `pagesight models` lists. A library stays with the models it was built with.",
    )
    models: Path | None = Field(
        default=None, description="Folder with model folders in it; without it, models come from the hub's cache."
    )
    encoder: Path | None = Field(
        default=None,
        description="Folder of a sentence-transformers model for the dense and words channels; "
        "without it, the packaged MiniLM. A library stays with the encoder it was built with.",
    )
    vector_store: VectorStoreName = Field(
        default="faiss",
        description="What a new library keeps the vectors of passages and pictures in: `faiss` or `chroma`. "
        "A library stays with the one it was built with.",
    )
    qdrant_url: str | None = Field(
        default=None,
        description="Address of a Qdrant server, for a new library to keep its pages of many vectors (words, visual) "
        "on. A library stays with the one it was built with; set it again when that has moved.",
    )
    qdrant_key: SecretStr | None = Field(default=None, description="Key of that server, where it wants one.")
    visual: str | None = Field(
        default=None,
        description="Model of the visual channel: a late-interaction checkpoint of the ColPali family, as a hub name, "
        "`name@revision` or a folder; `off` for none.",
    )
    visual_max_pixels: int | None = Field(
        default=None,
        gt=0,
        description="Pixels of a page that the visual model sees at most; more cost time and memory.",
    )
    visual_pooling: int | None = Field(
        default=None, ge=1, description="Merge the visual model's vectors of a page to one in so many; 1 keeps all."
    )
    visual_text: bool | None = Field(
        default=None, description="Join vectors of the page's words, by the visual model, to those of its picture."
    )
    image: str | None = Field(
        default=None,
        description="Model of the image channel, for pictures on pages and questions that are pictures: an open_clip "
        "model as a hub name, `name@revision`, `architecture/tag` or a folder; `off` for none.",
    )
    figure_labels: tuple[str, ...] = Field(
        default=(), description="What figures are told apart as, instead of chart, table, photo, diagram and so on."
    )
    reranker: str | None = Field(
        default=None,
        description="Model that reads the best 50 pages once more: a cross-encoder, for text or for page pictures, as "
        "a hub name, `name@revision` or a folder; `off` for none.",
    )
    device: str = Field(default="auto", description="Where these models run: `auto`, `cpu`, `cuda`, `cuda:N`, `mps`.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="Numbers they compute with; `auto` is float32 on a CPU and 16 bits on a GPU. The text encoder's "
        "`auto` is bfloat16 on a CPU that computes in it.",
    )
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = Field(
        default="auto", description="How they compute attention; `auto` is flash attention where it is installed."
    )
    batch: int | None = Field(
        default=None, ge=1, description="Pages that they encode at a time; without it, as many as memory allows."
    )
    generator: GeneratorName = Field(
        default="extractive",
        description="What writes answers: `extractive` quotes and needs no model; `transformers` runs a "
        "vision-language model here; `openai` (any server that speaks its protocol), `anthropic` and `gemini` send the "
        "question and the pages found to a service.",
    )
    generator_model: str | None = Field(
        default=None, description="The model that writes: a service's name for it, or a checkpoint as above."
    )
    generator_url: str | None = Field(
        default=None,
        description="Address of a server that speaks OpenAI's protocol, such as vLLM, Ollama or llama.cpp.",
    )
    generator_key: SecretStr | None = Field(
        default=None, description="Key of the service; without it, the variable that the service's own SDK reads."
    )
    generator_seconds: float = Field(
        default=120.0, gt=0, description="Longest time without a word from the model, in seconds."
    )
    generator_tokens: int = Field(default=1024, ge=16, description="Longest answer, in tokens.")
    generator_context: int | None = Field(
        default=None,
        ge=1024,
        description="Tokens of prompt and answer together; without it, what the model is known for.",
    )
    generator_bits: Literal[4, 8] | None = Field(
        default=None, description="Shrink a local model's weights to 4 or 8 bits, with bitsandbytes."
    )
    input_price: float | None = Field(
        default=None, ge=0, description="Dollars for a million tokens of the prompt, to tell what an answer costs."
    )
    output_price: float | None = Field(default=None, ge=0, description="Dollars for a million tokens of the answer.")
    ocr: Literal["auto", "off", "force"] = Field(
        default="auto",
        description="When to read the picture of a page: `auto` where there is no usable text layer, `off` never, "
        "`force` always.",
    )
    ocr_engine: OcrName = Field(
        default="rapidocr",
        description="What reads pictures: `rapidocr` (Latin, Chinese and Japanese script), or `tesseract`, where it is "
        "installed, for many more.",
    )
    ocr_languages: str = Field(
        default="eng",
        pattern=r"^\w+(\+\w+)*$",
        description="Languages that Tesseract reads, by its names, such as `ukr+eng`; fewer are faster.",
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
