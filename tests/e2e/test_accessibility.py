"""Every page, light and dark, as axe (the engine of most accessibility checks) sees it: names of
controls, contrast, headings, what screen readers need."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.annotation.people import local_person
from core.annotation.verdicts import TaskKind
from core.config import Settings
from db.judgements import judge_task
from db.queues import add_queue
from db.session import open_store
from db.talks import TalkSlide, add_talk, add_to_talk
from db.tasks import next_task
from pages.parts.annotator import COOKIE
from tests.axe import violations
from tests.conftest import linked_home
from tests.db.asked import BAD, GOOD, made_traces, sent
from tests.e2e.compared_runs import RIGHT, save_run
from tests.e2e.conftest import App, settled

pytestmark = pytest.mark.browser

# What Streamlit itself draws and cannot be styled; each with what is wrong and where.
KNOWN = (
    # The head of the column with the boxes that choose a row is empty (minor).
    ("empty-table-header", 'aria-colindex="1"'),
    # A place to drop files is presentational and has a name (minor).
    ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"'),
)
PAGES = {
    "explore": "/", "traces": "/traces", "trace": "/traces?trace={trace}",
    "compare": "/compare?dataset=icd&document=b",
    "compare on a new text": "/compare?dataset=icd&live={trace}",
    "shortlist": "/shortlist", "mechanism": "/mechanism",
    "judge": "/annotate?view=Judge&queue={shortlists}",
    "judge a trace": "/annotate?view=Judge&queue={traces}",
    "one trace": "/annotate?view=Judge&trace={trace}", "queues": "/annotate?view=Queues",
    "agreement": "/annotate?view=Agreement&queue={shortlists}",
    "settle": "/annotate?view=Settle&queue={shortlists}",
    "use": "/annotate?view=Use&queue={shortlists}", "guidelines": "/annotate?view=Guidelines",
    "keys": "/annotate?view=Keys", "talk": "/talk",
    "talk that is edited": "/talk?talk=Demo",
    "talk that is played": "/talk?talk=Demo&play=1&slide=1.3", "data": "/data",
    "import traces": "/data?data_tab=Import+traces", "jobs": "/jobs", "settings": "/settings",
}  # fmt: skip
BACKGROUND = "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"


@dataclass(frozen=True)
class Filled:
    """An app, and what the addresses of PAGES name."""

    app: App
    names: dict[str, str]


@pytest.fixture(scope="module")
def filled(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """An app with traces, runs to compare, and two queues, one of which two people have judged
    differently."""
    app = App(linked_home(icd_home, tmp_path_factory.mktemp("accessible")))
    store = open_store(Settings(home=app.home))
    traces = made_traces(store, 3)
    for system, right in RIGHT.items():
        save_run(store, system, right)
    lead, names = local_person("Lead"), {"trace": traces[0]}
    with store.write() as session:
        for name, kind in (("shortlists", TaskKind.SHORTLIST), ("traces", TaskKind.TRACE)):
            queue = add_queue(
                session, lead, name=name, kind=kind, overlap=3,
                traces=[(trace, None) for trace in traces],
            )  # fmt: skip
            names[name] = queue.id
        add_talk(session, lead, "Demo")
        add_to_talk(session, lead, "Demo", TalkSlide(traces[0], "A title", "A note"))
        for who, said in ((local_person("Ada"), GOOD), (local_person("Ben"), BAD)):
            task = next_task(session, who, names["shortlists"])
            assert task is not None
            judge_task(session, who, task.id, sent(said))
    store.close()
    app.start()
    yield Filled(app, names)
    app.stop()


@pytest.fixture
def lead_page(filled: Filled, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, color_scheme="light")
    context.add_cookies([{"name": COOKIE, "value": "Lead", "url": filled.app.url}])
    yield context.new_page()
    context.close()


def background(page: Page) -> str:
    return str(page.evaluate(BACKGROUND))


def test_axe_finds_nothing_wrong_on_any_page(filled: Filled, lead_page: Page) -> None:
    found = []
    for name, address in PAGES.items():
        lead_page.goto(filled.app.url + address.format(**filled.names))
        main = (
            ".phaselens-talk.filling"
            if "played" in name
            else '[data-testid="stMainBlockContainer"]'
        )
        expect(lead_page.locator(main)).to_be_visible()
        settled(lead_page)
        lead_page.wait_for_timeout(1_000)  # charts and components draw themselves after the script
        settled(lead_page)
        found += [f"{name}: {words}" for words in violations(lead_page, KNOWN)]
        light = background(lead_page)
        lead_page.emulate_media(color_scheme="dark")
        lead_page.wait_for_function(f"() => ({BACKGROUND})() !== '{light}'", timeout=90_000)
        lead_page.wait_for_timeout(500)  # colours fade into each other
        dark = violations(lead_page, KNOWN, rules=("color-contrast",))
        found += [f"{name}, dark: {words}" for words in dark]
        lead_page.emulate_media(color_scheme="light")
    assert not found, "\n".join(found)
