"""The index card says what was measured, draws it, and says where nothing was."""

from dataclasses import replace

from core.shortlist.manifest import FileStamp, Manifest
from pages.parts.index_card import ef_words, manifest_rows

NAMES = ("ef", "recall", "low", "high", "lost", "p50_ms", "p95_ms")
CURVE = (
    dict(zip(NAMES, (50, 0.9, 0.88, 0.92, 0.01, 0.3, 0.5), strict=True)),
    dict(zip(NAMES, (64, 0.985, 0.98, 0.99, 0.0, 0.4, 0.7), strict=True)),
)
MADE = Manifest(
    dataset="tiny", labels=300, labels_fingerprint="f", encoder="hash@1/float32", dim=16, m=16,
    ef_construction=128, ef=64, seed=100, deterministic=False, recall_at_k=0.985, recall_k=50,
    target=0.98, seconds_encode=61.0, seconds_build=4.0, peak_rss_mb=900.0,
    built_at="2026-01-01T00:00:00+00:00", hnswlib="0.8.0",
    files={name: FileStamp(1_000_000, 1, "0" * 64) for name in ("vectors.npy", "hnsw.bin")},
    recall_low=0.98, recall_high=0.99, lost=0.0, queries=512, curve=CURVE,
)  # fmt: skip


def test_it_says_what_the_chosen_ef_gives() -> None:
    words = ef_words(MADE)

    assert words.startswith("64: recall@50 0.9850 against exact search (0.9800 to 0.9900)")
    assert "512 training documents; 0.0% of them found less than half" in words
    assert "0.40 ms a search, 95% within 0.70 ms" in words


def test_where_nothing_was_measured_it_says_so() -> None:
    bare = replace(MADE, recall_at_k=None, recall_low=None, recall_high=None, lost=None, curve=())

    assert ef_words(bare) == "64; recall was not measured: there are no training documents"


def test_an_index_of_an_earlier_version_still_has_its_recall() -> None:
    old = replace(MADE, recall_low=None, recall_high=None, lost=None, queries=0, curve=())

    assert ef_words(old) == "64: recall@50 0.9850 against exact search"


def test_what_is_unusual_is_told_and_nothing_else() -> None:
    usual = dict(manifest_rows(MADE))
    changed = dict(manifest_rows(replace(MADE, deleted=3, unreached=2, reused=7)))

    assert "Deleted" not in usual
    assert "Out of reach" not in usual
    assert changed["Deleted"].startswith("3 labels")
    assert changed["Out of reach"].startswith("2 labels")
    assert "7 vectors were copied" in str(changed["Build"])


def test_the_chart_marks_the_chosen_ef() -> None:
    from streamlit.testing.v1 import AppTest

    def page() -> None:
        from pages.parts.index_card import recall_chart
        from tests.pages.test_index_card import MADE

        recall_chart(MADE)

    app = AppTest.from_function(page).run()

    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 1
    assert "ef 64 is chosen, for a target of 0.98" in app.caption[0].value
