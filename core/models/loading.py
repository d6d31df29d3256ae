"""Reading models with transformers: safetensors and GGUF only, and never remote code.

transformers' models have no useful static types (its stubs are skipped), hence Any.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.models.precision import dtype_of
from core.models.weights import WeightFiles

LoadedPair = tuple[Any, Any]  # (PreTrainedModel, PreTrainedTokenizer)


def read_gguf(path: Path, dtype: str) -> LoadedPair:
    """A GGUF file's model, unpacked to dense weights, and its tokenizer. Raises ModelError.

    transformers keeps GGUF blocks packed by default and then refuses to save them;
    GgufConfig(dequantize=True) is its documented way to get a plain model.
    """
    from transformers import GgufConfig

    return _read(
        str(path.parent),
        dtype_of(dtype, "cpu"),
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        local_files_only=True,
    )


def read_folder(weights: WeightFiles, dtype: Any) -> LoadedPair:
    """A safetensors folder's model in a torch dtype, and its tokenizer. Raises ModelError."""
    return _read(str(weights.folder), dtype, use_safetensors=True, local_files_only=True)


def read_hub(name: str, dtype: Any) -> LoadedPair:
    """A Hugging Face id's model, fetched by transformers where not cached. Raises ModelError.

    The hub is asked only where the files on this machine do not do: a model that is here is
    read without a network, and stays the commit that its identity names.
    """
    try:
        return _read(name, dtype, use_safetensors=True, local_files_only=True)
    except ModelError:
        return _read(name, dtype, use_safetensors=True)


def _read(name: str, dtype: Any, **options: Any) -> LoadedPair:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet(), _translated(name):
        model, report = AutoModelForCausalLM.from_pretrained(
            name, dtype=dtype, trust_remote_code=False, output_loading_info=True, **options
        )
        missing = sorted(report["missing_keys"])
        if missing:  # transformers would go on with random numbers there
            raise ModelError(
                f"The weights of {name} lack {len(missing)} tensors that its config.json asks for "
                f"({missing[0]}, ...).",
                "Use the config.json that belongs to these weights.",
            )
        kept = {k: v for k, v in options.items() if k in ("gguf_file", "local_files_only")}
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **kept)
    check_tokenizer(name, model, tokenizer)
    return model.eval(), tokenizer


def check_tokenizer(name: str, model: Any, tokenizer: Any) -> None:
    """Raises ModelError where the tokenizer cannot belong to the model or has no chat template."""
    rows = model.get_input_embeddings().weight.shape[0]
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= rows:
        raise ModelError(
            f"The tokenizer of {name} does not fit its weights: it has token {largest}, but the "
            f"model knows only {rows} tokens.",
            "Use the tokenizer files that belong to these weights.",
        )
    if not tokenizer.chat_template:
        raise ModelError(
            f"{name} has no chat template, so it cannot be asked a question.",
            "Use the instruct or chat version of the model.",
        )


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice from transformers while a model is read."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Whatever transformers raises for an unusable model, as a ModelError."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        why = first or type(error).__name__
        raise ModelError(
            f"The model {name} cannot be read: {why[:300]}",
            "Check that the folder is complete and of a kind that transformers knows; "
            "remote code is never run.",
        ) from error
