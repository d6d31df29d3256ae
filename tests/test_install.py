"""What requirements/install.sh looks for, and how it goes on; in a copy, with pip left out."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("sh", "cat", "date", "dirname", "mkdir", "rm")  # all that it needs beside Python
STEPS = ["app.lock", "torch.in", "native.lock", "packaged.lock", "-e ."]

# The venv's Python: the real one, but for pip, which is only noted, and for what `trouble` says.
PYTHON = """#!/bin/sh
trouble=$(cat "{copy}/trouble" 2>/dev/null)
case "$*" in
    *"-m pip"*)
        echo "$*" >>"{copy}/calls"
        case "$trouble $*" in
            kill*native.lock*) kill -KILL $PPID; exit 1 ;;
            fail*native.lock*) exit 1 ;;
        esac ;;
    *Python.h*) if [ "$trouble" = headers ]; then echo /nowhere/Python.h; else echo /dev/null; fi ;;
    *) exec "{python}" "$@" ;;
esac
"""


@dataclass
class Checkout:
    """A copy of what the install reads, and a PATH of its own."""

    folder: Path
    path: Path

    def install(self, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.path / "sh", self.folder / "requirements" / "install.sh", "app"],
            env={"PATH": str(self.path), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def tool(self, name: str, script: str) -> Path:
        file = self.path / name
        file.write_text(script)
        file.chmod(0o755)
        return file

    def trouble(self, what: str) -> None:
        (self.folder / "trouble").write_text(what)

    def with_venv(self) -> None:
        """As `python -m venv` leaves it, which the script does first."""
        (self.folder / ".venv" / "bin").mkdir(parents=True)
        (self.folder / ".venv" / ".stamps").mkdir()
        python = self.folder / ".venv" / "bin" / "python"
        python.write_text(PYTHON.format(copy=self.folder, python=sys.executable))
        python.chmod(0o755)

    def installed(self) -> list[str]:
        """What pip was called for, in order, since the last time this was asked."""
        calls = self.folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return [step for line in lines for step in STEPS if line.endswith(step)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder, path = tmp_path / "checkout", tmp_path / "bin"
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    shutil.copy(ROOT / "pyproject.toml", folder)
    path.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (path / name).symlink_to(found)
    return Checkout(folder, path)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """With a venv and a compiler."""
    checkout.with_venv()
    checkout.tool("c++", "#!/bin/sh\n")
    return checkout


def test_without_python_it_says_which_one_is_needed_and_stops(checkout: Checkout) -> None:
    done = checkout.install()
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt-get install python3" in done.stderr


@pytest.mark.parametrize("named", ["too-old", "not-there"])
def test_a_named_python_that_does_not_do_is_refused_and_not_replaced(
    checkout: Checkout, named: str
) -> None:
    checkout.tool("too-old", "#!/bin/sh\n[ $1 = --version ] && echo Python 3.8.1\nexit 1\n")
    (checkout.path / "python3").symlink_to(sys.executable)  # would do
    done = checkout.install(PYTHON=named)
    assert done.returncode == 1
    assert f"PYTHON={named} is not Python 3.11 or newer" in done.stderr
    assert ("Python 3.8.1" in done.stderr) == (named == "too-old")
    assert not (checkout.folder / ".venv").exists()


def test_without_a_compiler_it_says_so_before_anything_is_fetched(checkout: Checkout) -> None:
    checkout.with_venv()
    done = checkout.install()
    assert done.returncode == 1
    assert "no C++ compiler found" in done.stderr
    assert "apt-get install g++" in done.stderr
    assert checkout.installed() == []


def test_without_pythons_headers_it_says_so_before_anything_is_fetched(ready: Checkout) -> None:
    ready.trouble("headers")
    done = ready.install()
    assert done.returncode == 1
    assert "Python headers are missing (/nowhere/Python.h)" in done.stderr
    assert ready.installed() == []


@pytest.mark.parametrize("how", ["kill", "fail"])
def test_an_install_that_ended_in_the_middle_goes_on_where_it_was(
    ready: Checkout, how: str
) -> None:
    ready.trouble(how)
    assert ready.install().returncode != 0
    assert ready.installed() == STEPS[:3]
    ready.trouble("")
    again = ready.install()
    assert again.returncode == 0, again.stderr
    assert ready.installed() == STEPS[2:]
    assert ready.install().stdout == ""
    assert ready.installed() == []


def test_a_changed_lock_is_installed_again_and_nothing_else(ready: Checkout) -> None:
    assert ready.install().returncode == 0
    assert ready.installed() == STEPS
    with (ready.folder / "requirements" / "packaged.lock").open("a") as lock:
        lock.write("# changed\n")
    (ready.path / "c++").unlink()  # not needed: what is compiled is there
    assert ready.install().returncode == 0
    assert ready.installed() == ["packaged.lock"]


def test_a_half_made_venv_is_made_again(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / "bin").mkdir(parents=True)  # no stamps: it was never finished
    (checkout.folder / ".venv" / "half").touch()
    checkout.tool(
        "python3", f'#!/bin/sh\n[ "$2" = venv ] && exit 1\nexec "{sys.executable}" "$@"\n'
    )
    done = checkout.install()
    assert done.returncode == 1
    assert "venv module is missing" in done.stderr
    assert not (checkout.folder / ".venv" / "half").exists()
