"""Models of the Hugging Face hub."""

from typing import Any

import pytest

from core.errors import ModelError
from core.models import loading


@pytest.mark.parametrize("here", [True, False])
def test_the_hub_is_asked_only_for_what_is_not_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    asked_hub: list[bool] = []

    def read(name: str, dtype: Any, *, local_files_only: bool = False, **_: Any) -> Any:
        asked_hub.append(not local_files_only)
        if local_files_only and not here:
            raise ModelError("not here", "fetch it")
        return "model", "tokenizer"

    monkeypatch.setattr(loading, "_read", read)
    assert loading.read_hub("somebody/model", "float32") == ("model", "tokenizer")
    assert asked_hub == ([False] if here else [False, True])
