"""Guesses from other texts: what nearly always came next, and nothing from a rare accident."""

from core.models.habits import MOST_TEXTS, SEEN, Habits

PROMPT = [1, 2, 3]


def taught(*texts: list[int]) -> Habits:
    habits = Habits()
    for text in texts:
        habits.learn([*PROMPT, *text], len(PROMPT))
    return habits


def test_what_always_came_next_is_sure_once_it_was_seen_often_enough() -> None:
    once = taught([5, 6, 7, 8])
    assert once.guess([9, 5, 6, 7]) == (8, False)
    assert taught(*[[5, 6, 7, 8]] * SEEN).guess([5, 6, 7]) == (8, True)


def test_the_start_of_a_text_follows_its_prompt() -> None:
    assert taught([5, 6]).guess(PROMPT) == (5, False)


def test_prompts_are_not_learned() -> None:
    habits = Habits()
    habits.learn([1, 2, 3, 4, 5], 5)
    assert habits.guess([1, 2, 3]) is None


def test_what_came_next_less_than_half_of_the_times_is_not_guessed() -> None:
    habits = taught([5, 6, 7, 8], [5, 6, 7, 9], [5, 6, 7, 10])
    assert habits.guess([5, 6, 7]) is None
    assert habits.guess([6, 7]) is None, "shorter than what is counted"
    assert taught([5, 6, 7, 8], [5, 6, 7, 8], [5, 6, 7, 9]).guess([5, 6, 7]) == (8, False)


def test_only_so_many_texts_are_learned_from() -> None:
    habits = taught(*[[5, 6, 7, 8]] * MOST_TEXTS, *[[20, 21, 22, 23]])
    assert habits.guess([5, 6, 7]) == (8, True)
    assert habits.guess([20, 21, 22]) is None
