"""Settings: the language models to choose from, this installation and its health, the people who
sign in, and you."""

import os

import streamlit as st

from core.annotation.people import Role
from core.errors import PhaseLensError
from core.models.base import ModelKind, ModelSpec
from core.models.catalogue import PACKAGED
from core.traces.inert import neutralise
from db.models_added import added_models, remove_model
from pages.parts import entry, errors, press, services, sign_in
from pages.parts.facts import facts
from pages.parts.installation import installation
from pages.parts.model_form import KINDS, Outcome, model_form, test_model
from pages.parts.people import may, person, why_not
from pages.parts.people_list import people_list
from pages.parts.who import who_field

KIND_NAMES = {ModelKind.PACKAGED: "Packaged", **KINDS}


def models_list() -> None:
    """Every model, the packaged one first; added ones can be tested and removed."""
    with errors.kept():
        with services.store().read() as session:
            added = list(added_models(session))
        admin = may(Role.ADMIN)
        for spec in [PACKAGED, *added]:
            model_card(spec, added=spec is not PACKAGED, admin=admin)


def model_card(spec: ModelSpec, *, added: bool, admin: bool) -> None:
    removable = added and admin
    with st.container(border=True, key=f"model_card_{spec.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(neutralise(spec.name if added else f"base: {spec.name}"), width="content")
            st.badge(KIND_NAMES[spec.kind], color="gray")
            st.space("stretch")
            tested = removable and press.button(
                "Test", key=f"test_{spec.name}", icon=":material/network_check:", type="tertiary"
            )
            if removable:
                with st.popover("Remove", icon=":material/delete:", type="tertiary"):
                    st.write("Saved traces stay; the model's own files are not touched.")
                    st.button(
                        "Remove from the list",
                        key=f"remove_{spec.name}",
                        type="primary",
                        on_click=_remove,
                        args=(spec.name,),
                    )
        facts(model_facts(spec), name=f"Model {spec.name}")
        if tested:
            st.session_state["model_card_outcome"] = (spec.name, test_model(spec))
        name, outcome = st.session_state.get("model_card_outcome", ("", None))
        if outcome is not None and name == spec.name:
            card_outcome(outcome)


def card_outcome(outcome: Outcome) -> None:
    if outcome.ok:
        st.success(outcome.what, icon=":material/check_circle:")
    else:
        errors.card(outcome.what, outcome.fix)
    st.button(
        "Dismiss", icon=":material/close:", type="tertiary", key="model_card_dismiss",
        on_click=lambda: st.session_state.pop("model_card_outcome", None),
    )  # fmt: skip


def model_facts(spec: ModelSpec) -> list[tuple[str, object]]:
    if spec.kind is ModelKind.PACKAGED:
        return [("Comes with", "PhaseLens; untuned, so its reasoning is weak and shown as it is")]
    if spec.kind is not ModelKind.ENDPOINT:
        return [("Where", spec.location), ("Number format", spec.dtype)]
    key = "none needed"
    if spec.api_key_env:
        there = "set" if os.environ.get(spec.api_key_env) else "not set in this process"
        key = f"{spec.api_key_env} ({there})"
    return [
        ("Server", spec.location),
        ("Model there", spec.served_model),
        ("Key from", key),
        ("Seconds to wait", f"{spec.timeout_s:g}"),
    ]


def _remove(name: str) -> None:
    with errors.kept(), services.store().write() as session:
        remove_model(session, person(), name)


def models() -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.header("Models to choose from")
        models_list()
    with right:
        st.header("Add a model")
        no = why_not(Role.ADMIN)
        if no:
            st.info(no, icon=":material/lock:")
        else:
            model_form()


def this_installation() -> None:
    """Folders and the database's place: for whoever runs it."""
    no = why_not(Role.ADMIN)
    if no:
        st.info(no, icon=":material/lock:")
        return
    try:
        installation()
    except PhaseLensError as error:
        errors.card(error.what, error.fix)


def you() -> None:
    if sign_in.configured():
        st.header("You")
        st.text("Your name stands with each flag and judgement, so that others know whom to ask.")
    else:
        st.header("Your name")
        st.text("Written into each flag you set, so that others know whom to ask.")
    who_field("settings_name")


entry.through_app()
st.title("Settings")
parts = {"Language models": models, "This installation": this_installation, "You": you}
if sign_in.configured():
    parts = {**parts, "People": people_list}
tabs = st.tabs(list(parts), on_change="rerun", key="settings_tab", bind="query-params")
for tab, draw in zip(tabs, parts.values(), strict=True):
    if tab.open:
        with tab:
            draw()
