"""`phaselens distill --preset smoke` and what `results` tells of it, with the packaged model."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

pytestmark = pytest.mark.model

STUDY = ("--study", "smoke")
SYSTEMS = ("base", "mechanistic", "standard", "teacher")
RULES = ("base_scorer", "cosine_threshold", "cosine_top_n")


@pytest.mark.usefixtures("working_home")
def test_a_smoke_study_is_trained_tested_told_and_verified(process: Cli, tmp_path: Path) -> None:
    done = process("distill", "--preset", "smoke", "--json")
    assert done.status == 0, done.stderr
    assert set(done.json["systems"]) == {
        "smoke-warm-up", "smoke-teacher", "smoke-standard-0", "smoke-mechanistic-0",
    }  # fmt: skip
    assert done.json["tokens"] > 0
    assert done.json["seconds"] > 0
    again = process("distill", "--preset", "smoke", "--json")
    assert again.json["cells"] == done.json["cells"], "nothing is done twice"

    told = process("results", *STUDY, "--json")
    assert told.status == 0, told.stderr
    rows = {(one["system"], one["metric"]): one for one in told.json["rows"]}
    for system in SYSTEMS:
        row = rows[system, "example_f1"]
        assert (row["dataset"], row["seeds"], len(row["runs"])) == ("icd", 1, 1)
        assert set(row["runs"]) <= set(done.json["runs"])
        assert 0 <= row["low"] <= row["mean"] <= row["high"] <= 1
        assert {"micro_f1", "macro_f1", "precision", "recall", "well_formed", "tokens"} <= {
            metric for one, metric in rows if one == system
        }
    assert all(rows[rule, "example_f1"]["runs"] == [] for rule in RULES)
    compared = {(one["a"], one["b"], one["metric"]): one for one in told.json["comparisons"]}
    assert {("teacher", rule, "example_f1") for rule in (*RULES, "base")} <= compared.keys()
    headline = compared["mechanistic", "standard", "example_f1"]
    means = [rows[system, "example_f1"]["mean"] for system in ("mechanistic", "standard")]
    assert headline["difference"] == pytest.approx(means[0] - means[1])
    assert headline["p"] <= headline["corrected_p"] <= 1

    verified = process("results", "verify", *STUDY, "--limit", "3", "--json")
    assert verified.status == 0, verified.stderr
    assert (verified.json["checked"], verified.json["identical"]) == (3, 3)
    assert verified.json["different"] == []
    measured = process("results", "curves", *STUDY, "--json")
    assert measured.status == 0, measured.stderr
    assert measured.json["other_near_misses"] == 0
    page = process("results", "report", *STUDY)
    assert "# Results of the study `smoke`" in page.stdout
    assert "curves of all systems were measured by one machine" in page.stdout
    folder = str(tmp_path / "pack")
    assert process("results", "pack", *STUDY, "--folder", folder).status == 0
    loaded = process("results", "load", *STUDY, "--folder", folder)
    assert "All of it was here already." in loaded.stdout
