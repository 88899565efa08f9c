"""Questions encoded without torch: the same vectors, and models that are left to torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pagesight.retrieval.encoders import light
from pagesight.retrieval.encoders.light import light_encoder, supported
from pagesight.retrieval.encoders.sentence import SentenceEncoder, _packaged_folder

TEXTS = ["", "What is the net income?", "Größe, бюджет; 서울", "lang " * 600, "caf\udce9\0 a"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged model, its weights linked."""
    for part in _packaged_folder().iterdir():
        target = tmp_path / "modèle" / part.name
        target.parent.mkdir(exist_ok=True)
        if part.name == "model.safetensors":
            target.symlink_to(part)
        elif part.is_dir():
            shutil.copytree(part, target)
        else:
            shutil.copy(part, target)
    return tmp_path / "modèle"


def test_questions_have_the_vectors_that_torch_gives_them(minilm: SentenceEncoder):
    expected = SentenceEncoder(dtype="float32")
    assert np.abs(minilm.encode_query(TEXTS) - expected.encode_document(TEXTS)).max() < 1e-5
    assert minilm.encode_query([]).shape == (0, 384)
    for text in TEXTS[:4]:
        words = text.split()
        found, wanted = minilm.encode_query_words(words), expected.encode_words([words])[0]
        assert found.words.tolist() == wanted.words.tolist()
        assert found.rows == pytest.approx(wanted.rows, abs=1e-5)
        assert found.pooled == pytest.approx(wanted.pooled, abs=1e-5)


def test_words_have_the_pieces_that_torch_gives_them(minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch):
    words = ["Größe", "unbelievable", "бюджет", "서울", "2021", "🂡", "a" * 300]
    found = minilm.pieces(words).tolist()
    assert minilm.pieces(["\udce9"]).tolist() == [1], "a mark for what is no text"
    monkeypatch.setattr("pagesight.retrieval.encoders.sentence.light_encoder", lambda *_: None)
    assert found == minilm.pieces(words).tolist()
    assert -1 in found


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"model_type": "roberta"}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
        ("config_sentence_transformers.json", {"prompts": {"query": "query: "}}),
    ],
)
def test_another_model_is_left_to_torch(folder: Path, file: str, values: dict[str, object]):
    assert supported(folder)
    change(folder / file, **values)
    assert not supported(folder)
    assert light_encoder(folder, 256) is None


@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_something_is_left_to_torch(folder: Path, file: str):
    (folder / file).unlink()
    assert not supported(folder)


def test_a_search_imports_no_torch(library_folder: Path):
    code = (
        "import sys\nfrom pagesight.retrieval import open_library\n"
        "hits = open_library(sys.argv[1]).retrieve('What was the net revenue in 2021?')\n"
        "assert hits and hits[0].evidence\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(library_folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_approximation_of_gelu_is_near():
    import math

    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    exact = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x.tolist()]
    assert np.abs(light._gelu(x) - exact).max() < 1e-6
