"""Rendering by the Quarto command line, where it is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from report.errors import RenderError
from report.rendering.page import finish_page

_TIMEOUT_SECONDS = 600  # seconds
_ANSI_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class QuartoEngine:
    """The Quarto command line."""

    command: str
    name: str = "quarto"

    @classmethod
    def find_installed(cls) -> Self | None:
        """Return Quarto from this environment, else the path.

        The package `quarto-cli` puts it beside this Python.
        """
        beside = Path(sys.executable).with_name("quarto")
        command = str(beside) if beside.exists() else shutil.which("quarto")
        return cls(command) if command else None

    def get_version(self) -> str:
        """Return the version that renders."""
        return self._run_quarto(["--version"], Path.cwd(), "--version").stdout.strip()

    def warm_up(self, folder: Path) -> AbstractContextManager[None]:  # noqa: ARG002 - Quarto starts its own
        """Do nothing ahead."""
        return nullcontext()

    def render(self, document: Path, facts: Path) -> Path:
        """Render a .qmd to an HTML file beside it."""
        # no daemon: its kernel would outlive the run, and keep what the run imported
        arguments = ["render", document.name, "--to", "html", "--no-execute-daemon", "-P", f"facts:{facts}"]
        page = document.with_suffix(".html")
        page.unlink(missing_ok=True)
        done = self._run_quarto(arguments, document.parent, document.name)
        if not page.exists():  # a failing post-render hook may still exit with 0
            raise RenderError(
                f"{document.name}: Quarto made no {page.name}. It said: {_extract_error(done.stdout + done.stderr)}."
            )
        return finish_page(page, document, facts)

    def _run_quarto(self, arguments: list[str], folder: Path, what: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "QUARTO_PYTHON": sys.executable,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "NO_COLOR": "1",
            "JUPYTER_PATH": str(_write_kernel(folder)),
        }
        try:
            done = subprocess.run(
                [self.command, *arguments],
                cwd=folder,
                env=environment,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RenderError(f"{what}: Quarto at {self.command} can't be run ({error}).") from error
        if done.returncode:
            raise RenderError(
                f"{what}: Quarto ended with {done.returncode}: {_extract_error(done.stderr or done.stdout)}."
            )
        return done


def _write_kernel(folder: Path) -> Path:
    """Return a folder with a kernel that is this Python.

    Jupyter looks there first. A `python3` of somebody's home or of another JUPYTER_PATH would run the cells with other packages.
    """
    jupyter = folder / ".jupyter"
    kernel = jupyter / "kernels" / "python3" / "kernel.json"
    if folder.name == "report" and not kernel.exists():  # a workspace's documents
        kernel.parent.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel.write_text(
            json.dumps({"argv": words, "display_name": "Python 3", "language": "python"}), encoding="utf-8"
        )
    return jupyter


def _extract_error(text: str) -> str:
    """Return Quarto's error message, else its last line."""
    text = _ANSI_ESCAPE.sub("", text).partition("Stack trace:")[0]
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("WARN: Error encountered")] or ["nothing"]
    begin = next((n for n, line in enumerate(lines) if line.startswith("ERROR:")), len(lines) - 1)
    return " ".join(lines[begin : begin + 3])[:400].rstrip(".")
