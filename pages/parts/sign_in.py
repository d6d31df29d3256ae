"""Sign-in by OpenID Connect: who is here, the gate that shows nothing to others, the way out.

1. Sign-in is configured by an [auth] section in Streamlit's secrets (docs/people.md). Streamlit
   talks to the provider, checks what it answers, and keeps that in a signed cookie.
2. app.py calls `gate` once a run, before anything is read from the store or drawn of it: for
   anybody who has not signed in, the run ends there with a card.
3. A person is the provider's issuer and subject; the store knows their role. An e-mail address
   counts only where the provider says that it is verified.

Whatever is unclear keeps everybody out: secrets that cannot be read, and a section that is
incomplete. Only a PhaseLens without any [auth] is open to all who reach it.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from core.annotation.people import Person
from core.errors import InputError, NotAllowedError, PhaseLensError, UnknownNameError
from core.traces.inert import neutralise, one_line
from db.people import find_person, sign_in
from pages.parts import errors, press, services, wanted

_NOTED, _PERSON = "signed_in_as", "signed_in_person"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the provider says: `email` is "" unless it is verified."""

    id: str
    name: str
    email: str


def configured() -> bool:
    """Whether people must sign in here. Raises InputError where that cannot be told."""
    settings = services.settings()
    places = [Path(place) for place in st.get_option("secrets.files")]
    if settings.secrets_file.exists() and settings.secrets_file not in places:
        raise InputError(
            f"{settings.secrets_file} is not read, so nobody can sign in.",
            "Start PhaseLens again, by `make app` or `python -m core.serve`.",
        )
    try:
        found = "auth" in st.secrets
    except StreamlitSecretNotFoundError as error:
        if any(place.exists() for place in places):
            raise InputError(
                "The secrets file cannot be read, so nobody can sign in.",
                "Mend its TOML, or move it away; the log of PhaseLens names the place.",
            ) from error
        found = False
    if settings.require_sign_in and not found:
        raise InputError(
            "Sign-in is required here, and not configured.",
            "docs/people.md says how; or set require_sign_in to false.",
        )
    return found


def signed_in() -> SignedIn | None:
    """Who has signed in, and not too long ago; None for nobody."""
    claims = st.user.to_dict()
    hours = services.settings().sign_in_hours
    if claims.get("is_logged_in") is not True or _age_s(claims) > hours * 3600:
        return None
    issuer, subject = str(claims.get("iss") or ""), str(claims.get("sub") or "")
    if not issuer or not subject:
        return None
    verified = claims.get("email_verified") in (True, "true")  # some providers send it as a text
    email = str(claims.get("email") or "") if verified else ""
    name = claims.get("name") or claims.get("preferred_username") or email or subject
    return SignedIn(f"{issuer}|{subject}", one_line(str(name), 80), email)


def _age_s(claims: Mapping[str, Any]) -> float:
    """Since the provider vouched for the person; without end where it does not say when."""
    issued = claims.get("iat")
    return time.time() - issued if isinstance(issued, int | float) else float("inf")


def person_here() -> Person | None:
    """Who has signed in, with the role that the store had when this run began; None where nobody
    needs to. Reads no store, so it may be asked inside a write. Raises InputError, and
    NotAllowedError for one who has not signed in, or not recently."""
    if not configured():
        return None
    who = signed_in()
    known: Person | None = st.session_state.get(_PERSON)
    if who is None or known is None or known.id != who.id:
        raise NotAllowedError("You are not signed in.", "Reload the page and sign in.")
    return known


def gate() -> None:
    """Lets through who has signed in, noting it once a session; ends the run for others."""
    try:
        if not configured():
            return
        who = signed_in()
        if who is None:
            wanted.keep()
            _card()
            st.stop()
        st.session_state[_PERSON] = _known(who)
    except PhaseLensError as error:
        errors.card(error.what, error.fix)
        st.stop()


def _known(who: SignedIn) -> Person:
    """The person as the store has them; the visit is noted where it is new, or says other things
    of them than before."""
    if st.session_state.get(_NOTED) == who:
        with suppress(UnknownNameError), services.store().read() as session:
            return find_person(session, who.id)
    settings = services.settings()
    with services.store().write() as session:
        known = sign_in(
            session, id=who.id, name=who.name, email=who.email,
            admins=settings.admin_emails, first_role=settings.first_role,
        )  # fmt: skip
    st.session_state[_NOTED] = who
    return known


def _card() -> None:
    """The one thing that is shown to those who have not signed in."""
    was = st.user.to_dict().get("is_logged_in") is True
    _, middle, _ = st.columns([1, 1.4, 1])
    with middle, st.container(border=True, key="sign_in"):
        st.header("Sign in", anchor=False)
        if was:
            st.text("You signed in a while ago. Sign in again to go on where you were.")
        else:
            st.text("The traces and datasets of this PhaseLens are for those who sign in.")
        for provider, place in providers().items():
            st.text(f"You are taken to {neutralise(place)} and back.")
            named = "" if provider == "default" else f" with {neutralise(provider).capitalize()}"
            if press.button(
                f"Sign in{named}", icon=":material/login:", type="primary", width="stretch",
                key=f"sign_in_{provider}",
            ):  # fmt: skip
                _login(provider)


def _login(provider: str) -> None:
    try:
        st.login(None if provider == "default" else provider)
    except StreamlitAuthError as error:
        errors.card(f"Sign-in is not wholly configured: {error}", "docs/people.md says how it is.")


def providers() -> dict[str, str]:
    """Name of each provider in the secrets -> its host; "default" for the one without a name."""
    section = st.secrets["auth"]
    if not isinstance(section, Mapping):
        raise InputError("The secrets' auth is no section.", "docs/people.md says how it is.")
    named = {str(name): part for name, part in section.items() if isinstance(part, Mapping)}
    found = {name: part for name, part in named.items() if "server_metadata_url" in part}
    found = found or {"default": section}
    return {
        name: urlsplit(str(part.get("server_metadata_url", ""))).netloc or "an unknown place"
        for name, part in found.items()
    }


def sign_out() -> None:
    """Forgets who is here: the cookie, this session, and the provider's own where it offers it."""
    st.session_state.pop(_NOTED, None)
    st.session_state.pop(_PERSON, None)
    st.logout()
