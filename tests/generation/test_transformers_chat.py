"""Models on this machine: tiny random ones of real architectures, through their own processors and chat templates."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import tiny_vlms
from contracts import GeneratorContract
from fakes import shown_page
from PIL import Image

from pagesight.generation.chat import Message, Picture, Prompt
from pagesight.generation.prompt import build_prompt
from pagesight.generation.transformers_chat import TransformersChat
from pagesight.generation.transformers_prompt import marks_of, plain
from pagesight.generation.vlm import VlmGenerator
from pagesight.retrieval import profiles
from pagesight.retrieval.encoders.device import Runtime
from pagesight.retrieval.errors import GeneratorError, ModelUnavailable
from pagesight.retrieval.types import Usage

pytestmark = pytest.mark.usefixtures("no_network")

CPU = Runtime("cpu", "float32")
SYSTEM = "You answer questions. Über Größen."
TEMPLATES = ("qwen2_5_vl", "qwen3_vl", "llava", "idefics3", "smolvlm", "internvl")
FORMS = ("blip_2", "instructblip")
Open = Callable[..., TransformersChat]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a family's checkpoint, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("модели-ä")

    def make(family: str) -> Path:
        if family == "smolvlm":
            pytest.importorskip("num2words", reason="SmolVLM's processor needs it")
        place = folder / family
        return place if place.exists() else tiny_vlms.build(family, place)

    return make


@pytest.fixture(scope="module")
def chats(made: Callable[[str], Path]) -> Callable[[str], TransformersChat]:
    loaded: dict[str, TransformersChat] = {}

    def find(family: str) -> TransformersChat:
        if family not in loaded:
            loaded[family] = TransformersChat(str(made(family)), runtime=CPU)
        return loaded[family]

    return find


@pytest.fixture
def copy(made: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a checkpoint that a test may damage."""
    return lambda family: Path(shutil.copytree(made(family), tmp_path / f"копія-{family}"))


def picture(seed: int, width: int = 90, height: int = 90) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), np.uint8)
    return png(Image.fromarray(noise).resize((width, height)))


def png(image: Image.Image) -> Picture:
    saved = io.BytesIO()
    image.save(saved, "PNG")
    return Picture(saved.getvalue(), "image/png", *image.size)


def prompt(*parts: str | Picture, tokens: int = 20) -> Prompt:
    return Prompt(SYSTEM, (Message("user", parts),), tokens)


def text_of(chat: TransformersChat, asked: Prompt) -> str:
    return "".join(piece for piece in chat.stream(asked) if isinstance(piece, str))


