"""Everybody who has signed in, with their roles: an admin changes them."""

import streamlit as st

from core.annotation.people import Role
from core.traces.inert import neutralise
from db.people import Visitor, give_role, visitors
from pages.parts import errors, services
from pages.parts.people import person, why_not
from pages.parts.times import local_time

MEANINGS = {
    Role.VIEWER: "reads",
    Role.ANNOTATOR: "flags, judges, runs",
    Role.LEAD: "queues, guidelines, datasets, indexes",
    Role.ADMIN: "roles, models, this installation",
}
WIDTHS = [3, 3, 2, 2]


def people_list() -> None:
    """One row a person; for all but admins, why there is none."""
    no = why_not(Role.ADMIN)
    if no:
        st.info(no, icon=":material/lock:")
        return
    st.header("People")
    st.caption(
        "Everybody who has signed in. Each role may do what those before it may: "
        + "; ".join(f"**{role}** {meaning}" for role, meaning in MEANINGS.items())
        + "."
    )
    with errors.kept():
        me = person()
        with services.store().read() as session:
            found = visitors(session, me)
        for place, title in zip(
            st.columns(WIDTHS), ("Name", "E-mail", "Last seen", "Role"), strict=True
        ):
            place.caption(title)
        for visitor in found:
            _row(visitor, mine=visitor.person.id == me.id)


def _row(visitor: Visitor, *, mine: bool) -> None:
    one = visitor.person
    name, email, seen, role = st.columns(WIDTHS, vertical_alignment="center")
    name.text(neutralise(one.name) + (" (you)" if mine else ""))
    email.text(neutralise(one.email) or "not verified")
    seen.text(local_time(visitor.seen_at))
    key = f"role_{one.id}"
    st.session_state[key] = one.role  # as the store has it, also after a change that was refused
    role.selectbox(
        f"Role of {neutralise(one.name)}", list(Role), key=key, label_visibility="collapsed",
        on_change=_give, args=(one.id, key),
    )  # fmt: skip


def _give(id: str, key: str) -> None:
    with errors.kept(), services.store().write() as session:
        give_role(session, person(), id, Role(st.session_state[key]))
