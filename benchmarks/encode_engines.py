"""Ways to encode label names, for benchmarks/encode.py: each takes names and gives unit vectors.

The peers need packages that PhaseLens does not: pip install onnxruntime onnx onnxscript openvino
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from core.config import Settings
from core.encoders import LABEL_BLOCK, Encoder, model_folder

Vectors = npt.NDArray[np.float32]
Engine = Callable[[Sequence[str]], Vectors]
Run = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Any]

PADDED_BATCH = 128


def default_model() -> SentenceTransformer:
    return SentenceTransformer(str(model_folder()), device="cpu", local_files_only=True)


def default() -> Engine:
    """sentence-transformers as it comes: float32, batches of 32 of like length."""
    model = default_model()
    return lambda names: model.encode(list(names), show_progress_bar=False)


def ours(*formats: str) -> Engine:
    """encode_labels in the blocks of an index build, with these number formats allowed."""
    encoder = Encoder.load(Settings(), formats=formats)
    encoder.encode_labels(["a"])  # makes the integers

    def encode(names: Sequence[str]) -> Vectors:
        starts = range(0, len(names), LABEL_BLOCK)
        return np.concatenate([encoder.encode_labels(names[s : s + LABEL_BLOCK]) for s in starts])

    return encode


def shared_cores() -> Engine:
    """Our integers, but with all cores at one group of windows instead of one each."""
    from core import encoders
    from core.token_windows import packed

    encoder = Encoder.load(Settings())
    network = encoder._label_network[1]

    def encode(names: Sequence[str]) -> Vectors:
        out = np.empty((len(names), encoder.dim), np.float32)
        for windows in packed(encoder._ids(names)):
            out[windows.rows] = encoders._unit_vectors(network, windows)
        return out

    return encode


def padded(run: Run) -> Engine:
    """Padded batches of like length, through a network that gives token vectors."""
    tokenizer = default_model().tokenizer

    def encode(names: Sequence[str]) -> Vectors:
        ids = tokenizer(list(names), truncation=True, max_length=256)["input_ids"]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        out = np.empty((len(ids), 384), np.float32)
        for start in range(0, len(order), PADDED_BATCH):
            rows = order[start : start + PADDED_BATCH]
            width = max(len(ids[row]) for row in rows)
            words = np.zeros((len(rows), width), np.int64)
            mask = np.zeros_like(words)
            for at, row in enumerate(rows):
                words[at, : len(ids[row])] = ids[row]
                mask[at, : len(ids[row])] = 1
            total = (np.asarray(run(words, mask)) * mask[..., None]).sum(axis=1)
            out[rows] = total / np.linalg.norm(total, axis=1, keepdims=True)
        return out

    return encode


class Plain(torch.nn.Module):
    """transformers' BERT, with token vectors alone as its result."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = default_model()[0].auto_model.eval()

    def forward(self, words: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.bert(input_ids=words, attention_mask=mask).last_hidden_state


def _example() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(4, 9, dtype=torch.long), torch.ones(4, 9, dtype=torch.long)


def torch_bfloat16() -> Engine:
    """transformers' BERT in bfloat16."""
    model = Plain().bfloat16()

    def run(words: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(words), torch.from_numpy(mask)).float().numpy()

    return padded(run)


def torch_int8() -> Engine:
    """transformers' BERT with torch's own dynamic quantisation of linear layers."""
    kinds = {torch.nn.Linear}
    model = torch.ao.quantization.quantize_dynamic(Plain(), kinds, dtype=torch.qint8)

    def run(words: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(words), torch.from_numpy(mask)).numpy()

    return padded(run)


def onnx(quantised: bool) -> Engine:
    """ONNX Runtime; `quantised`: its dynamic quantisation to int8, a scale for each channel."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            Plain(),
            _example(),
            path,
            input_names=["words", "mask"],
            dynamo=True,
            dynamic_shapes=(sizes, sizes),
            verbose=False,
        )
        if quantised:
            small = path.with_name("int8.onnx")
            quantize_dynamic(
                path,
                small,
                per_channel=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["MatMul", "Gemm"],
            )
            path = small
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return padded(lambda words, mask: session.run(None, {"words": words, "mask": mask})[0])


def openvino(precision: str) -> Engine:
    """OpenVINO, computing in "f32" or "bf16"."""
    import openvino

    with torch.no_grad():
        model = openvino.convert_model(Plain(), example_input=_example())
    hints = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = openvino.compile_model(model, "CPU", hints)
    return padded(lambda words, mask: compiled([words, mask])[0])


ENGINES: dict[str, Callable[[], Engine]] = {
    "ours": partial(ours, "int8", "bfloat16", "float32"),
    "ours-float32": partial(ours, "float32"),
    "ours-bfloat16": partial(ours, "bfloat16", "float32"),
    "ours-shared-cores": shared_cores,
    "torch-bfloat16": torch_bfloat16,
    "torch-int8": torch_int8,
    "onnx-float32": partial(onnx, False),
    "onnx-int8": partial(onnx, True),
    "openvino-float32": partial(openvino, "f32"),
    "openvino-bfloat16": partial(openvino, "bf16"),
}
