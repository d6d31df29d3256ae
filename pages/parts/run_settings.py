"""How to run: system, k and n in sight; the rest in a popover; the prompt in an expander."""

from collections.abc import Sequence

import streamlit as st

from core.models.base import ModelKind
from core.rerank.base import Decoding, Mode
from core.rerank.prompts import DEFAULT_PROMPT
from core.systems import RunConfig, System
from core.traces.inert import one_line
from pages.parts import link, shortlist_words

PROMPT, OWN_PROMPT = "explore_prompt", "explore_own_prompt"
METHOD = "explore_method"
EF, SCORER, TEMPERATURE = "explore_ef", "explore_use_scorer", "explore_temperature"
MODE, GUIDED = "explore_mode", "explore_guided"
TOKENS, SEED, LOOKUP = "explore_max_tokens", "explore_seed", "explore_prompt_lookup"
DEFAULTS = RunConfig("", "", "")

K_HELP = "How many labels to retrieve: the k nearest to the text, out of all labels."
N_HELP = "How many of the k retrieved labels the language model gets to see, best first. n ≤ k."
EF_HELP = (
    "How widely HNSW, the approximate search, looks around: the length of its list of candidates "
    "while it searches. Larger finds more of the true nearest labels and takes longer. At least "
    "k. Empty: the value stored with the index."
)
METHOD_HELP = (
    f"How labels are found. {shortlist_words.METHOD_HELP} Best on dev: what found most gold labels "
    "of dev documents when that was measured; dense until then. A system that was trained on "
    "shortlists of one kind gets those unless told otherwise."
)
TEMPERATURE_HELP = (
    "0 is greedy: the likeliest token each time, the same text every run. Above 0 tokens are "
    "drawn by chance; higher is more varied."
)
SEED_HELP = "Fixes the chance of a run with temperature above 0, so that it can be repeated."
TOKENS_HELP = (
    "The trace is cut off after this many tokens. Empty: as many as the system was made for."
)
LOOKUP_HELP = (
    "Speeds up text that copies from the prompt, as label names do: up to this many tokens are "
    "guessed from the prompt and checked at once. 0 turns it off. Only fast mode at temperature 0 "
    "guesses; the text stays the same."
)
MODES = {"fast": "Fast", "reference": "Reference"}
MODE_HELP = (
    "Which program computes the tokens. Fast: a lean network of ours, with prompt lookup; batch "
    "runs write several documents side by side. Reference: what transformers' generate writes, in "
    "float32, to compare with or to publish; slower. Their texts can differ by rounding alone. A "
    "model that fast mode does not know runs in reference mode, and "
    "its trace says so; an endpoint decodes in its own way."
)
GUIDED_HELP = (
    "The app writes what the format forces: headings, the numbers and names of the labels that the "
    "model picks. The model picks labels, writes the evidence, keeps or drops and answers. Faster "
    "and in the right format unless cut off; but its parts are then the app's, so they are marked "
    "as given and are no evidence that the model reasons in phases. Fast mode only."
)
SCORE_HELP = (
    "After the trace, asks the model about each label it saw and takes the probability of "
    "true as the score. Scores rank the labels that the answer leaves out."
)


def run_settings(dataset: str, systems: Sequence[System]) -> RunConfig:
    """Draws system, k, n and the popover; returns the choices (not checked)."""
    system = _system(systems)
    _take_own_prompt(systems, system)
    k_place, n_place, more = st.columns([5, 5, 4], vertical_alignment="bottom", gap="small")
    with k_place:
        k = _number("k, retrieved", link.key("k"), DEFAULTS.k, K_HELP)
    with n_place:
        n = _number("n, shown", link.key("n"), DEFAULTS.n, N_HELP)
    with (
        more,
        st.popover(
            "More", icon=":material/tune:", help="Search and decoding settings", width="stretch"
        ),
    ):
        method = _method(system)
        ef = _search()
        decoding, longest = _decoding(system)
        st.session_state.setdefault(SCORER, DEFAULTS.use_scorer)
        score = st.toggle(
            "Score the labels after the trace",
            key=SCORER,
            persist_state="session",
            help=SCORE_HELP,
        )
    return system.asked(
        dataset,
        prompt=st.session_state.get(PROMPT),
        max_new_tokens=longest,
        method=method,
        decoding=decoding,
        k=k,
        n=n,
        ef=ef,
        use_scorer=score,
    )


def take_settings(config: RunConfig) -> None:
    """Makes the fields show the settings of a run; before they are drawn, or in a callback."""
    decoding = config.decoding
    st.session_state.update(
        {
            link.key("system"): config.system,
            link.key("k"): config.k,
            link.key("n"): config.n,
            PROMPT: config.prompt,
            METHOD: config.method if config.method in shortlist_words.METHODS else "",
            EF: config.ef,
            SCORER: config.use_scorer,
            TEMPERATURE: float(decoding.temperature),
            TOKENS: decoding.max_new_tokens,
            SEED: decoding.seed,
            GUIDED: decoding.guided,
        }
    )
    if decoding.mode is Mode.FAST:
        st.session_state.update({MODE: Mode.FAST.value, LOOKUP: decoding.prompt_lookup})
    elif decoding.mode is Mode.REFERENCE:
        st.session_state[MODE] = Mode.REFERENCE.value


