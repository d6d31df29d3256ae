"""An adapter that ships says what it is, what it was trained on and how well it does."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings, load_settings
from core.models.adapter_files import ABOUT, About
from core.study.cards import CARD, card, scores_of, ship_adapters
from core.study.presets import SMOKE


def about(system: str, layers: tuple[int, ...] = (0, 2, 4)) -> About:
    arm, _, _ = system.rpartition("-")
    provenance: dict[str, Any] = {"preset": asdict(SMOKE), "plan": {"seed": 7}}
    if arm:
        provenance["arm"] = arm
    return About(f"smoke-{system}", f"The {system}", layers, 16, 32, "{document}", provenance)


def results() -> dict[str, Any]:
    system = {
        "run": "abc123",
        "documents": 8,
        "example_f1": 0.5,
        "micro_f1": 0.25,
        "interval": {"low": 0.4, "high": 0.6},
        "buckets": {"ok": 6},
    }
    return {"datasets": {"icd": {"systems": {"teacher": system}}, "mesh": {"systems": {}}}}


def test_a_card_names_data_plan_scores_and_limits() -> None:
    text = card(about("teacher"), scores_of("teacher", results()))
    assert "layers 0 to 4, every 2" in text
    assert f"{SMOKE.lessons[0]} of icd" in text
    assert '"seed": 7' in text
    assert "| icd | 8 | 0.500 (0.400 to 0.600) | 0.250 | 75% | abc123 |" in text
    assert "no evidence that phases" in text
    assert "mesh" not in text.split("## Scores")[1].split("## Limits")[0]


def test_a_card_of_what_was_not_tested_says_so() -> None:
    text = card(about("mechanistic-0", (3,)), scores_of("mechanistic-0", results()))
    assert "Not tested yet." in text
    assert "arm mechanistic" in text
    assert "on layers 3 of" in text


@pytest.fixture
def settings(home: Path) -> Settings:
    found = load_settings()
    for system in ("teacher", "standard-0", "standard-1"):
        folder = found.adapters_dir / f"smoke-{system}"
        folder.mkdir(parents=True)
        (folder / "adapter.safetensors").write_bytes(b"weights")
        (folder / ABOUT).write_text(json.dumps(asdict(about(system))))
    return found


def test_those_that_ship_are_copied_with_their_cards(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "shipped"
    names = ship_adapters(settings, SMOKE, results(), place)
    assert names == ["smoke-teacher", "smoke-standard-0"], "not the second seed's"
    for name in names:
        assert (place / name / "adapter.safetensors").read_bytes() == b"weights"
        assert f"# {name}" in (place / name / CARD).read_text()
    assert "0.500" in (place / "smoke-teacher" / CARD).read_text()
    assert ship_adapters(settings, SMOKE, None, place) == names, "again, over what is there"
    assert "Not tested yet." in (place / "smoke-teacher" / CARD).read_text()


def test_before_there_is_a_teacher_what_it_sets_out_from_is_copied(
    settings: Settings, tmp_path: Path
) -> None:
    (settings.adapters_dir / "smoke-teacher").rename(settings.adapters_dir / "smoke-warm-up")
    names = ship_adapters(settings, SMOKE, None, tmp_path / "shipped")
    assert names == ["smoke-warm-up", "smoke-standard-0"]
