"""The one place where tests wait: for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.01


def until(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Gives the first true value of condition; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(INTERVAL)
    return value
