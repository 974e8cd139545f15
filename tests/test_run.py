"""The script `run`: what it says before anything is installed.  What it does is tested by whoever uses it, CI first."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "run"


@pytest.fixture
def checkout(tmp_path):
    """A checkout with nothing installed, under a name that is no Python identifier."""
    folder = tmp_path / "here-abouts 1"
    folder.mkdir()
    shutil.copy(SCRIPT, folder / "run")
    (folder / "setup.py").write_text("")
    return folder


def run(folder, *argv, **environment):
    return subprocess.run(
        [str(folder / "run"), *argv], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def fake(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def installed(folder):
    """An environment whose programs say what they were asked, and the stamp that says it is complete."""
    fake(folder / ".venv/bin/python", 'echo "python $* in $(pwd)"')
    fake(folder / ".venv/bin/hereabouts", 'echo "hereabouts $* in $(pwd)"')
    checksum = subprocess.run(["cksum"], stdin=(folder / "setup.py").open(), capture_output=True, text=True).stdout
    for extras in ("speed", "speed-tests"):
        (folder / f".venv/installed-{extras}-{checksum.replace(' ', '').strip()}").touch()


@pytest.mark.parametrize("argv", [[], ["help"], ["--help"]])
def test_without_arguments_it_explains_itself(checkout, argv):
    result = run(checkout, *argv)
    assert result.returncode == 0 and "./run demo" in result.stdout and "./run test" in result.stdout
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("python", ["/nowhere/python3", "false"])
def test_without_a_python_that_is_new_enough_it_says_so(checkout, python):
    result = run(checkout, "demo", PYTHON=python)
    assert result.returncode == 1 and "Python 3.11 or newer is needed" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_cannot_make_environments(checkout, tmp_path):
    python = tmp_path / "python3"
    fake(python, 'case "$1" in -c) exit 0;; esac; exit 1')
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("basename", "cksum", "dirname", "id", "rm", "sh", "tr"):
        (tools / tool).symlink_to(shutil.which(tool))
    result = run(checkout, "demo", PYTHON=str(python), PATH=str(tools))
    assert result.returncode == 1 and "install its venv module" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_failed_installation_is_tried_again_the_next_time(checkout):
    fake(checkout / ".venv/bin/python", "exit 1")
    for _ in range(2):
        result = run(checkout, "demo")
        assert result.returncode == 1 and "the installation failed" in result.stderr


def test_once_installed_it_passes_everything_on_from_where_you_are(checkout, tmp_path):
    installed(checkout)
    result = subprocess.run(
        [str(checkout / "run"), "user", "add", "a b", "--json"], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.stdout == f"hereabouts user add a b --json in {tmp_path}\n"


def test_another_setup_py_is_installed_anew(checkout):
    installed(checkout)
    (checkout / "setup.py").write_text("# changed")
    fake(checkout / ".venv/bin/python", 'echo "$*" >>installs')
    assert run(checkout, "demo").stdout == f"hereabouts demo in {Path.cwd()}\n"
    assert (checkout / "installs").read_text().endswith("--editable .[speed]\n")
    run(checkout, "demo")
    assert (checkout / "installs").read_text().count("\n") == 1


def test_tests_run_in_a_copy_when_the_folders_name_is_none_for_a_package(checkout):
    installed(checkout)
    (checkout / "var").mkdir()
    result = run(checkout, "test", "-k", "something")
    copy = checkout / ".venv/copy/hereabouts"
    assert result.stdout == f"python -m pytest -n auto -k something in {copy}\n"
    assert (copy / "run").exists() and not (copy / "var").exists() and not (copy / ".venv").exists()


def test_tests_run_in_place_when_it_is_one(checkout):
    installed(checkout)
    place = checkout.rename(checkout.with_name("hereabouts_2"))
    assert run(place, "test").stdout == f"python -m pytest -n auto in {place}\n"
