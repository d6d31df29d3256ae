"""Talk: saved examples in an order, with a speaker's notes, played by arrow keys.

The address names the talk: `?talk=NAME`. With `&play=1&slide=3` it is played from its third
example, with `&limit=20` live runs in it may take 20 seconds.
"""

from functools import partial

import streamlit as st

from core.annotation.people import Role
from core.errors import StoreError, UnknownNameError
from core.live.talk_run import LEAST_S, LIMIT_S, MOST_S
from core.talks.bundle import bundle_html
from core.traces.inert import one_line
from db.talks import MAX_NAME, Talk, add_talk, delete_talk, load_talk, rename_talk, talks
from pages.parts import entry, errors, services
from pages.parts.address import Address, whole
from pages.parts.people import may, person
from pages.parts.talk_add import add_form, plain
from pages.parts.talk_editor import editor
from pages.parts.talk_play import LIMIT, PLAY, SLIDE, assembled, leave, play
from pages.parts.times import local_time

TALK, CHOSEN, NEW, SECONDS = "talk", "talk_chosen", "talk_new", "talk_seconds"
_ADDRESS = Address("talk", (TALK,), ("talk_",))


def playing() -> Talk | None:
    """The talk that the address wants played. One that is not there is kept as an error."""
    if st.query_params.get(PLAY) != "1" or errors.kept_errors():
        return None
    with services.store().read() as session:
        try:
            return load_talk(session, st.query_params.get(TALK, ""))
        except UnknownNameError as error:
            unknown = error
    leave()
    errors.keep(unknown)
    return None


def limit() -> int:
    """Seconds that a live run may take: of the address, else as set on this page."""
    asked = whole(st.query_params.get(LIMIT, "")) or st.session_state.get(SECONDS) or LIMIT_S
    return min(max(int(asked), LEAST_S), MOST_S)


def choice(found: list[Talk]) -> Talk | None:
    """Draws the choice of a talk; the one in a new address at first."""
    state, names = st.session_state, [talk.name for talk in found]
    asked = _ADDRESS.read()
    if asked is not None:
        if asked[TALK] in names:
            state[CHOSEN] = asked[TALK]
        else:
            errors.keep(
                UnknownNameError(
                    f"There is no talk named {one_line(asked[TALK], 80)!r}.",
                    "It may have been renamed or deleted.",
                )
            )
    if state.get(CHOSEN) not in names:
        state[CHOSEN] = names[0] if names else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Talk", width="content", anchor=False)
        if names:
            st.selectbox(
                "Talk", names, key=CHOSEN, persist_state="session", width=340,
                format_func=lambda one: one_line(one, 80), label_visibility="collapsed",
            )  # fmt: skip
            if may(Role.ANNOTATOR):
                with st.popover("New talk", icon=":material/add:"):
                    new_form()
        talk = next((talk for talk in found if talk.name == state[CHOSEN]), None)
        if talk is not None:
            st.caption(about(talk), width="content")
    return talk


def about(talk: Talk) -> str:
    many = len(talk.slides)
    by = f" by {plain(talk.changed_by)}" if talk.changed_by else ""
    when = local_time(talk.changed_at)
    return f"{many} example{'s' * (many != 1)} · changed {when}{by}"


def new_form() -> None:
    st.text_input("Name of the talk", key=NEW, max_chars=MAX_NAME, placeholder="Group meeting")
    st.button("Make the talk", icon=":material/add:", type="primary", on_click=_make)


def _make() -> None:
    with errors.kept(), services.store().write() as session:
        made = add_talk(session, person(), st.session_state[NEW])
        st.session_state[CHOSEN] = made.name
        st.session_state[NEW] = ""


def no_talk() -> None:
    with st.container(border=True, width=620):
        st.markdown(
            "**There is no talk yet.** A talk is a list of saved examples with your notes. It is "
            "played with the arrow keys, in big type, without any network; and it can be kept as "
            "one file that opens in any browser."
        )
        if may(Role.ANNOTATOR):
            new_form()


def bar(talk: Talk) -> None:
    """What can be done with the whole talk."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button(
            "Play", icon=":material/slideshow:", type="primary", on_click=_play, args=(talk, 0),
            disabled=not talk.slides,
        )  # fmt: skip
        st.number_input(
            "A live run may take, seconds", LEAST_S, MOST_S, LIMIT_S, step=5, key=SECONDS,
            persist_state="session", width=230,
            help="While a talk is played, L runs the example anew. A run that fails or is not done "
            "by then ends, and the stored one is shown, with the reason.",
        )  # fmt: skip
        with st.popover("Share", icon=":material/ios_share:", disabled=not talk.slides):
            share(talk)
        if may(Role.ANNOTATOR):
            with st.popover("Rename or delete", icon=":material/edit:"):
                rename_or_delete(talk)


def share(talk: Talk) -> None:
    st.caption(
        "One HTML file with every example, to look at: it opens from the disk in any browser and "
        "reaches no network."
    )
    notes = st.checkbox(
        "With your notes", key="talk_with_notes", help="Whoever has the file can read them."
    )
    st.download_button(
        "Download the talk", partial(_file, talk, notes), f"{_file_name(talk.name)}.html",
        "text/html", icon=":material/download:", on_click="ignore", type="primary",
    )  # fmt: skip


def _file(talk: Talk, notes: bool) -> str:
    return bundle_html(assembled(talk).deck, notes=notes)


def _file_name(name: str) -> str:
    """The talk's name without what a file's name cannot have."""
    words = "".join(c if c.isalnum() else " " for c in name).split()
    return "-".join(words)[:60] or "talk"


def rename_or_delete(talk: Talk) -> None:
    st.text_input("Another name", key="talk_renamed", max_chars=MAX_NAME, placeholder=talk.name)
    st.button("Rename", icon=":material/edit:", on_click=_rename, args=(talk,))
    st.divider()
    st.caption("Deletes the list and its notes. The traces stay.")
    st.button("Delete the talk", icon=":material/delete:", on_click=_delete, args=(talk,))


def _rename(talk: Talk) -> None:
    with errors.kept(), services.store().write() as session:
        renamed = rename_talk(session, person(), talk, st.session_state["talk_renamed"])
        st.session_state[CHOSEN] = renamed.name
        st.session_state["talk_renamed"] = ""


def _delete(talk: Talk) -> None:
    with errors.kept(), services.store().write() as session:
        delete_talk(session, person(), talk)


def _play(talk: Talk, place: int) -> None:
    with errors.kept():
        slide = assembled(talk).slide_at(place) if place else 0
        st.query_params.update({TALK: talk.name, PLAY: "1", SLIDE: slide + 1, LIMIT: limit()})


def draw() -> None:
    """The page from top to bottom."""
    talk = playing()
    if talk is not None:
        if not play(talk, limit()):
            st.title("Talk", anchor=False)
            errors.card("This talk has no example that can be shown.", "Add saved traces to it.")
            st.button("Back", icon=":material/arrow_back:", on_click=leave)
        return
    with services.store().read() as session:
        found = talks(session)
    talk = choice(found)
    if talk is None:
        no_talk()
        return
    _ADDRESS.write({TALK: talk.name})
    bar(talk)
    if not talk.slides:
        st.markdown("**This talk has no examples yet.** Add saved traces below.")
    editor(talk, partial(_play, talk))
    if may(Role.ANNOTATOR):
        add_form(talk.name)


entry.through_app()
try:
    draw()
except StoreError as error:
    errors.card(error.what, error.fix)
