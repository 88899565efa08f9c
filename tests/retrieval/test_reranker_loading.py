"""What kind of reranker a checkpoint is, and what is said of one that is none or is not whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import tiny_rerankers
from fakes import page_content

from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.errors import ModelUnavailable
from pagesight.retrieval.rerankers import TextReranker, open_reranker

pytestmark = pytest.mark.usefixtures("no_network")

CPU = Runtime("cpu", "float32")
QUESTION = "Wie groß ist die Fläche?"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_rerankers.all_of(tmp_path_factory.mktemp("rerankeurs-é"))


PAGES = (replace(page_content("a/1", "Die Größe"), image=tiny_rerankers.webp(1)), page_content("a/2"))


def message(folder: Path, *, opens: bool) -> str:
    """What is said of a checkpoint: when it is opened, from its files alone, or else when it is first used."""
    if opens:
        reranker = open_reranker(str(folder), CPU)
        with pytest.raises(ModelUnavailable) as caught:
            reranker.score(QUESTION, PAGES)
    else:
        with pytest.raises(ModelUnavailable) as caught:
            open_reranker(str(folder), CPU)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_name_is_looked_for_in_the_folder_of_models(checkpoints: dict[str, Path], tmp_path: Path):
    assert open_reranker("Größe/bert", CPU, checkpoints["bert"].parent).name == "bert"
    with pytest.raises(ModelUnavailable, match="There is no model at"):
        open_reranker("Größe/bert", CPU, tmp_path)


def test_its_kind_comes_from_its_files_and_not_from_its_name(copy: Any):
    folder = copy("bert")
    assert isinstance(open_reranker(str(folder.rename(folder.parent / "qwen3-vl-größe"))), TextReranker)


def test_a_vision_model_that_was_made_a_reranker_of_texts_reads_texts(copy: Any):
    folder = copy("qwen-saved")
    how: dict[str, str] = {"method": "forward", "method_output_name": "logits"}
    looks_at = {"text": how, "message": {**how, "format": "structured"}}
    tiny_models.edit_json(folder / "sentence_bert_config.json", modality_config=looks_at)
    reranker = open_reranker(str(folder), CPU)
    assert isinstance(reranker, TextReranker)
    assert len(reranker.score(QUESTION, PAGES)) == len(PAGES)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["contradiction", "entailment", "neutral ä"], "contradiction, entailment, neutral ä"),
        (["not_entailment", "entailment"], "not_entailment, entailment"),
    ],
)
def test_labels_that_do_not_say_relevant_are_refused(tmp_path: Path, labels: list[str], said: str):
    assert said in message(tiny_rerankers.bert(tmp_path / "ä", labels), opens=False)


def test_an_encoder_that_is_no_reranker_is_refused(tmp_path: Path, copy: Any):
    assert "(BertModel) is no reranker" in message(tiny_rerankers.bert(tmp_path / "ä", head=False), opens=False)
    folder = copy("qwen")
    tiny_models.edit_json(folder / "config.json", vision_config=None, architectures=["Qwen3ForCausalLM"])
    assert "(Qwen3ForCausalLM) is no reranker" in message(folder, opens=False)


def test_a_vision_model_of_another_family_is_refused(copy: Any):
    folder = copy("qwen")
    tiny_models.edit_json(folder / "config.json", architectures=["JinaVLForRanking"])
    assert "(JinaVLForRanking) is no reranker of pictures" in message(folder, opens=False)


def test_a_head_that_is_not_in_the_weights_is_not_made_up(tmp_path: Path):
    folder = tiny_rerankers.bert(tmp_path / "ä", head=False)
    tiny_models.edit_json(folder / "config.json", architectures=["BertForSequenceClassification"])
    assert "classifier.bias" in message(folder, opens=True)


def test_a_checkpoint_that_brings_code_is_refused(copy: Any):
    folder = copy("bert-saved")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "größe.Modul"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    assert "größe.Modul" in message(folder, opens=False)


def test_an_adapter_and_a_damaged_file_are_refused(copy: Any):
    folder = copy("bert")
    (folder / "config.json").rename(folder / "adapter_config.json")
    assert "is an adapter" in message(folder, opens=False)
    folder = copy("bert-saved")
    (folder / "modules.json").write_text("{ä")
    assert "modules.json is damaged" in message(folder, opens=False)
    (folder / "modules.json").write_text('{"ä": 1}')
    assert "modules.json is damaged" in message(folder, opens=False)


@pytest.mark.parametrize(
    ("kind", "change"),
    [("bert", {"hidden_size": 64}), ("bert", {"num_hidden_layers": 3}), ("bert", {"num_attention_heads": 5})],
)
def test_weights_that_do_not_fit_their_configuration_are_refused(copy: Any, kind: str, change: dict[str, int]):
    folder = copy(kind)
    tiny_models.edit_json(folder / "config.json", **change)
    assert "etch it again" in message(folder, opens=True)


def test_a_visual_reranker_without_its_processor_is_refused(copy: Any):
    folder = copy("qwen")
    (folder / "processor_config.json").unlink()
    assert "cannot be loaded" in message(folder, opens=True)


def test_a_tokenizer_without_yes_and_no_is_refused(copy: Any):
    folder = copy("qwen")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    for token in tokenizer["added_tokens"]:
        token["content"] = {"yes": "ні"}.get(token["content"], token["content"])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "no piece 'yes'" in message(folder, opens=True)


def test_a_template_that_drops_the_question_is_refused(copy: Any):
    folder = copy("qwen-saved")
    (folder / "chat_template.jinja").write_text("ä {% for m in messages %}{% if m['type'] %}{% endif %}{% endfor %}")
    assert "chat template" in message(folder, opens=True)
