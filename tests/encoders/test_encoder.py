"""The packaged encoder gives what sentence-transformers gives, offline and from its cache."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from core.config import Settings
from core.encoders import Encoder, model_folder, same_weights
from core.errors import InputError, ModelError
from core.models.precision import cpu_has_bfloat16, cpu_has_int8

TEXTS = [
    "Cholera due to vibrio cholerae",
    "Fracture of the left femur, subsequent encounter",
    "Пневмония",
    "肺炎",
    "x",
    "word " * 400,
]
LABELS = TEXTS + [
    f"{a} of {b}{c}"
    for a in ("Fracture", "Benign neoplasm", "Injury", "Osteomyelitis")
    for b in ("skull", "left femur", "phalanx of right great toe", "cervical vertebra")
    for c in ("", ", unspecified", ", initial encounter for closed fracture", "/drug therapy")
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def exact(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """The same encoder in float32 only, as on a processor without the faster formats."""
    return Encoder.load(Settings(home=tmp_path_factory.mktemp("home")), formats=["float32"])


@pytest.mark.model
def test_vectors_in_float32_are_those_of_sentence_transformers(exact: Encoder) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(model_folder()), device="cpu", local_files_only=True)
    theirs = reference.encode(TEXTS)

    ours = exact.encode(TEXTS, cache=False)

    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(exact.encode_labels(TEXTS), theirs, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    assert ours.dtype == np.float32
    assert ours.shape == (len(TEXTS), exact.dim)


@pytest.mark.model
def test_query_vectors_are_close_to_float32(encoder: Encoder, exact: Encoder) -> None:
    queries = encoder.encode(TEXTS, cache=False)

    assert (queries * exact.encode(TEXTS, cache=False)).sum(axis=1).min() > 0.9998
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-6)


@pytest.mark.model
def test_label_vectors_are_close_to_float32(encoder: Encoder, exact: Encoder) -> None:
    labels = encoder.encode_labels(LABELS)

    cosines = (labels * exact.encode_labels(LABELS)).sum(axis=1)

    assert cosines.mean() > 0.998
    assert cosines.min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(labels, axis=1), 1, atol=1e-6)


@pytest.mark.model
def test_the_identity_says_what_was_used(encoder: Encoder, exact: Encoder) -> None:
    expected = "int8" if cpu_has_int8() else "bfloat16" if cpu_has_bfloat16() else "float32"

    assert encoder.label_identity.endswith(f"/{expected}")
    assert encoder.identity.endswith("/bfloat16" if cpu_has_bfloat16() else "/float32")
    assert exact.identity.endswith("/float32")
    assert exact.label_identity == exact.identity
    assert same_weights(encoder.label_identity, exact.identity)


CPU = Path("/proc/cpuinfo")
AMX = CPU.exists() and "amx_bf16" in CPU.read_text()


@pytest.mark.model
def test_a_text_gets_the_same_vector_alone_and_among_others(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS, cache=False)
    alone = np.concatenate([encoder.encode([text], cache=False) for text in TEXTS])

    if encoder.identity.endswith("/bfloat16"):
        # With AMX, how products are cut into tiles depends on their shape.
        np.testing.assert_allclose(together, alone, atol=1e-3 if AMX else 0.0, rtol=0)
    else:
        np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.model
def test_label_vectors_do_not_depend_on_the_number_of_threads(encoder: Encoder) -> None:
    threads = torch.get_num_threads()
    some = []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            some.append(encoder.encode_labels(LABELS))
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)

    np.testing.assert_array_equal(*some)


@pytest.mark.model
def test_texts_seen_before_come_from_the_cache(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encoder.encode(["seen before", "seen before", "and this"])
    monkeypatch.setattr(encoder, "_query_vectors", None)  # calling the model would fail

    again = encoder.encode(["and this", "seen before"])

    np.testing.assert_array_equal(again, first[[2, 0]])


@pytest.mark.model
@pytest.mark.parametrize("text", ["", "  \n\t", "\ud800"])
def test_texts_that_say_nothing_are_refused(encoder: Encoder, text: str) -> None:
    with pytest.raises(InputError):
        encoder.encode([text])


@pytest.mark.model
def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)
    assert encoder.encode_labels([]).shape == (0, encoder.dim)
    assert encoder.count_tokens([]) == []


@pytest.mark.model
def test_tokens_are_counted_before_any_is_cut(encoder: Encoder) -> None:
    assert encoder.count_tokens(["a b c", "word " * 400]) == [5, 402]


@pytest.mark.model
def test_a_cancelled_encoding_stops(encoder: Encoder) -> None:
    calls = iter([False, True])

    assert encoder.encode_labels(LABELS * 3, lambda: next(calls)).shape == (0, encoder.dim)
    assert next(calls, None) is None


@pytest.mark.model
@pytest.mark.parametrize("content", [b"junk", save({"other": torch.zeros(2)})])
def test_a_model_file_that_cannot_be_read_is_said(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(content)
    monkeypatch.setattr("core.encoders.model_folder", lambda: tmp_path / "model")

    with pytest.raises(ModelError, match="cannot be loaded"):
        Encoder.load(Settings(home=tmp_path))


def test_a_missing_package_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    with pytest.raises(ModelError) as raised:
        model_folder()
    assert "make app" in raised.value.fix


def test_identities_differ_by_weights_not_by_number_format() -> None:
    assert same_weights("m@1/float32", "m@1/bfloat16")
    assert not same_weights("m@1/float32", "m@2/float32")
