"""The page about a study says what the figures say, whichever way they come out."""

from typing import Any

import pytest

from core.study.report import report

MADE = {
    "layers": [0, 2],
    "heads": {
        "coarse": {
            "chosen": [[1, 5], [2, 0]],
            "scored": 35,
            "in_kept_layers": 1,
            "student_heads_of_random_ones_too": 2,
        }
    },
    "trained": {
        "mechanistic-0": {
            "setting": {"learning_rate": 0.002, "weight": 0.3},
            "learned_from": ["r1", "r2"],
            "traces": 12,
            "with_phases": 9,
            "tokens": 12345,
            "compute_seconds": 61.7,
        }
    },
    "tuning": [
        {"arm": "standard", "learning_rate": 0.002, "weight": 1.0, "example_f1": {"icd": 0.3}},
        {"arm": "margin", "learning_rate": 0.002, "weight": 0.3, "example_f1": {"icd": 0.35}},
    ],
}


SURE = {"by_seed": (0.1, 0.1, 0.1), "mean": 0.1, "low": 0.05, "high": 0.15}


def less(mean: float, p: float, p_holm: float) -> dict[str, Any]:
    return {
        "mean": mean, "low": mean - 0.05, "high": mean + 0.05, "p": p, "p_holm": p_holm,
        "documents": 150, "between_seeds": None, "seeds": 1,
    }  # fmt: skip


def system(run: str) -> dict[str, Any]:
    return {
        "run": run, "documents": 100, "gold": 200, "micro_f1": 0.41, "macro_f1": 0.12,
        "precision": 0.44, "recall": 0.39, "p": {"1": 0.5}, "ndcg": {"5": 0.55}, "psp": None,
        "retrieval": {"p": {"1": 0.3}, "ndcg": {"5": 0.35}, "psp": {"5": 0.2}},
        "answered_labels": 2.34,
        "buckets": {"ok": 90}, "fates": {"selected": 50, "index miss": 0, "not shown": 150},
        "failed": 0, "ceiling": 0.8,
        "mean_focus": {"mean": 0.6, "low": 0.5, "high": 0.7}, "mean_confusion": None,
        "mean_tokens": 151.4, "seconds_per_document": 2.25, "simulatability": None,
    }  # fmt: skip


def results(difference: dict[str, Any] | None) -> dict[str, Any]:
    scored = {"example_f1": 0.4, "low": 0.35, "high": 0.45}
    student = system("r3") | {
        "teacher_likeness": {
            "shortlists": 0.7, "verdicts": 0.5, "focus": 0.01, "confusion": None, "documents": 100
        },
        "simulatability": {"las": 0.21, "low": -0.02, "high": 0.4, "leaking": 0.9},
    }  # fmt: skip
    part = {
        "simulator": "coin",
        "systems": {"base": system("r1"), "teacher": system("r2"), "mechanistic-0": student},
        "over_seeds": {
            "base": {"seeds": 1, "by_seed": [0.4], "between_seeds": None, **scored},
            "teacher": {"seeds": 1, "by_seed": [0.4], "between_seeds": None, **scored},
            "mechanistic": {
                "seeds": 2,
                "by_seed": [0.38, 0.42],
                **scored,
                "between_seeds": {
                    "by_seed": (0.38, 0.42),
                    "mean": 0.4,
                    "low": 0.146,
                    "high": 0.654,
                },
            },
        },
        "baselines": {"top": {"n": 2, **scored}},
        "teacher_less": {"top": less(0.1, 0.01, 0.02), "base": less(0.3, 0.001, 0.002)},
        "mechanistic_less": {} if difference is None else {"standard": difference},
        "other_measures": {},
        "teacher_not_beside": [],
        "untuned": None,
    }
    return {
        "preset": "laptop",
        "datasets": {"icd": part},
        "students": MADE,
        "learned": {
            "mechanistic-0": {
                "L_cot": {"first": 2.51, "last": 0.25},
                "L_int(1)": {"first": 0.000151, "last": 0.0},
            },
            "standard-0": {"L_cot": {"first": 2.0, "last": 0.5}},
        },
        "curves": None,
        "took": {"tokens": 1234567, "seconds": 5400.0},
        "absent": [],
        "planned_seeds": 1,
        "not_planned": {"arms": ["no-int-1"], "seeds": [3], "test_documents": 150},
        "not_run": ["test/margin-0/icd", "test/margin-0/wordnet", "test/base/icd"],
    }


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (less(0.061, 0.01, 0.03), "**icd**: yes, as far as these trainings go (so few seeds"),
        (
            less(0.061, 0.01, 0.03) | {"between_seeds": SURE},
            "**icd**: yes: +0.061 (+0.011 to +0.111), p 0.010",
        ),
        (less(-0.061, 0.01, 0.03) | {"between_seeds": SURE}, "**icd**: no, it is behind: -0.061"),
        (less(0.061, 0.03, 0.09), "**icd**: not shown: +0.061"),
        (None, "**icd**: not tested."),
    ],
)
def test_the_headline_follows_the_corrected_test(
    difference: dict[str, Any] | None, said: str
) -> None:
    assert said in report(results(difference))


