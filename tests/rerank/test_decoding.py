"""Decoding as it is stored, and as a model can do it."""

from dataclasses import asdict

import pytest

from core.errors import InputError
from core.rerank.base import Decoding, Mode, parse_mode
from core.systems import RunConfig


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_stored_comes_back(mode: Mode) -> None:
    decoding = Decoding(seed=3, mode=mode)
    assert Decoding.from_json(asdict(decoding)) == decoding


def test_a_run_stored_before_there_were_modes_opens_as_what_it_was() -> None:
    config = RunConfig("icd", "base", "{document} {candidates}").to_json()
    del config["decoding"]["mode"]
    decoding = RunConfig.from_json(config).decoding
    assert decoding.mode is Mode.OWN
    assert decoding.prompt_lookup == 10, "as recorded"


def test_prompt_lookup_belongs_to_fast_mode() -> None:
    assert Decoding(prompt_lookup=7).resolved(Mode.FAST).prompt_lookup == 7
    assert Decoding(prompt_lookup=7).resolved(Mode.REFERENCE) == Decoding(
        prompt_lookup=0, mode=Mode.REFERENCE
    )


def test_only_two_modes_can_be_asked_for() -> None:
    assert parse_mode("reference") is Mode.REFERENCE
    for name in ("own", "Fast", ""):
        with pytest.raises(InputError, match="fast or reference"):
            parse_mode(name)
