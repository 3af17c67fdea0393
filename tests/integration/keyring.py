"""The key ring as tests look at it: what latchkeyctl lists, what the JWKS
holds, what a token is signed with."""

import json
import os
import signal
from typing import Any

from encoding import decode
from pool import Pool
from waiting import until

JWKS = "/.well-known/jwks.json"
LEAD = 900  # seconds that a key of the schedule is published before it signs


def header_of(token: str) -> dict[str, str]:
    return json.loads(decode(token.split(".")[0]))


def kid_of(token: str) -> str:
    return header_of(token)["kid"]


def listed(pool: Pool) -> list[dict[str, Any]]:
    lines = pool.ctl("--json", "keys", "list").stdout.splitlines()
    return [json.loads(line) for line in lines]


def of_kind(pool: Pool, kind: str) -> list[dict[str, Any]]:
    return [key for key in listed(pool) if key["kind"] == kind]


def states(pool: Pool, kind: str = "signing") -> list[str]:
    """The oldest first."""
    return [key["state"] for key in of_kind(pool, kind)]


def active(pool: Pool, kind: str = "signing") -> dict[str, Any]:
    (key,) = [key for key in of_kind(pool, kind) if key["state"] == "active"]
    return key


def rotate(pool: Pool, *options: str) -> dict[str, Any]:
    """By latchkeyctl; gives the key that is active now."""
    return json.loads(pool.ctl("--json", "keys", "rotate", *options).stdout)


def public_kids(pool: Pool) -> list[str]:
    return [key["kid"] for key in pool.api.get(JWKS).json["keys"]]


def ring_version(pool: Pool) -> float:
    """Of the keys that this node verifies with."""
    return pool.metrics()["latchkey_key_ring_version"]


def in_database(pool: Pool) -> int:
    return pool.database.one("SELECT ring_version FROM deployment")


def follows(*pools: Pool) -> None:
    """Waits until each node has the ring as it is now."""
    version = in_database(pools[0])
    for pool in pools:
        until(lambda: ring_version(pool) >= version, "the ring arrives")


def hurry(pool: Pool) -> None:
    """The schedule is looked at every few seconds, and at the start."""
    (pid,) = until(lambda: pool.processes("lk-purger"), "a purger")
    os.kill(pid, signal.SIGTERM)


def looked_after(pool: Pool) -> None:
    """Waits until all that is due by now has been done: the last thing that
    the purger does is to delete sessions that were idle for too long."""
    pool.database.sql(
        "INSERT INTO session SELECT UNHEX(MD5(RAND())), REPEAT('x', 16),"
        " REPEAT('x', 32), 1, 1, REPEAT('x', 8), past, past, past,"
        " '9999-01-01', '', '', '' FROM (SELECT DATE('1971-01-01') AS past)"
        " AS dates")
    hurry(pool)
    until(lambda: not pool.database.sql(
        "SELECT 1 FROM session WHERE user_id = REPEAT('x', 16)"), "a purge")


def dies_everywhere(pool: Pool, token: str) -> None:
    """A token under a key that is not in the ring: taken nowhere, and refused
    as soon as each process has looked at the ring of late (503 until then)."""
    def dead() -> bool:
        said = set(pool.verify_everywhere(token))
        assert said <= {401, 503}, said
        return said == {401}
    until(dead, "the token is dead")
