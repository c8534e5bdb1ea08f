"""The process that runs a document's cells, reached through a file that only its owner can open."""

import sys
import tempfile

from jupyter_client.manager import AsyncKernelManager


class Kernels(AsyncKernelManager):  # type: ignore[misc]
    """Kernels that listen on no port, where the system has sockets in files; each in a folder of its own."""

    def __init__(self, **options: object) -> None:
        if sys.platform != "win32":
            self._sockets = tempfile.TemporaryDirectory(prefix="report-", ignore_cleanup_errors=True)
            options = {"transport": "ipc", "ip": f"{self._sockets.name}/kernel", **options}
        super().__init__(**options)
