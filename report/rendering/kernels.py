"""The process that runs a document's cells, reached through a file that only its owner can open."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync

_MAX_FOLDER_BYTES = 104 - len("/listener-report-1234567-12345678/kernel-5") - 1
_SOCKET_PREFIX = "listener-report-"  # then the number of the process that reaches a kernel by them


class SocketKernelManager(AsyncKernelManager):
    """Kernels that listen on no port, where the system has sockets in files; each in a folder of its own."""

    def __init__(self, **options: object) -> None:
        if sys.platform != "win32":
            _delete_stale_sockets()
            self._sockets = tempfile.TemporaryDirectory(
                prefix=f"{_SOCKET_PREFIX}{os.getpid()}-",
                dir=_find_short_folder(tempfile.gettempdir()),
                ignore_cleanup_errors=True,
            )
            place = {
                "ip": f"{self._sockets.name}/kernel",
                "connection_file": f"{self._sockets.name}/kernel.json",
            }
            options = {"transport": "ipc", **place, **options}
        super().__init__(**options)
        self._clients: list[Any] = []

    def client(self, **options: Any) -> Any:
        """Give what reaches the kernel, and remember it."""
        made = super().client(**options)
        self._clients.append(made)
        return made

    def close_clients(self) -> None:
        """Close what reached the kernel: papermill leaves it open where the kernel isn't its own."""
        while self._clients:
            self._clients.pop().stop_channels()

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        # what a cell has to say comes as a message; the rest is the process's farewell
        await super()._async_launch_kernel(kernel_cmd, stderr=subprocess.DEVNULL, **options)

    _launch_kernel = _async_launch_kernel  # the name under which its base calls it

    async def _async_cleanup_resources(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 - its base's
        await super()._async_cleanup_resources(restart=restart)
        if not restart and sys.platform != "win32":
            self._sockets.cleanup()

    cleanup_resources = _async_cleanup_resources


def _find_short_folder(folder: str) -> str:
    """Give a folder for temporary files whose name leaves room for a socket's: a system knows 104 bytes of it."""
    fits = len(os.fsencode(folder)) < _MAX_FOLDER_BYTES
    return folder if fits or not os.access("/tmp", os.W_OK) else "/tmp"  # noqa: S108


def _delete_stale_sockets() -> None:
    """Delete the sockets of runs that were killed, and the keys to them."""
    for left in Path(_find_short_folder(tempfile.gettempdir())).glob(f"{_SOCKET_PREFIX}*-*"):
        try:
            os.kill(int(left.name.removeprefix(_SOCKET_PREFIX).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (ValueError, OSError):  # not ours, or at work for somebody else
            continue


# what every document imports first
_WARM_UP_CODE = (
    "import report.pages.document, report.charts.render, report.charts.k_selection, report.charts.projection, report.charts.data_quality; "
    "report.charts.render.warm_up_vega()"
)


def start_kernel(folder: Path) -> SocketKernelManager:
    """Start a process in the folder where a document lies; it imports what documents need, and waits for cells.

    The folder is given here and not to papermill, whose `cwd` moves the whole process: two documents are rendered
    side by side.
    """
    kernel = SocketKernelManager(kernel_name="python3")
    ahead = [f"--IPKernelApp.exec_lines={_WARM_UP_CODE}"]
    run_sync(kernel.start_kernel)(cwd=str(folder), extra_arguments=ahead)
    return kernel


def stop_kernel(kernel: SocketKernelManager) -> None:
    """End a process, if it hasn't ended."""
    run_sync(kernel.shutdown_kernel)(now=True)
    ensure_event_loop().close()  # this thread's, which Jupyter leaves open
