"""A whole dataset: choosing a survey of it, and what it says."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.datasets.base import Dataset, Split
from core.datasets.catalogue import label_frequencies
from core.shortlist import slices
from core.shortlist.manifest import status
from core.shortlist.survey_store import Survey, SurveyInfo, list_surveys, read_survey
from pages.parts import errors, services, shortlist_charts
from pages.parts.job_progress import POLL_S
from pages.parts.shortlist_choice import SURVEY
from pages.parts.shortlist_ef import index_curve
from pages.parts.shortlist_new_survey import (
    TEST_NOTE,
    survey_form,
    survey_job,
    survey_progress,
)
from pages.parts.shortlist_words import K_HELP, METHOD_HELP, METHODS, N_HELP, terms
from pages.parts.shortlist_worst import worst_table
from pages.parts.times import duration, local_time

AT_K, AT_N, EXACT, SHOWN = (
    "shortlist_at_k", "shortlist_at_n", "shortlist_exact", "shortlist_methods",
)  # fmt: skip
AT_ONE_K, CURVES = "All methods at k", "Curves over k"


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


@st.cache_data(max_entries=64, show_spinner="Drawing resamples ...")
def _parts(
    home: Path, dataset: str, fingerprint: str, survey: str, ks: tuple[int, ...], exact: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By label frequency and by gold-set size, at each of `ks`."""
    found = _survey(home, dataset, survey)
    methods = slices.methods_of(found)
    frequencies = _frequencies(home, dataset, fingerprint)
    return (
        slices.by_frequency(found, methods, ks, frequencies, exact=exact),
        slices.by_gold_size(found, methods, ks, exact=exact),
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _recall_and_time(
    home: Path, dataset: str, surveys: tuple[str, ...], k: int, exact: bool
) -> pd.DataFrame:
    found = [_survey(home, dataset, survey) for survey in surveys]
    return slices.recall_and_time(found, k, exact=exact)


def whole_dataset(dataset: Dataset) -> str:
    """Draws the view and returns the id of the survey shown, or ""."""
    job = survey_job(dataset.name)
    if job is not None:
        st.fragment(survey_progress, run_every=POLL_S)(dataset.name)
    found = list_surveys(services.settings(), dataset.name)
    if not found:
        if job is None:
            _empty(dataset)
        return ""
    found.sort(key=lambda info: not info.fits(dataset))  # those of the data as they are, first
    info = _choose(dataset, found, busy=job is not None)
    home = services.settings().home
    with errors.kept():
        survey = _survey(home, dataset.name, info.id)
        _draw(dataset, survey, found, home)
    return info.id


def _empty(dataset: Dataset) -> None:
    with st.container(border=True):
        st.markdown("**There is no survey of this dataset yet.**")
        st.text(
            "A survey searches the documents of a split by every method and notes the rank of "
            "each gold label. From it come recall, fates and the worst examples."
        )
        survey_form(dataset)


def _choose(dataset: Dataset, found: list[SurveyInfo], *, busy: bool) -> SurveyInfo:
    by_id = {info.id: info for info in found}
    if st.session_state.get(SURVEY) not in by_id:
        st.session_state[SURVEY] = found[0].id
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            "Survey", list(by_id), key=SURVEY, persist_state="session", width=440,
            format_func=lambda i: _title(by_id[i], dataset),
        )  # fmt: skip
        with st.popover("New survey", icon=":material/add:", disabled=busy, width="content"):
            survey_form(dataset)
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
    if not info.fits(dataset):
        st.warning(
            "The dataset was changed after this survey: its documents, gold labels or labels are "
            "others now. Numbers and ranks below are of the earlier data; make a new survey.",
            icon=":material/history:",
        )
    elif now is not None and info.identity.get("index") != now.fingerprint:
        st.info("This survey was made with an earlier index.", icon=":material/history:")
    return info


def _title(info: SurveyInfo, dataset: Dataset) -> str:
    names = ", ".join(METHODS.get(m, m).lower() for m in info.plan.methods)
    ef = f" · ef {info.plan.ef}" if info.plan.ef else ""
    earlier = "" if info.fits(dataset) else "earlier data · "
    return f"{earlier}{info.plan.split} · {info.documents:,} documents · {names}{ef}"


def _alike(info: SurveyInfo, found: list[SurveyInfo]) -> tuple[str, ...]:
    """Surveys of the same documents with the same index, by ef, whose times can be compared."""

    def of(one: SurveyInfo) -> tuple[object, ...]:
        data = {key: one.identity.get(key) for key in ("dataset_fingerprint", "index", "encoder")}
        return (*data.values(), one.plan.split, one.plan.limit, one.plan.k_max)

    alike = [one for one in found if of(one) == of(info)]
    return tuple(one.id for one in sorted(alike, key=lambda one: one.ef or 0))


