"""llama.cpp on the packaged model's weights, for benchmarks/rerank.py.

Two engines: the GGUF as the package ships it (Q4_1: 4-bit weights, 8-bit products), and the same
weights unpacked to float32, which is what transformers and PhaseLens compute with.
"""

import importlib.util
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.config import Settings
from core.models.packaged import packaged_gguf

MISSING = (
    "llama.cpp is not installed, so it was not measured: pip install llama-cpp-python "
    "(it compiles for some minutes), or pip install -e '.[llama]'."
)
Engine = Callable[[Sequence[int], int], tuple[int, float]]  # (prompt, most) -> (tokens, seconds)


def engines(settings: Settings, context: int) -> dict[str, Engine]:
    """Greedy engines by name; none where llama-cpp-python is not installed."""
    if importlib.util.find_spec("llama_cpp") is None:
        return {}
    shipped = packaged_gguf()
    folder = settings.cache_dir / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "llama_cpp": _engine(_unpacked(shipped, folder / "float32.gguf"), settings, context),
        "llama_cpp_q4": _engine(shipped, settings, context),
    }


def _engine(file: Path, settings: Settings, context: int) -> Engine:
    from llama_cpp import Llama

    threads = settings.torch_threads()
    model = Llama(
        str(file),
        n_ctx=context,
        n_threads=threads,
        n_threads_batch=threads,
        seed=0,
        verbose=False,
    )
    end = model.token_eos()

    def write(prompt: Sequence[int], most: int) -> tuple[int, float]:
        started = time.perf_counter()
        tokens = 0
        # generate() keeps what the prompt before began with, as we do
        for token in model.generate(list(prompt), temp=0.0, top_k=1, repeat_penalty=1.0):
            tokens += 1
            if token == end or tokens >= most:
                break
        return tokens, time.perf_counter() - started

    write([1, 2, 3], 2)
    return write


def _unpacked(source: Path, target: Path) -> Path:
    """The same GGUF with float32 weights; made once."""
    if target.is_file():
        return target
    import gguf
    from gguf.quants import dequantize

    reader = gguf.GGUFReader(source)
    architecture = str(_value(reader.fields["general.architecture"]))
    fresh = target.with_suffix(".new")
    writer = gguf.GGUFWriter(fresh, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        if field.name == "general.file_type":
            writer.add_file_type(gguf.LlamaFileType.ALL_F32)
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, _value(field), kind, sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.rename(target)
    return target


def _value(field: Any) -> Any:
    return field.contents()
