"""A dataset's index: its state, what it measured, its build with live progress."""

from datetime import datetime

import altair as alt
import pandas as pd
import streamlit as st

from core.annotation.people import Role
from core.datasets.base import DatasetInfo
from core.shortlist.manifest import IndexStatus, Manifest, status
from db.jobs import JobView
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.facts import facts
from pages.parts.job_progress import POLL_S, job_bar
from pages.parts.people import person, why_not
from pages.parts.times import duration, local_time

_STATES = {
    "ready": ("ready", ":material/check:", "green"),
    "partial": ("partly built", ":material/hourglass_bottom:", "orange"),
    "none": ("not built", ":material/radio_button_unchecked:", "gray"),
    "damaged": ("damaged", ":material/error:", "red"),
}
_BUILD = {
    "ready": ("Check and repair", ":material/verified:"),
    "partial": ("Go on building", ":material/play_arrow:"),
    "none": ("Build", ":material/build:"),
    "damaged": ("Rebuild", ":material/build:"),
}


GREY, CHOSEN = "#8a93a3", "#d97706"  # seen on light and dark alike
EF_HELP = (
    "How many candidates HNSW keeps while it searches: more of them find more of what exact search "
    "finds, and take longer. Measured on training documents that had no part in choosing ef; the "
    "band is the 95% interval."
)


def index_card(dataset: DatasetInfo) -> None:
    """Draws the card; while a build runs, it follows it by itself."""
    with errors.kept():
        building = services.index_job(dataset.name) is not None
        st.fragment(_card, run_every=POLL_S if building else None)(dataset, building)


def _card(dataset: DatasetInfo, was_building: bool) -> None:
    with errors.kept():
        _draw(dataset, services.index_job(dataset.name), was_building)


def _draw(dataset: DatasetInfo, job: JobView | None, was_building: bool) -> None:
    if was_building != (job is not None):
        draw_again()  # polling begins or ends with the build
    now = status(services.settings(), dataset.name)
    name, icon, color = _STATES[now.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Index**", width="content")
        st.badge("building" if job else name, icon=icon, color="blue" if job else color)
    if job is not None:
        job_bar(job)
    if now.problem:
        errors.card(now.problem)
    st.text(_coverage(now))
    if dataset.labels_of:
        st.text(f"It is shared: these are the labels of {dataset.labels_of}.")
    if now.manifest is not None:
        if now.manifest.curve:
            recall_chart(now.manifest)
        facts(manifest_rows(now.manifest), name="The index")
    label, icon = _BUILD[now.state]
    no = why_not(Role.LEAD)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            label,
            icon=icon,
            type="secondary" if now.state == "ready" else "primary",
            key=f"index_build_{dataset.name}",
            disabled=bool(no) or job is not None,
            on_click=_build,
            args=(dataset.name,),
            help=no
            or "Runs in a process of its own and goes on where it stopped. Whatever is damaged "
            "is built again; labels that came, went or changed are brought in.",
        )
        if now.manifest is not None and not no:
            _regrow(dataset.name, now.manifest, busy=job is not None)
        st.page_link("pages/jobs.py", label="Jobs", icon=":material/pending_actions:")


def _regrow(dataset: str, made: Manifest, *, busy: bool) -> None:
    """What M and ef_construction are, and a rebuild of the graph with others."""
    with (
        st.popover("Other M", icon=":material/tune:", disabled=busy, width="content"),
        st.form(f"index_regrow_{dataset}", border=False),
    ):
        st.markdown(
            f"The graph has **M {made.m}** and **ef_construction {made.ef_construction}**. Unlike "
            "ef and k they are decided when it is built.\n\n"
            "- **M**: links of a label to its neighbours, twice as many on the lowest level. More "
            "find more at the same ef; the graph takes more memory, a search and the build longer."
            "\n- **ef_construction**: how widely the build looks for them. More make better links "
            "and a slower build; searches cost the same."
        )
        with st.container(horizontal=True, gap="small"):
            m = st.number_input("M", 2, 128, made.m, key=f"index_m_{dataset}", width=140)
            ef = st.number_input("ef_construction", 8, 4000, made.ef_construction,
                                 key=f"index_efc_{dataset}", width=140)  # fmt: skip
        st.caption(
            f"The vectors are kept; the graph took {duration(made.seconds_build)} last time. ef is "
            "chosen anew. Surveys made before say that they are of an earlier index."
        )
        if press.form_submit_button(
            "Rebuild the graph", icon=":material/build:", type="primary",
            key=f"index_regrow_go_{dataset}",
        ):  # fmt: skip
            with errors.kept():
                services.build_index(person(), dataset, {"m": int(m), "ef_construction": int(ef)})
            draw_again()


