"""What the six phase losses cost, relative to the student's forward and backward pass alone.

    python -m benchmarks.losses [--runs 3] [--json]

A student of SmolLM2-135M's shape (30 layers of 9 heads, width 576) with random weights reads 600
tokens. 14 heads and 40 queries a phase. Attention and mixed values of the heads are given, as a
capture would; writes are made of the values and W_O, and gradients go back to both. What taking
the capture itself costs is not in these figures. Both are timed in turn, in one run.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import core  # sets OpenMP's waiting, before torch loads

TOKENS, HEADS, QUERIES, HEAD_DIM, WIDTH = 600, 14, 40, 64, 576


def measure(runs: int) -> dict[str, Any]:
    """Seconds (medians) of the student alone and of the six terms, and the ratio of each turn."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from core.distill.base import HeadView, PhaseOneKeys, PhaseTwoKeys
    from core.distill.losses import phase_losses

    torch.manual_seed(0)
    student = LlamaForCausalLM(
        LlamaConfig(
            hidden_size=WIDTH,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            vocab_size=49_152,
            tie_word_embeddings=True,
        )
    )
    ids = torch.randint(0, 49_152, (1, TOKENS))
    at = torch.arange(TOKENS)
    one = PhaseOneKeys(at < 400, (at > 100) & (at < 120))
    two = PhaseTwoKeys((at > 450) & (at < 470), (at > 480) & (at < 490))

    def view() -> tuple[HeadView, list[torch.Tensor]]:
        scores = torch.randn(HEADS, QUERIES, TOKENS, requires_grad=True)
        mixed = torch.randn(HEADS, QUERIES, HEAD_DIM, requires_grad=True)
        w_o = torch.randn(HEADS, HEAD_DIM, WIDTH, requires_grad=True)
        towards = torch.randn(QUERIES, WIDTH, requires_grad=True)
        return HeadView(scores.softmax(-1), mixed @ w_o, towards), [scores, mixed, w_o]

    def alone() -> None:
        student(input_ids=ids, labels=ids).loss.backward()
        student.zero_grad()

    def losses() -> None:
        (teacher_1, _), (student_1, _), (teacher_2, _), (student_2, _) = (view() for _ in range(4))
        phase_losses(teacher_1, student_1, one, teacher_2, student_2, two).total.backward()

    seconds: dict[str, list[float]] = {"student": [], "losses": []}
    for turn in range(runs + 1):
        for name, run in (("student", alone), ("losses", losses)):
            took = _timed(run)
            if turn:  # the first warms up
                seconds[name].append(took)
    ratios = [b / a for a, b in zip(seconds["student"], seconds["losses"], strict=True)]
    return {
        "student_s": statistics.median(seconds["student"]),
        "losses_s": statistics.median(seconds["losses"]),
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "runs": runs,
    }


def _timed(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.runs)
    if args.json:
        print(json.dumps(found | {"version": core.__version__}, indent=1))
        return
    print(
        f"six terms {1000 * found['losses_s']:.0f} ms, student alone {found['student_s']:.1f} s: "
        f"{100 * found['ratio']:.1f}% ({100 * found['spread'][0]:.1f} to "
        f"{100 * found['spread'][1]:.1f}%, {args.runs} runs)"
    )


if __name__ == "__main__":
    main()