def test_the_headline_tells_how_much_seeds_differ() -> None:
    between = {"by_seed": (0.0, 0.2, 0.1), "mean": 0.1, "low": -0.148, "high": 0.348}
    page = report(results(less(0.1, 0.01, 0.02) | {"between_seeds": between}))
    assert "corrected over datasets 0.020; over 3 seeds +0.100 (-0.148 to +0.348)." in page


def test_equal_compute_stands_beside_the_headline() -> None:
    told = results(less(0.1, 0.01, 0.02))
    assert "at equal compute, less standard, longer, not tested yet" in report(told)
    told["datasets"]["icd"]["mechanistic_less"]["standard-longer"] = less(-0.125, 0.2, 0.4)
    said = "at equal compute, less standard, longer, -0.125 (-0.175 to -0.075), p corrected 0.400"
    assert said in report(told)


def test_figures_stand_beside_their_runs_and_what_was_not_run_is_told() -> None:
    page = report(results(less(0.0, 1.0, 1.0)))
    assert "| the 2 nearest by cosine | 0.400 (0.350 to 0.450) | +0.100" in page
    assert "| the untuned model's own trace | 0.400 (0.350 to 0.450) | +0.300" in page
    assert "| mechanistic | 0.400 (0.350 to 0.450) | 0.380, 0.420 (0.146 to 0.654) |" in page
    assert "| teacher | 0.410 | 0.120 | 0.440 | 0.390 | 0.500 | 0.550 |  | 90% | `r2` |" in page
    assert "| retrieval alone |  |  |  |  | 0.300 | 0.350 | 0.200 |  |  |" in page
    head = "|  | not shown | selected | labels answered | tokens | seconds |"
    assert head in page, "fates that nobody has are out"
    assert "| teacher | 75% | 25% | 2.3 | 151 | 2.2 |" in page
    assert "| mechanistic-0 | 0.700 | 0.500 | 0.010 |  | 0.600 (0.500 to 0.700) |  | 0.210" in page
    assert "| 0.210 (-0.020 to 0.400) | 0.900 |" in page
    assert "a coin" in page
    assert "Not run: margin-0 (icd, wordnet); base (icd)." in page
    assert "no evidence that phases arise by themselves" in " ".join(page.split())


def test_how_the_students_were_made_is_told() -> None:
    page = report(results(None))
    assert "A student has 2 of the teacher's layers (0, 2)" in page
    assert (
        "Heads with the highest CoarseScore over 35 traces (layer.head): 1.5, 2.0; 1 of 2 lie"
        in page
    )
    assert "2 of the student's heads stand for random heads in that arm too" in page
    assert "| mechanistic-0 | 0.002 | 0.3 | 12 | 9 | 12,345 | 62 |" in page
    assert "| standard | 0.002 |  | 0.300 | 0.300 |" in page
    assert "| margin | 0.002 | 0.3 | 0.350 | 0.350 |" in page
    assert "| mechanistic-0 | 2.5 to 0.25 | 0.00015 to 0 |" in page
    assert "| standard-0 | 2 to 0.5 |  |" in page