def _number(label: str, key: str, default: int, help_: str) -> int:
    """A whole number without bounds of its own: what is wrong with it is said in words."""
    st.session_state.setdefault(key, default)
    value = st.number_input(label, step=1, value=None, key=key, help=help_, persist_state="session")
    return default if value is None else int(value)


def methods_for(system: System) -> dict[str, str]:
    """Titles of the ways to find labels, by name; first of all "": the system's own."""
    own = system.method
    usual = f"The system's own: {shortlist_words.METHODS[own].lower()}" if own else "Best on dev"
    return {"": usual, **shortlist_words.METHODS}


def _system(systems: Sequence[System]) -> System:
    by_name = {system.name: system for system in systems}
    chosen = st.selectbox(
        "System",
        list(by_name),
        key=link.key("system"),
        format_func=lambda name: one_line(by_name[name].title, 60),
        persist_state="session",
        help="The language model that reads the shortlist. Settings adds others.",
    )
    return by_name[str(chosen)]


def _method(system: System) -> str:
    st.session_state.setdefault(METHOD, DEFAULTS.method)
    titles = methods_for(system)
    method = st.selectbox(
        "How labels are found",
        list(titles),
        key=METHOD,
        format_func=titles.__getitem__,
        persist_state="session",
        help=METHOD_HELP,
    )
    return str(method or "")


def _search() -> int | None:
    ef = st.number_input(
        "ef, search width",
        step=10,
        value=None,
        key=EF,
        placeholder="the index's own",
        help=EF_HELP,
        persist_state="session",
    )
    return None if ef is None else int(ef)


def _mode(endpoint: bool) -> Mode:
    st.session_state.setdefault(MODE, DEFAULTS.decoding.mode.value)
    chosen = st.selectbox(
        "Mode",
        list(MODES),
        key=MODE,
        format_func=MODES.__getitem__,
        persist_state="session",
        disabled=endpoint,
        help=MODE_HELP,
    )
    return Mode.OWN if endpoint else Mode(str(chosen or DEFAULTS.decoding.mode.value))


def _decoding(system: System) -> tuple[Decoding, int | None]:
    """How to decode, and the limit of tokens that the reader gave."""
    default = DEFAULTS.decoding
    mode = _mode(endpoint=system.model.kind is ModelKind.ENDPOINT)
    st.session_state.setdefault(GUIDED, default.guided)
    guided = st.toggle(
        "Guided",
        key=GUIDED,
        persist_state="session",
        disabled=mode is not Mode.FAST,
        help=GUIDED_HELP,
    )
    st.session_state.setdefault(TEMPERATURE, default.temperature)
    temperature = st.number_input(
        "Temperature",
        step=0.1,
        value=None,
        format="%.2f",
        key=TEMPERATURE,
        help=TEMPERATURE_HELP,
        persist_state="session",
    )
    limit = st.number_input(
        "Token limit",
        step=1,
        value=None,
        key=TOKENS,
        placeholder=f"{system.max_new_tokens:,}",
        help=TOKENS_HELP,
        persist_state="session",
    )
    decoding = Decoding(
        temperature=default.temperature if temperature is None else float(temperature),
        seed=_number("Seed", SEED, default.seed, SEED_HELP),
        prompt_lookup=_number("Prompt lookup tokens", LOOKUP, default.prompt_lookup, LOOKUP_HELP),
        mode=mode,
        guided=guided,
    ).resolved(mode)
    return decoding, None if limit is None else int(limit)


def _take_own_prompt(systems: Sequence[System], chosen: System) -> None:
    """The chosen system's own prompt, unless the reader has edited the one that stands there."""
    own = chosen.prompt
    st.session_state[OWN_PROMPT] = own
    unedited = {DEFAULT_PROMPT, *(s.prompt for s in systems)}
    if st.session_state.get(PROMPT, own) in unedited:
        st.session_state[PROMPT] = own


def prompt_editor() -> None:
    """The prompt template, to edit and to put back."""
    own = st.session_state.get(OWN_PROMPT, DEFAULT_PROMPT)
    st.session_state.setdefault(PROMPT, own)
    edited = st.session_state[PROMPT] != own
    title = "Prompt template" + (" (edited)" if edited else "")
    with st.expander(title, icon=":material/edit_note:", key="explore_prompt_expander"):
        st.text_area(
            "Prompt template",
            key=PROMPT,
            height=320,
            persist_state="session",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                "`{document}` becomes the text and `{candidates}` the numbered labels. Both must "
                "be there. The exact prompt of a run is shown with its result."
            )
            st.button(
                "Reset",
                icon=":material/restart_alt:",
                key="explore_prompt_reset",
                disabled=not edited,
                on_click=_reset,
                help="Puts the prompt back as it came.",
            )


def _reset() -> None:
    st.session_state[PROMPT] = st.session_state.get(OWN_PROMPT, DEFAULT_PROMPT)
