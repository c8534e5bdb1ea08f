"""Rendering by the Quarto command line, where it is installed."""

import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from report.engines.titles import entitled
from report.errors import RenderError

_PATIENCE = 600  # seconds


@dataclass(frozen=True, slots=True)
class Quarto:
    """The Quarto command line."""

    command: str
    name: str = "quarto"

    @classmethod
    def find(cls) -> Self | None:
        """Find Quarto beside this Python (the package `quarto-cli`), else on the path."""
        beside = Path(sys.executable).with_name("quarto")
        command = str(beside) if beside.exists() else shutil.which("quarto")
        return cls(command) if command else None

    def version(self) -> str:
        """Say which version renders."""
        return self._run(["--version"], Path.cwd()).stdout.strip()

    def warm(self, folder: Path) -> AbstractContextManager[None]:  # noqa: ARG002 - Quarto starts its own
        """Do nothing ahead."""
        return nullcontext()

    def render(self, document: Path, facts: Path) -> Path:
        """Render a .qmd in its workshop to an HTML file beside it.

        Raises
        ------
        RenderError
            If Quarto fails, or says that it didn't and made no page.
        """
        arguments = ["render", document.name, "--to", "html", "-P", f"facts:{facts}"]
        page = document.with_suffix(".html")
        page.unlink(missing_ok=True)
        done = self._run(arguments, document.parent)
        if not page.exists():  # a failing post-render hook may still exit with 0
            raise RenderError(
                f"{document.name}: Quarto made no {page.name}. It said: {_last(done.stdout + done.stderr)}."
            )
        return entitled(page, facts)

    def _run(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "QUARTO_PYTHON": sys.executable,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        try:
            done = subprocess.run(
                [self.command, *arguments],
                cwd=folder,
                env=environment,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RenderError(
                f"Quarto at {self.command} can't be run ({error}). Try ENGINE=embedded."
            ) from error
        if done.returncode:
            raise RenderError(
                f"Quarto ended with {done.returncode}: {_last(done.stderr or done.stdout)}. Try ENGINE=embedded, which makes the same pages."
            )
        return done


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-400:].rstrip(".") or "nothing"
