"""Keys rotate all the while that clients work, on two nodes: no good token is
ever refused, and none whose key was revoked is ever taken."""

"""Keys rotate all the while that clients work, on two nodes: no good token is
ever refused, and none whose key was revoked is ever taken."""

import itertools
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from keyring import active, in_database, kid_of, ring_version, states
from pool import Deploy, Pool, User
from waiting import until

SIGNING, REFRESH = 1000, 100  # rotations
REVOKE_EVERY = 10             # of the signing key
CLIENTS = 8
ALGORITHMS = ("ES256", "EdDSA", "HS256")


class Rounds:
    """How many rotations there have been."""

    def __init__(self):
        self.count = 0
        self.done = False
        self.changed = threading.Condition()

    def next(self) -> None:
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def end(self) -> None:
        with self.changed:
            self.done = True
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.done or self.count >= count)


class Facts:
    """What may be said of a token under a key.  Keys are doomed when their
    revocation is asked for, and dead when both nodes have heard of it."""

    def __init__(self, first: str):
        self.kids = {first}
        self.doomed: set[str] = set()
        self.dead: set[str] = set()


class Client:
    """Uses its tokens here and there, and tells whatever is wrong."""

    def __init__(self, nodes: list[Pool], facts: Facts, user: User):
        self.nodes = nodes
        self.facts = facts
        self.random = random.Random(user.login)
        self.token = user.sign_in()
        self.count: Counter[object] = Counter()
        self.wrong: list[str] = []

    def run(self, rounds: Rounds) -> None:
        for i in itertools.count():
            rounds.wait_for(i)
            if rounds.done or self.wrong:
                return
            self.random.choice((self.refresh, self.check, self.check))()

    def check(self) -> None:
        token = self.token["access_token"]
        kid, facts = kid_of(token), self.facts
        dead = kid in facts.dead
        node = self.random.choice(self.nodes)
        path = self.random.choice(("/verify", "/verify", "/account"))
        status = node.api.get(path, token).status
        self.count[status] += 1
        if status in (200, 204) and dead:
            self.wrong.append(f"{path}: {kid} was revoked, and is taken")
        elif status == 401 and kid not in facts.doomed:
            self.wrong.append(f"{path}: {kid} is good, and is refused")
        elif status not in (200, 204, 401, 503):
            self.wrong.append(f"{path}: {status}")
        if status == 401:
            self.refresh()

    def refresh(self) -> None:
        node = self.random.choice(self.nodes)
        answer = node.api.refresh(self.token["refresh_token"])
        self.count["refresh", answer.status] += 1
        if answer.status == 200:
            self.token = answer.json
        elif answer.status != 503:
            self.wrong.append(f"/refresh: {answer}")


class Rotator:
    """An administrator, who signs in again when a revocation hits him, too."""

    def __init__(self, nodes: list[Pool]):
        self.nodes = itertools.cycle(nodes)
        self.user = nodes[0].user("admin")
        self.token = self.user.sign_in()["access_token"]

    def call(self, method: str, path: str, members: Any = None
             ) -> list[dict[str, Any]] | None:
        """The keys; None: once more."""
        answer = next(self.nodes).api.call(method, path, members,
                                           token=self.token)
        if answer.status == 401:
            self.token = self.user.sign_in()["access_token"]
        if answer.status in (401, 503):
            return None
        assert answer.status in (200, 202), answer
        return answer.json["keys"]

    def rotate(self, **members: object) -> list[str]:
        """Gives the kids that there are, once the rotation is complete."""
        keys = until(lambda: self.call("POST", "/admin/keys/rotate", members),
                     "a rotation")
        kind = "refresh" if "refresh" in members else "signing"
        while any((key["kind"], key["state"]) == (kind, "standby")
                  for key in keys):  # 202: a purger completes it
            keys = until(lambda: self.call("GET", "/admin/keys"), "the keys")
        return [key["kid"] for key in keys if key["kind"] == "signing"]


def rotate_signing(nodes: list[Pool], facts: Facts, rounds: Rounds) -> None:
    rotator = Rotator(nodes)
    for i in range(1, SIGNING + 1):
        revoke = i % REVOKE_EVERY == 0
        doomed = set(facts.kids)
        if revoke:
            facts.doomed |= doomed
        kids = rotator.rotate(alg=ALGORITHMS[i % 3], revoke=revoke)
        facts.kids |= set(kids)
        if revoke:
            assert doomed.isdisjoint(kids)
            version = in_database(nodes[0])
            for node in nodes:
                until(lambda: ring_version(node) >= version, "it is told")
            facts.dead |= doomed
        rounds.next()


def rotate_refresh(nodes: list[Pool], rounds: Rounds) -> None:
    rotator = Rotator(nodes)
    for i in range(REFRESH):
        rounds.wait_for(i * SIGNING // REFRESH)
        rotator.rotate(refresh=True)


@pytest.mark.slow
def test_rotations_under_load(deploy: Deploy) -> None:
    settings = {"feed_interval_ms": 10, "session_limit": 1000,
                "log_level": "warn"}
    one = deploy(**settings)
    nodes = [one, deploy(beside=one, **settings)]
    facts, rounds = Facts(active(one)["kid"]), Rounds()
    clients = [Client(nodes, facts, one.user()) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS + 2) as threads:
        working = [threads.submit(client.run, rounds) for client in clients]
        rotating = [threads.submit(rotate_signing, nodes, facts, rounds),
                    threads.submit(rotate_refresh, nodes, rounds)]
        try:
            for thread in rotating:
                thread.result()
        finally:
            rounds.end()
        for thread in working:
            thread.result()
    assert [client.wrong for client in clients if client.wrong] == []
    for client in clients:
        assert client.count[204] and client.count["refresh", 200]
    made = one.database.one("SELECT COUNT(*) FROM audit WHERE event ="
                            " 'key_active' AND detail LIKE '%%signing%%'")
    assert made == SIGNING + 1
    assert active(one, "refresh")["key_id"] == REFRESH + 1
    assert states(one, "refresh").count("retired") == REFRESH
