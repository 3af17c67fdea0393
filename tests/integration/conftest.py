"""Fixtures.  Everything is private to one test process: directories, sockets,
ports and servers, so that tests run side by side."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api import Api
from mariadb import MariaDB, make_template
from pool import FCGI, Deploy, Pool
from webserver import Lighttpd, WebServer


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job has SIGINT ignored, and a shell that inherits
    # that (deploy/quickstart) can never trap it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: takes long, so it starts first")
    config.addinivalue_line(
        "markers", "unsanitized: left out where sanitizers do the same work")
    if not FCGI.exists():
        raise pytest.UsageError(
            f"{FCGI} is not there: run tests/check integration, or name a"
            " build (--enable-test-hooks) in LATCHKEY_BUILD")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if b"__asan_init" in FCGI.read_bytes():
        items[:] = [item for item in items
                    if not item.get_closest_marker("unsanitized")]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def sockets() -> Iterator[Path]:
    """A directory for sockets, whose paths are limited to 107 bytes.  Apache
    under test is another user when the tests are root's, and has to enter."""
    directory = Path(tempfile.mkdtemp(prefix="lk", dir="/tmp"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory
                ) -> tuple[Path, Path]:
    """Of 127.0.0.1, by itself, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def shared_server(template: Path, sockets: Path,
                  tmp_path_factory: pytest.TempPathFactory
                  ) -> Iterator[MariaDB]:
    """A MariaDB for all tests that leave the server itself alone."""
    server = MariaDB(template, tmp_path_factory.mktemp("mariadb"), sockets)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(template: Path, tmp_path: Path) -> Iterator[MariaDB]:
    """A MariaDB for one test, to stop, to kill, to count."""
    with tempfile.TemporaryDirectory(prefix="lk", dir="/tmp") as sockets:
        server = MariaDB(template, tmp_path, Path(sockets))
        server.start()
        yield server
        server.stop()


def deployments(directory: Path, sockets: Path, shared: MariaDB
                ) -> Iterator[Deploy]:
    made: list[Pool] = []

    def deploy(web: type[WebServer] = Lighttpd, *, start: bool = True,
               set_up: bool = True, server: MariaDB = shared,
               beside: Pool | None = None, **settings: Any) -> Pool:
        """beside: another node of a deployment, with its keys."""
        place = directory / f"pool{len(made)}"
        place.mkdir()
        if beside is not None:
            database = beside.database
            settings = {"issuer": beside.issuer,
                        "master_key_file": str(beside.master_key), **settings}
        else:
            database = server.create_database()
        pool = Pool(place, sockets, database, settings, web)
        made.append(pool)
        if set_up and beside is None:
            pool.set_up()
        if start:
            pool.start()
        return pool

    yield deploy
    for pool in made:
        pool.stop()


@pytest.fixture
def deploy(tmp_path: Path, sockets: Path, shared_server: MariaDB
           ) -> Iterator[Deploy]:
    """Makes deployments for one test; settings are keyword arguments."""
    yield from deployments(tmp_path, sockets, shared_server)


@pytest.fixture(scope="module")
def deploy_module(tmp_path_factory: pytest.TempPathFactory, sockets: Path,
                  shared_server: MariaDB) -> Iterator[Deploy]:
    """The same for all tests of a file."""
    yield from deployments(tmp_path_factory.mktemp("module"), sockets,
                           shared_server)


@pytest.fixture(scope="module")
def pool(deploy_module: Deploy) -> Pool:
    """A deployment with ordinary settings, shared by the tests of a file,
    which therefore leave its clock and its settings alone."""
    return deploy_module()


@pytest.fixture(scope="module")
def api(pool: Pool) -> Api:
    return pool.api
