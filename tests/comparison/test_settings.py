"""Settings in which runs differ."""

from dataclasses import replace

from core.comparison.settings import differing
from tests.db.examples import CONFIG


def test_equal_runs_differ_in_nothing_and_systems_are_no_setting() -> None:
    assert differing([CONFIG, replace(CONFIG, system="other")]) == {}


def test_each_setting_is_told_run_by_run() -> None:
    guided = replace(CONFIG.decoding, guided=True, max_new_tokens=1024)
    other = replace(CONFIG, n=CONFIG.n + 1, method="dense", prompt="x", decoding=guided)
    found = differing([CONFIG, other, CONFIG])
    assert found == {
        "how labels are found": ("the dataset's default", "dense", "the dataset's default"),
        "n": (str(CONFIG.n), str(CONFIG.n + 1), str(CONFIG.n)),
        "guided": ("no", "yes", "no"),
        "longest trace": (
            f"{CONFIG.decoding.max_new_tokens} tokens", "1,024 tokens",
            f"{CONFIG.decoding.max_new_tokens} tokens",
        ),
        "prompt": ("no. 1", "no. 2", "no. 1"),
    }  # fmt: skip
