"""Starting a study of distillation: with the same choices as `phaselens distill`."""

from dataclasses import asdict

import streamlit as st

from core import jobs
from core.annotation.people import Role
from core.jobs.kinds import distill_key
from core.study.asked import Asked, can_be_trained, models_of, name_of
from core.study.sizes import SIZES
from core.traces.inert import one_line
from pages.parts import errors, press, services
from pages.parts.people import person_now, why_not

HELP = (
    "A teacher is trained on gold labels, students on the teacher's own traces, and all of them "
    "are tested. Each step is saved when it is done: a study that was stopped goes on from there, "
    "and one that is done does nothing again. Its models become systems, and its tests runs to "
    "compare."
)
OWN = "the preset's own"


def training_form() -> None:
    """Draws the form; what cannot be trained is refused before a job is made."""
    st.caption(HELP)
    no = why_not(Role.LEAD)
    models = [one.name for one in services.systems() if can_be_trained(one.model)]
    with (
        st.form("training_form", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        preset = st.selectbox(
            "Preset", list(SIZES), format_func=lambda name: f"{name}: {SIZES[name]}",
            key="training_preset", width=400,
        )  # fmt: skip
        teacher = _model("Teacher", models)
        student = _model("Student", models)
        called = st.text_input(
            "Name", key="training_name", width=190, placeholder="the preset's",
            help="For a study done anew beside another of the same preset: small letters, digits "
            "and hyphens.",
        )  # fmt: skip
        started = press.form_submit_button(
            "Start training", icon=":material/school:", type="primary", key="training_start",
            disabled=bool(no), help=no or None,
        )  # fmt: skip
    if no:
        st.caption(no)
    if started:
        with errors.kept():
            _start(Asked(str(preset), teacher, student, called.strip() or None))


def _model(role: str, names: list[str]) -> str | None:
    return st.selectbox(
        role, names, index=None, format_func=lambda name: one_line(name, 60), width=170,
        key=f"training_{role.lower()}", placeholder=OWN,
        help="The packaged model." if role == "Teacher" else
        "Half of the teacher's layers. Another model must have the teacher's vocabulary and chat "
        "template.",
    )  # fmt: skip


def _start(asked: Asked) -> None:
    """Raises PhaseLensError for what cannot be trained."""
    me = person_now()
    me.require(jobs.starts("distill"))
    settings, store = services.settings(), services.store()
    models_of(settings, store, asked)
    name = name_of(asked)
    title = f"Distillation, study {name}"
    job = jobs.submit(store, me, "distill", asdict(asked), title, distill_key(name))
    jobs.start(settings, job)
