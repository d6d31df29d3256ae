"""Where sign-in is configured, nothing is drawn for who has not signed in, and pages offer what the
person's role allows."""

import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import Person, Role
from core.annotation.verdicts import ShortlistVerdict
from core.config import Settings
from db.people import find_person, give_role, people
from pages.parts import sign_in
from tests.pages import saved
from tests.pages.conftest import APP, html_of, run, words_of

AUTH = {
    "redirect_uri": "http://127.0.0.1:8501/oauth2callback",
    "cookie_secret": "a secret of the tests",
    "client_id": "phaselens",
    "client_secret": "x",
    "server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
}
PAGES = ("explore", "traces", "compare", "shortlist", "mechanism", "annotate", "data", "jobs",
         "settings")  # fmt: skip


def claims(sub: str, **more: Any) -> dict[str, Any]:
    return {"is_logged_in": True, "iss": "https://id.example.org", "sub": sub, "name": sub.title(),
            "iat": int(time.time()), **more}  # fmt: skip


def opened(page: str, user: dict[str, Any] | None = None, **address: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.secrets["auth"] = AUTH
    app.user = user or {}
    app.session_state["wanted"] = "done"  # there are no cookies here
    app.query_params.update(address)
    app.switch_page(f"pages/{page}.py")
    return run(app)


def known(id: str) -> Person:
    with saved.store().read() as session:
        return find_person(session, id)


def become(sub: str, role: Role) -> None:
    """Signs somebody in and gives them a role, by an admin."""
    opened("explore", claims("boss", email="boss@example.org", email_verified=True))
    opened("explore", claims(sub))
    with saved.store().write() as session:
        give_role(session, find_person(session, "https://id.example.org|boss"),
                  f"https://id.example.org|{sub}", role)  # fmt: skip


@pytest.fixture(autouse=True)
def admins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASELENS_ADMINS", "Boss@example.org, other@example.org")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_only_the_card_to_who_has_not_signed_in(page: str) -> None:
    trace = saved.save("secret document")
    app = opened(page, trace=trace)
    assert [one.value for one in app.header] == ["Sign in"]
    assert [one.label for one in app.button] == ["Sign in"]
    assert not app.title
    assert not app.dataframe
    assert "id.example.org" in words_of(app)
    assert "secret document" not in words_of(app) + html_of(app)


def test_each_provider_has_a_button_and_a_bad_set_up_is_said() -> None:
    shared = {name: AUTH[name] for name in ("redirect_uri", "cookie_secret")}
    own = {name: AUTH[name] for name in ("client_id", "client_secret", "server_metadata_url")}
    other = {**own, "server_metadata_url": "https://other.example.org/openid-configuration"}
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.secrets["auth"] = {**shared, "keycloak": own, "dex": other}
    run(app)
    assert [one.label for one in app.button] == ["Sign in with Keycloak", "Sign in with Dex"]
    assert "id.example.org" in words_of(app)
    assert "other.example.org" in words_of(app)
    app.button[0].click()
    run(app)  # AppTest's secrets are not those that Streamlit signs in with
    assert "Sign-in is not wholly configured" in html_of(app)
    assert not app.title


@pytest.mark.parametrize(
    "user",
    [
        {"is_logged_in": False},
        {**claims("ada"), "is_logged_in": "true"},
        {**claims("ada"), "iat": time.time() - 25 * 3600},
        {name: value for name, value in claims("ada").items() if name != "iat"},
        {**claims("ada"), "sub": ""},
        {**claims("ada"), "iss": None},
    ],
)
def test_a_sign_in_that_is_odd_or_old_lets_nobody_in(user: dict[str, Any]) -> None:
    app = opened("traces", user)
    assert [one.value for one in app.header] == ["Sign in"]


def test_a_visit_is_noted_once_and_not_at_each_rerun(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    note = sign_in.sign_in

    def counted(*args: Any, **options: Any) -> Person:
        noted.append(options["id"])
        return note(*args, **options)

    monkeypatch.setattr(sign_in, "sign_in", counted)
    app = opened("traces", claims("ada"))
    run(app)
    run(app)
    assert noted == ["https://id.example.org|ada"]
    assert known(noted[0]) == Person(noted[0], "Ada", Role.VIEWER)


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ({"email": "boss@EXAMPLE.org", "email_verified": True}, Role.ADMIN),
        ({"email": "boss@example.org", "email_verified": "true"}, Role.ADMIN),
        ({"email": "boss@example.org", "email_verified": False}, Role.VIEWER),
        ({"email": "boss@example.org"}, Role.VIEWER),
        ({"email": "nobody@example.org", "email_verified": True}, Role.VIEWER),
    ],
)
def test_only_a_verified_address_makes_an_admin(said: dict[str, Any], role: Role) -> None:
    opened("explore", claims("x", **said))
    assert known("https://id.example.org|x").role is role


