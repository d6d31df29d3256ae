"""A training learns, and goes on where it was killed to the very same weights."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.distill.examples import Example
from core.distill.packed import hidden_states
from core.distill.precision import Precision, frozen_in, products_in
from core.distill.text_losses import decision_logits, decision_loss, trace_loss
from core.distill.training import CURVES, Losses, Plan, Training, adapter_state, order, rate_at
from core.errors import ModelError
from core.models.adapters import student_of, with_adapter
from tests.models.test_lean import tiny

KEEP, DROP = 7, 8
PLAN = Plan(steps=8, batch=2, learning_rate=1e-2, rank=4, alpha=8, checkpoint_every_s=0.0)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def examples(count: int = 6) -> list[Example]:
    """Texts whose labels are right where a certain token stands in them."""
    made = torch.Generator().manual_seed(4)
    found = []
    for n in range(count):
        ids = torch.randint(20, 60, (24,), generator=made)
        keep = torch.tensor([float(n % 2), float((n + 1) % 2)])
        ids[4], ids[9] = 10 + n % 2, 10 + (n + 1) % 2
        weights = torch.tensor([0.0] * 12 + [1.0] * 12)
        found.append(Example(f"d{n}", ids, 12, weights, torch.tensor([5, 10]), keep))
    return found


def losses(model: Any, examples: Sequence[Example], _along: float = 0.0) -> list[Losses]:
    found = []
    states = hidden_states(model, [example.ids for example in examples])
    for example, hidden in zip(examples, states, strict=True):
        decide = decision_loss(decision_logits(model, hidden, example, KEEP, DROP), example)
        trace = trace_loss(model, hidden, example)
        found.append({"total": trace + decide, "trace": trace, "decide": decide})
    return found


def model() -> Any:
    return with_adapter(tiny("llama"), PLAN.rank, PLAN.alpha, PLAN.seed)


def curves(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / CURVES).read_text().splitlines()]


def test_an_adapter_changes_nothing_before_it_is_trained() -> None:
    ids = examples(1)[0].ids[None]
    plain, adapted = tiny("llama"), model()
    with torch.inference_mode():
        assert torch.equal(plain(ids).logits, adapted(ids).logits)
    trained = [n for n, p in adapted.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)


def test_the_losses_are_those_of_the_logits() -> None:
    adapted, example = model(), examples(1)[0]
    with torch.inference_mode():
        logits = adapted(example.ids[None]).logits[0]
        (found,) = losses(adapted, [example])
    each = torch.nn.functional.cross_entropy(logits[11:-1], example.ids[12:])
    torch.testing.assert_close(found["trace"], each)
    pairs = logits[[5, 10]][:, [DROP, KEEP]]
    two_way = torch.nn.functional.cross_entropy(pairs, example.keep.long())
    torch.testing.assert_close(found["decide"], two_way)


@pytest.mark.parametrize("precision", Precision)
def test_a_training_learns_what_can_be_learned(tmp_path: Path, precision: Precision) -> None:
    plan = Plan(steps=60, batch=6, learning_rate=2e-2, rank=8, alpha=16, precision=precision)
    training = Training(tmp_path, plan, model(), examples(), losses)
    assert training.run()
    rows = curves(tmp_path)
    assert [row["step"] for row in rows] == list(range(1, 61))
    assert rows[0]["decide"] > 0.5
    assert rows[-1]["decide"] < 0.5 * rows[0]["decide"]
    assert rows[-1]["trace"] < rows[0]["trace"]


@pytest.mark.parametrize(
    ("stop", "precision"),
    [
        (1, Precision.FLOAT32),
        (3, Precision.FLOAT32),
        (7, Precision.FLOAT32),
        (3, Precision.BFLOAT16),
    ],
)
def test_a_training_that_was_stopped_ends_with_the_same_weights(
    tmp_path: Path, stop: int, precision: Precision
) -> None:
    plan = replace(PLAN, precision=precision)
    whole = Training(tmp_path / "whole", plan, model(), examples(), losses)
    assert whole.run()

    first = Training(tmp_path / "parts", plan, model(), examples(), losses)
    assert not first.run(cancelled=lambda: first.step >= stop)
    with (tmp_path / "parts" / CURVES).open("a") as file:  # written after the checkpoint
        file.write(json.dumps({"step": stop + 1, "total": -1.0}) + "\n")
    second = Training(tmp_path / "parts", plan, model(), examples(), losses)
    assert second.step == stop
    assert second.run()

    wanted, got = adapter_state(whole.model), adapter_state(second.model)
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    assert second.tokens == whole.tokens
    same = ("step", "tokens", "total", "gradient")
    assert [[r[k] for k in same] for r in curves(tmp_path / "parts")] == [
        [r[k] for k in same] for r in curves(tmp_path / "whole")
    ]


def test_a_checkpoint_of_another_plan_is_not_taken_up(tmp_path: Path) -> None:
    Training(tmp_path, PLAN, model(), examples(), losses).run()
    other = replace(PLAN, learning_rate=1e-3)
    again = Training(tmp_path, other, model(), examples(), losses)
    assert again.step == 0
    assert curves(tmp_path) == []
    assert list(tmp_path.glob("*.other.pt"))  # what was trained before is not lost


def test_a_checkpoint_of_another_loss_is_not_taken_up(tmp_path: Path) -> None:
    Training(tmp_path, PLAN, model(), examples(), losses, "lambda 0.3").run()
    assert Training(tmp_path, PLAN, model(), examples(), losses, "lambda 0.3").step == PLAN.steps
    assert Training(tmp_path, PLAN, model(), examples(), losses, "lambda 1.0").step == 0


def test_every_example_is_met_once_an_epoch() -> None:
    assert sorted(order(10, 0, 0)) == list(range(10))
    assert order(10, 0, 0) != order(10, 0, 1)
    assert order(10, 0, 0) != order(10, 1, 0)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 100) for step in range(100)]
    assert max(rates) == 1.0
    assert rates.index(1.0) <= 5
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0.1 <= rates[-1] < 0.11


def test_a_student_is_some_layers_of_the_base_in_the_same_memory() -> None:
    base = tiny("llama")
    student = student_of(base, [0, 2])
    assert student.config.num_hidden_layers == 2
    assert base.config.num_hidden_layers == len(base.model.layers) > 2
    theirs = {p.data_ptr() for p in base.parameters()}
    assert all(p.data_ptr() in theirs for p in student.parameters())
    ids = examples(1)[0].ids[None]
    with torch.inference_mode():
        at_once = student(ids).logits[0, -1]
        cached = student(ids[:, :-1], use_cache=True)
        last = student(ids[:, -1:], past_key_values=cached.past_key_values).logits[0, -1]
        torch.testing.assert_close(at_once, last, rtol=1e-4, atol=1e-4)
        before = base(ids).logits
    with_adapter(student, 4, 8, 0)
    with torch.inference_mode():
        assert torch.equal(base(ids).logits, before)
    assert not any("lora_" in name for name, _ in base.named_parameters())


@pytest.mark.parametrize("layers", [[], [2, 0], [0, 0], [0, 99], [-1, 0]])
def test_layers_that_the_base_does_not_have_are_refused(layers: list[int]) -> None:
    with pytest.raises(ModelError, match="has no layers"):
        student_of(tiny("llama"), layers)


def test_decisions_and_losses_are_summed_in_float32_whatever_the_products_are_in() -> None:
    adapted, example = model(), examples(1)[0]
    with torch.no_grad():
        (exact,) = losses(adapted, [example])
    with torch.no_grad(), products_in(Precision.BFLOAT16, "cpu"):
        (half,) = losses(adapted, [example])
    for name, value in half.items():
        assert value.dtype == torch.float32
        assert float(value) == pytest.approx(float(exact[name]), rel=0.02)
        assert float(value) != float(exact[name]), "the products are in bfloat16"


def test_frozen_weights_in_bfloat16_change_no_number_and_come_back() -> None:
    def gradients(adapted: Any) -> list[torch.Tensor]:
        adapted.zero_grad()
        with products_in(Precision.BFLOAT16, "cpu"):
            (found,) = losses(adapted, examples(1))
        found["total"].backward()
        return [p.grad.clone() for p in adapted.parameters() if p.grad is not None]

    adapted = model()
    before = {name: p.detach().clone() for name, p in adapted.named_parameters()}
    plain = gradients(adapted)
    with frozen_in(Precision.BFLOAT16, adapted):
        kinds = {p.dtype for p in adapted.parameters()}
        assert kinds == {torch.float32, torch.bfloat16}
        converted = gradients(adapted)
    assert len(plain) == len(converted) > 0
    for one, other in zip(plain, converted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    for name, p in adapted.named_parameters():
        assert torch.equal(p, before[name])
