"""The choice between two engines."""

from typing import TYPE_CHECKING, Literal, TypeAlias

from report.errors import MachineError

if TYPE_CHECKING:
    from report.rendering.embedded import EmbeddedEngine
    from report.rendering.quarto import QuartoEngine

EngineChoice = Literal["auto", "quarto", "embedded"]
# Each has name, get_version, warm_up and render. What keeps `render` from a right page is a `RenderError`
RenderEngine: TypeAlias = "QuartoEngine | EmbeddedEngine"


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
