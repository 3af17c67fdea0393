"""Every command of `latchkeyctl` where it cannot do its work: without the
database, on a wrong schema, with a wrong option.  It says why, by a message and
by its exit status."""

import re
import subprocess
from collections.abc import Callable

import pytest

from mariadb import MariaDB
from pool import PASSWORD, Deploy, Pool

DONE, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 3

# With arguments that are in order.
COMMANDS = [
    ["migrate"], ["check-config"], ["status"],
    ["keys", "init"], ["keys", "list"], ["keys", "rotate", "--alg", "ES256"],
    ["keys", "retire", "some-key"],
    ["user", "add", "somebody", "--role", "editor"], ["user", "list"],
    ["user", "show", "somebody"], ["user", "roles", "somebody", "editor"],
    ["user", "claims", "somebody", "{}"], ["user", "suspend", "somebody"],
    ["user", "activate", "somebody"], ["user", "passwd", "somebody"],
    ["user", "limit", "somebody", "3"], ["user", "reissue-id", "somebody"],
    ["user", "delete", "somebody"], ["user", "import", "--quiet", "-"],
    ["session", "list", "somebody"], ["session", "end", "A" * 22],
    ["revoke", "--user", "somebody"], ["purge"], ["audit", "--limit", "3"],
    ["client", "add", "some-api"], ["client", "list"],
    ["client", "delete", "some-api"],
]

# The settings alone, and what mends a schema.
NO_DATABASE = [["check-config"]]
ANY_SCHEMA = [["check-config"], ["migrate"]]


def run(pool: Pool, argv: list[str], status: int
        ) -> subprocess.CompletedProcess:
    done = pool.ctl(*argv, stdin=PASSWORD + "\n", status=status)
    # Where something is amiss, status tells that as its result.
    assert status == DONE or done.stderr.strip() or argv == ["status"], argv
    return done


def test_no_command_is_missing(pool: Pool) -> None:
    listed = [words.strip() for words in re.findall(
        r"^  ([a-z].{14})", pool.ctl("--help").stdout, re.M)]
    assert sorted(listed) == sorted(
        " ".join(argv[:2] if " ".join(argv[:2]) in listed else argv[:1])
        for argv in COMMANDS)


def test_without_database(deploy: Deploy, own_server: MariaDB) -> None:
    pool = deploy(server=own_server, start=False)
    own_server.stop()
    for argv in COMMANDS:
        if argv in NO_DATABASE:
            run(pool, argv, DONE)
        else:
            done = run(pool, argv, UNAVAILABLE)
            assert str(own_server.socket) in done.stderr, (argv, done)


def none(pool: Pool) -> None:
    pool.database.sql(f"DROP DATABASE {pool.database.name}")
    pool.database.server.sql(f"CREATE DATABASE {pool.database.name}")


def older(pool: Pool) -> None:
    pool.database.sql("DELETE FROM schema_version ORDER BY version DESC"
                      " LIMIT 1")


def newer(pool: Pool) -> None:
    pool.database.sql("INSERT INTO schema_version SELECT MAX(version) + 1,"
                      " 'later', 1, NOW(6), NOW(6) FROM schema_version")


@pytest.mark.parametrize("make, says", [
    (none, "latchkeyctl migrate"), (older, "latchkeyctl migrate"),
    (newer, "version")])
def test_wrong_schema(deploy: Deploy, make: Callable[[Pool], None], says: str
                      ) -> None:
    pool = deploy(start=False)
    make(pool)
    for argv in COMMANDS:
        if argv not in ANY_SCHEMA:
            done = run(pool, argv, REFUSED)
            assert says in done.stdout + done.stderr, (argv, done)


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_wrong_option(pool: Pool, argv: list[str]) -> None:
    run(pool, [*argv, "--nonsense"], USAGE)
    run(pool, ["--nonsense", *argv], USAGE)


def test_option_in_the_place_of_a_role(pool: Pool) -> None:
    user = pool.user("editor")
    pool.ctl("user", "roles", user.login, "--admin", status=USAGE)
    assert pool.ctl_json("user", "show", user.login)["roles"] == ["editor"]
