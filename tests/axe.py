"""axe, the engine of most accessibility checks: names of controls, contrast, headings, what screen
readers need."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def violations(
    page: Page, known: tuple[tuple[str, str], ...] = (), rules: tuple[str, ...] = ()
) -> list[str]:
    """What axe finds in the page as it stands, a line each, but for rules whose element holds the
    text that `known` gives beside them. `rules`: these alone, or all."""
    options = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else None
    response: dict[str, Any] = Axe().run(page, options=options).response
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in response["violations"]
        for node in rule["nodes"]
        if not any(rule["id"] == named and part in node["html"] for named, part in known)
    ]
