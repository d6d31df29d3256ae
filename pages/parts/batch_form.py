"""Starting a batch run: a system over a split, with the same choices as `phaselens run`."""

from collections.abc import Sequence

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.datasets.base import Split
from core.datasets.catalogue import names
from core.errors import UnknownNameError
from core.rerank.base import Decoding, Mode
from core.run_request import BATCH_SIZE, LARGEST_BATCH, check_request, parse_split, request_key
from core.systems import RunConfig, System
from core.toolbox import Toolbox
from core.traces.inert import one_line
from pages.parts import errors, press, services
from pages.parts.people import person_now, why_not
from pages.parts.run_settings import GUIDED_HELP, METHOD_HELP, MODE_HELP, MODES, methods_for

ALL = "all"
MOST = 1_000_000
SIZE_HELP = (
    "In fast mode, how many documents the model writes at a time. More go faster and take more "
    "memory. Reference mode drafts so, and checks each draft; where it samples, and from an "
    "endpoint, it is one at a time."
)


def batch_form() -> None:
    """Draws the form; what cannot be run is refused with a clear error before a job is made."""
    found = services.systems()
    systems = {s.name: s for s in found}
    chosen = st.session_state.get("batch_system")
    if chosen is not None and chosen not in systems:  # removed on another page meanwhile
        del st.session_state["batch_system"]
        errors.keep(
            UnknownNameError(
                f"There is no system named {one_line(chosen)!r} any more.", "Choose another."
            )
        )
    no = why_not(Role.ANNOTATOR)
    with st.form("batch_form", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            system = st.selectbox(
                "System", list(systems), format_func=lambda n: one_line(systems[n].title, 60),
                key="batch_system", width=270,
            )  # fmt: skip
            dataset = st.selectbox("Dataset", names(services.settings()), key="batch_dataset",
                                   width=130)  # fmt: skip
            split = st.selectbox("Split", [*_splits(), ALL], index=2, key="batch_split", width=150)
            limit = st.number_input(
                "Documents", min_value=1, max_value=MOST, value=50, key="batch_limit",
                placeholder="all", width=130,
                help="At most this many; empty for all of the split.",
            )  # fmt: skip
            started = press.form_submit_button(
                "Start run", icon=":material/play_arrow:", type="primary", key="batch_start",
                disabled=bool(no), help=no or None,
            )  # fmt: skip
        if no:
            st.caption(no)
        with st.expander("Retrieval and decoding", icon=":material/tune:"):
            config = _choices(str(dataset), systems[str(system)])
    if started:
        with errors.kept():
            _start(config, str(split), int(limit) if limit else None)


def _splits() -> Sequence[str]:
    return [str(s) for s in Split]


def _choices(dataset: str, system: System) -> RunConfig:
    with st.grid(4):
        k = st.number_input("k, labels retrieved", value=50, step=1, key="batch_k")
        n = st.number_input("n, labels shown to the model", value=10, step=1, key="batch_n")
        ef = st.number_input(
            "ef, HNSW's candidate list", value=None, step=1, key="batch_ef",
            placeholder="the index's own",
        )  # fmt: skip
        longest = st.number_input(
            "Longest trace, tokens", value=None, step=1, key="batch_tokens",
            placeholder="the system's own",
        )  # fmt: skip
        temperature = st.number_input(
            "Temperature, 0 is greedy", value=0.0, step=0.1, key="batch_temperature"
        )
        seed = st.number_input("Seed", value=0, step=1, key="batch_seed")
        methods = methods_for(system)
        method = st.selectbox(
            "How labels are found", list(methods), format_func=methods.__getitem__,
            key="batch_method", help=METHOD_HELP,
        )  # fmt: skip
        mode = st.selectbox(
            "Mode", list(MODES), format_func=MODES.__getitem__, key="batch_mode", help=MODE_HELP
        )
        st.number_input(
            "Documents side by side", min_value=1, max_value=LARGEST_BATCH, value=BATCH_SIZE,
            step=1, key="batch_size", help=SIZE_HELP,
        )  # fmt: skip
        scorer = st.checkbox("Score unanswered candidates", value=True, key="batch_scorer")
        guided = st.checkbox("Guided traces", key="batch_guided", help=GUIDED_HELP)
    return system.asked(
        dataset, max_new_tokens=None if longest is None else int(longest),
        method=str(method or ""),
        decoding=Decoding(
            temperature=float(temperature), seed=int(seed), mode=Mode(str(mode or Mode.FAST)),
            guided=guided,
        ),
        k=int(k), n=int(n), ef=int(ef) if ef else None, use_scorer=scorer,
    )  # fmt: skip


def _start(config: RunConfig, split_name: str, limit: int | None) -> None:
    """Raises PhaseLensError for what cannot be run."""
    me = person_now()
    me.require(jobs.starts("run"))  # before the model is looked at
    settings, store = services.settings(), services.store()
    split = parse_split(split_name)
    size = int(st.session_state["batch_size"])
    with st.spinner("Checking the model and the dataset ..."):
        check_request(Toolbox(settings, store), config, limit, batch_size=size)
    job_id = jobs.submit(
        store,
        me,
        "run",
        {
            "config": config.to_json(),
            "split": split and split.value,
            "limit": limit,
            "batch_size": size,
        },
        f"{config.system} on {config.dataset}, {split_name}"
        + (f", {limit:,} documents" if limit else ""),
        request_key(config, split, limit, size),
    )
    jobs.start(settings, job_id)
