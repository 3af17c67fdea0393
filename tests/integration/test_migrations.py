"""`latchkeyctl migrate`, and a service that meets a schema not its own."""

import os
import subprocess

import pytest

from journey import main_job
from pool import CTL, Deploy, Pool
from waiting import until

EX_CONFIG = 78


@pytest.fixture
def pool(deploy: Deploy) -> Pool:
    """Settings and an empty database."""
    return deploy(set_up=False, start=False)


def versions(pool: Pool) -> list[dict]:
    return pool.database.sql("SELECT * FROM schema_version ORDER BY version")


def refuses_to_start(pool: Pool, *says: str) -> None:
    pool.daemon.spawn()
    assert pool.daemon.wait() == EX_CONFIG, pool.daemon.tail()
    pool.daemon.process = None
    for text in says:
        assert text in pool.log()


def test_from_nothing_and_again(pool: Pool) -> None:
    pool.ctl("migrate")
    applied = versions(pool)
    assert [row["version"] for row in applied] == list(
        range(1, len(applied) + 1))
    assert all(row["finished_at"] for row in applied)
    pool.ctl("migrate")
    assert versions(pool) == applied


@pytest.mark.parametrize("attempt", range(3))
def test_several_at_once(pool: Pool, attempt: int) -> None:
    runs = [subprocess.Popen([CTL, "-c", pool.config, "migrate"],
                             env={**os.environ, **pool.env}, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(4)]
    results = [(run.communicate(timeout=60), run.returncode) for run in runs]
    assert [status for _, status in results] == [0] * 4, results
    applied = versions(pool)
    assert [row["version"] for row in applied] == list(
        range(1, len(applied) + 1))
    assert all(row["finished_at"] for row in applied)
    pool.ctl("keys", "init")
    pool.start()


def test_half_done(pool: Pool) -> None:
    """The one who ran it is gone: nobody can know what it has done."""
    pool.set_up()
    (*_, last) = versions(pool)
    pool.database.sql("UPDATE schema_version SET finished_at = NULL,"
                      " connection_id = 0 WHERE version = %s",
                      last["version"])
    before = versions(pool)
    done = pool.ctl("migrate", status=1)
    assert last["name"] in done.stderr
    assert versions(pool) == before
    refuses_to_start(pool, last["name"])


def test_newer_schema(pool: Pool) -> None:
    pool.set_up()
    newer = len(versions(pool)) + 1
    pool.database.sql(
        "INSERT INTO schema_version VALUES (%s, 'later', 1, NOW(6), NOW(6))",
        newer)
    done = pool.ctl("migrate", status=1)
    assert str(newer) in done.stderr
    refuses_to_start(pool, str(newer))


def test_older_schema(pool: Pool) -> None:
    pool.set_up()
    pool.database.sql("DELETE FROM schema_version ORDER BY version DESC"
                      " LIMIT 1")
    refuses_to_start(pool, "latchkeyctl migrate")


def test_empty_database(pool: Pool) -> None:
    pool.set_up()
    pool.database.sql(f"DROP DATABASE {pool.database.name}")
    pool.database.server.sql(f"CREATE DATABASE {pool.database.name}")
    refuses_to_start(pool, "latchkeyctl migrate")


def test_service_needs_no_right_to_change_tables(pool: Pool) -> None:
    """Least privilege (ASVS 13.2.2), as README grants it."""
    pool.set_up()
    name = pool.database.name
    pool.database.sql(f"REVOKE ALL ON {name}.* FROM {name}@localhost")
    pool.database.sql("GRANT SELECT, INSERT, UPDATE, DELETE"
                      f" ON {name}.* TO {name}@localhost")
    pool.start()
    main_job(pool.api)
    pool.ctl("user", "list")


def test_no_keys_yet(pool: Pool) -> None:
    pool.set_up()
    for table in ("signing_key", "refresh_key"):
        pool.database.sql(f"DELETE FROM {table}")
    pool.web.start()
    pool.daemon.spawn()
    until(lambda: pool.daemon.process.poll() is not None
          or "keys init" in pool.log(), "it says what to do")


def test_rotation_touches_no_secondary_index(pool: Pool) -> None:
    pool.set_up()
    indexed = {row["Column_name"] for row in pool.database.sql(
        "SHOW INDEX FROM session")}
    assert not indexed & {"generation", "rotated_at", "last_used_at",
                          "refresh_key_id"}
