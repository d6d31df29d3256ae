"""The presets (core/study/presets.py) by name, and what each takes, without what training needs."""

SIZES = {
    "smoke": "minutes, to see that all works; its models learn nothing",
    "laptop": "a day on two cores",
    "gpu": "more of all, for a card",
}
