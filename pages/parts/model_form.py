"""Adding a language model: the fields of each kind, a test, clear errors beside the form."""

import re
from dataclasses import dataclass

import streamlit as st

from core.annotation.people import Role
from core.errors import InputError, PhaseLensError
from core.models.base import ModelKind, ModelSpec
from core.models.catalogue import check_spec
from core.traces.inert import neutralise
from db.models_added import add_model
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.people import person, person_now

KINDS = {
    ModelKind.LOCAL: "Local files",
    ModelKind.HUB: "Hugging Face",
    ModelKind.ENDPOINT: "Endpoint",
}
_WHERE = {
    ModelKind.LOCAL: "folder or file",
    ModelKind.HUB: "Hugging Face id",
    ModelKind.ENDPOINT: "base URL",
}
TESTED = {
    ModelKind.LOCAL: "Weights and tokenizer are there and fit each other.",
    ModelKind.HUB: "The id can be one. The model itself is fetched, and checked, at its first use.",
    ModelKind.ENDPOINT: "The server answers and has the model.",
}
DTYPES = {
    "auto": "Automatic: bfloat16 where the processor has it",
    "bfloat16": "bfloat16",
    "float32": "float32",
}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[\w][\w .:@/+-]{0,79}")
_OUTCOME = "model_outcome"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last test or addition went; shown until dismissed or the next one."""

    model: str
    what: str
    fix: str = ""
    ok: bool = False


def model_form() -> None:
    """Draws the form and, below it, how the last test or addition went."""
    kind = st.segmented_control(
        "Kind", list(KINDS), format_func=KINDS.__getitem__, default=ModelKind.LOCAL,
        required=True, key="model_kind", persist_state="page",
    )  # fmt: skip
    with st.form("model_form", border=False, enter_to_submit=False):
        spec = _fields(kind)
        with st.container(horizontal=True):
            test = press.form_submit_button(
                "Test", icon=":material/network_check:", key="model_test"
            )
            add = press.form_submit_button(
                "Test and add", icon=":material/add:", type="primary", key="model_add"
            )
    if test or add:
        st.session_state[_OUTCOME] = _try(spec, add=add)
        if add and st.session_state[_OUTCOME].ok:
            draw_again()
    _show(st.session_state.get(_OUTCOME))


def _fields(kind: ModelKind) -> ModelSpec:
    name = st.text_input(
        "Name", key="model_name", max_chars=80, placeholder="As it appears in Explore"
    )
    if kind is ModelKind.ENDPOINT:
        return _endpoint_fields(name)
    if kind is ModelKind.LOCAL:
        location = st.text_input(
            "Folder or file",
            key="model_path",
            placeholder="/models/Qwen3-0.6B, or /models/model.gguf",
            help="A folder with config.json, tokenizer and .safetensors files, or one .gguf file, "
            "on the machine that runs PhaseLens.",
        )
    else:
        location = st.text_input(
            "Hugging Face id",
            key="model_hub_id",
            placeholder="HuggingFaceTB/SmolLM2-360M-Instruct",
            help="Fetched from the Hugging Face hub at its first use, which needs a network.",
        )
    dtype = st.selectbox("Number format", list(DTYPES), format_func=DTYPES.__getitem__,
                         key="model_dtype")  # fmt: skip
    st.caption("Weights are read from safetensors or GGUF only. Code that comes with a model is "
               "never run.")  # fmt: skip
    return ModelSpec(name.strip(), kind, location.strip(), dtype=dtype)


def _endpoint_fields(name: str) -> ModelSpec:
    left, right = st.columns(2)
    url = left.text_input(
        "Base URL",
        key="model_url",
        placeholder="http://127.0.0.1:8080/v1",
        help="vLLM, llama-server, Ollama or any other server that speaks the OpenAI protocol.",
    )
    served = right.text_input(
        "Model on the server",
        key="model_served",
        placeholder="The name the server lists",
        help="As in the server's /models list.",
    )
    key_env = left.text_input(
        "Environment variable with the key",
        key="model_key_env",
        placeholder="OPENAI_API_KEY; empty when the server needs none",
        help="The NAME of the variable. The key itself is read from the environment of the "
        "PhaseLens process when it is used, and stored nowhere.",
    )
    timeout = right.number_input(
        "Seconds to wait", min_value=1.0, max_value=3600.0, value=60.0, key="model_timeout",
        help="For a connection, and between two pieces of an answer.",
    )  # fmt: skip
    return ModelSpec(
        name.strip(), ModelKind.ENDPOINT, url.strip(), served_model=served.strip(),
        api_key_env=key_env.strip(), timeout_s=float(timeout),
    )  # fmt: skip


def check_fields(spec: ModelSpec) -> None:
    """What can be said without touching the model. Raises InputError."""
    if not _NAME.fullmatch(spec.name):
        raise InputError(
            "The model needs a name." if not spec.name else "That name cannot be used.",
            "Use 1 to 80 letters, digits, spaces and . : @ / + - _, starting with a letter.",
        )
    if not spec.location:
        raise InputError("It is not said where the model is.", f"Fill in: {_WHERE[spec.kind]}.")
    if spec.kind is not ModelKind.ENDPOINT:
        return
    if not spec.location.startswith(("http://", "https://")):
        raise InputError(
            "The base URL does not start with http:// or https://.",
            "Give the server's address up to /v1, such as http://127.0.0.1:8080/v1.",
        )
    if not spec.served_model:
        raise InputError(
            "The model's name on the server is missing.",
            "Give one that the server's /models list has.",
        )
    if spec.api_key_env and not _ENV_NAME.fullmatch(spec.api_key_env):
        # never repeat what was typed: it may be the key itself
        raise InputError(
            "The key field does not hold the name of an environment variable.",
            "Put the key into a variable, such as OPENAI_API_KEY, start PhaseLens with it, and "
            "give the variable's name here. Keys are never stored.",
        )


def test_model(spec: ModelSpec) -> Outcome:
    """Looks at the model or asks the server, as Explore would: for admins, since it reads a folder
    of the machine or calls an address."""
    try:
        person_now().require(Role.ADMIN)
        check_fields(spec)
        with st.spinner("Testing ..."):
            check_spec(spec, services.settings())
    except PhaseLensError as error:
        return Outcome(spec.name, error.what, error.fix)
    return Outcome(spec.name, TESTED[spec.kind], ok=True)


def _try(spec: ModelSpec, *, add: bool) -> Outcome:
    outcome = test_model(spec)
    if not (add and outcome.ok):
        return outcome
    try:
        with services.store().write() as session:
            add_model(session, person(), spec)
    except PhaseLensError as error:
        return Outcome(spec.name, error.what, error.fix)
    return Outcome(spec.name, "Added. Choose it under System in Explore.", ok=True)


def _show(outcome: Outcome | None) -> None:
    if outcome is None:
        return
    with st.container(key="model_outcome_card"):
        if outcome.ok:
            st.success(outcome.what, icon=":material/check_circle:")
            if outcome.model:
                st.text(neutralise(outcome.model))
        else:
            errors.card(outcome.what, outcome.fix)
        st.button(
            "Dismiss", icon=":material/close:", type="tertiary", key="model_outcome_dismiss",
            on_click=lambda: st.session_state.pop(_OUTCOME, None),
        )  # fmt: skip
