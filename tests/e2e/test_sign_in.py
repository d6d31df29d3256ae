"""Sign-in against a real provider process, in a real browser: nobody gets in without it, roles
decide what is offered, and the data layer refuses what is not."""

import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect

from core.annotation.people import Person, Role
from core.config import Settings
from core.errors import NotAllowedError
from db.annotations import flag, flags_of
from db.people import people
from db.session import Store, open_store
from tests.conftest import linked_home
from tests.db.asked import made_traces
from tests.e2e.conftest import App, expect_no_fault, settled
from tests.provider import ADMIN, running_provider, secrets_for

pytestmark = pytest.mark.browser
PLACES = (
    "", "?dataset=icd", "traces", "traces?trace={trace}", "traces?dataset=icd&document=d0",
    "compare", "shortlist", "mechanism", "annotate?view=Queues", "annotate?view=Guidelines", "data",
    "data?data_tab=Import", "jobs", "settings", "settings?settings_tab=People", "nowhere",
)  # fmt: skip
DOCUMENT = "Text 0"


@dataclass(frozen=True)
class Served:
    """An app that asks a provider who people are, its store, and a trace of it."""

    app: App
    provider: str
    store: Store
    trace: str

    def known(self) -> dict[str, Person]:
        """Who has signed in, by the subject at the provider."""
        with self.store.read() as session:
            return {one.id.rsplit("|", 1)[1]: one for one in people(session)}


@pytest.fixture(scope="module")
def served(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("sign-in")))
    store = open_store(Settings(home=app.home))
    (trace,) = made_traces(store, 1)
    with running_provider(tmp_path_factory.mktemp("provider")) as provider:
        secret = "a secret of these tests, long enough"
        (app.home / "secrets.toml").write_text(secrets_for(app.url, provider, secret))
        (app.home / "phaselens.toml").write_text(f'admins = "{ADMIN}"\nrequire_sign_in = true\n')
        app.start()
        yield Served(app, provider, store, trace)
        app.stop()
    store.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    made.set_default_timeout(90_000)
    yield made
    made.close()


def card(page: Page) -> None:
    """The sign-in card, and nothing else."""
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    settled(page)
    expect(page.get_by_role("link", name="Traces")).to_have_count(0)
    expect_no_fault(page)


def sign_in(page: Page, served: Served, sub: str, at: str = "") -> None:
    """Comes as somebody, through the provider's own form."""
    page.goto(f"{served.app.url}/{at}")
    card(page)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=sub, exact=True).first.click()
    expect(page.get_by_role("link", name="Traces").first).to_be_visible()
    settled(page)


def test_without_sign_in_nothing_of_the_store_reaches_the_browser(
    served: Served, context: BrowserContext
) -> None:
    page, heard = context.new_page(), list[bytes]()

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived",
            lambda frame: heard.append(frame if isinstance(frame, bytes) else frame.encode()),
        )

    page.on("websocket", listen)
    for place in PLACES:
        page.goto(f"{served.app.url}/{place.format(trace=served.trace)}")
        card(page)
    told = b"".join(heard)
    assert b"Sign in" in told, "what the server sends was heard"
    for secret in (DOCUMENT.encode(), b"I50.9", b"Heart failure", b"guidelines", b"Explore"):
        assert secret not in told, secret


@pytest.mark.parametrize(
    "place", ["media/x.csv", "component/pages.parts.judge/x.js", "_stcore/agent/interact"]
)
def test_what_is_not_a_page_gives_nothing(served: Served, place: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{served.app.url}/{place}", timeout=30)
    assert refused.value.code in (403, 404, 405, 501)


def test_answers_that_the_browser_did_not_ask_for_let_nobody_in(
    served: Served, context: BrowserContext, browser: Browser
) -> None:
    page = context.new_page()
    page.goto(served.app.url)
    card(page)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="ada", exact=True).first).to_be_visible()
    # what the provider answers, before the browser has followed it
    answer = context.request.post(page.url, form={"sub": "ada"}, max_redirects=0)
    back = answer.headers["location"]
    assert "code=" in back

    # somebody else's answer, in another browser
    other = browser.new_context().new_page()
    other.goto(back)
    card(other)
    # an answer with another state, in the browser that asked
    page.goto(re.sub("state=[^&]+", "state=forged", back))
    card(page)
    # the answer itself, once; the same again without the cookie that it brought
    page.goto(back)
    expect(page.get_by_role("link", name="Traces").first).to_be_visible()
    context.clear_cookies(name="_streamlit_user")
    page.goto(back)
    card(page)
    other.context.close()


def test_a_cookie_that_was_changed_lets_nobody_in(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, served, "vic")
    cookie = next(one for one in context.cookies() if one["name"] == "_streamlit_user")
    value = str(cookie["value"])
    at = len(value) // 2
    other = "A" if value[at] != "A" else "B"
    context.add_cookies([{**cookie, "value": value[:at] + other + value[at + 1 :]}])  # type: ignore[list-item]
    page.goto(served.app.url)
    card(page)


def test_an_address_that_the_provider_does_not_vouch_for_makes_no_admin(
    served: Served, context: BrowserContext
) -> None:
    page = context.new_page()
    sign_in(page, served, "eve", "settings?settings_tab=People")
    expect(page.get_by_text("This takes the role admin; yours is viewer")).to_be_visible()
    assert served.known()["eve"].role is Role.VIEWER
    assert served.known()["eve"].email == ""


def test_a_viewer_reads_an_admin_gives_a_role_and_an_annotator_flags(
    served: Served, context: BrowserContext, browser: Browser
) -> None:
    vic = context.new_page()
    sign_in(vic, served, "vic", f"traces?trace={served.trace}")
    expect(vic).to_have_url(re.compile(f"/traces\\?trace={served.trace}$"))  # where the link led
    expect(vic.get_by_text("trace " + served.trace)).to_be_visible()
    good = vic.get_by_role("button", name=re.compile("Good"))
    expect(good).to_be_disabled()
    with pytest.raises(NotAllowedError), served.store.write() as session:
        flag(session, served.known()["vic"], trace_id=served.trace, verdict="good")

    ada = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(ada, served, "ada", "settings?settings_tab=People")
    role = ada.get_by_role("combobox", name="Role of Vic Reader")
    role.click()
    ada.get_by_role("option", name="annotator").click()
    settled(ada)
    ada.reload()
    expect(ada.get_by_role("combobox", name="Role of Vic Reader")).to_have_value("annotator")
    assert served.known()["vic"].role is Role.ANNOTATOR

    vic.reload()
    settled(vic)
    good.click()
    expect(vic.get_by_text(re.compile("^Vic Reader, "))).to_be_visible()
    with served.store.read() as session:
        assert [one.annotator for one in flags_of(session, served.trace)] == ["Vic Reader"]
    expect_no_fault(vic)
    ada.context.close()


def test_who_signs_out_is_out(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, served, "ada", "annotate?view=Queues")
    page.get_by_role("button", name="Ada Lovelace").click()
    expect(page.get_by_text("Signed in as Ada Lovelace, role admin.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click()  # the provider's own
    card(page)
    page.goto(f"{served.app.url}/traces?trace={served.trace}")
    card(page)
