"""Judges a round afterwards: what clients were told, in the order of one
monotonic clock, and what the database holds, against the invariants I1 to I9
as far as they can be seen from outside."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pymysql

from encoding import RefreshToken, encode
from faults_history import Event, History
from faults_nemesis import FEED_STANDS, INDEX_UNREAD, MARIADB_AWAY
from mariadb import Database

# The audit's name of an ending, and the requests that may cause it.
CAUSES = {
    "logout": ("logout",),
    "logout_all": ("logout-all",),
    "session_ended": ("end",),
    "session_evicted": ("login",),
    "refresh_token_reused": ("theft",),
}
USES = ("verify", "refresh", "renew", "sessions", "theft")


@dataclass
class Session:
    name: str
    user: str
    opened: Event
    events: list[Event] = field(default_factory=list)
    # What may have ended it, and when that was first acknowledged.
    causes: list[Event] = field(default_factory=list)
    ended: Event | None = None


class Sampler(threading.Thread):
    """Looks at the sessions all the while: how many a user has (I4), and when
    each of their generations was first seen (I1)."""

    def __init__(self, database: Database, limit: int,
                 over: threading.Event):
        super().__init__()
        self.database = database
        self.limit = limit
        self.over = over
        self.samples = 0
        self.above: list[str] = []
        self.seen: dict[tuple[str, int], float] = {}

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.sample()
            except (pymysql.Error, OSError):  # it is away just now
                self.over.wait(0.05)

    def sample(self) -> None:
        with (self.database.connect() as connection,
              connection.cursor() as cursor):
            while not self.over.wait(0.02):
                cursor.execute(
                    "SELECT session_id, user_id, generation FROM session")
                self.look(cursor.fetchall())

    def look(self, rows: list[dict]) -> None:
        now = time.monotonic()
        self.samples += 1
        for row in rows:
            self.seen.setdefault(
                (encode(row["session_id"]), row["generation"]), now)
        users = Counter(encode(row["user_id"]) for row in rows)
        self.above += [f"{n} sessions of user {user}"
                       for user, n in users.items() if n > self.limit]


class Checker:
    def __init__(self, history: History, sampler: Sampler, *, grace: float,
                 max_staleness: float):
        self.history = history
        self.sampler = sampler
        self.database = sampler.database
        self.grace = grace
        self.max_staleness = max_staleness
        self.faults: list[str] = []
        self.sessions = {
            event.session: Session(event.session, event.user, event)
            for event in history.events
            if event.what == "login" and event.status == 200}
        self.of_user: dict[str, list[Session]] = defaultdict(list)
        for session in self.sessions.values():
            self.of_user[session.user].append(session)
        for event in history.events:
            self.sort_in(event)

    # ---- reading the history ----------------------------------------------

    def sort_in(self, event: Event) -> None:
        session = self.sessions.get(event.session)
        if session is not None and event is not session.opened:
            session.events.append(event)
        for target in self.may_end(event):
            target.causes.append(event)
        for target in self.surely_ended(event):
            if (target.ended is None
                    or event.answered < target.ended.answered):
                target.ended = event

    def may_end(self, event: Event) -> Iterator[Session]:
        own = self.sessions.get(event.session)
        match event.what:
            case "logout" | "end" | "theft" if own is not None:
                yield own
            case "logout-all" if event.accepted or event.unknown:
                yield from self.of_user[event.user]
            case "login" if event.unknown:
                yield from self.of_user[event.user]
            case "login":
                for name in event.gave.get("evicted", []):
                    if name in self.sessions:
                        yield self.sessions[name]

    def surely_ended(self, event: Event) -> Iterator[Session]:
        """What the answer says is over."""
        own = self.sessions.get(event.session)
        match event.what:
            case "logout" | "end" if event.accepted and own is not None:
                yield own
            case "theft" if event.code == "refresh_token_reused" and own:
                yield own
            case "login" if event.accepted:
                yield from self.may_end(event)
            case "logout-all" if event.accepted:
                for session in self.of_user[event.user]:
                    if session.opened.answered < event.asked:
                        yield session

    # ---- the verdict ------------------------------------------------------

    def check(self) -> list[str]:
        self.check_staleness()
        self.faults += [f"I4: {found}" for found in self.sampler.above]
        self.check_generations()
        self.read_database()
        for session in self.sessions.values():
            self.check_successors(session)
            self.check_dead(session)
            self.check_living(session)
            self.check_database(session)
        return self.faults

    def fault(self, what: str, session: Session | None = None) -> None:
        if session is not None:
            story = self.history.show(self.history.of_session(
                session.name, session.user))
            what += f"\nThe history of session {session.name}:\n{story}"
        self.faults.append(what)

    def check_successors(self, session: Session) -> None:
        """I1, I2: one successor of each generation, whoever asks."""
        successors: dict[int, str] = {}
        for event in session.events:
            token = event.gave.get("refresh_token")
            if event.what not in ("refresh", "theft") or token is None:
                continue
            if event.what == "theft":
                self.fault("I2: an old refresh token was taken", session)
            if RefreshToken.read(token).generation != event.generation + 1:
                self.fault(f"I1: the successor of {event.generation} is not"
                           " of the next generation", session)
            if successors.setdefault(event.generation, token) != token:
                self.fault(f"I1: generation {event.generation} has two"
                           " successors", session)

    def check_generations(self) -> None:
        """I1: a row moves on only when its latest token has been shown."""
        for (name, generation), at in self.sampler.seen.items():
            session = self.sessions.get(name)
            if session is None or generation == 1:
                continue
            if not any(event.generation == generation - 1
                       and event.asked < at for event in session.events):
                self.fault(f"I1: generation {generation} at"
                           f" {at - self.history.began:.3f}, before"
                           f" {generation - 1} was shown", session)

    def check_dead(self, session: Session) -> None:
        """I5, I8: what began after an ending was acknowledged gets nothing."""
        if session.ended is None:
            return
        late = [event for event in session.events
                if event.what in USES and event.accepted
                and event.asked > session.ended.answered]
        if late:
            self.fault(f"I8: accepted after an acknowledged"
                       f" {session.ended.what}:\n"
                       + self.history.show(late[:3]), session)

    def check_living(self, session: Session) -> None:
        """I3: nobody is signed out who has not been by somebody."""
        first_asked: dict[int, float] = {}
        for event in session.events:
            if event.what == "refresh":
                first_asked.setdefault(event.generation, event.asked)
            if (event.what not in USES or event.what == "theft"
                    or event.status != 401
                    or self.has_cause(session, event)):
                continue
            if (event.what == "refresh" and event.asked
                    - first_asked[event.generation] > self.grace):
                continue
            self.fault(f"I3: {event.what} was refused ({event.code}), and"
                       " nobody has ended the session:\n"
                       + self.history.line(event), session)

    def has_cause(self, session: Session, observed: Event) -> bool:
        return any(cause.asked < observed.answered
                   for cause in session.causes)

    # ---- MariaDB ----------------------------------------------------------

    def check_staleness(self) -> None:
        """I6: nobody is let in who cannot be judged any more."""
        for what, tolerance in ((MARIADB_AWAY, self.max_staleness),
                                (FEED_STANDS, self.max_staleness),
                                (INDEX_UNREAD, 0)):
            for deed in self.history.deeds(what):
                blind = [event for event in self.history.events
                         if event.what == "verify" and event.accepted
                         and event.asked > deed.asked + tolerance
                         and event.answered < deed.answered]
                if blind:
                    self.fault(f"I6: valid although {what} since "
                               f"{deed.asked - self.history.began:.3f}:\n"
                               + self.history.show(blind[:3]))

    def read_database(self) -> None:
        self.rows = {
            encode(row["session_id"]): row["generation"]
            for row in self.database.sql(
                "SELECT session_id, generation FROM session")}
        self.revoked = {
            (row["kind"], encode(row["target"]))
            for row in self.database.sql(
                "SELECT DISTINCT kind, target FROM revocation")}
        self.users = {
            row["login"].decode(): encode(row["user_id"])
            for row in self.database.sql("SELECT login, user_id FROM user")}
        self.audit: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.database.sql(
                "SELECT event, session_id, user_id FROM audit"
                " WHERE event <> 'login'"):
            target = (row["user_id"] if row["event"] == "logout_all"
                      else row["session_id"])
            if target is not None:
                self.audit[encode(target)][row["event"]] += 1

    def check_database(self, session: Session) -> None:
        """I5: nothing acknowledged is lost, and nothing has happened that
        nobody asked for."""
        user = self.users[session.user]
        own = self.audit[session.name]
        by_all = self.audit[user]["logout_all"] > 0
        for event in own:
            if not any(cause.what in CAUSES.get(event, ())
                       for cause in session.causes):
                self.fault(f"the audit has {event}, and nobody asked for"
                           " it", session)
        if own.total() > 1:
            self.fault(f"ended twice: {dict(own)}", session)
        if session.name in self.rows:
            self.check_row(session)
        elif not own and not by_all:
            self.fault("I5: an acknowledged session has gone without a"
                       " trace", session)
        self.check_revocation(session, user, own, by_all)

    def check_row(self, session: Session) -> None:
        if session.ended is not None:
            self.fault(f"I5: an acknowledged {session.ended.what} is lost:"
                       " the row is there", session)
        told = [RefreshToken.read(event.gave["refresh_token"]).generation
                for event in session.events if "refresh_token" in event.gave]
        if self.rows[session.name] < max(told, default=1):
            self.fault("I5: an acknowledged rotation is lost", session)

    def check_revocation(self, session: Session, user: str,
                         own: Counter[str], by_all: bool) -> None:
        if session.name in self.rows:
            return
        if own and ("session", session.name) not in self.revoked:
            self.fault("I5: ended without a revocation", session)
        if not own and by_all and ("user", user) not in self.revoked:
            self.fault("I5: logged out everywhere without a revocation",
                       session)
