"""Settings are tried the same number of times for every arm, and the best on dev is taken."""

from core.distill.arm import Arm
from core.study.tuning import Setting, Tuning, best_of, tuned_as


def test_the_best_setting_has_the_highest_mean_over_datasets() -> None:
    settings = tuple(Setting(rate) for rate in (1.0, 2.0, 3.0))
    scores = {0: {"a": 0.9, "b": 0.0}, 1: {"a": 0.5, "b": 0.6}, 2: {"a": 0.6, "b": 0.5}}
    tried = {n: {"example_f1": found} for n, found in scores.items()}
    assert best_of(settings, tried) == settings[1], "of equals the first"
    assert best_of(settings, {}) == settings[0]
    assert tuned_as(Arm.NO_PHASE_1) is tuned_as(Arm.NO_WRITE_2) is Arm.MECHANISTIC
    assert tuned_as(Arm.LONGER) is Arm.STANDARD
    assert tuned_as(Arm.RANDOM_HEADS) is Arm.RANDOM_HEADS


def test_every_arm_is_tried_as_often_and_at_the_rate_that_was_best_for_standard() -> None:
    tuning = Tuning((1.0, 2.0), (0.1, 0.3), documents=1)
    standard = {0: {"example_f1": {"a": 0.1}}, 1: {"example_f1": {"a": 0.2}}}
    assert tuning.of(Arm.STANDARD, {}) == (Setting(1.0), Setting(2.0))
    for arm in (Arm.MECHANISTIC, Arm.MARGIN, Arm.RANDOM_HEADS, Arm.LOGITS, Arm.NO_PHASE_1):
        assert tuning.of(arm, standard) == (Setting(2.0, 0.1), Setting(2.0, 0.3))
        assert tuning.count(arm) == tuning.count(Arm.STANDARD) == 2
