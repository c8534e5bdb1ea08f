"""What a session limits, and what a machine brings along: told in a sentence, or kept out."""

import ast
import builtins
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from report import doctor
from report.errors import MachineError, describe_error
from report.operations.limits import check_session_limits
from tests.support import ROOT

GIB = 1 << 30


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """Give limits that the session seems to have."""
    limits = {
        resource.RLIMIT_NOFILE: (1024, 4096),
        resource.RLIMIT_AS: (resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    }
    monkeypatch.setattr(resource, "getrlimit", limits.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    return limits


def test_a_usual_session_is_left_as_it_is(limit: dict[int, tuple[int, int]]) -> None:
    before = dict(limit)
    check_session_limits()
    assert limit == before


def test_too_few_open_files_are_raised_or_told(limit: dict[int, tuple[int, int]]) -> None:
    limit[resource.RLIMIT_NOFILE] = (48, 4096)
    check_session_limits()
    assert limit[resource.RLIMIT_NOFILE] == (256, 4096)

    limit[resource.RLIMIT_NOFILE] = (24, 24)
    with pytest.raises(
        MachineError, match=r"may have 24 files open at once, and a run needs up to 256\. Allow more \(ulimit -n\)"
    ):
        check_session_limits()


def test_too_few_addresses_are_told(limit: dict[int, tuple[int, int]]) -> None:
    """V8 would end the process by a signal."""
    limit[resource.RLIMIT_AS] = (4 * GIB, 4 * GIB)
    with pytest.raises(MachineError, match=r"addresses to 4\.0 GiB \(ulimit -v\)"):
        check_session_limits()
    limit[resource.RLIMIT_AS] = (100 * GIB, 100 * GIB)
    check_session_limits()


def test_the_command_ends_with_that_sentence(tmp_path: Path) -> None:
    """The real one, under a real limit: exit code 1 and no signal."""
    command = (
        f"ulimit -v 4000000; exec {sys.executable} -m report report --data data/2026-10.csv --output {tmp_path}/out"
    )
    ended = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "limits a program's addresses to 3.8 GiB (ulimit -v)" in ended.stderr


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "No space left on device. Make room there, and run again."),
        (errno.EACCES, "Permission denied. Give permission, and run again."),
        (errno.EROFS, "Read-only file system. Name a folder that can be written to, and run again."),
        (errno.EMFILE, "Too many open files. Allow more open files (ulimit -n 1024), and run again."),
        (errno.ENOENT, "No such file or directory. Restore it, and run again."),
        (errno.EFBIG, "File too large. Allow larger files (ulimit -f), and run again."),
        (errno.EIO, "Input/output error. Look after that disk, and run again."),
        (errno.EXDEV, "Invalid cross-device link. Correct that, and run again."),
    ],
)
def test_each_fault_of_the_system_has_its_own_remedy(number: int, remedy: str) -> None:
    assert describe_error(OSError(number, "x", "/a/b")) == f"/a/b: {remedy}"


def test_doctor_runs_under_python_3_6() -> None:
    """It parses there, and no annotation or assignment asks a built-in type for its parts when the module is read."""
    tree = ast.parse(Path(doctor.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))
    subscripts = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in dir(builtins)
    ]
    unions = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]

    assert subscripts == unions == []


def _fake_environment(folder: Path, script: str) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for empty in ("requirements.txt", "pyproject.toml", ".venv/.installed", ".venv/.quarto-tried"):
        (folder / empty).write_text("")
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


@pytest.mark.parametrize("target", ["report", "send"])
def test_a_signal_to_make_alone_reaches_python(tmp_path: Path, target: str) -> None:
    """As `systemctl stop` with KillMode=process, and a CI's cancel, send it."""
    _fake_environment(tmp_path, "trap 'touch stopped; exit 130' TERM; touch begun; while :; do sleep 0.05; done")
    with subprocess.Popen(["make", target], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as make:
        end = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < end:
            time.sleep(0.02)
        make.send_signal(signal.SIGTERM)
        make.communicate(timeout=60)

    while not (tmp_path / "stopped").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert (tmp_path / "stopped").exists()


def test_no_variable_of_python_s_own_reaches_a_run(tmp_path: Path) -> None:
    """PYTHONPATH may name another `report`, and PYTHONSAFEPATH keeps ours from being found."""
    _fake_environment(tmp_path, 'env | grep ^PYTHON > seen; printf "%s" "$*" >> seen')
    names = ("PATH", "HOME", "SAFEPATH", "WARNINGS", "OPTIMIZE", "STARTUP", "USERBASE")
    foreign = {f"PYTHON{name}": "/elsewhere" for name in names}
    subprocess.run(["make", "report"], cwd=tmp_path, env=os.environ | foreign, check=True)
    seen = (tmp_path / "seen").read_text()

    assert "-m report report" in seen
    assert "/elsewhere" not in seen


@pytest.mark.parametrize(("installed", "again"), [("/elsewhere\n", True), ("{folder}\n", False), ("", False)])
def test_an_environment_that_was_moved_is_set_up_again(tmp_path: Path, installed: str, again: bool) -> None:  # noqa: FBT001
    """A copied checkout would run the code of the one that it was copied from."""
    _fake_environment(tmp_path, 'printf "%s\\n" "$*" >> called')
    (tmp_path / ".venv" / ".installed").write_text(installed.format(folder=tmp_path))
    for _ in range(2):
        subprocess.run(["make", "report"], cwd=tmp_path, check=True, capture_output=True)
    calls = (tmp_path / "called").read_text().splitlines()

    assert sum("pip install" in call and call.endswith("-e .") for call in calls) == again
    assert sum("-m report report" in call for call in calls) == 2
    if installed:
        assert (tmp_path / ".venv" / ".installed").read_text() == f"{tmp_path}\n"
