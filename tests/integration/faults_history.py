"""What happened in a round of faults: every request with what was asked and
answered and when, and every deed of the nemesis.  Written by all threads while
the round lasts, read by the checker after it."""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

NEMESIS = "nemesis"
SHOWN = 80


@dataclass(slots=True)
class Event:
    """One attempt at a request, or one deed.  Times are time.monotonic()'s."""

    who: str
    what: str
    asked: float
    answered: float = 0
    user: str = ""
    session: str = ""
    way: str = ""
    generation: int | None = None  # of the refresh token shown
    status: int | None = None      # None: the answer was lost
    code: str | None = None
    gave: dict[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        """Whether it may or may not have taken place."""
        return self.status is None or self.status >= 500


class History:
    def __init__(self) -> None:
        self.began = time.monotonic()
        self.events: list[Event] = []

    def note(self, event: Event) -> Event:
        """Takes an event that is over."""
        event.answered = time.monotonic()
        self.events.append(event)
        return event

    def deeds(self, what: str) -> list[Event]:
        return [event for event in self.events
                if event.who == NEMESIS and event.what == what]

    def of_session(self, session: str, user: str) -> list[Event]:
        """All that concerns a session: its own requests, what its user's other
        sessions did to it, and what went on around them."""
        own = [event for event in self.events if event.session == session]
        others = [event for event in self.events if event.user == user
                  and event.session != session
                  and event.what in ("login", "logout-all")]
        concerned = own + others
        if not concerned:
            return []
        first = min(event.asked for event in concerned) - 5
        last = max(event.answered for event in concerned) + 1
        around = [event for event in self.events if event.who == NEMESIS
                  and event.answered >= first and event.asked <= last]
        return sorted(concerned + around, key=lambda event: event.asked)

    def show(self, events: Iterable[Event]) -> str:
        lines = [self.line(event) for event in events]
        left_out = len(lines) - SHOWN
        if left_out > 0:
            lines = [f"  ({left_out} earlier ones)", *lines[-SHOWN:]]
        return "\n".join(lines)

    def line(self, event: Event) -> str:
        times = (f"  {event.asked - self.began:8.3f}"
                 f" {event.answered - self.began:8.3f}")
        if event.who == NEMESIS:
            return f"{times}  *** {event.what} {event.way}"
        answer = "lost" if event.status is None else str(event.status)
        words = [event.who, event.what, event.session[-8:], event.way,
                 "" if event.generation is None else f"g={event.generation}",
                 "->", answer, event.code or ""]
        gave = " ".join(f"{name}={brief(value)}"
                        for name, value in event.gave.items())
        return f"{times}  {' '.join(filter(None, words))} {gave}"


def brief(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(brief, itertools.islice(value, 8)))
    return str(value)[-8:]
