"""Which folders and files are models: safetensors and GGUF, never a pickle."""

import json
import struct
from pathlib import Path

import pytest

from core.atomic import sha256_of
from core.config import Settings
from core.errors import ModelError
from core.models.base import ModelKind, ModelSpec
from core.models.catalogue import PACKAGED, TEACHER, check_spec, systems_from
from core.models.weights import find_weights, fingerprint

SETTINGS = Settings()


def safetensors(rows: int = 8, name: str = "model.embed_tokens.weight") -> bytes:
    """A whole safetensors file with one (rows, 2) tensor of two-byte numbers."""
    data = bytes(rows * 2 * 2)
    tensor = {"dtype": "BF16", "shape": [rows, 2], "data_offsets": [0, len(data)]}
    header = json.dumps({name: tensor}).encode()
    return struct.pack("<Q", len(header)) + header + data


def model_folder(folder: Path, *, tokens: int = 8, template: str | None = "{{ x }}") -> Path:
    """The files of a small model, as far as they are looked at before loading."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(safetensors())
    vocabulary = {f"t{i}": i for i in range(tokens)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    config = {} if template is None else {"chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def check(path: Path) -> None:
    check_spec(ModelSpec("mine", ModelKind.LOCAL, str(path)), SETTINGS)


def test_a_whole_folder_passes(tmp_path: Path) -> None:
    check(model_folder(tmp_path / "m"))


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no weights"):
        check(tmp_path)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.pth", "last.ckpt", "w.pkl"]
)
def test_a_folder_with_only_a_pickle(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="pickle"):
        check(tmp_path)
    with pytest.raises(ModelError, match="pickle"):
        check(tmp_path / name)


def test_a_pickle_beside_safetensors_is_not_touched(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert [file.name for file in find_weights(str(folder)).files] == ["model.safetensors"]


def test_a_path_with_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        check(tmp_path / "nowhere")


def test_an_adapter_alone(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(safetensors())
    with pytest.raises(ModelError, match="adapter"):
        check(tmp_path)


def test_safetensors_without_a_config(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    with pytest.raises(ModelError, match=r"config\.json"):
        check(tmp_path)


@pytest.mark.parametrize(
    "junk",
    [b"", b"\x00" * 4, b"\xff" * 100, safetensors()[:-1], safetensors() + b"x", safetensors()[:20]],
)
def test_broken_weights(tmp_path: Path, junk: bytes) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(junk)
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        check(folder)


def test_a_tokenizer_with_more_tokens_than_the_model_knows(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not fit its weights"):
        check(model_folder(tmp_path / "m", tokens=9))


def test_added_tokens_count_too(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "tokenizer.json").write_text(
        json.dumps({"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 50}]})
    )
    with pytest.raises(ModelError, match="token 50"):
        check(folder)


def test_no_tokenizer(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match="no tokenizer"):
        check(folder)


def test_no_chat_template(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no chat template"):
        check(model_folder(tmp_path / "m", template=None))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize("junk", ["", "{", "[]", "\x00"])
def test_broken_json(tmp_path: Path, name: str, junk: str) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / name).write_text(junk)
    with pytest.raises(ModelError, match=name):
        check(folder)


def test_a_model_that_needs_code_of_its_own(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "config.json").write_text('{"auto_map": {"AutoModelForCausalLM": "evil.Model"}}')
    with pytest.raises(ModelError, match="never run"):
        check(folder)


def test_gguf_files(tmp_path: Path) -> None:
    good = tmp_path / "a.gguf"
    good.write_bytes(b"GGUF....")
    assert find_weights(str(tmp_path)) == find_weights(str(good))
    (tmp_path / "b.gguf").write_bytes(b"GGUF....")
    with pytest.raises(ModelError, match=r"a\.gguf, b\.gguf"):
        find_weights(str(tmp_path))
    good.write_bytes(b"junk")
    with pytest.raises(ModelError, match="not a GGUF file"):
        find_weights(str(good))


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b/c", "x" * 200, "https://hub/x"])
def test_hub_ids_that_are_none(name: str) -> None:
    with pytest.raises(ModelError, match="Hugging Face id"):
        check_spec(ModelSpec("mine", ModelKind.HUB, name), SETTINGS)


def test_a_nameless_model_and_an_unknown_number_format() -> None:
    with pytest.raises(ModelError, match="no name"):
        check_spec(ModelSpec(" ", ModelKind.HUB, "a/b"), SETTINGS)
    with pytest.raises(ModelError, match="int3"):
        check_spec(ModelSpec("mine", ModelKind.HUB, "a/b", dtype="int3"), SETTINGS)


def test_the_fingerprint_is_the_files_hash_and_follows_its_content(tmp_path: Path) -> None:
    file, notebook = tmp_path / "w", tmp_path / "cache" / "weights.json"
    file.write_bytes(b"one")
    first = fingerprint((file,), notebook)
    assert first == sha256_of(file) == fingerprint((file,), notebook)
    file.write_bytes(b"three")
    assert fingerprint((file,), notebook) == sha256_of(file) != first
    notebook.write_text("junk")
    assert fingerprint((file,), notebook) == sha256_of(file)


def test_the_teacher_that_ships_comes_first_then_the_base_and_last_what_was_added(
    tmp_path: Path,
) -> None:
    added = ModelSpec("mine", ModelKind.HUB, "a/b")
    found = [(s.name, s.model) for s in systems_from(Settings(home=tmp_path), [added])]
    assert [name for name, _ in found[:2]] == [TEACHER, "base"]
    assert (found[1], found[-1]) == (("base", PACKAGED), ("mine", added))


def test_another_tokenizer_or_chat_template_is_another_set_of_companions(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "README.md").write_text("decides nothing")
    found = find_weights(str(tmp_path))
    assert [file.name for file in found.companions] == [
        "chat_template.jinja",
        "config.json",
        "tokenizer.json",
    ]
    before = fingerprint(found.companions, tmp_path / "notebook")
    (tmp_path / "chat_template.jinja").write_text("another one")
    assert fingerprint(found.companions, tmp_path / "notebook") != before
