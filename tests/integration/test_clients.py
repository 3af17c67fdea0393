"""Clients that nobody here wrote: they find their way by the metadata, over
TLS, and every token that they are to take they take."""

import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from api import Api
from daemon import Daemon, accepts, free_port
from keyring import (JWKS, LEAD, follows, hurry, kid_of, public_kids, rotate,
                     states)
from node import Caller, installed
from pool import Deploy, Pool, User
from waiting import until
from webserver import TOP

CLIENT = "latchkey"  # the public one
DAY = 86400


def secure(deploy: Deploy, certificate: tuple[Path, Path], **settings: Any
           ) -> Pool:
    """A deployment that is reached by TLS alone; its issuer has a path."""
    pool = deploy(start=False, **settings)
    pool.web.configure(tls=certificate)
    pool.api.tls = ssl.create_default_context(cafile=str(certificate[0]))
    pool.issuer = f"https://127.0.0.1:{pool.web.port}/auth"
    pool.write_config(issuer=pool.issuer)
    pool.start()
    return pool


@pytest.fixture(scope="module")
def pool(deploy_module: Deploy, certificate: tuple[Path, Path]) -> Pool:
    return secure(deploy_module, certificate)


@pytest.fixture
def node(certificate: tuple[Path, Path]) -> Iterator[Caller]:
    """oauth4webapi and jose."""
    caller = Caller(installed(TOP / "tests/clients") / "clients.mjs",
                    {"NODE_EXTRA_CA_CERTS": str(certificate[0])})
    yield caller
    caller.close()


@dataclass
class Server:
    """A resource server's registration for introspection."""

    client_id: str
    secret: str


@pytest.fixture(scope="module")
def server(pool: Pool) -> Server:
    made = pool.ctl_json("client", "add", "resource-server")
    return Server(made["client_id"], made["client_secret"])


def changed(token: str) -> str:
    """Its signature is another."""
    return token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "Q" * 8)


# ---- oauth4webapi -----------------------------------------------------------

def test_oauth4webapi(pool: Pool, node: Caller, server: Server) -> None:
    user = pool.user("editor")
    tokens = user.sign_in()
    metadata = node.result("discover", issuer=pool.issuer)
    assert metadata["issuer"] == pool.issuer
    fresh = node.result("refresh", client_id=CLIENT,
                        refresh_token=tokens["refresh_token"])
    assert fresh["token_type"] == "bearer"
    assert fresh["refresh_token"] != tokens["refresh_token"]

    for token in tokens["access_token"], fresh["access_token"]:
        claims = node.result("validate", token=token, audience=pool.issuer)
        assert (claims["sub"], claims["roles"]) == (user.user_id, ["editor"])
    assert "error" in node.ask("validate", token=fresh["access_token"],
                               audience="https://other.example")

    for method in "client_secret_basic", "client_secret_post":
        def introspect(token: str, secret: str = server.secret) -> Any:
            return node.ask("introspect", client_id=server.client_id,
                            secret=secret, method=method, token=token)

        for token in fresh["access_token"], fresh["refresh_token"]:
            found = introspect(token)["result"]
            assert (found["active"], found["sub"]) == (True, user.user_id)
        assert introspect("x")["result"] == {"active": False}
        refusal = introspect(fresh["access_token"], secret="wrong")
        assert refusal["status"] == 401

    node.result("revoke", client_id=CLIENT, token=fresh["refresh_token"])
    for token in fresh["access_token"], fresh["refresh_token"]:
        assert introspect(token)["result"] == {"active": False}
    assert node.error("refresh", client_id=CLIENT,
                      refresh_token=fresh["refresh_token"]) == "invalid_grant"


# ---- keys: jose, oauth4webapi, PyJWT ----------------------------------------

def signed_by(user: User, kid: str) -> str:
    """An access token under the key, which may take a moment to sign."""
    return until(lambda: kid_of(token := user.sign_in()["access_token"]) == kid
                 and token, "the key signs")


