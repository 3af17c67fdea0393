"""Clients that do what real ones do, at random, and note what they were told.

A client that gets no answer, or 503, asks again after a moment.  If it still
does not know, it goes on as a real one would: the next thing that it does with
the session is the same refresh again."""

import http.client
import json
import random
import struct
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fcgi
from api import JSON, Answer, Api
from encoding import RefreshToken
from faults_history import Event, History
from pool import PASSWORD

SESSION, VERIFY, WEB = "session", "verify", "web"
WAYS = (SESSION, SESSION, SESSION, WEB)
TRIES = 3
AFTER_LOSS = 0.02   # seconds until the same is asked again
AFTER_503 = 0.3
LONGEST = 30        # longer than any pause of the nemesis


class Roads:
    """The ways that lead to one installation: both sockets, and a web server
    before the first."""

    def __init__(self, api: Api, session: Path, verify: Path):
        self.api = api
        self.sockets = {SESSION: session, VERIFY: verify}

    def ask(self, way: str, method: str, path: str, body: bytes | None,
            token: str | None) -> Answer | None:
        """None: no answer of Latchkey's."""
        try:
            answer = (self.by_web(method, path, body, token) if way == WEB
                      else self.straight(way, method, path, body, token))
        except (OSError, http.client.HTTPException, struct.error,
                AssertionError):  # fcgi: an answer that was cut off
            return None
        if answer is not None and answer.status >= 500 and not answer.code:
            return None
        return answer

    def by_web(self, method: str, path: str, body: bytes | None,
               token: str | None) -> Answer:
        headers = {}
        if body is not None:
            headers["Content-Type"] = JSON
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.api.raw(method, self.api.mount + path, body, headers)

    def straight(self, way: str, method: str, path: str, body: bytes | None,
                 token: str | None) -> Answer | None:
        more = {} if token is None else {
            "HTTP_AUTHORIZATION": f"Bearer {token}"}
        params = fcgi.variables(method, self.api.mount + path,
                                None if body is None else len(body), **more)
        with fcgi.Connection(self.sockets[way], LONGEST) as connection:
            connection.send(fcgi.head(params)
                            + (fcgi.record(fcgi.STDIN, body) if body else b"")
                            + fcgi.record(fcgi.STDIN))
            return connection.answer()


class Scene:
    """What the clients of a round share."""

    def __init__(self, roads: Roads, history: History):
        self.roads = roads
        self.history = history
        self.over = threading.Event()
        # The latest access tokens of every session, dead ones too.
        self.tokens: dict[str, deque[str]] = defaultdict(
            lambda: deque(maxlen=4))
        self.owners: dict[str, str] = {}
        self.sessions: list[str] = []
        self.tabs = ThreadPoolExecutor(100)   # see refresh_at_once()

    def moment(self, seconds: float) -> None:
        self.over.wait(seconds)


