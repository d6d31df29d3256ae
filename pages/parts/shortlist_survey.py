"""A whole dataset: making surveys, choosing one, and what it says."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from core import jobs
from core.datasets.base import Dataset, Split
from core.datasets.catalogue import label_frequencies
from core.jobs.kinds import survey_key
from core.shortlist import slices
from core.shortlist.manifest import status
from core.shortlist.survey import METHODS as SURVEYED
from core.shortlist.survey import Plan
from core.shortlist.survey_store import Survey, SurveyInfo, list_surveys, read_survey
from core.traces.inert import one_line
from db.jobs import UNFINISHED, JobView, list_jobs
from pages.parts import errors, services, shortlist_charts
from pages.parts.job_progress import POLL_S, job_card
from pages.parts.shortlist_choice import SURVEY, open_example
from pages.parts.shortlist_table import table_height
from pages.parts.shortlist_words import FATES, K_HELP, METHOD_HELP, METHODS, N_HELP, terms
from pages.parts.times import duration, local_time

MOST = 1_000_000
WORST_SHOWN = 500
AT_K, AT_N, EXACT, SHOWN = (
    "shortlist_at_k", "shortlist_at_n", "shortlist_exact", "shortlist_methods",
)  # fmt: skip
TEST_NOTE = "test, for the last look only: choices are made on dev"


@st.cache_data(max_entries=8, show_spinner="Reading the survey ...")
def _survey(home: Path, dataset: str, survey: str) -> Survey:
    return read_survey(services.settings(), dataset, survey)


@st.cache_data(max_entries=8, show_spinner=False)
def _frequencies(home: Path, dataset: str, fingerprint: str) -> dict[str, int]:
    return label_frequencies(services.dataset(dataset))


@st.cache_data(max_entries=32, show_spinner="Drawing resamples ...")
def _curve(home: Path, dataset: str, survey: str, exact: bool) -> pd.DataFrame:
    found = _survey(home, dataset, survey)
    return slices.recall_curve(found, slices.methods_of(found), exact=exact)


@st.cache_data(max_entries=64, show_spinner=False)
def _parts(
    home: Path, dataset: str, fingerprint: str, survey: str, k: int, exact: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By label frequency and by gold-set size."""
    found = _survey(home, dataset, survey)
    methods = slices.methods_of(found)
    frequencies = _frequencies(home, dataset, fingerprint)
    return (
        slices.by_frequency(found, methods, k, frequencies, exact=exact),
        slices.by_gold_size(found, methods, k, exact=exact),
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _worst(home: Path, dataset: str, survey: str, method: str, k: int, n: int) -> pd.DataFrame:
    return slices.worst(_survey(home, dataset, survey), method, k, n)


def whole_dataset(dataset: Dataset) -> str:
    """Draws the view and returns the id of the survey shown, or ""."""
    job = _job(dataset.name)
    if job is not None:
        st.fragment(_progress, run_every=POLL_S)(dataset.name)
    found = list_surveys(services.settings(), dataset.name)
    if not found:
        if job is None:
            _empty(dataset)
        return ""
    info = _choose(dataset, found, busy=job is not None)
    home = services.settings().home
    with errors.kept():
        survey = _survey(home, dataset.name, info.id)
        _draw(dataset, survey, home)
    return info.id


def _empty(dataset: Dataset) -> None:
    with st.container(border=True):
        st.markdown("**There is no survey of this dataset yet.**")
        st.text(
            "A survey searches the documents of a split by every method and notes the rank of "
            "each gold label. From it come recall, fates and the worst examples."
        )
        _form(dataset)


def _form(dataset: Dataset) -> None:
    ready = status(services.settings(), dataset.name).state == "ready"
    form = st.form("shortlist_survey_form", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        split = st.selectbox(
                "Split", [str(s) for s in Split], index=2, key="shortlist_new_split", width=160,
                format_func=lambda s: "test (read once)" if s == "test" else s,
                help=f"dev, for choices; {TEST_NOTE}.",
            )  # fmt: skip
        limit = st.number_input(
                "Documents", min_value=1, max_value=MOST, value=1000, width=120,
                placeholder="all", key="shortlist_new_limit",
                help="At most so many, scattered over the split; empty: all of them.",
            )  # fmt: skip
        ef = st.number_input(
                "ef", min_value=100, value=None, placeholder="index's own", width=130,
                key="shortlist_new_ef", help="At least 100, as 100 labels are ranked.",
            )  # fmt: skip
        methods = st.pills(
                "Methods", list(METHODS), default=[m.value for m in SURVEYED],
                selection_mode="multi", key="shortlist_new_methods", help=METHOD_HELP,
                format_func=METHODS.__getitem__,
            )  # fmt: skip
        asked = st.form_submit_button(
                "Make survey", icon=":material/query_stats:", type="primary",
                key="shortlist_make_survey", disabled=not ready,
            )  # fmt: skip
    if not ready:
        st.caption("The index must be complete first.")
    if asked:
        with errors.kept():
            plan = Plan(
                dataset.name, str(split), int(limit) if limit else None, tuple(methods),
                int(ef) if ef else None,
            )  # fmt: skip
            plan.check()
            params = asdict(plan)
            job = jobs.submit(
                services.store(), "survey", params, f"Survey of {dataset.name}, {split}",
                unique_key=survey_key(params),
            )  # fmt: skip
            jobs.start(services.settings(), job)
            st.session_state.pop(SURVEY, None)  # the newest is shown when it is there
            st.rerun()


def _job(dataset: str) -> JobView | None:
    with services.store().read() as session:
        unfinished = list_jobs(session, states=UNFINISHED, limit=100)
    return next(
        (job for job in unfinished
         if job.kind == "survey" and job.params.get("dataset") == dataset), None
    )  # fmt: skip


def _progress(dataset: str) -> None:
    with errors.kept():
        job = _job(dataset)
        if job is None:
            st.rerun()
        job_card(job)


def _choose(dataset: Dataset, found: list[SurveyInfo], *, busy: bool) -> SurveyInfo:
    by_id = {info.id: info for info in found}
    if st.session_state.get(SURVEY) not in by_id:
        st.session_state[SURVEY] = found[0].id
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            "Survey", list(by_id), key=SURVEY, persist_state="session", width=440,
            format_func=lambda i: _title(by_id[i]),
        )  # fmt: skip
        with st.popover("New survey", icon=":material/add:", disabled=busy, width="content"):
            _form(dataset)
        st.space("stretch")
        terms()
    info = by_id[str(chosen)]
    words = [f"made {local_time(pd.Timestamp(info.made_at).to_pydatetime())}",
             f"took {duration(info.seconds)}", f"ef {info.ef}" if info.ef else "exact search",
             f"95% intervals over {info.documents:,} documents"]  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if info.plan.split == Split.TEST:
            st.badge(TEST_NOTE, icon=":material/warning:", color="orange")
        st.caption(" · ".join(words))
    now = status(services.settings(), dataset.name).manifest
    if now is not None and info.identity.get("index") != now.fingerprint:
        st.info("This survey was made with an earlier index.", icon=":material/history:")
    return info


def _title(info: SurveyInfo) -> str:
    names = ", ".join(METHODS.get(m, m).lower() for m in info.plan.methods)
    ef = f" · ef {info.plan.ef}" if info.plan.ef else ""
    return f"{info.plan.split} · {info.documents:,} documents · {names}{ef}"


def _draw(dataset: Dataset, survey: Survey, home: Path) -> None:
    info, all_methods = survey.info, slices.methods_of(survey)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        k = st.slider("k", 1, info.plan.k_max, 50, key=AT_K, persist_state="session",
                      help=K_HELP, width=260)  # fmt: skip
        n = st.slider("n, shown", 1, info.plan.k_max, 10, key=AT_N, persist_state="session",
                      help=N_HELP, width=200)  # fmt: skip
        methods = st.pills(
            "Methods", all_methods, default=all_methods, selection_mode="multi", key=SHOWN,
            format_func=METHODS.__getitem__, help=METHOD_HELP,
        )  # fmt: skip
        exact = st.toggle(
            "Exact search", key=EXACT,
            help="Recall by exact search in the place of HNSW: what is lost to the index comes "
            "back, what the method cannot find does not.",
        )  # fmt: skip
    methods = [m for m in all_methods if m in (methods or all_methods)]
    n = min(n, k)
    curve = _curve(home, dataset.name, info.id, exact)
    parts, sizes = _parts(home, dataset.name, dataset.info.fingerprint, info.id, k, exact)
    fates = slices.fates(survey, methods, k, n)
    left, right = st.columns(2, border=True)
    with left:
        shortlist_charts.recall_curve(_of(curve, methods), k)
    with right:
        shortlist_charts.fates_bars(fates, k, n)
    left, right = st.columns(2, border=True)
    with left:
        title = f"Recall@{k} by how often a label is seen in training"
        shortlist_charts.parts(_of(parts, methods), "part", title, list(slices.PARTS), "labels")
    with right:
        order = list(dict.fromkeys(sizes["size"]))
        title = f"Recall@{k} by number of gold labels"
        shortlist_charts.parts(_of(sizes, methods), "size", title, order, "documents")
    left, right = st.columns(2, border=True)
    with left:
        shortlist_charts.overlap(slices.against_exact(survey, methods))
    with right:
        shortlist_charts.times(slices.latency_curve(survey, methods),
                               slices.latency(survey, methods))  # fmt: skip
    _worst_table(dataset, survey, methods, k, n, home)
    _downloads(survey, curve, parts, sizes, fates)


def _of(frame: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    return frame[frame["method"].isin(methods)]


def _worst_table(
    dataset: Dataset, survey: Survey, methods: list[str], k: int, n: int, home: Path
) -> None:
    st.markdown("**Worst examples**: click a row to open it")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        method = st.segmented_control(
            "By method", methods, default=methods[-1], required=True, key="shortlist_worst_by",
            format_func=METHODS.__getitem__,
        )  # fmt: skip
        fate = st.selectbox(
            "Lost as", ["any", *list(FATES)[1:]], key="shortlist_worst_fate", width=190,
            help="The commonest fate among the document's lost gold labels.",
        )  # fmt: skip
        fewest, most = st.select_slider(
            "Gold labels", [1, 2, 3, 5, 10, 20, 50, "any"], value=(1, "any"), width=230,
            key="shortlist_worst_gold",
        )  # fmt: skip
        words = st.text_input(
            "Words of the text or id", key="shortlist_worst_words", type="search", width=220
        )
    frame = _worst(home, dataset.name, survey.info.id, str(method or methods[-1]), k, n)
    frame = frame[frame["gold"] >= int(fewest)]
    if most != "any":
        frame = frame[frame["gold"] <= int(most)]
    if fate != "any":
        frame = frame[frame["fate"] == fate]
    if not words.strip():
        total, frame = len(frame), frame.head(WORST_SHOWN)
        frame = frame.assign(text=[_text(dataset, d) for d in frame["document"]])
    else:
        frame = frame.assign(text=[_text(dataset, d) for d in frame["document"]])
        wanted = words.strip().casefold()
        hit = [wanted in f"{d} {t}".casefold()
               for d, t in zip(frame["document"], frame["text"], strict=True)]  # fmt: skip
        total, frame = sum(hit), frame[hit].head(WORST_SHOWN)
    if frame.empty:
        st.caption("No document fits these filters.")
        return
    documents = frame["document"].tolist()
    shown = pd.DataFrame(
        {
            "document": [one_line(d) for d in documents],
            "recall": frame["recall"],
            "found": [f"{a} of {b}" for a, b in zip(frame["found"], frame["gold"], strict=True)],
            "fate": frame["fate"],
            "deepest": frame["deepest"],
            "text": [one_line(t, 300) for t in frame["text"]],
            "lost": [one_line(lost, 300) for lost in frame["lost"]],
        }
    )

    def opened() -> None:
        cells = st.session_state["shortlist_worst"].selection.cells
        if cells and cells[0][0] < len(documents):
            open_example(documents[cells[0][0]])

    st.dataframe(
        shown, hide_index=True, key="shortlist_worst", on_select=opened,
        selection_mode="single-cell", height=min(400, table_height(len(shown))), placeholder="",
        column_config={
            "document": st.column_config.TextColumn("Document", width=84),
            "recall": st.column_config.NumberColumn(f"Recall@{k}", format="%.2f", width=76),
            "found": st.column_config.TextColumn("Gold found", width=80),
            "fate": st.column_config.TextColumn("Lost as", width=96),
            "deepest": st.column_config.NumberColumn(
                "Deepest", width=70, format="localized",
                help="The largest exact rank of one of its gold labels."),
            "text": st.column_config.TextColumn("Text", width=420),
            "lost": st.column_config.TextColumn("Lost gold labels", width=260),
        },
        alt="Documents with the lowest recall, worst first",
    )  # fmt: skip
    if total > len(shown):
        st.caption(f"The first {len(shown):,} of {total:,} documents.")
    else:
        st.caption(f"{total:,} documents.")


def _text(dataset: Dataset, document: str) -> str:
    return dataset.document(document).text


def _downloads(
    survey: Survey,
    curve: pd.DataFrame,
    parts: pd.DataFrame,
    sizes: pd.DataFrame,
    fates: pd.DataFrame,
) -> None:
    stem = f"{survey.info.plan.dataset}-{survey.info.plan.split}-{survey.info.id}"
    with st.container(horizontal=True, gap="small"):
        for name, frame in (
            ("Recall curve", curve),
            ("By label frequency", parts),
            ("By gold labels", sizes),
            ("Fates", fates),
            ("All ranks", survey.gold),
        ):
            st.download_button(
                f"{name}, CSV", frame.to_csv(index=False), on_click="ignore",
                file_name=f"{stem}-{name.lower().replace(' ', '-')}.csv", mime="text/csv",
                icon=":material/download:", key=f"shortlist_csv_{name}",
            )  # fmt: skip
