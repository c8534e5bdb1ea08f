"""Two engines that make the same page of the same document: Quarto, and the parts that Quarto is made of."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from report.errors import MachineError

EngineChoice = Literal["auto", "quarto", "embedded"]


class RenderEngine(Protocol):
    """What renders a document."""

    @property
    def name(self) -> str:
        """Say which engine it is."""
        ...

    def get_version(self) -> str:
        """Say which version renders."""
        ...

    def warm_up(self, folder: Path) -> AbstractContextManager[None]:
        """Do ahead what can be done before there are facts."""
        ...

    def render(self, document: Path, facts: Path) -> Path:
        """Render a .qmd in its workshop to an HTML file beside it.

        Raises
        ------
        RenderError
            If the document can't be rendered as it stands.
        """
        ...


def select_engine(choice: EngineChoice) -> RenderEngine:
    """Give the engine that was asked for; `auto` takes Quarto where it is installed.

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