def test_students_stand_beside_what_needs_no_training() -> None:
    data = results(None)
    page = report(data)
    assert "Above the 2 nearest by cosine (0.400) is no student's arm;" in page
    data["datasets"]["icd"]["over_seeds"]["mechanistic"]["example_f1"] = 0.401
    page = report(data)
    assert "Above the 2 nearest by cosine (0.400) is mechanistic; differences" in page


def test_a_dataset_without_tests_has_no_tables() -> None:
    data = results(None)
    data["datasets"]["icd"] |= {"systems": {}}
    assert "## icd" not in report(data)


def test_a_p_value_below_what_the_test_can_tell_is_not_zero() -> None:
    assert "p < 0.001, corrected over datasets < 0.001" in report(
        results(less(0.2, 0.0001, 0.0003))
    )


def test_what_the_preset_leaves_out_is_told() -> None:
    page = report(results(None))
    assert "Left to the preset `gpu`: the arms mechanistic without L_int(1); seeds 3;" in page


def test_seeds_that_no_choice_was_made_by_stand_beside_the_headline() -> None:
    data = results(less(0.1, 0.01, 0.02))
    data["datasets"]["icd"]["untuned"] = less(0.07, 0.2, 0.2) | {"seeds": 2}
    said = "over the 2 seeds that no choice was made by +0.070 (+0.020 to +0.120)."
    assert said in report(data)


def test_a_baseline_that_the_teacher_is_not_shown_to_beat_is_named() -> None:
    data = results(None)
    assert "It beats each of them." in report(data)
    data["datasets"]["icd"]["teacher_less"]["top"] = less(0.01, 0.4, 0.4)
    assert "It is not shown to beat the 2 nearest by cosine." in report(data)


def test_the_ceiling_and_what_failed_are_told() -> None:
    data = results(None)
    data["datasets"]["icd"]["systems"]["teacher"]["failed"] = 3
    page = report(data)
    assert "could have more than 0.800." in page
    assert "Documents that failed and are in no score: teacher 3." in page


def test_students_that_learned_from_other_writings_of_the_traces_are_told_apart() -> None:
    data = results(None)
    first = data["students"]["trained"]["mechanistic-0"]
    other, unknown = first | {"learned_from": ["r3", "r2"]}, first | {"learned_from": None}
    trained = {"mechanistic-0": first, "standard-0": unknown}
    data["students"] = data["students"] | {"trained": trained}
    assert "more than once" not in report(data)
    data["students"] = data["students"] | {"trained": trained | {"margin-0": other}}
    said = "mechanistic-0 from `r1`, `r2`; margin-0 from `r3`, `r2`; of standard-0 it is not"
    assert said in report(data)


def test_what_it_took_is_told() -> None:
    page = report(results(None))
    assert "Trainings of these systems (1,234,567 tokens) and the runs" in page
    assert "took 1.5 hours by the clock" in page


def test_whose_curves_one_machine_has_measured_is_told() -> None:
    data = results(less(0.0, 1.0, 1.0))
    assert "- The curves are of the machine that ran each test." in report(data)
    systems = {"icd": ["base", "teacher"]}
    data["curves"] = {"encoder": "tiny/bf16", "processor": "a chip", "systems": systems}
    page = report(data)
    assert "- The curves of mechanistic-0 (icd) are of the machine that ran each test." in page
    data["curves"]["systems"]["icd"].append("mechanistic-0")
    assert "curves of all systems were measured by one machine" in report(data)
    assert "a chip, with `tiny/bf16`" in report(data)
