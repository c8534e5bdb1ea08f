"""Limits that a session sets, checked before a run."""

from report.errors import MachineError

_NEEDED_FILES = 256  # open at once, at the most
_NEEDED_ADDRESSES = 72 << 30  # bytes: what draws the charts, V8, reserves 64 GiB of addresses, and uses little of them


def check_session_limits() -> None:
    """Make sure that a run fits into the session's limits.

    Raises MachineError if it can't open enough files, or reserve enough addresses: the libraries that would notice end the process
    instead of raising an error.
    """
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _NEEDED_FILES:
        if hard != resource.RLIM_INFINITY and hard < _NEEDED_FILES:
            raise MachineError(
                f"This session may have {hard} files open at once, and a run needs up to {_NEEDED_FILES}. Allow more (ulimit -n), "
                "and run again."
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (_NEEDED_FILES, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft < _NEEDED_ADDRESSES:
        raise MachineError(
            f"This session limits a program's addresses to {soft / 2**30:.1f} GiB (ulimit -v). What draws the charts reserves "
            f"{_NEEDED_ADDRESSES >> 30} GiB of them, though it uses little memory. Run `ulimit -v unlimited` first; to limit memory, "
            "use a cgroup, such as systemd's MemoryMax."
        )
