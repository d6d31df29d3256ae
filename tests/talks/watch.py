"""Browser windows without a network, for bundles that are played from the disk."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route

from core.talks.bundle import write_bundle
from core.talks.deck import Deck

BROKEN = "securitypolicyviolation"


class Watch:
    """Browser windows without a network, in which every fault and every request is noted."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.contexts: list[BrowserContext] = []

    def open(self, address: str, width: int = 1280, height: int = 720, **options: Any) -> Page:
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        self.contexts.append(context)
        context.set_offline(True)
        context.route("**/*", self._route)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.add_init_script(
            f"addEventListener('{BROKEN}', (e) => console.error('{BROKEN}', e.blockedURI))"
        )
        page.goto(address)
        return page

    def _route(self, route: Route) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            route.abort()

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def check(self) -> None:
        assert self.faults == []
        assert [url for url in self.asked if not url.startswith("file:///")] == []

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def address_of(deck: Deck, folder: Path) -> str:
    path = folder / "talk.html"
    write_bundle(deck, path)
    return path.as_uri()
