"""Seconds a page that encoders of real size take on this machine. Speed needs no trained weights: these are random.

    python benchmarks/encoders.py [NAME…] [--pages N] [--batch N] [--device cpu | --gpu] [--dtype float32] [--json FILE]

Builds each architecture at its published size (the number of parameters is printed: it matches the model's card), saves
it to a temporary folder, loads it through the project's own encoders, and encodes pages of `data/samples` as `pagesight
add` draws them. A first page, which pays for loading, is not counted. Columns: seconds a page and pages a second; the
share of the time that the model itself ran (`busy`: in the rest a GPU waits for pictures to be prepared); rows a page;
the largest memory of the process, or of the GPU. `profiles.json` takes its `cpu_seconds_per_page` from here.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParseOptions
from pagesight.retrieval.checkpoints import find_checkpoint
from pagesight.retrieval.encoders.clip import ClipEncoder
from pagesight.retrieval.encoders.device import Runtime, choose_runtime
from pagesight.retrieval.encoders.visual import visual_encoder
from pagesight.retrieval.pictures import decode
from pagesight.retrieval.types import PageContent

ROOT = Path(__file__).parents[1]

TILES: dict[str, Any] = {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}}
SIGLIP: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}
SIGLIP |= {"image_size": 512, "patch_size": 16}


def _tiny() -> Any:
    """The tests' builders, whose small tokenizers do here too: a page is made of its patches."""
    if (folder := str(ROOT / "tests")) not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("tiny_models")