def _draw(dataset: Dataset, survey: Survey, found: list[SurveyInfo], home: Path) -> None:
    info, all_methods = survey.info, slices.methods_of(survey)
    k, n, methods, exact = _controls(info, all_methods)
    name, fingerprint = dataset.name, dataset.info.fingerprint
    curve = _curve(home, name, info.id, exact)
    parts, sizes = _parts(home, name, fingerprint, info.id, (k,), exact)
    fates = slices.fates(survey, methods, k, n)
    left, right = st.columns(2, border=True)
    with left:
        shortlist_charts.recall_curve(_of(curve, methods), k)
    with right:
        shortlist_charts.fates_bars(fates, k, n)
    by = _by(methods)
    if by:
        ks = tuple(range(1, info.plan.k_max + 1))
        parts, sizes = _parts(home, name, fingerprint, info.id, ks, exact)
    left, right = st.columns(2, border=True)
    with left:
        title = "by how often a label is seen in training"
        order = list(slices.PARTS)
        if by:
            shortlist_charts.part_curves(_of(parts, [by]), "part", title, order, "labels", k)
        else:
            shortlist_charts.parts(
                _of(parts, methods), "part", f"Recall@{k} {title}", order, "labels"
            )
        if out := slices.outside(survey):
            st.caption(f"{out:,} gold labels outside the vocabulary belong to no part.")
    with right:
        order, title = list(dict.fromkeys(sizes["size"])), "by number of gold labels"
        if by:
            shortlist_charts.part_curves(_of(sizes, [by]), "size", title, order, "documents", k)
        else:
            shortlist_charts.parts(
                _of(sizes, methods), "size", f"Recall@{k} {title}", order, "documents"
            )
    _searching(dataset, survey, found, methods, k, exact, home)
    worst_table(dataset, survey, methods, k, n, home)
    _downloads(survey, curve, parts, sizes, fates)


def _controls(info: SurveyInfo, all_methods: list[str]) -> tuple[int, int, list[str], bool]:
    """k, n, methods, and whether exact search takes the place of HNSW."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        k = st.slider("k", 1, info.plan.k_max, min(50, info.plan.k_max), key=AT_K,
                      persist_state="session", help=K_HELP, width=260)  # fmt: skip
        n = st.slider("n, shown", 1, info.plan.k_max, min(10, info.plan.k_max), key=AT_N,
                      persist_state="session", help=N_HELP, width=200)  # fmt: skip
        methods = st.pills(
            "Methods", all_methods, default=all_methods, selection_mode="multi", key=SHOWN,
            format_func=METHODS.__getitem__, help=METHOD_HELP,
        )  # fmt: skip
        exact = st.toggle(
            "Exact search", key=EXACT,
            help="Recall by exact search in the place of HNSW: what is lost to the index comes "
            "back, what the method cannot find does not.",
        )  # fmt: skip
    return k, min(n, k), [m for m in all_methods if m in (methods or all_methods)], exact


def _by(methods: list[str]) -> str:
    """The method whose curves are drawn by parts, or "" for all methods at one k."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Parts of the dataset**", width="content")
        view = st.segmented_control(
            "Parts of the dataset", [AT_ONE_K, CURVES], default=AT_ONE_K, required=True,
            key="shortlist_parts_as", label_visibility="collapsed",
        )  # fmt: skip
        if view != CURVES:
            return ""
        if st.session_state.get("shortlist_parts_by") not in methods:
            st.session_state["shortlist_parts_by"] = methods[-1]
        return str(
            st.segmented_control(
                "Method", methods, required=True, key="shortlist_parts_by",
                format_func=METHODS.__getitem__, label_visibility="collapsed",
            )
        )  # fmt: skip


def _searching(
    dataset: Dataset,
    survey: Survey,
    found: list[SurveyInfo],
    methods: list[str],
    k: int,
    exact: bool,
    home: Path,
) -> None:
    """Recall against time, HNSW against exact search, and the index's own curve."""
    alike = _alike(survey.info, found)
    timed = _of(_recall_and_time(home, dataset.name, alike, k, exact), methods)
    left, right = st.columns(2, border=True)
    with left:
        shortlist_charts.recall_and_time(timed, k, len(alike))
    with right:
        shortlist_charts.overlap(slices.against_exact(survey, methods))
    left, right = st.columns(2, border=True)
    with left:
        shortlist_charts.times(slices.latency_curve(survey, methods),
                               slices.latency(survey, methods))  # fmt: skip
    with right:
        index_curve(status(services.settings(), dataset.name).manifest)


def _of(frame: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    return frame[frame["method"].isin(methods)]


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
