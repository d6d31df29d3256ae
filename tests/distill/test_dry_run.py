"""What is too large for this machine is checked without its weights."""

from dataclasses import replace

import pytest
import yaml

from core.distill.dry_run import FSDP, STUDENT, TEACHER, dry_run
from core.errors import ModelError

SMALL = replace(
    STUDENT, name="small", hidden_size=64, intermediate_size=128, num_hidden_layers=4,
    num_attention_heads=8, num_key_value_heads=4, vocab_size=1000,
)  # fmt: skip


def test_the_70b_teacher_and_the_8b_student_fit_into_eight_cards_and_not_into_two() -> None:
    found = dry_run(TEACHER, STUDENT, cards=8, memory_gib=80, tokens=768)
    assert found["fits"]
    assert found["teacher"]["parameters_1e9"] == pytest.approx(70.6, abs=0.3)
    assert found["student"]["parameters_1e9"] == pytest.approx(8.05, abs=0.1)
    weights = 2 * 70.6e9 / 2**30
    cut = 8 * found["teacher"]["cut_gib"]
    assert weights - 17 < cut < weights, "all but what projects heads back, embeddings and norms"
    assert not dry_run(TEACHER, STUDENT, cards=2, memory_gib=80, tokens=768)["fits"]


def test_longer_texts_take_more() -> None:
    short, long = (dry_run(SMALL, SMALL, 2, 80, tokens) for tokens in (200, 400))
    for role in ("teacher", "student"):
        assert long[role]["trained_pass_gib"] > 1.9 * short[role]["trained_pass_gib"]
        assert long[role]["weights_gib"] == short[role]["weights_gib"]


def test_other_vocabularies_are_refused() -> None:
    with pytest.raises(ModelError, match="other vocabularies"):
        dry_run(TEACHER, replace(SMALL, vocab_size=999), 8, 80, 200)


def test_the_configuration_is_one_that_accelerate_reads() -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(FSDP))
    assert read.distributed_type == "FSDP"
    assert read.fsdp_config == yaml.safe_load(FSDP.read_text())["fsdp_config"]
    assert str(read.fsdp_config["fsdp_version"]) == "2", "which core/distill/sharding.py asks for"
