"""README's examples for a month without hands: each is what its scheduler can read, and calls what there is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FIELD = r"(\*|\d+(-\d+)?)(/\d+)?(,(\d+(-\d+)?)(/\d+)?)*"


def examples(language: str) -> list[str]:
    """Give README's fenced examples in a language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_cron_can_read_its_line() -> None:
    (example,) = examples("cron")
    (line,) = example.splitlines()

    assert re.fullmatch(rf"({FIELD} ){{5}}\S.*", line)
    assert "%" not in line  # which cron takes for the end of a line


def test_systemd_can_read_its_units(tmp_path: Path) -> None:
    """Two units, named in their first lines; the timer's time is one that systemd understands."""
    units = {re.match(r"# (\S+)\n", text)[1]: text for text in examples("ini")}
    assert set(units) == {"listener-segments.service", "listener-segments.timer"}
    assert "ExecStart=/usr/bin/make unattended" in units["listener-segments.service"]
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in units]
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    said = [line for line in found.stderr.splitlines() if "listener-segments" in line]
    assert said == []

    when = re.search(r"OnCalendar=(.*)", units["listener-segments.timer"])[1]
    subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=True)


def test_github_can_read_its_workflow() -> None:
    """YAML, with what a workflow must have, and a cron line that says the same as cron's."""
    (example,) = examples("yaml")
    workflow = yaml.safe_load(example)
    (job,) = workflow["jobs"].values()

    assert set(workflow) == {"name", True, "concurrency", "jobs"}  # YAML 1.1 reads `on` as true
    assert examples("cron")[0].startswith(workflow[True]["schedule"][0]["cron"])
    assert job["runs-on"] == "self-hosted"  # else the ledger would be gone the next month
    assert [set(step) & {"uses", "run"} for step in job["steps"]] == [{"uses"}, {"run"}]
    assert job["steps"][0]["with"] == {"clean": False}


def test_what_the_examples_call_is_there() -> None:
    """Each `make` target and each variable that README names."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in ("report", "send", "notify", "unattended"):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    for name in set(re.findall(r"make send ([A-Z]+)=", text)) | {"CONFIRM"}:
        assert f"$${name}" in makefile


@pytest.mark.parametrize(
    "name", ["a'b.csv", 'a"; touch hacked; ".csv', "a`touch hacked`.csv", "two words $HOME.csv"]
)
def test_a_file_may_be_called_anything(tmp_path: Path, name: str) -> None:
    """What the shell would read as quotes or commands comes to Python letter by letter; `$` is make's own, written twice."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for empty in ("requirements.txt", "pyproject.toml", ".venv/.installed", ".venv/.quarto-tried"):
        (tmp_path / empty).write_text("")
    (folder / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
    (folder / "python").chmod(0o755)
    doubled = name.replace("$", "$$")
    subprocess.run(["make", "report", f"DATA={doubled}", "MONTH=2026-10"], cwd=tmp_path, check=True)

    said = (tmp_path / "called").read_text().splitlines()
    assert said[3:5] == ["--data", name]
    assert said[said.index("--engine") + 1] == "auto"
    assert not (tmp_path / "hacked").exists()


def test_unattended_fails_if_the_report_does(tmp_path: Path) -> None:
    """And then sends nothing, and tells the owner: run with a `python` that notes what it is called for."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    python = folder / "python"
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    for name in (".installed", ".quarto-tried"):
        (tmp_path / ".venv" / name).write_text("")
    for fails, calls, good in (
        ("none", "report send", True),
        ("report", "report notify", False),
        ("send", "report send notify", False),
    ):
        python.write_text(f'#!/bin/sh\necho "$3" >> calls\ntest "$3" != {fails}\n')
        python.chmod(0o755)
        (tmp_path / "calls").unlink(missing_ok=True)
        ended = subprocess.run(["make", "unattended"], cwd=tmp_path, capture_output=True, check=False)

        assert (tmp_path / "calls").read_text().split() == calls.split()
        assert (ended.returncode == 0) == good
