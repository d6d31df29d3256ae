"""The presets (core/study/presets.py) by name, what each takes and which arms it has, without what
training needs."""

from core.distill.arm import HEADLINE, Arm

SIZES = {
    "smoke": "minutes, to see that all works; its models learn nothing",
    "laptop": "a day on two cores",
    "gpu": "more of all, for a card",
}
EIGHT = (
    Arm.STANDARD, Arm.MECHANISTIC, Arm.MARGIN, Arm.RANDOM_HEADS, Arm.LOGITS, Arm.NO_PHASE_1,
    Arm.NO_PHASE_2, Arm.LONGER,
)  # fmt: skip
ARMS = {
    "smoke": HEADLINE,
    "laptop": EIGHT,
    "gpu": (*EIGHT, *(arm for arm in Arm if arm not in EIGHT)),  # the longer one after its measure
}