def _coverage(now: IndexStatus) -> str:
    if now.state == "ready":
        return f"All {now.total:,} labels are searched by HNSW."
    if now.encoded:
        return f"Searches cover {now.encoded:,} of {now.total:,} labels so far, exactly."
    return f"None of the {now.total:,} labels can be searched yet."


def manifest_rows(made: Manifest) -> list[tuple[str, object]]:
    """What the build chose and measured, in words."""
    size = sum(file.bytes for file in made.files.values())
    build = f"encoded in {duration(made.seconds_encode)}, graph in {duration(made.seconds_build)}"
    if made.reused:
        build += f"; {made.reused:,} vectors were copied from an index that had them"
    grown = f"M {made.m}, ef_construction {made.ef_construction}, {made.dim} dimensions"
    if made.deterministic:
        grown += ", deterministic"
    rows: list[tuple[str, object]] = [
        ("Encoder", made.encoder),
        ("HNSW", grown),
        ("ef", ef_words(made)),
        ("Build", build),
        ("Size", f"{size / 1e6:,.0f} MB on disk, {made.peak_rss_mb:,.0f} MB of memory to build"),
        ("Built", local_time(datetime.fromisoformat(made.built_at))),
        ("Fingerprint", made.fingerprint),
    ]
    if made.unreached:
        rows.insert(3, ("Out of reach", f"{made.unreached:,} labels that no HNSW search finds"))
    if made.deleted:
        rows.insert(3, ("Deleted", f"{made.deleted:,} labels that are gone, still in the graph"))
    return rows


def ef_words(made: Manifest) -> str:
    """The ef that was chosen, and what it gives."""
    if made.recall_at_k is None:
        return f"{made.ef}; recall was not measured: there are no training documents"
    words = f"{made.ef}: recall@{made.recall_k} {made.recall_at_k:.4f} against exact search"
    if made.recall_low is None or made.recall_high is None or made.lost is None:
        return words  # built before these were measured
    point = next(point for point in made.curve if point["ef"] == made.ef)
    return (
        f"{words} ({made.recall_low:.4f} to {made.recall_high:.4f}), over {made.queries:,} "
        f"training documents; {made.lost:.1%} of them found less than half. "
        f"{point['p50_ms']:.2f} ms a search, 95% within {point['p95_ms']:.2f} ms"
    )


def recall_chart(made: Manifest) -> None:
    """Recall against ef, the chosen one marked, the target as a line."""
    points = pd.DataFrame(made.curve)
    points["chosen"] = points["ef"] == made.ef
    low = min(float(points["low"].min()), made.target)
    ef = alt.X("ef:Q", title="ef", scale=alt.Scale(type="log", nice=False), axis=_ef_axis(points))
    scale = alt.Scale(domain=[low - 0.005, 1.0])
    recall = alt.Y("recall:Q", title=f"recall@{made.recall_k}", scale=scale)
    told = [
        alt.Tooltip("ef:Q"),
        alt.Tooltip("recall:Q", format=".4f"),
        alt.Tooltip("low:Q", format=".4f", title="from"),
        alt.Tooltip("high:Q", format=".4f", title="to"),
        alt.Tooltip("lost:Q", format=".2%", title="found less than half"),
        alt.Tooltip("p50_ms:Q", format=".2f", title="ms, median"),
        alt.Tooltip("p95_ms:Q", format=".2f", title="ms, 95%"),
    ]
    base = alt.Chart(points)
    chosen = base.transform_filter(alt.datum.chosen)
    line = pd.DataFrame({"target": [made.target]})
    layers = alt.layer(
        base.mark_area(opacity=0.25).encode(x=ef, y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        alt.Chart(line).mark_rule(strokeDash=[4, 4], color=GREY).encode(y="target:Q"),
        base.mark_line(point={"size": 25}).encode(x=ef, y=recall, tooltip=told),
        chosen.mark_rule(strokeDash=[2, 3], color=GREY).encode(x=ef),
        chosen.mark_point(size=140, filled=True, color=CHOSEN).encode(x=ef, y=recall, tooltip=told),
    )
    st.caption(
        f"Recall against ef: ef {made.ef} is chosen, for a target of {made.target:g} (dashed).",
        help=EF_HELP,
    )
    st.altair_chart(
        layers.properties(height=170),
        width="stretch",
        alt=f"Recall against exact search for each ef; ef {made.ef} is chosen",
    )


def _ef_axis(points: pd.DataFrame) -> alt.Axis:
    return alt.Axis(values=points["ef"].astype(int).tolist()[::2], format="d", grid=False)


def _build(dataset: str) -> None:
    with errors.kept():
        services.build_index(person(), dataset)