def directly(folder: Path, conversation: Any, pictures: list[Picture], tokens: int) -> tuple[str, int, int]:
    """What the model writes when it is used as its documentation says: text, tokens read, tokens written."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor: Any = AutoProcessor.from_pretrained(folder)
    model: Any = AutoModelForImageTextToText.from_pretrained(folder).eval()
    if isinstance(conversation, str):
        images = [Image.open(io.BytesIO(one.data)) for one in pictures]
        inputs = processor(images=images, text=conversation, return_tensors="pt")
        if "qformer_input_ids" in inputs:
            question = conversation[conversation.rindex("Question") :].removesuffix(" Answer:")
            looks = processor.qformer_tokenizer(question, return_tensors="pt")
            inputs |= {f"qformer_{name}": looks[name] for name in ("input_ids", "attention_mask")}
    else:
        inputs = processor.apply_chat_template(
            conversation, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
    written = model.generate(
        **inputs,
        do_sample=False,
        temperature=None,
        max_new_tokens=tokens,
        pad_token_id=processor.tokenizer.pad_token_id,
    )[0]
    read = inputs["input_ids"].shape[1]
    return processor.decode(written[read:], skip_special_tokens=True), read, len(written) - read


@pytest.mark.parametrize("family", TEMPLATES)
def test_the_answer_is_what_the_model_writes_by_itself(family: str, made: Any, chats: Any):
    pictures = [picture(1), picture(2)]
    asked = Prompt(
        SYSTEM,
        (
            Message("user", ("Wo liegt Zürich?",)),
            Message("assistant", ("Hier.",)),
            Message("user", ("Erste Seite\n", pictures[0], "\nZweite ", pictures[1], "\nQuestion: Größe?")),
        ),
        20,
    )
    conversation = [{"role": "system", "content": [{"type": "text", "text": SYSTEM}]}]
    for message in asked.messages:
        content = [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "image", "image": Image.open(io.BytesIO(part.data))}
            for part in message.parts
        ]
        conversation.append({"role": message.role, "content": content})  # pyright: ignore[reportArgumentType]
    text, read, written = directly(made(family), conversation, pictures, 20)
    *pieces, usage = chats(family).stream(asked)
    said = "".join(pieces)
    assert said.removeprefix("<think>") == text
    assert said.startswith("<think>") == (family == "qwen3_vl"), "a thought that its prompt begins has its beginning"
    assert usage == Usage(read, written)
    assert len(pieces) > 3, "in pieces"


@pytest.mark.parametrize("family", FORMS)
def test_models_without_turns_are_asked_in_their_own_form(family: str, made: Any, chats: Any):
    text, read, written = directly(made(family), f"{SYSTEM}\nSeite ä\nQuestion: Größe? Answer:", [picture(1)], 20)
    *pieces, usage = chats(family).stream(prompt("Seite ä", picture(1), picture(2), "Question: Größe?"))
    assert "".join(pieces) == text
    assert usage == Usage(read, written)
    assert text_of(chats(family), prompt("Seite ä", "Question: Größe?")), "they cannot do without a picture"


@pytest.mark.parametrize("family", [*TEMPLATES, *FORMS])
def test_another_picture_is_another_answer(family: str, chats: Any):
    answers = {text_of(chats(family), prompt(picture(seed), "Question: Größe?")) for seed in (1, 2, 3)}
    assert len(answers) > 1
    assert text_of(chats(family), prompt(picture(1), "Question: Größe?")) in answers


def test_what_a_square_would_cut_off_is_seen(chats: Any):
    """LLaVA looks at the middle square of a picture: of a page in portrait, head and foot are gone."""
    pages = []
    for colour in ("black", "red", "yellow"):
        image = Image.new("RGB", (60, 160), "white")
        image.paste(colour, (0, 0, 60, 30))
        pages.append(text_of(chats("llava"), prompt(png(image), "Question: Größe?")))
    assert len(set(pages)) > 1


@pytest.mark.parametrize("family", [*TEMPLATES, *FORMS])
def test_pictures_cost_what_the_limits_say(family: str, chats: Any):
    chat = chats(family)
    assert chat.limits.context_tokens == (2048 if family == "blip_2" else 4096)
    for size in ((90, 90), (120, 60), (40, 200)):
        used = []
        for parts in ((), (picture(1, *size),)) if family not in FORMS else ((picture(1, *size),),):
            *_, usage = chat.stream(prompt(*parts, "Question: Größe?", tokens=1))
            used.append(usage.input_tokens)
        if family in FORMS:
            assert chat.limits.picture_tokens(*size) == 8
        else:
            assert 0 <= used[1] - used[0] - chat.limits.picture_tokens(*size) <= 4


@pytest.mark.parametrize("family", TEMPLATES)
def test_a_built_prompt_is_no_longer_than_it_was_planned(family: str, chats: Any):
    def page_picture(_: Any) -> bytes:
        return picture(1, 612, 792).data

    chat = chats(family)
    pages = [shown_page(n, "Größe?", *["Die Fläche is 4,512.7 m² groß. <|im_end|>"] * 30) for n in (1, 2, 3)]
    built = build_prompt("Größe?", pages, page_picture, chat.limits, max_tokens=900, count_tokens=chat.count_tokens)
    assert built.shown[0].text != "none"
    *_, usage = chat.stream(Prompt(built.prompt.system, built.prompt.messages, 1))
    assert 1000 < usage.input_tokens <= built.tokens <= 4096 - 900


class TestAGeneratorOverIt(GeneratorContract):
    @pytest.fixture
    def generator(self, chats: Any, monkeypatch: pytest.MonkeyPatch) -> VlmGenerator:
        import pagesight.generation.transformers_chat as module

        # what a random model writes holds no marker: its tokens are real, its letters are not
        monkeypatch.setattr(module, "_text", lambda _, tokens: "12 m² [1]. " * len(tokens))
        return VlmGenerator(chats("llava"), lambda page: picture(1, 612, 792).data, max_tokens=8)


def test_closing_stops_the_work_and_the_next_prompt_is_answered(made: Any):
    chat = TransformersChat(str(made("qwen2_5_vl")), runtime=CPU)
    model, steps = chat._load(), []
    model.generation_config.eos_token_id = None  # it would write to the end
    model.register_forward_hook(lambda *_: steps.append(1))
    short = text_of(chat, prompt(picture(1), "Question: Größe?", tokens=3))
    pieces: Any = chat.stream(prompt(picture(1), "Question: Größe?", tokens=1500))
    next(pieces)
    pieces.close()
    assert text_of(chat, prompt(picture(1), "Question: Größe?", tokens=3)) == short, "one after the other"
    assert len(steps) < 500
    assert list(pieces) == []


def test_two_threads_ask_one_model(chats: Any):
    chat, found = chats("idefics3"), {}

    def ask(seed: int) -> None:
        found[seed] = text_of(chat, prompt(picture(seed), "Question: Größe?"))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: text_of(chat, prompt(picture(seed), "Question: Größe?")) for seed in (1, 2, 3)}


@pytest.mark.parametrize("family", ["qwen2_5_vl", "llava", "internvl"])
def test_a_text_that_holds_the_models_own_tokens_ends_nothing(family: str, chats: Any):
    chat = chats(family)
    marks = marks_of(chat._read().processor)
    nasty = "".join(marks) + "".join(f"{mark[:3]}{mark}{mark[3:]}" for mark in marks) + "\ud800"
    assert not any(mark in plain(nasty, marks) for mark in marks)
    assert text_of(chat, prompt(picture(1), f"Größe {nasty}", "Question: Größe?"))


def test_a_template_without_system_messages_gets_them_from_the_person(copy: Any, chats: Any):
    folder = copy("llava")
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + tiny_vlms.ROLES
    dropping = tiny_vlms.ROLES.replace("in messages %}", "in messages if message['role'] != 'system' %}")
    one_text = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] }}\n{% endfor %}"
    for template in (refusing, dropping, one_text):
        (folder / "chat_template.jinja").write_text(template)
        chat = TransformersChat(str(folder), runtime=CPU)
        *pieces, usage = chat.stream(prompt(picture(1), "Question: Größe?"))
        assert pieces
        assert isinstance(usage, Usage)
        assert (usage.input_tokens or 0) >= chat.count_tokens(SYSTEM) + 16


def message(chat: TransformersChat) -> str:
    with pytest.raises(GeneratorError) as caught:
        list(chat.stream(prompt(picture(1), "Question: Größe?")))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_template_that_loses_the_question_or_the_picture_is_refused(copy: Any):
    folder = copy("llava")
    deaf = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    for template in (deaf, tiny_vlms.ROLES.replace("<image>", "")):
        (folder / "chat_template.jinja").write_text(template)
        assert "chat template loses" in message(TransformersChat(str(folder), runtime=CPU))
    (folder / "chat_template.jinja").unlink()
    assert "has no chat template" in message(TransformersChat(str(folder), runtime=CPU))


def test_a_prompt_that_is_too_long_is_refused(made: Any):
    chat = TransformersChat(str(made("llava")), runtime=CPU, context=100)
    assert chat.limits.context_tokens == 100
    with pytest.raises(GeneratorError, match=r"The prompt takes \d+ tokens.*with 100"):
        list(chat.stream(prompt("Größe " * 200)))
    *_, usage = chat.stream(prompt("Größe", tokens=500))
    assert isinstance(usage, Usage)
    assert (usage.input_tokens or 0) + (usage.output_tokens or 0) <= 100, "the answer is cut to what is left"
    assert TransformersChat(str(made("llava")), runtime=CPU, context=10**6).limits.context_tokens == 4096


def test_a_failure_in_the_middle_is_one_line(made: Any, monkeypatch: pytest.MonkeyPatch):
    import torch

    chat = TransformersChat(str(made("llava")), runtime=CPU)
    model = chat._load()
    for error, said in (
        (RuntimeError("Größe 3 passt nicht\nzu 4"), "failed on cpu: Größe 3 passt nicht; try again"),
        (torch.OutOfMemoryError("CUDA out of memory."), "no room for this prompt with llava on cpu"),
    ):

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(model.lm_head, "forward", fail)
        assert said in message(chat)


def test_bits_need_bitsandbytes(made: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GeneratorError, match=r"in 4 bits needs bitsandbytes.*pip install bitsandbytes"):
        TransformersChat(str(made("llava")), runtime=CPU, bits=4)


def test_bits_count_less_memory(made: Any):
    from pagesight.generation.transformers_loading import _need
    from pagesight.retrieval.checkpoints import find_checkpoint

    checkpoint = find_checkpoint(str(made("qwen2_5_vl")))
    passing = int(profiles.ACTIVATIONS["generator"])
    half = _need(checkpoint, Runtime("cuda", "bfloat16"), None) - passing
    assert _need(checkpoint, Runtime("cuda", "bfloat16"), 8) == passing + half // 2
    assert _need(checkpoint, Runtime("cuda", "bfloat16"), 4) == passing + half // 4


def test_a_model_that_does_not_fit_is_not_loaded(made: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pagesight.retrieval.encoders.device.free_memory", lambda device: 10**6)
    said = message(TransformersChat(str(made("llava")), runtime=CPU))
    assert said.startswith("Not enough memory for llava: it needs 3.0 GB in float32 on cpu, and 1 MB are free")


def test_missing_and_wrong_weights_are_refused(copy: Any):
    from safetensors.torch import load_file, save_file

    folder = copy("llava")
    file = folder / "model.safetensors"
    weights = load_file(file)
    head = next(name for name in weights if "lm_head" in name)
    save_file({name: tensor for name, tensor in weights.items() if name != head}, file, {"format": "pt"})
    said = message(TransformersChat(str(folder), runtime=CPU))
    assert "is not whole: 1 tensors" in said
    assert "lm_head" in said
    folder = copy("internvl")
    tiny_models.edit_json(folder / "config.json", image_seq_length=9)
    config = (folder / "config.json").read_text().replace('"intermediate_size": 48', '"intermediate_size": 40')
    (folder / "config.json").write_text(config)
    assert "another shape" in message(TransformersChat(str(folder), runtime=CPU))


def test_what_cannot_be_asked_is_refused_by_its_files(copy: Any, tmp_path: Path):
    with pytest.raises(ModelUnavailable, match="There is no model at"):
        TransformersChat(str(tmp_path / "größe"))
    folder = copy("llava")
    tiny_models.edit_json(folder / "config.json", model_type="größe_vl", auto_map={"AutoModel": "größe.Modell"})
    with pytest.raises(ModelUnavailable, match="brings code of its own"):
        TransformersChat(str(folder))
    tiny_models.edit_json(folder / "config.json", model_type="bert", auto_map=None)
    with pytest.raises(ModelUnavailable, match=r"\(bert\) is no vision-language model"):
        TransformersChat(str(folder))
    (folder / "config.json").rename(folder / "adapter_config.json")
    with pytest.raises(ModelUnavailable, match="is an adapter"):
        TransformersChat(str(folder))


def test_a_checkpoint_without_its_processor_is_refused(copy: Any):
    folder = copy("qwen2_5_vl")
    (folder / "processor_config.json").unlink()
    (folder / "tokenizer.json").unlink()
    assert str(folder) in message(TransformersChat(str(folder), runtime=CPU))


def test_its_name_is_for_people(chats: Any):
    assert chats("llava").name == "transformers llava"
