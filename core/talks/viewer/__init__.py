"""The viewer of a deck: a JavaScript module without dependencies, and its styles.

Its files are modules that import each other; where one text is needed (in a bundle, in a component
of Streamlit) they are joined in the order in which they need each other.
"""

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_FILES = ("draw.js", "panels.js", "curves.js", "stages.js", "frame.js", "presenter.js",
          "viewer.js")  # fmt: skip
_OF_COMPONENT = ("live.js", "component.js")
_IMPORT = re.compile(r"^import .*? from \"[^\"\n]+\"\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?=function|const)", re.MULTILINE)


@cache
def viewer_js() -> str:
    """One ES module that exports `mount(root, deck, options)`."""
    parts = [_IMPORT.sub("", _read(name)) for name in _FILES]
    return "".join([*(_EXPORT.sub("", part) for part in parts[:-1]), parts[-1]])


@cache
def component_js() -> str:
    """The module with a default export, as `st.components.v2.component(js=...)` takes it."""
    parts = [_IMPORT.sub("", _read(name)) for name in _OF_COMPONENT]
    return "".join([viewer_js(), *(_EXPORT.sub("", part) for part in parts)])


@cache
def viewer_css() -> str:
    """Its styles, all within the class `phaselens-talk`."""
    return _read("viewer.css") + _read("presenter.css")


@cache
def component_css() -> str:
    """Those of the component, which shows live runs as well."""
    return viewer_css() + _read("live.css")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