class Client:
    """A device of an account: at most one session at a time."""

    rest = 0.2   # seconds at most between two steps

    def __init__(self, scene: Scene, name: str, login: str,
                 rng: random.Random):
        self.scene = scene
        self.name = name
        self.login_name = login
        self.rng = rng
        self.session = ""
        self.access = ""
        self.refreshers: list[str] = []   # the session's, oldest first
        self.due = False   # the last refresh may or may not have happened

    # ---- asking -----------------------------------------------------------

    def attempt(self, event: Event, method: str, path: str,
                members: dict | None, token: str | None) -> Answer | None:
        body = None if members is None else json.dumps(members).encode()
        answer = self.scene.roads.ask(event.way, method, path, body, token)
        if answer is not None:
            event.status, event.code = answer.status, answer.code
            event.gave = self.understand(event, answer)
        self.scene.history.note(event)
        return answer

    def understand(self, event: Event, answer: Answer) -> dict:
        """What a good answer gives; its tokens are kept for all to try."""
        if not event.accepted or not answer.body:
            return {}
        members = answer.json
        if event.what == "login":
            event.session = members["session_id"]
            self.scene.owners[event.session] = event.user
            self.scene.sessions.append(event.session)
        if "access_token" in members:
            self.scene.tokens[event.session].append(members["access_token"])
        return {name: members[name] for name in
                ("refresh_token", "evicted", "ended") if name in members}

    def ask(self, what: str, method: str, path: str, *,
            session: str = "", way: str = "", generation: int | None = None,
            members: dict | None = None, token: str | None = None
            ) -> Answer | None:
        """One request, again if nothing is known of it.  None: still so."""
        way = way or self.rng.choice(WAYS)
        for _ in range(TRIES):
            event = Event(self.name, what, time.monotonic(),
                          user=self.login_name, session=session, way=way,
                          generation=generation)
            answer = self.attempt(event, method, path, members, token)
            if answer is not None and answer.status < 500:
                return answer
            self.scene.moment(AFTER_LOSS if answer is None else AFTER_503)
        return None

    # ---- the session ------------------------------------------------------

    def login(self) -> None:
        answer = self.ask("login", "POST", "/login", members={
            "login": self.login_name, "password": PASSWORD})
        if answer is None or answer.status != 200:
            return
        token = answer.json
        self.session = token["session_id"]
        self.access = token["access_token"]
        self.refreshers = [token["refresh_token"]]
        self.due = False
        for session in token.get("evicted", []):
            self.prove_dead(session)

    def forget(self) -> None:
        self.session = self.access = ""
        self.refreshers = []
        self.due = False

    def show(self, token: str, what: str = "refresh", way: str = ""
             ) -> Answer | None:
        return self.ask(what, "POST", "/refresh", session=self.session,
                        way=way, generation=RefreshToken.read(token).generation,
                        members={"refresh_token": token})

    def refresh(self) -> None:
        self.take(self.show(self.refreshers[-1]))

    def take(self, answer: Answer | None) -> None:
        self.due = answer is None
        if answer is None:
            return
        if answer.status != 200:
            self.forget()
            return
        token = answer.json
        self.access = token["access_token"]
        if token["refresh_token"] != self.refreshers[-1]:
            self.refreshers = [*self.refreshers[-3:], token["refresh_token"]]

    def refresh_twice(self) -> None:
        """The first answer is lost on its way: the client asks again."""
        self.show(self.refreshers[-1])
        self.refresh()

    def refresh_at_once(self) -> None:
        """Some tabs of a browser, with one token."""
        others = [self.scene.tabs.submit(self.show, self.refreshers[-1],
                                         way=self.rng.choice(WAYS))
                  for _ in range(self.rng.randint(1, 3))]
        mine = self.show(self.refreshers[-1])
        # All have to be over before the successor is used: a request that is
        # still on its way would be taken for a thief's later.
        answers = [mine, *(other.result() for other in others)]
        self.take(next(filter(None, answers), None))

    def renew(self) -> None:
        answer = self.ask("renew", "POST", "/renew", session=self.session,
                          token=self.access)
        if answer is not None and answer.status == 200:
            self.access = answer.json["access_token"]

    def verify(self) -> None:
        self.check(self.access, self.session,
                   self.rng.choice((VERIFY, VERIFY, SESSION, WEB)))

    def verify_any(self) -> None:
        """A token of any session, living or dead, of anybody's."""
        # Of late more often than of old.
        session = self.rng.choice(
            self.scene.sessions[-self.rng.choice((20, 10 ** 6)):])
        tokens = list(self.scene.tokens[session])
        if tokens:
            self.check(self.rng.choice(tokens), session,
                       self.rng.choice((VERIFY, SESSION)))

    def check(self, token: str, session: str, way: str) -> Answer | None:
        return self.ask("verify", "GET", "/verify", session=session, way=way,
                        token=token)

    def prove_dead(self, session: str) -> None:
        """The very next requests with the tokens of a session that has been
        said to be over, to both pools; the checker judges."""
        for token in list(self.scene.tokens[session]):
            for way in (VERIFY, SESSION):
                self.check(token, session, way)

    def logout(self) -> None:
        members = {"refresh_token": self.refreshers[-1]}
        by = self.rng.choice(({"members": members}, {"token": self.access},
                              {"members": members, "token": self.access}))
        ended = self.session
        if self.ask("logout", "POST", "/logout", session=ended, **by):
            self.prove_dead(ended)
        self.forget()

    def logout_at_once(self) -> None:
        """Two tabs: what one is told must hold whatever becomes of the
        other."""
        other = self.scene.tabs.submit(
            self.ask, "logout", "POST", "/logout", session=self.session,
            way=self.rng.choice(WAYS), token=self.access)
        self.logout()
        other.result()

    def logout_all(self) -> None:
        mine = [session for session in list(self.scene.sessions)
                if self.scene.owners[session] == self.login_name]
        if self.ask("logout-all", "POST", "/logout-all",
                    session=self.session, token=self.access):
            for session in mine[-4:]:
                self.prove_dead(session)
        self.forget()

    def end_other(self) -> None:
        """From the list of sessions, any but this one."""
        answer = self.ask("sessions", "GET", "/sessions",
                          session=self.session, token=self.access)
        if answer is None or answer.status != 200:
            return
        others = [row["session_id"] for row in answer.json["sessions"]
                  if not row["current"]]
        if others:
            other = self.rng.choice(others)
            if self.ask("end", "DELETE", f"/sessions/{other}", session=other,
                        token=self.access):
                self.prove_dead(other)

    def be_robbed(self) -> None:
        """A thief shows a token two rotations old."""
        if len(self.refreshers) < 3:
            return
        answer = self.show(self.refreshers[-3], "theft")
        if answer is not None and answer.status == 401:
            self.prove_dead(self.session)

    # ---- a life -----------------------------------------------------------

    def step(self) -> None:
        if not self.session:
            self.login()
        elif self.due and self.rng.random() < 0.7:
            self.refresh()
        elif self.due:
            self.verify()
        else:
            self.act()

    def act(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        while not self.scene.over.is_set():
            self.step()
            self.scene.moment(self.rng.random() * self.rest)

    def reckon(self) -> None:
        """When all is well again: what it still has must be good."""
        if not self.session:
            return
        self.refresh()
        if self.session:
            for way in (VERIFY, SESSION, WEB):
                self.check(self.access, self.session, way)



class SteadyClient(Client):
    """Signed in once, refreshes on and on; nothing may sign it out."""

    rest = 0.6

    def act(self) -> None:
        self.rng.choices((self.refresh, self.refresh_twice,
                          self.refresh_at_once, self.verify),
                         (65, 10, 5, 20))[0]()


class Watcher(Client):
    """Signs in nowhere; tries everybody's access tokens without a pause."""

    rest = 0.04

    def step(self) -> None:
        self.verify_any()


class BusyClient(Client):
    """Everything that a client can do."""

    def act(self) -> None:
        self.rng.choices(
            (self.refresh, self.refresh_twice, self.refresh_at_once,
             self.renew, self.verify, self.verify_any, self.logout,
             self.logout_at_once, self.logout_all, self.end_other,
             self.be_robbed, self.login),
            (30, 6, 6, 8, 15, 15, 4, 2, 1, 3, 4, 3))[0]()
