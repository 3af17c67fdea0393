"""deploy/examples/websocket: who is let in, and that a connection ends with
its session."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from daemon import Daemon, free_port
from encoding import encode
from endings import ENDINGS, Ending
from node import installed
from pool import Deploy, Pool
from waiting import until
from webserver import TOP

FOLDER = TOP / "deploy/examples/websocket"
ORIGIN = "https://www.example.org"
REFUSED = 4401
TRY_LATER = 4503
TOO_LARGE = 1009


class Socket:
    """A connection to the example."""

    def __init__(self, port: int, **options: Any):
        # Only what runs in a browser names an origin.
        self.socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}/", timeout=60,
            suppress_origin="origin" not in options, **options)

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def receive(self) -> dict:
        return json.loads(self.socket.recv())

    def sign_in(self, token: str) -> dict:
        self.send(token=token)
        return self.receive()

    def closed(self) -> int:
        """Waits for the end and gives its code; nothing came before it."""
        opcode, data = self.socket.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE, data
        return int.from_bytes(data[:2], "big")


class Example:
    """The example in front of a pool.  Milliseconds; none is short that a test
    is not about."""

    def __init__(self, pool: Pool, directory: Path, check_every: int = 100,
                 token_within: int = 60_000, max_staleness: int = 60_000):
        self.port = free_port()
        self.daemon = Daemon(
            ["node", installed(FOLDER) / "server.mjs"],
            directory / "example.log", {
                "LATCHKEY_URL": f"http://127.0.0.1:{pool.web.port}/auth",
                "LATCHKEY_ISSUER": pool.issuer,
                "ORIGINS": f"https://example.org {ORIGIN}",
                "PORT": str(self.port),
                "CHECK_EVERY": str(check_every),
                "TOKEN_WITHIN": str(token_within),
                "MAX_STALENESS": str(max_staleness),
            })
        self.daemon.start(lambda: "listening" in self.log())

    def log(self) -> str:
        return self.daemon.log.read_text()

    def connect(self, **options: Any) -> Socket:
        return Socket(self.port, **options)


Examples = Callable[..., Example]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Examples]:
    started: list[Example] = []

    def start(pool: Pool, **intervals: int) -> Example:
        started.append(Example(pool, tmp_path, **intervals))
        return started[-1]

    yield start
    for example in started:
        example.daemon.check_alive()
        example.daemon.stop()


@pytest.fixture(scope="module")
def example(pool: Pool, tmp_path_factory: pytest.TempPathFactory
            ) -> Iterator[Example]:
    example = Example(pool, tmp_path_factory.mktemp("example"))
    yield example
    example.daemon.check_alive()
    example.daemon.stop()


# ---- who is let in ----------------------------------------------------------

def test_who_is_signed_in_is_heard(pool: Pool, example: Example) -> None:
    users = [pool.user(), pool.user()]
    sockets = [example.connect() for _ in users]
    silent = example.connect()
    for user, socket in zip(users, sockets):
        assert socket.sign_in(user.sign_in()["access_token"]) == {
            "user": user.user_id}
    silent.send(text="who am I?")
    for user, socket in zip(users, sockets):
        socket.send(text="hello")
        for other in sockets:
            assert other.receive() == {"from": user.user_id, "text": "hello"}
    # Who has not signed in hears nothing of all that.
    user = pool.user()
    assert silent.sign_in(user.sign_in()["access_token"]) == {
        "user": user.user_id}


@pytest.mark.parametrize("origin", [ORIGIN, None])
def test_cookie(pool: Pool, example: Example, origin: str | None) -> None:
    user = pool.user()
    token = user.sign_in()["access_token"]
    socket = example.connect(
        cookie=f"theme=dark; __Host-lk_at={token}; x=y",
        **{"origin": origin} if origin else {})
    assert socket.receive() == {"user": user.user_id}


@pytest.mark.parametrize("origin", [
    "https://evil.example", "http://www.example.org", "null", "",
    f"{ORIGIN}.evil.example", f"{ORIGIN}:444"])
def test_page_of_another_site(pool: Pool, example: Example, origin: str
                              ) -> None:
    token = pool.user().sign_in()["access_token"]
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        example.connect(origin=origin, cookie=f"__Host-lk_at={token}")
    assert refusal.value.status_code == 403


def changed(token: str) -> str:
    return token[:-2] + ("AA" if token[-2:] != "AA" else "QQ")


BAD = {
    "nothing": lambda tokens: "",
    "no token": lambda tokens: "x.y.z",
    "unsigned": lambda tokens: encode(b'{"alg":"none"}') + "."
    + tokens["access_token"].split(".")[1] + ".",
    "another signature": lambda tokens: changed(tokens["access_token"]),
    "refresh token": lambda tokens: tokens["refresh_token"],
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_token(pool: Pool, example: Example, bad: Callable) -> None:
    token = bad(pool.user().sign_in())
    socket = example.connect()
    socket.send(token=token)
    assert socket.closed() == REFUSED
    assert example.connect(cookie=f"__Host-lk_at={token}").closed() == REFUSED


def test_token_of_an_ended_session(pool: Pool, example: Example) -> None:
    token = pool.user().sign_in()["access_token"]
    assert pool.api.post("/logout", token=token).status == 204
    socket = example.connect()
    socket.send(token=token)
    assert socket.closed() == REFUSED


def test_no_token(pool: Pool, start: Examples) -> None:
    example = start(pool, token_within=500)
    assert example.connect().closed() == REFUSED


@pytest.mark.parametrize("data", [
    "", "x", "null", "1", "[]", "{}", '{"token":1}', '{"token":null}',
    '{"token":{}}', '{"text":"x"}', '{"text":{}}'])
def test_messages_that_say_nothing(pool: Pool, example: Example, data: str
                                   ) -> None:
    user = pool.user()
    socket = example.connect()
    socket.socket.send(data)
    socket.socket.send_binary(data.encode())
    assert socket.sign_in(user.sign_in()["access_token"]) == {
        "user": user.user_id}


def test_message_too_large(pool: Pool, example: Example) -> None:
    socket = example.connect()
    socket.send(token="x" * 17_000)
    assert socket.closed() == TOO_LARGE


# ---- how a connection ends --------------------------------------------------

@pytest.mark.parametrize("end", ENDINGS)
def test_ends_with_its_session(pool: Pool, example: Example, end: Ending
                               ) -> None:
    user, other = pool.user(), pool.user()
    tokens = user.sign_in()
    socket, stays = example.connect(), example.connect()
    socket.sign_in(tokens["access_token"])
    stays.sign_in(other.sign_in()["access_token"])
    end(pool, user, tokens)
    assert socket.closed() == REFUSED
    stays.send(text="I am here")
    assert stays.receive() == {"from": other.user_id, "text": "I am here"}


def test_ends_with_its_token_unless_a_fresh_one_comes(
        deploy: Deploy, start: Examples) -> None:
    pool = deploy()
    example = start(pool)
    user = pool.user()
    tokens = user.sign_in()
    stays, ends = example.connect(), example.connect()
    for socket in (stays, ends):
        socket.sign_in(tokens["access_token"])
    pool.clock.advance(200)
    fresh = pool.api.refresh(tokens["refresh_token"]).json["access_token"]
    assert stays.sign_in(fresh) == {"user": user.user_id}
    pool.clock.advance(200)
    assert ends.closed() == REFUSED
    stays.send(text="I am here")
    assert stays.receive() == {"from": user.user_id, "text": "I am here"}
    pool.clock.advance(200)
    assert stays.closed() == REFUSED


def test_fresh_token_of_another_session(pool: Pool, example: Example) -> None:
    user = pool.user()
    socket = example.connect()
    socket.sign_in(user.sign_in()["access_token"])
    socket.send(token=user.sign_in()["access_token"])
    assert socket.closed() == REFUSED


def test_outlives_a_short_absence_of_latchkey(deploy: Deploy, start: Examples
                                              ) -> None:
    pool = deploy()
    example = start(pool)
    user = pool.user()
    token = user.sign_in()["access_token"]
    socket = example.connect()
    socket.sign_in(token)
    pool.web.stop()
    until(lambda: "fetch failed" in example.log(), "a check that fails")
    newcomer = example.connect()
    newcomer.send(token=token)
    assert newcomer.closed() == TRY_LATER
    pool.web.start()
    socket.send(text="I am here")
    assert socket.receive() == {"from": user.user_id, "text": "I am here"}
    assert pool.api.post("/logout", token=token).status == 204
    assert socket.closed() == REFUSED


def test_ends_when_nobody_can_say(deploy: Deploy, start: Examples) -> None:
    pool = deploy()
    example = start(pool, max_staleness=1000)
    socket = example.connect()
    socket.sign_in(pool.user().sign_in()["access_token"])
    pool.web.stop()
    assert socket.closed() == TRY_LATER