def colsmol_256m() -> tuple[Any, Any]:
    """SmolVLM-256M without its language head: SmolLM2-135M over SigLIP-base, 64 tokens a tile of 512 pixels."""
    from colpali_engine.models import ColIdefics3, ColIdefics3Processor
    from transformers import Idefics3Config, Idefics3ImageProcessor

    tokenizer = _tiny()._idefics_tokenizer("<|im_start|>")
    text = {"model_type": "llama", "vocab_size": 49_280, "hidden_size": 576, "intermediate_size": 1536}
    text |= {"num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64}
    config = Idefics3Config(
        text_config={**text, "max_position_embeddings": 8192, "pad_token_id": tokenizer.pad_token_id},
        vision_config=SIGLIP,
        scale_factor=4,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    return ColIdefics3(config), ColIdefics3Processor(Idefics3ImageProcessor(**TILES), tokenizer, image_seq_len=64)


def colmodernvbert_250m() -> tuple[Any, Any]:
    """Ettin-150M, a ModernBERT that looks both ways, over SigLIP-base."""
    from colpali_engine.models import ColModernVBert, ColModernVBertProcessor
    from transformers import Idefics3ImageProcessor, ModernVBertConfig

    tokenizer = _tiny()._idefics_tokenizer("<|begin_of_text|>")
    ids = dict.fromkeys(("bos_token_id", "cls_token_id", "eos_token_id", "sep_token_id"), tokenizer.eos_token_id)
    text = {"model_type": "modernbert", "vocab_size": 50_408, "hidden_size": 768, "intermediate_size": 1152}
    text |= {"num_hidden_layers": 22, "num_attention_heads": 12, "max_position_embeddings": 8192}
    config = ModernVBertConfig(
        text_config={**text, **ids, "pad_token_id": tokenizer.pad_token_id},
        vision_config={"model_type": "siglip_vision_model", **SIGLIP},
        pixel_shuffle_factor=4,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    processor = ColModernVBertProcessor(Idefics3ImageProcessor(**TILES), tokenizer, image_seq_len=64)
    return ColModernVBert(config), processor


def _grid(tokens: int, patch: int) -> Any:
    """Pictures of at most so many tokens, each 2x2 patches."""
    from transformers import Qwen2VLImageProcessor

    unit = (2 * patch) ** 2
    size = {"shortest_edge": 4 * unit, "longest_edge": tokens * unit}
    return Qwen2VLImageProcessor(size=size, patch_size=patch, merge_size=2)


def colqwen2_5_3b() -> tuple[Any, Any]:
    """Qwen2.5-VL-3B, at most 768 tokens a page, as colqwen2.5-v0.2."""
    from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
    from transformers import Qwen2_5_VLConfig, Qwen2VLVideoProcessor

    tokenizer = _tiny()._qwen_tokenizer()
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [16, 24, 24], "rope_theta": 1_000_000.0}
    text = {"vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 11_008, "num_hidden_layers": 36}
    text |= {"num_attention_heads": 16, "num_key_value_heads": 2, "max_position_embeddings": 128_000}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 2048}
    config = Qwen2_5_VLConfig(
        text_config={**text, "rope_parameters": rope, "pad_token_id": tokenizer.pad_token_id},
        vision_config={**vision, "fullatt_block_indexes": [7, 15, 23, 31], "window_size": 112},
        **_tiny()._qwen_ids(tokenizer),
    )
    return ColQwen2_5(config), ColQwen2_5_Processor(_grid(768, 14), tokenizer, Qwen2VLVideoProcessor())


def _qwen3_5(text: dict[str, Any], vision: dict[str, Any]) -> tuple[Any, Any]:
    """At most 1,280 tokens a page and rows of 320 numbers, as VultronRetriever."""
    from colpali_engine.models import ColQwen3_5, ColQwen3_5Processor
    from transformers import Qwen3_5Config, Qwen3VLVideoProcessor

    tokenizer = _tiny()._qwen_tokenizer()
    rope = {"rope_type": "default", "mrope_section": [11, 11, 10], "mrope_interleaved": True, "rope_theta": 1e7}
    text |= {"vocab_size": 248_320, "head_dim": 256, "linear_num_key_heads": 16, "max_position_embeddings": 262_144}
    config = Qwen3_5Config(
        text_config={
            **text,
            "rope_parameters": {**rope, "partial_rotary_factor": 0.25},
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={**vision, "num_position_embeddings": 2304, "patch_size": 16},
        dim=320,  # pyright: ignore[reportCallIssue]
        **_tiny()._qwen_ids(tokenizer),
    )
    return ColQwen3_5(config), ColQwen3_5Processor(_grid(1280, 16), tokenizer, Qwen3VLVideoProcessor())


def colqwen3_5_0_8b() -> tuple[Any, Any]:
    """Qwen3.5-0.8B: of four layers, three are linear attention. VultronRetrieverFlash."""
    text = {"hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 24, "num_attention_heads": 8}
    vision = {"depth": 12, "hidden_size": 768, "intermediate_size": 3072, "num_heads": 12, "out_hidden_size": 1024}
    return _qwen3_5({**text, "num_key_value_heads": 2, "linear_num_value_heads": 16}, vision)


def colqwen3_5_4_5b() -> tuple[Any, Any]:
    """Qwen3.5-4B: VultronRetrieverCore, colqwen3.5-4.5B."""
    text = {"hidden_size": 2560, "intermediate_size": 9216, "num_hidden_layers": 32, "num_attention_heads": 16}
    vision = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2560}
    return _qwen3_5({**text, "num_key_value_heads": 4, "linear_num_value_heads": 32}, vision)


VISUAL: dict[str, Callable[[], tuple[Any, Any]]] = {
    "colsmol-256m": colsmol_256m,
    "colmodernvbert-250m": colmodernvbert_250m,
    "colqwen3.5-0.8b": colqwen3_5_0_8b,
    "colqwen2.5-3b": colqwen2_5_3b,
    "colqwen3.5-4.5b": colqwen3_5_4_5b,
}
CLIP = "clip-vit-b-32"


def write_visual(make: Callable[[], tuple[Any, Any]], folder: Path, runtime: Runtime) -> int:
    """A random checkpoint; the number of its parameters. Random in the way that transformers begins training."""
    import torch

    torch.manual_seed(7)
    model, processor = make()
    parameters = sum(weight.numel() for weight in model.parameters())
    model.to(runtime.torch_dtype).save_pretrained(folder)
    processor.save_pretrained(folder)
    return parameters


def write_clip(folder: Path) -> int:
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(7)
    model, _, _ = open_clip.create_model_and_transforms("ViT-B-32")
    config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return sum(weight.numel() for weight in model.parameters())


def sample_pages(count: int) -> list[PageContent]:
    """Pages of the samples, one document after the other, and again from the start when there are too few."""
    pages: list[PageContent] = []
    for file in sorted((ROOT / "data" / "samples").glob("*.pdf")):
        with open_document(file, options=ParseOptions(ocr="off")) as document:
            for number in range(1, document.info.pages + 1):
                if len(pages) == count:
                    return pages
                page = document.read_page(number)
                name = f"{file.stem} {number}"
                pages.append(PageContent(name, "", page.words, (), page.image, page.width, page.height))
    return (pages * (count // len(pages) + 1))[:count]


class Stopwatch:
    """Counts the time inside the methods that it is put around. A GPU's too: they return numbers, so they wait."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def put_around(self, owner: Any, method: str) -> None:
        inner = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start

        setattr(owner, method, timed)


def measure(name: str, pages: list[PageContent], runtime: Runtime, batch: int | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        parameters = write_clip(Path(folder)) if name == CLIP else write_visual(VISUAL[name], Path(folder), runtime)
        watch = Stopwatch()
        if name == CLIP:
            clip = ClipEncoder(folder, runtime=runtime, batch=batch)
            clip.encode_images([decode(pages[0].image)])
            watch.put_around(clip._ready.model, "encode_image")
            start = time.perf_counter()
            rows = len(clip.encode_images([decode(page.image) for page in pages]))
        else:
            encoder: Any = visual_encoder(find_checkpoint(folder), runtime, batch=batch)
            encoder.encode_pages(pages[:1])
            watch.put_around(encoder._model, "run")
            start = time.perf_counter()
            rows = sum(len(page.rows) for page in encoder.encode_pages(pages))
        seconds = time.perf_counter() - start
    return {
        "model": name,
        "parameters": parameters,
        "pages": len(pages),
        "seconds_per_page": round(seconds / len(pages), 3),
        "pages_per_second": round(len(pages) / seconds, 3),
        "busy": round(watch.seconds / seconds, 3),
        "rows_per_page": round(rows / len(pages)),
        "peak_bytes": peak_memory(runtime),
    }


def peak_memory(runtime: Runtime) -> int:
    if runtime.device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in kB


def machine(runtime: Runtime) -> str:
    import torch

    if runtime.device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["colsmol-256m"], metavar="NAME", help=", ".join([*VISUAL, CLIP]))
    parser.add_argument("--pages", type=int, default=2)
    parser.add_argument("--batch", type=int, help="pages at once; as many as memory allows when not given")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--gpu", action="store_const", const="cuda", dest="device", help="the same as --device cuda")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"])
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*VISUAL, CLIP}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join([*VISUAL, CLIP])}")
    runtime = choose_runtime(arguments.device, arguments.dtype)
    pages = sample_pages(arguments.pages)
    print(f"{machine(runtime)}; {runtime.device}, {runtime.dtype}, {runtime.attention}; {len(pages)} pages", flush=True)
    print(f"{'model':20} {'parameters':>13} {'s/page':>8} {'pages/s':>8} {'busy':>5} {'rows':>5} {'peak GB':>8}")
    found = []
    for name in arguments.names:
        row = measure(name, pages, runtime, arguments.batch)
        found.append(row)
        print(
            f"{name:20} {row['parameters']:>13,} {row['seconds_per_page']:>8.2f} {row['pages_per_second']:>8.2f} "
            f"{row['busy']:>5.0%} {row['rows_per_page']:>5} {row['peak_bytes'] / 1e9:>8.1f}",
            flush=True,
        )
    if arguments.json:
        head = {"machine": machine(runtime), "device": runtime.device, "dtype": runtime.dtype}
        arguments.json.write_text(json.dumps({**head, "models": found}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
