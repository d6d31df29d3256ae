"""One Settings object, from the environment and phaselens.toml in the home folder."""

import os
import tomllib
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.annotation.people import Role
from core.errors import InputError


def default_home() -> Path:
    """PHASELENS_HOME, else the platform's user data folder."""
    chosen = os.environ.get("PHASELENS_HOME")
    return Path(chosen).expanduser() if chosen else user_data_path("phaselens")


class Settings(BaseSettings):
    """Folders, database and limits. Environment names start with PHASELENS_."""

    model_config = SettingsConfigDict(env_prefix="PHASELENS_", extra="ignore")

    home: Path = Field(default_factory=default_home)
    database_url: str = ""
    threads: int = Field(default=0, ge=0, description="torch threads; 0 = every core we may use")
    max_text_chars: int = Field(default=200_000, ge=1, description="longest text accepted")
    prepare: bool = Field(
        default=False, description="build the first index and load the model at app start"
    )
    shipped_results: bool = Field(
        default=True, description="bring the results that ship into the store"
    )
    max_upload_mb: int = Field(default=200, ge=1)
    admins: str = Field(default="", description="e-mail addresses of admins, with commas between")
    first_role: Role = Field(default=Role.VIEWER, description="of who signs in for the first time")
    require_sign_in: bool = Field(
        default=False, description="show nothing while sign-in is not configured"
    )
    sign_in_hours: int = Field(default=24, ge=1, description="how long a sign-in is good for")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=default_home() / "phaselens.toml")
        return (init_settings, env_settings, toml)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL: `database_url`, else SQLite in the home folder."""
        if self.database_url:
            return self.database_url
        from sqlalchemy.engine.url import URL  # here: help and errors load no SQLAlchemy

        url = URL.create("sqlite", database=str(self.home / "phaselens.db"))
        return url.render_as_string(hide_password=False)

    @property
    def admin_emails(self) -> frozenset[str]:
        return frozenset(filter(None, map(str.strip, self.admins.split(","))))

    @property
    def secrets_file(self) -> Path:
        """How people sign in: an [auth] section, as Streamlit reads it (docs/people.md)."""
        return self.home / "secrets.toml"

    @property
    def datasets_dir(self) -> Path:
        return self.home / "datasets"

    @property
    def packages_dir(self) -> Path:
        """Fetched packages that datasets are built from."""
        return self.home / "packages"

    @property
    def indexes_dir(self) -> Path:
        return self.home / "indexes"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def cache_dir(self) -> Path:
        return self.home / "cache"

    @property
    def adapters_dir(self) -> Path:
        return self.home / "adapters"

    @property
    def jobs_dir(self) -> Path:
        return self.home / "jobs"

    def torch_threads(self) -> int:
        """Threads for torch: the setting, else every core this process may use."""
        if self.threads:
            return self.threads
        if hasattr(os, "sched_getaffinity"):  # not on macOS
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


def load_settings() -> Settings:
    """Reads the environment and phaselens.toml afresh (cheap; no global state).

    Raises InputError for a value that cannot be used and a file that is no TOML.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise InputError(
            f"The setting {name} cannot be {first['input']!r}: {first['msg']}.",
            f"Mend PHASELENS_{name.upper()}, or {name} in phaselens.toml.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(
            f"{default_home() / 'phaselens.toml'} cannot be read: {error}.",
            "Mend the file, or move it away.",
        ) from error
