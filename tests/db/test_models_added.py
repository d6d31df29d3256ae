"""Models that the user added come back as they were, under names of their own."""

import pytest

from core.errors import InputError, UnknownNameError
from core.models.base import ModelKind, ModelSpec
from db.models_added import add_model, added_models, remove_model
from db.session import Store
from tests.db.asked import ADA

LOCAL = ModelSpec("my model", ModelKind.LOCAL, "/models/mine", "float32")
SERVER = ModelSpec(
    "team", ModelKind.ENDPOINT, "http://127.0.0.1:8000/v1", served_model="m", api_key_env="KEY"
)


def test_added_models_come_back_in_the_order_they_were_added(store: Store) -> None:
    with store.write() as session:
        add_model(session, ADA, SERVER)
        add_model(session, ADA, LOCAL)
    with store.read() as session:
        assert added_models(session) == [SERVER, LOCAL]
    with store.write() as session:
        remove_model(session, ADA, "team")
        assert added_models(session) == [LOCAL]


@pytest.mark.parametrize("name", ["my model", "MY MODEL", "base", "Base"])
def test_a_name_is_used_once_and_base_never(store: Store, name: str) -> None:
    with store.write() as session:
        add_model(session, ADA, LOCAL)
        with pytest.raises(InputError, match="already"):
            add_model(session, ADA, ModelSpec(name, ModelKind.HUB, "org/model"))


@pytest.mark.parametrize("name", ["", " x", "x" * 101, "a\nb", "\x00"])
def test_a_name_that_cannot_be_shown_is_refused(store: Store, name: str) -> None:
    with store.write() as session, pytest.raises(InputError, match="cannot be"):
        add_model(session, ADA, ModelSpec(name, ModelKind.HUB, "org/model"))


def test_removing_what_is_not_there_is_refused(store: Store) -> None:
    with store.write() as session, pytest.raises(UnknownNameError):
        remove_model(session, ADA, "nothere")
