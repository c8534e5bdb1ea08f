"""How often a property is tried: `MORE=20 make test` tries each twenty times as often."""

import os

from hypothesis import settings


def often(times: int) -> settings:
    """Try with this many examples, or as many times more as the environment asks for."""
    return settings(max_examples=times * int(os.environ.get("MORE", "1")))
