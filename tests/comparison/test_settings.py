"""Settings in which runs differ."""

from dataclasses import replace

from core.comparison.settings import Made, differing
from tests.db.examples import CONFIG


def test_equal_runs_differ_in_nothing_and_systems_are_no_setting() -> None:
    assert differing([Made(CONFIG), Made(replace(CONFIG, system="other"))]) == {}


def test_each_setting_is_told_run_by_run() -> None:
    guided = replace(CONFIG.decoding, guided=True, max_new_tokens=1024)
    other = replace(CONFIG, n=CONFIG.n + 1, method="dense", prompt="x", decoding=guided)
    found = differing([Made(CONFIG), Made(other), Made(CONFIG)])
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


def test_what_else_decides_a_run_is_told_and_nothing_of_imports() -> None:
    here = {"index": "0123456789abcdef", "model": {"dtype": "float32", "device": "cpu"}}
    there = {"index": "fedcba9876543210", "model": {"dtype": "bfloat16", "device": "cpu"}}
    imported = Made(replace(CONFIG, k=7), {}, imported=True)
    assert differing([Made(CONFIG, here), Made(CONFIG, there), imported]) == {
        "index": ("01234567", "fedcba98"),
        "number format": ("float32", "bfloat16"),
    }
