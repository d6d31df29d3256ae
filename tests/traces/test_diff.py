"""Differences between two texts."""

from core.traces.diff import WORDS_AT_MOST, Change, changed, differences


def rebuilt(parts, without):
    return "".join(p.text for p in parts if p.change is not without)


def test_equal_texts_have_no_change():
    parts = differences("keep: heart failure", "keep: heart failure")
    assert not changed(parts)


def test_both_texts_can_be_rebuilt():
    before = "3. keep: heart failure\n4. drop: asthma\n"
    after = "3. drop: heart failure, chronic\n5. keep: asthma\nAnswer: 5"
    parts = differences(before, after)
    assert rebuilt(parts, Change.ADDED) == before
    assert rebuilt(parts, Change.REMOVED) == after
    assert changed(parts)


def test_one_changed_word_is_one_removal_then_one_addition():
    parts = differences("the left kidney", "the right kidney")
    assert [(p.change, p.text) for p in parts] == [
        (Change.SAME, "the "),
        (Change.REMOVED, "left"),
        (Change.ADDED, "right"),
        (Change.SAME, " kidney"),
    ]


def test_an_empty_side_is_all_added_or_all_removed():
    assert [p.change for p in differences("", "new")] == [Change.ADDED]
    assert [p.change for p in differences("old", "")] == [Change.REMOVED]
    assert differences("", "") == ()


def test_long_texts_are_compared_by_line():
    before = "one line of words\n" * WORDS_AT_MOST
    after = before.replace("one line", "a line", 1)
    parts = differences(before, after)
    assert rebuilt(parts, Change.ADDED) == before
    assert rebuilt(parts, Change.REMOVED) == after