def test_the_first_role_is_set_by_whoever_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASELENS_FIRST_ROLE", "annotator")
    opened("explore", claims("x"))
    assert known("https://id.example.org|x").role is Role.ANNOTATOR


def test_a_viewer_reads_and_is_told_why_the_rest_is_not_offered() -> None:
    trace = saved.save()
    app = opened("traces", claims("vic"), trace=trace)
    flags = [app.button(key=f"flag_{verdict}_{trace}") for verdict in ShortlistVerdict]
    assert all(one.disabled for one in flags)
    assert "This takes the role annotator; yours is viewer." in str(flags[0].help)
    assert opened("explore", claims("vic")).button(key="explore_run").disabled
    assert opened("jobs", claims("vic")).button(key="jobs_build_icd").disabled
    judging = opened("annotate", claims("vic"), view="Judge")
    assert "annotator" in judging.info[0].value
    models = opened("settings", claims("vic"))
    assert "admin" in models.info[0].value
    for tab in ("This installation", "People"):
        app = opened("settings", claims("vic"), settings_tab=tab)
        assert "admin" in app.info[0].value
        assert not app.selectbox
    for tab in ("Import", "Import traces"):
        app = opened("data", claims("vic"), data_tab=tab)
        assert "lead" in app.info[0].value
        assert not app.get("file_uploader")


def test_a_click_that_comes_after_the_role_was_taken_away_is_refused() -> None:
    trace = saved.save()
    become("ann", Role.ANNOTATOR)
    app = opened("traces", claims("ann"), trace=trace)
    become("ann", Role.VIEWER)
    app.button(key=f"flag_good_{trace}").click()
    run(app)
    assert "This takes the role annotator; Ann is viewer." in html_of(app)
    assert "no name" not in words_of(app)


def test_an_annotator_flags_under_their_name() -> None:
    trace = saved.save()
    become("ann", Role.ANNOTATOR)
    app = opened("traces", claims("ann"), trace=trace)
    app.button(key=f"flag_good_{trace}").click()
    run(app)
    assert any(str(one.value).startswith("Ann, ") for one in app.text)
    assert "Signed in as **Ann**, role **annotator**." in words_of(app)


def test_leads_upload_and_only_admins_name_files_of_the_machine() -> None:
    become("lee", Role.LEAD)
    lead = opened("data", claims("lee"), data_tab="Import")
    assert lead.segmented_control(key="import_way").options == ["Upload"]
    boss = claims("boss", email="boss@example.org", email_verified=True)
    admin = opened("data", boss, data_tab="Import")
    assert admin.segmented_control(key="import_way").options == ["Upload", "On this machine"]


def test_an_admin_gives_roles_and_the_last_admin_stays_one() -> None:
    opened("explore", claims("vic"))
    boss = claims("boss", email="boss@example.org", email_verified=True)
    app = opened("settings", boss, settings_tab="People")
    app.selectbox(key="role_https://id.example.org|vic").select(Role.LEAD)
    run(app)
    assert known("https://id.example.org|vic").role is Role.LEAD
    app.selectbox(key="role_https://id.example.org|boss").select(Role.VIEWER)
    run(app)
    assert "Somebody has to be admin." in html_of(app)
    assert app.selectbox(key="role_https://id.example.org|boss").value is Role.ADMIN
    with saved.store().read() as session:
        found = people(session)
    assert [(one.name, one.role) for one in found] == [
        ("Boss", Role.ADMIN), ("Vic", Role.LEAD),
    ]  # fmt: skip


def without_secrets() -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state["annotator_name"] = ""
    return run(app)


def test_where_sign_in_is_required_and_not_configured_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PHASELENS_REQUIRE_SIGN_IN", "1")
    app = without_secrets()
    assert "Sign-in is required here" in html_of(app)
    assert not app.title


def test_secrets_of_the_home_that_are_not_read_let_nobody_in(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    Settings(home=home).secrets_file.write_text("[auth]\n")
    app = without_secrets()
    assert "is not read, so nobody can sign in" in html_of(app)
    assert not app.title


def test_secrets_that_cannot_be_read_let_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth\n")
    option = sign_in.st.get_option
    places = {"secrets.files": [str(broken)]}
    monkeypatch.setattr(
        sign_in.st, "get_option", lambda name: places[name] if name in places else option(name)
    )
    app = without_secrets()
    assert "The secrets file cannot be read" in html_of(app)
    assert not app.title
