"""The choice between two engines."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from report.errors import MachineError

EngineChoice = Literal["auto", "quarto", "embedded"]


class RenderEngine(Protocol):
    """An engine that renders documents."""

    @property
    def name(self) -> str:
        """Name the engine."""
        ...

    def get_version(self) -> str:
        """Return the version that renders."""
        ...

    def warm_up(self, folder: Path) -> AbstractContextManager[None]:
        """Do what needs no facts ahead."""
        ...

    def render(self, document: Path, facts: Path) -> Path:
        """Render a .qmd to an HTML file beside it.

        Raises
        ------
        RenderError
            If the document can't be rendered as it stands.
        """
        ...


def select_engine(choice: EngineChoice) -> RenderEngine:
    """Return the engine that was asked for.

    `auto` takes Quarto where it is installed.

    Raises
    ------
    MachineError
        If Quarto was asked for and isn't there.
    """
    from report.rendering.embedded import EmbeddedEngine  # noqa: PLC0415 - a run begins its analysis first
    from report.rendering.quarto import QuartoEngine  # noqa: PLC0415

    quarto = QuartoEngine.find_installed()
    if choice == "quarto" and quarto is None:
        raise MachineError(
            "ENGINE=quarto, but there is no quarto on this machine. Install it from quarto.org, "
            "or leave ENGINE out: the embedded engine makes the same pages."
        )
    return quarto if quarto is not None and choice != "embedded" else EmbeddedEngine()
