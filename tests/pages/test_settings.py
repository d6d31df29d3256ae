"""The Settings page: models are added after a test, with clear errors; keys are never stored."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import local_person
from core.models.base import ModelKind, ModelSpec
from db.models_added import add_model, added_models
from pages.parts.installation import shown_url
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of

URL, SERVED, KEY = "model_url", "model_served", "model_key_env"


def added() -> list[ModelSpec]:
    with saved.store().read() as session:
        return added_models(session)


def fill(app: AppTest, kind: ModelKind, **fields: str) -> None:
    app.get_by_key("model_kind").set_value(kind)
    run(app)
    for key, value in fields.items():
        app.text_input(key=key).set_value(value)


def press(app: AppTest, label: str) -> None:
    app.button(key={"Test": "model_test", "Test and add": "model_add"}[label]).click()
    run(app)


def test_the_packaged_model_is_there(open_page: Open) -> None:
    assert "SmolLM2-135M-Instruct" in words_of(open_page("settings"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_name": "m", "model_path": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"model_name": "", "model_path": "/nowhere"}, "needs a name"),
        ({"model_name": "m", "model_path": ""}, "not said where the model is"),
    ],
)
def test_a_local_model_that_cannot_be_used_is_refused(
    open_page: Open, fields: dict[str, str], said: str
) -> None:
    app = open_page("settings")
    fill(app, ModelKind.LOCAL, **fields)
    press(app, "Test and add")
    assert said in html_of(app)
    assert added() == []


def test_a_folder_with_only_a_pickle_is_refused(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    app = open_page("settings")
    fill(app, ModelKind.LOCAL, model_name="m", model_path=str(tmp_path))
    press(app, "Test and add")
    assert "pytorch_model.bin" in html_of(app)
    assert added() == []


def test_a_hub_id_is_checked_and_added(open_page: Open) -> None:
    app = open_page("settings")
    fill(app, ModelKind.HUB, model_name="mine", model_hub_id="owner/na me")
    press(app, "Test and add")
    assert "not a Hugging Face id" in html_of(app)
    app.text_input(key="model_hub_id").set_value("owner/name")
    press(app, "Test and add")
    assert [(m.name, m.kind, m.location) for m in added()] == [
        ("mine", ModelKind.HUB, "owner/name")
    ]
    assert "mine" in words_of(app)


def test_an_endpoint_that_refuses_is_not_added(open_page: Open) -> None:
    app = open_page("settings")
    fill(app, ModelKind.ENDPOINT, model_name="m", model_url="http://127.0.0.1:9/v1",
         model_served="x")  # fmt: skip
    press(app, "Test and add")
    assert 'role="alert"' in html_of(app)
    assert added() == []


@pytest.mark.parametrize("url", ["127.0.0.1:8080/v1", "file:///etc/passwd", "javascript:alert(1)"])
def test_an_address_that_is_none_is_refused(open_page: Open, url: str) -> None:
    app = open_page("settings")
    fill(app, ModelKind.ENDPOINT, model_name="m", model_url=url, model_served="x")
    press(app, "Test")
    assert "http://" in html_of(app)
    assert added() == []


def test_a_key_typed_for_its_variables_name_is_refused_and_not_repeated(open_page: Open) -> None:
    app = open_page("settings")
    fill(app, ModelKind.ENDPOINT, model_name="m", model_url="http://127.0.0.1:9/v1",
         model_served="x", model_key_env="sk-secret-123")  # fmt: skip
    press(app, "Test and add")
    assert "name of an environment variable" in html_of(app)
    assert "sk-secret" not in html_of(app) + words_of(app)
    assert added() == []


def test_a_model_can_be_removed(open_page: Open) -> None:
    with saved.store().write() as session:
        add_model(session, local_person(), ModelSpec("x", ModelKind.HUB, "owner/name"))
    app = open_page("settings")
    app.button(key="remove_x").click()
    run(app)
    assert added() == []


def test_the_endpoints_key_variable_is_said_to_be_set_or_not(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "hidden-value")
    spec = ModelSpec("x", ModelKind.ENDPOINT, "http://127.0.0.1:9/v1", api_key_env="MY_KEY")
    with saved.store().write() as session:
        add_model(session, local_person(), spec)
    drawn = html_of(open_page("settings"))
    assert "MY_KEY (set)" in drawn
    assert "hidden-value" not in drawn


def test_names_of_models_are_shown_inert(open_page: Open) -> None:
    with saved.store().write() as session:
        add_model(
            session, local_person(), ModelSpec("<img src=x>", ModelKind.HUB, "<b>owner</b>/x")
        )
    app = open_page("settings")
    assert "<img" not in html_of(app)
    assert "<b>" not in html_of(app)


def test_the_installation_is_described(open_page: Open, home: Path) -> None:
    app = open_page("settings", settings_tab="This installation")
    drawn = html_of(app)
    assert str(home) in drawn
    assert "streamlit" in drawn
    assert "Health" in words_of(app)


def test_the_databases_password_is_hidden() -> None:
    assert shown_url("postgresql+psycopg://me:secret@db/x") == "postgresql+psycopg://me:***@db/x"


def test_the_annotators_name_can_be_given(open_page: Open) -> None:
    app = open_page("settings", settings_tab="You")
    app.text_input(key="settings_name").set_value("Ada </script>")
    run(app)
    assert app.session_state["annotator_name"] == "Ada </script>"
    assert "phaselens_annotator=Ada%20%3C%2Fscript%3E" in html_of(app)
