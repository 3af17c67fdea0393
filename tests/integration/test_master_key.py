"""The master key: without the right one nothing starts, and no file is ever
overwritten (checks 13.3 of the ASVS)."""

import os
import stat
from collections.abc import Callable

import pytest

from keyring import follows, listed, rotate
from pool import Deploy, Pool
from waiting import until

REFUSED = 1
EX_UNAVAILABLE, EX_CONFIG = 69, 78


def ended(pool: Pool) -> int:
    """Starts the pool, which must not go on; gives its exit status."""
    pool.daemon.spawn()
    status = pool.daemon.wait()
    pool.daemon.process = None
    return status


def missing(pool: Pool) -> None:
    pool.master_key.unlink()


def readable_by_the_group(pool: Pool) -> None:
    pool.master_key.chmod(0o640)


def readable_by_all(pool: Pool) -> None:
    pool.master_key.chmod(0o604)


def linked(pool: Pool) -> None:
    other = pool.master_key.with_suffix(".real")
    pool.master_key.rename(other)
    pool.master_key.symlink_to(other)


def directory(pool: Pool) -> None:
    pool.master_key.unlink()
    pool.master_key.mkdir(0o700)


def empty(pool: Pool) -> None:
    pool.master_key.write_bytes(b"")


def cut(pool: Pool) -> None:
    pool.master_key.write_bytes(pool.master_key.read_bytes()[:-2] + b"\n")


def longer(pool: Pool) -> None:
    with pool.master_key.open("ab") as file:
        file.write(b"A\n")


def image(pool: Pool) -> object:
    """What there is in the place of the file."""
    path = pool.master_key
    if not os.path.lexists(path):
        return None
    return (stat.S_IFMT(path.lstat().st_mode),
            path.read_bytes() if path.is_file() else None)


@pytest.mark.parametrize("fault, says", [
    (missing, "keys init"),
    (readable_by_the_group, "mode 0640 lets others in (0600 is asked)"),
    (readable_by_all, "mode 0604 lets others in (0600 is asked)"),
    (linked, "symbolic"),
    (directory, "not a regular file"),
    (empty, "not a master key"),
    (cut, "not a master key"),
    (longer, "not a master key"),
])
def test_unfit_file(deploy: Deploy, fault: Callable[[Pool], None], says: str
                    ) -> None:
    pool = deploy(start=False)
    keys = listed(pool)
    fault(pool)
    before = image(pool)
    assert ended(pool) in (EX_UNAVAILABLE, EX_CONFIG)
    log = pool.log()
    assert "cannot start: " in log and str(pool.master_key) in log, log
    assert says in log, log
    # Nor does anything make another one.
    for argv in (["keys", "init"], ["keys", "rotate"], ["status"]):
        said = pool.ctl(*argv, status=REFUSED)
        assert str(pool.master_key) in said.stdout + said.stderr
    assert image(pool) == before
    assert listed(pool) == keys


def test_another_one(deploy: Deploy) -> None:
    """A pool that cannot open the keys ends, and says why."""
    pool = deploy(start=False)
    right, keys = pool.master_key.read_bytes(), listed(pool)
    pool.master_key.write_bytes(b"A" * 43 + b"\n")
    assert ended(pool) == EX_CONFIG
    assert "cannot serve: signing key" in pool.log()
    assert "the master key does not open it" in pool.log()
    for argv in (["keys", "init"], ["keys", "rotate"], ["status"],
                 ["keys", "rotate", "--revoke"],
                 ["keys", "retire", "1", "--revoke"]):
        said = pool.ctl(*argv, status=REFUSED)
        assert "master key does not open" in said.stdout + said.stderr
    assert pool.master_key.read_bytes() == b"A" * 43 + b"\n"
    assert listed(pool) == keys
    pool.master_key.write_bytes(right)
    pool.start()
    pool.user().sign_in()


def test_another_node_with_another_one(deploy: Deploy) -> None:
    """It does not start, and the first one goes on."""
    one = deploy()
    other = one.directory / "other.key"
    other.write_bytes(b"A" * 43 + b"\n")
    other.chmod(0o600)
    two = deploy(beside=one, start=False, master_key_file=str(other))
    assert ended(two) == EX_CONFIG
    assert "the master key does not open it" in two.log()
    two.ctl("keys", "rotate", status=REFUSED)
    token = one.user().sign_in()["access_token"]
    rotate(one)
    follows(one)
    assert one.alive_everywhere(token)


def test_lost_under_a_running_pool(deploy: Deploy) -> None:
    """It was read at the start; the command line says what is missing."""
    pool = deploy()
    pool.master_key.unlink()
    said = pool.ctl("keys", "rotate", status=REFUSED)
    assert str(pool.master_key) in said.stderr
    token = pool.user("admin").sign_in()["access_token"]
    assert pool.api.post("/admin/keys/rotate", token=token).status == 200
    follows(pool)
    assert pool.alive_everywhere(token)
    assert not pool.master_key.exists()


def test_database_comes_with_other_keys(deploy: Deploy, own_server) -> None:
    """MariaDB was away at the start, and is of another deployment."""
    pool = deploy(server=own_server, start=False)
    pool.master_key.write_bytes(b"A" * 43 + b"\n")
    own_server.stop()
    pool.daemon.spawn()
    until(pool.complete, "it starts")
    own_server.start()
    assert pool.daemon.wait() == EX_CONFIG
    pool.daemon.process = None
    assert "the master key does not open it" in pool.log()