def test_every_algorithm(pool: Pool, node: Caller,
                         certificate: tuple[Path, Path],
                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    python = jwt.PyJWKClient(f"{pool.issuer}{JWKS}")
    user = pool.user()
    for alg in "EdDSA", "RS256", "PS256", "ES256":
        token = signed_by(user, rotate(pool, "--alg", alg)["kid"])
        expected = {"token": token, "audience": pool.issuer}
        node.result("discover", issuer=pool.issuer)
        found = [
            node.result("verify", **expected)["payload"],
            node.result("validate", **expected),
            jwt.decode(token, python.get_signing_key_from_jwt(token).key,
                       algorithms=[alg], issuer=pool.issuer,
                       audience=pool.issuer)]
        assert [claims["sub"] for claims in found] == [user.user_id] * 3


def test_fresh_key_is_no_surprise(deploy: Deploy, node: Caller,
                                  certificate: tuple[Path, Path]) -> None:
    """It was published long before it signs, and jose has it already."""
    pool = secure(deploy, certificate, key_rotation=DAY)
    user = pool.user()
    pool.clock.advance(DAY - LEAD + 1)
    hurry(pool)
    until(lambda: states(pool) == ["active", "standby"], "it is published")
    follows(pool)
    token = user.sign_in()["access_token"]
    node.result("discover", issuer=pool.issuer)
    expected = {"audience": pool.issuer}
    assert node.result("verify", token=token, **expected)["fetches"] == 1

    pool.clock.advance(LEAD)
    hurry(pool)
    until(lambda: states(pool) == ["retired", "active"], "it is active")
    follows(pool)
    fresh = user.sign_in()["access_token"]
    assert kid_of(fresh) != kid_of(token)
    assert node.result("verify", token=fresh, **expected)["fetches"] == 1


# ---- Apache with mod_auth_openidc -------------------------------------------

class ResourceServer:
    """An Apache that has nothing of Latchkey's."""

    MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user",
               "auth_openidc", "headers")

    def __init__(self, directory: Path, place: Path, ca: Path, issuer: str,
                 directives: str):
        self.api = Api(free_port(), "")
        # Apache is another user when the tests are root's.
        (place / "www/private").mkdir(parents=True)
        (place / "www/private/page.txt").write_text("for members")
        shutil.copy(ca, place / "ca.pem")
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in self.MODULES)
        config = directory / "resource-server.conf"
        config.write_text(f"""
{modules}
ServerName 127.0.0.1
Listen 127.0.0.1:{self.api.port}
{'User www-data' if os.geteuid() == 0 else ''}
{'Group www-data' if os.geteuid() == 0 else ''}
DefaultRuntimeDir {directory}
PidFile {directory}/resource-server.pid
Mutex file:{directory}
ErrorLog /dev/stderr
StartServers 1
DocumentRoot {place}/www
OIDCCABundlePath {place}/ca.pem
OIDCHTTPTimeoutShort 60
{directives}
<Location /private>
    AuthType oauth20
    <RequireAll>
        Require claim "iss:{issuer}"
        Require claim "aud:{issuer}"
    </RequireAll>
    Header set X-User "expr=%{{REMOTE_USER}}"
</Location>
""")
        self.daemon = Daemon(["apache2", "-D", "FOREGROUND", "-f", config],
                             directory / "resource-server.log")
        self.daemon.start(lambda: accepts(self.api.port))

    def user(self, token: str | None) -> str | None:
        """Who the page is opened to; None if to nobody."""
        answer = self.api.raw("GET", "/private/page.txt", headers=(
            {} if token is None else {"Authorization": f"Bearer {token}"}))
        if answer.status == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            return None
        assert (answer.status, answer.body) == (200, b"for members"), answer
        return answer.headers["X-User"]


@pytest.fixture
def resource_server(pool: Pool, server: Server, tmp_path: Path, sockets: Path,
                    certificate: tuple[Path, Path]
                    ) -> Iterator[Callable[..., ResourceServer]]:
    started: list[ResourceServer] = []

    def start(directives: str) -> ResourceServer:
        started.append(ResourceServer(
            tmp_path, sockets / tmp_path.name, certificate[0],
            pool.issuer, directives))
        return started[-1]

    yield start
    for apache in started:
        apache.daemon.stop()


def test_apache_by_key_set(pool: Pool, resource_server: Callable) -> None:
    apache = resource_server(
        f"OIDCOAuthVerifyJwksUri {pool.issuer}{JWKS}")
    user = pool.user()
    for alg in "RS256", "ES256":
        token = signed_by(user, rotate(pool, "--alg", alg)["kid"])
        assert apache.user(token) == user.user_id
        assert apache.user(changed(token)) is None
    assert apache.user(None) is None
    assert apache.user(user.sign_in()["refresh_token"]) is None


def test_apache_by_introspection(pool: Pool, server: Server,
                                 resource_server: Callable) -> None:
    apache = resource_server(f"""
OIDCOAuthIntrospectionEndpoint {pool.issuer}/introspect
OIDCOAuthClientID {server.client_id}
OIDCOAuthClientSecret {server.secret}
OIDCOAuthTokenIntrospectionInterval -1
""")
    user = pool.user()
    tokens = user.sign_in()
    assert apache.user(tokens["access_token"]) == user.user_id
    assert apache.user(changed(tokens["access_token"])) is None
    assert apache.user(None) is None
    assert pool.api.post("/logout", token=tokens["access_token"]).status == 204
    assert apache.user(tokens["access_token"]) is None
