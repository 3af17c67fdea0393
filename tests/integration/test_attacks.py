"""The attack table (checks 1-8).  Each row is a good token but for one thing,
and wherever that can be its signature is good, so that it is refused for that
one thing and nothing else; the log says whether it was."""

import http.client
import json
import re
import socket
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import fcgi
from api import NEEDS_BEARER, Answer
from encoding import decode, encode
from forge import (DROP, Forge, es256, hs256, ps256, rs256, text,
                   unsigned)
from pool import Deploy, Pool

ALPHABET = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            "0123456789-_")
REFUSED = "access token refused: "
NO_KEY = "no such key|not a kid"
TOKEN_MAX = 8192

class Target:
    """A user with a live session, and who forges that one's tokens."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self.tokens = pool.user().sign_in()
        self.good = self.tokens["access_token"]
        self.forge = Forge(pool, self.good)
        made = pool.ctl_json("client", "add", "resource-server")
        self.client = made["client_id"], made["client_secret"]

    def answers(self, token: str) -> dict[str, Answer]:
        """Of either pool, in either role, to a bearer of the token."""
        pool = self.pool
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        answers = {
            "session pool": fcgi.call(
                pool.socket, "GET", "/auth/account", **bearer),
            "session pool's /verify": fcgi.call(
                pool.socket, "GET", "/auth/verify", **bearer),
            "verify pool's /verify": fcgi.call(
                pool.verify_socket, "GET", "/auth/verify", **bearer),
            "Authorizer of the session pool": fcgi.authorize(
                pool.socket, "/x", **bearer, LATCHKEY_REQUIRE_ROLE="*"),
            "Authorizer of the verify pool": fcgi.authorize(
                pool.verify_socket, "/x", **bearer, LATCHKEY_REQUIRE_ROLE="*"),
        }
        # As far as a web server hands it on as it is.
        if token.isprintable() and token == token.strip() and len(token) < 7000:
            answers["over HTTP"] = pool.api.get("/verify", token)
        return answers

    def statuses(self, token: str) -> set[int]:
        return {answer.status for answer in self.answers(token).values()}

    def check_refused(self, token: str, why: str = "", what: Any = None
                      ) -> None:
        """why: as the log has it; what: the token, if a test has many."""
        answers = self.answers(token)
        for way, answer in answers.items():
            assert (answer.status, answer.code) == (401, "invalid_token"), (
                what, way, answer)
            assert ('error="invalid_token"'
                    in answer.headers["WWW-Authenticate"]), (what, way)
        assert not self.active(token), what
        if not why:
            return
        request = answers["session pool"].headers["X-Request-Id"]
        told = self.pool.log().partition(f" req={request} {REFUSED}")[2]
        assert re.search(why, told.partition("\n")[0]), (what, told[:200])

    def active(self, token: str) -> bool:
        """What introspection says (RFC 7662)."""
        answer = self.pool.api.form("/introspect", {"token": token},
                                    basic=self.client)
        assert answer.status == 200, answer
        if not answer.json["active"]:
            assert answer.body == b'{"active":false}'
        return answer.json["active"]

    def alive(self) -> bool:
        """Whether nothing has been done to the session."""
        pool = self.pool
        (session,) = pool.api.get("/sessions", self.good).json["sessions"]
        (row,) = pool.database.sql(
            "SELECT generation FROM session WHERE session_id = %s",
            decode(session["session_id"]))
        return row["generation"] == self.forge.claims["gen"]


@pytest.fixture(scope="module")
def target(deploy_module: Deploy) -> Target:
    """Its housekeeper may be late on a busy machine: an unknown kid is refused
    while the ring was looked at within four intervals, and after that 503."""
    return Target(deploy_module(feed_interval_ms=5000))


def each_row(rows: dict[str, Any]) -> Callable:
    return pytest.mark.parametrize("row", rows.values(), ids=rows)


def test_a_forged_token_passes_if_nothing_is_wrong_with_it(target: Target
                                                           ) -> None:
    """So what the rows below are refused for is what they change."""
    forge = target.forge
    for token in (target.good, forge.token(),
                  forge.token({"more": {"a": [1]}}),
                  forge.token(text(forge.claims), text(forge.header))):
        assert len(target.answers(token)) == 6
        assert target.statuses(token) == {200, 204}
        assert target.active(token)


# ---- 1: the key's own algorithm and no other --------------------------------

NAMES = ["HS256", "HS384", "HS512", "ES256", "ES256K", "ES384", "ES512",
         "EdDSA", "Ed25519", "Ed448", "RS256", "RS384", "RS512", "PS256",
         "PS384", "PS512"]


def other_algorithms(forge: Forge) -> Iterator[tuple[Any, str]]:
    """Tokens by what is wrong with each, and how the log has it."""
    alg = forge.alg
    for no_alg in (DROP, "none", "NoNe", "NONE", "", " ", None, True, 0, [],
                   {}, [alg], alg + " ", alg + "0", alg[:-1], alg.swapcase(),
                   alg.lower() if alg.lower() != alg else alg.upper()):
        header = {"alg": no_alg}
        yield header, forge.token(header=header), "alg"
        yield f"{header}, unsigned", forge.token(
            header=header, sign=unsigned), "alg"
    for name in NAMES:
        if name != alg:
            yield name, forge.token(header={"alg": name}), "alg"
    size = len(forge.sign(b""))
    for n in (0, 1, size - 1, size, size + 1, 2 * size):
        yield f"signature of {n} zeros", forge.token(
            sign=lambda data: bytes(n)), "signature"
    # RFC 8725, 2.1: what is public as the secret of an HMAC.
    for secret in forge.public_texts():
        yield f"HMAC by {secret[:50]}", forge.token(
            header={"alg": "HS256"}, sign=hs256(secret)), (
                "signature" if alg == "HS256" else "alg")
        yield f"HMAC by {secret[:50]}, not named", forge.token(
            sign=hs256(secret)), "signature"
    # Two algorithms for the same RSA key.
    for name, sign in {"RS256": rs256, "PS256": ps256}.items():
        if alg in ("RS256", "PS256") and alg != name:
            yield f"{name} by name", forge.token(
                header={"alg": name}, sign=sign(forge.key)), "alg"
            yield name, forge.token(sign=sign(forge.key)), "signature"


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256", "PS256", "HS256"])
def test_algorithms(deploy: Deploy, alg: str) -> None:
    target = Target(deploy(signing_alg=alg))
    assert target.forge.alg == alg
    assert target.statuses(target.forge.token()) == {200, 204}
    for what, token, why in other_algorithms(target.forge):
        target.check_refused(token, why, what)
    check_each_character(target)


# ---- 2: a key of the own ring and no other ----------------------------------

class Listener:
    """Somewhere in the network, where nobody is to come."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]

    def called(self) -> bool:
        try:
            self.socket.accept()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


class Attacker:
    """A key of somebody's own."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.sign = es256(self.key)
        numbers = self.key.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256",
                    "kid": "attacker", "use": "sig",
                    "x": encode(numbers.x.to_bytes(32, "big")),
                    "y": encode(numbers.y.to_bytes(32, "big"))}


KIDS = {
    "unknown": "A" * 43,
    "none": "",
    "blank before": lambda kid: " " + kid,
    "blank after": lambda kid: kid + " ",
    "cut": lambda kid: kid[:-1],
    "longer": lambda kid: kid + "A",
    "other case": str.swapcase,
    "pattern": "%",
    "pattern of its length": "_" * 43,
    "list": lambda kid: [kid],
    "object": lambda kid: {"kid": kid},
    "null": None,
    "true": True,
    "number": 0,
    "long": "A" * 400,
}


@each_row(KIDS)
def test_kid(target: Target, row: Any) -> None:
    """Signed by the right key, whose name this is not."""
    kid = row(target.forge.kid) if callable(row) else row
    target.check_refused(
        target.forge.token(header={"kid": kid}),
        NO_KEY if isinstance(kid, str) and len(kid) <= 43 else "kid: ")


def test_no_kid(target: Target) -> None:
    target.check_refused(target.forge.token(header={"kid": DROP}), "kid: ")


@pytest.mark.parametrize("kid, secret", [
    ("../../../../../../../../dev/null", b""),
    ("/dev/null", b""),
    ("/proc/sys/kernel/ostype", b"Linux\n"),
    ("file:///proc/sys/kernel/ostype", b"Linux\n"),
    ("x' UNION SELECT 'secret' -- ", b"secret"),
    ("x' OR '1'='1", b""),
    ("x'; DELETE FROM session; -- ", b""),
    ("|echo secret", b"secret\n"),
    ("%s%s%s%n", b""),
])
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_kid_that_leads_elsewhere(target: Target, kid: str, secret: bytes,
                                  alg: str) -> None:
    target.check_refused(target.forge.token(
        header={"alg": alg, "kid": kid}, sign=hs256(secret)), NO_KEY)
    assert target.alive()


def test_key_of_another_deployment(target: Target, deploy_module: Deploy
                                   ) -> None:
    other = Target(deploy_module()).forge
    target.check_refused(other.token(target.forge.claims_and(b"")),
                         NO_KEY)
    target.check_refused(
        other.token(target.forge.claims_and(b""), {"kid": target.forge.kid}),
        "signature")


# Header members that bring a key or say where one is; with the key that signs
# and what it calls itself.
BROUGHT_KEYS = {
    "jku": lambda jwk, url: {"jku": f"{url}/jwks.json"},
    "jku with TLS": lambda jwk, url: {
        "jku": f"{url}/jwks.json".replace("http", "https")},
    "x5u": lambda jwk, url: {"x5u": f"{url}/chain.pem"},
    "jwk": lambda jwk, url: {"jwk": jwk},
    "x5c": lambda jwk, url: {"x5c": ["MIIBszCCAVmgAwIBAgIUAAAA"]},
    "x5t": lambda jwk, url: {"x5t": "A" * 27},
    "kid that is an address": lambda jwk, url: {"kid": f"{url}/key"},
}


@each_row(BROUGHT_KEYS)
def test_key_that_the_token_brings(target: Target, listener: Listener,
                                   row: Callable) -> None:
    attacker = Attacker()
    brought = row(attacker.jwk, listener.url)
    own_kid = {"kid": "attacker", **brought}
    target.check_refused(target.forge.token(header=own_kid,
                                            sign=attacker.sign))
    target.check_refused(target.forge.token(header=brought,
                                            sign=attacker.sign))
    # With the right signature it is still no token of ours.
    target.check_refused(target.forge.token(header=brought))
    # An issuer whose keys could be fetched.
    target.check_refused(target.forge.token(
        {"iss": listener.url}, own_kid, attacker.sign))
    assert not listener.called()


@pytest.mark.parametrize("more", [
    {"crit": ["exp"]}, {"crit": ["b64"], "b64": True},
    {"crit": ["b64"], "b64": False}, {"crit": ["x"], "x": 1}, {"crit": []},
    {"crit": ["alg"]}, {"crit": "exp"}, {"crit": None}, {"b64": False},
    {"zip": "DEF"}, {"enc": "A128GCM"}, {"cty": "JWT"}, {"nonce": "1"},
], ids=str)
def test_header_that_asks_for_more(target: Target, more: dict) -> None:
    target.check_refused(target.forge.token(header=more))


# ---- 3: times ---------------------------------------------------------------

NO_TIMES = {
    "missing": lambda at: DROP,
    "null": lambda at: None,
    "string": str,
    "ISO 8601": lambda at: "2099-01-01T00:00:00Z",
    "empty": lambda at: "",
    "fraction": lambda at: at + 0.5,
    "float": float,
    "exponent": lambda at: 1e12,
    "negative": lambda at: -at,
    "-1": lambda at: -1,
    "2^63": lambda at: 2 ** 63,
    "2^63 - 1": lambda at: 2 ** 63 - 1,
    "-2^63": lambda at: -2 ** 63,
    "2^64 more": lambda at: at + 2 ** 64,
    "10^400": lambda at: 10 ** 400,
    "true": lambda at: True,
    "list": lambda at: [at],
    "object": lambda at: {"at": at},
}


@pytest.mark.parametrize("claim", ["exp", "iat"])
@each_row(NO_TIMES)
def test_no_time(target: Target, claim: str, row: Callable) -> None:
    value = row(target.forge.claims[claim])
    target.check_refused(target.forge.token({claim: value}), "claims: ")


@pytest.mark.parametrize("exp, iat, why", [
    (-10, -310, "expired"),
    (-10, -11, "expired"),
    (-1_000_000, -1_000_300, "expired"),
    (300, -310, "expired"),  # older than any token lives
    (10 ** 9, -310, "expired"),
    (600, 400, "of the future"),  # by more than clocks may be apart
    (10, 20, "exp before iat"),
])
def test_times(target: Target, exp: int, iat: int, why: str) -> None:
    now = target.forge.claims["iat"]
    target.check_refused(
        target.forge.token({"exp": now + exp, "iat": now + iat}), why)


@pytest.mark.parametrize("exp, iat", [(0, 0), (1, 1)])
def test_times_long_ago(target: Target, exp: int, iat: int) -> None:
    target.check_refused(target.forge.token({"exp": exp, "iat": iat}),
                         "expired")


# ---- 4: tokens of another type ----------------------------------------------

@pytest.mark.parametrize("typ", [
    DROP, None, "", "JWT", "jwt", "at", "at+jw", "at+jwts", "at jwt",
    " at+jwt", "at+jwt ", "at+jwt;x=1", "application/jwt",
    "application/at", "text/at+jwt", "application/application/at+jwt",
    "rt+jwt", "logout+jwt", "dpop+jwt", "token-introspection+jwt",
    ["at+jwt"], {"at+jwt": 1}, True], ids=repr)
def test_another_type(target: Target, typ: Any) -> None:
    target.check_refused(target.forge.token(header={"typ": typ}), "typ")


@pytest.mark.parametrize("method, path", NEEDS_BEARER)
def test_refresh_token_as_access_token(target: Target, method: str, path: str
                                       ) -> None:
    refresh_token = target.tokens["refresh_token"]
    for headers in ({"Authorization": f"Bearer {refresh_token}"},
                    {"Cookie": f"__Host-lk_at={refresh_token}",
                     "X-Latchkey": "1"}):
        answer = target.pool.api.call(
            method, path, None if method == "GET" else {}, headers=headers)
        assert (answer.status, answer.code) == (401, "invalid_token"), answer
    assert target.alive()


def test_refresh_token_opens_nothing(target: Target) -> None:
    answers = target.answers(target.tokens["refresh_token"])
    assert {answer.status for answer in answers.values()} == {401}


def test_access_token_as_refresh_token(target: Target) -> None:
    api = target.pool.api
    answer = api.refresh(target.good)
    assert (answer.status, answer.code) == (
        401, "invalid_refresh_token"), answer
    answer = api.post("/refresh", {}, headers={
        "Cookie": f"__Host-lk_at={target.good};"
                  f" __Secure-lk_rt={target.good}", "X-Latchkey": "1"})
    assert (answer.status, answer.code) == (
        401, "invalid_refresh_token"), answer
    answer = api.post("/logout", {"refresh_token": target.good})
    assert answer.status == 401, answer
    answer = api.form("/token", {"grant_type": "refresh_token",
                                 "refresh_token": target.good})
    assert (answer.status, answer.error) == (400, "invalid_grant"), answer
    assert target.alive()


def test_no_forged_token_ends_a_session(target: Target) -> None:
    forge, api, attacker = target.forge, target.pool.api, Attacker()
    for token in (
            forge.token(header={"alg": "none"}, sign=unsigned),
            forge.token(sign=attacker.sign),
            forge.token(header={"kid": "attacker"}, sign=attacker.sign),
            forge.token(header={"jwk": attacker.jwk}, sign=attacker.sign),
            forge.token(header={"typ": "JWT"}),
            forge.token({"aud": "https://evil.example"}),
            forge.token({"iss": "https://evil.example"}),
            forge.token({"exp": DROP}), target.good + "="):
        answer = api.post("/logout", token=token)
        assert (answer.status, answer.code) == (401, "invalid_token"), answer
        answer = api.form("/revoke", {"token": token})
        assert (answer.status, answer.body) == (200, b""), answer
    assert target.alive()


# ---- 5: who made it, and for whom -------------------------------------------

OTHER_NAMES = {
    "missing": lambda name: DROP,
    "null": lambda name: None,
    "empty": lambda name: "",
    "slash after": lambda name: name + "/",
    "blank after": lambda name: name + " ",
    "longer": lambda name: name + ".evil.example",
    "cut": lambda name: name[:-1],
    "capitals": str.upper,
    "another": lambda name: "https://evil.example",
    "pattern": lambda name: "*",
    "list": lambda name: [name],
    "list of two": lambda name: [name, "https://evil.example"],
    "object": lambda name: {"name": name},
}


@pytest.mark.parametrize("claim", ["iss", "aud", "client_id"])
@each_row(OTHER_NAMES)
def test_names(target: Target, claim: str, row: Callable) -> None:
    value = row(target.forge.claims[claim])
    target.check_refused(target.forge.token({claim: value}),
                         f"claims: {claim}")


@pytest.mark.parametrize("claim", [
    "iss", "aud", "client_id", "sub", "sid", "jti", "exp", "iat", "epoch",
    "gepoch", "gen", "roles"])
@pytest.mark.parametrize("value", [DROP, None, True, -1, 1.5, "", "x", {}],
                         ids=repr)
def test_no_claim(target: Target, claim: str, value: Any) -> None:
    target.check_refused(target.forge.token({claim: value}),
                         f"claims: {claim}")


# ---- 6: one spelling --------------------------------------------------------

NO_JSON = {
    "no UTF-8": b'"x":"\xff"',
    "overlong": b'"x":"\xc0\xaf"',
    "overlong NUL": b'"x":"\xc0\x80"',
    "cut character": b'"x":"\xe2\x82"',
    "surrogate": b'"x":"\xed\xa0\x80"',
    "beyond Unicode": b'"x":"\xf4\x90\x80\x80"',
    "lone surrogate": b'"x":"\\ud800"',
    "surrogates turned round": b'"x":"\\udc00\\ud800"',
    "name of no UTF-8": b'"\xff":1',
    "raw NUL": b'"x":"\0"',
    "NUL": b'"x":"\\u0000"',
    "NUL in a name": b'"x\\u0000":1',
    "raw line feed": b'"x":"\n"',
    "comment": b'"x":1/**/',
    "apostrophes": b"'x':1",
    "comma after": b'"x":1,',
    "no colon": b'"x" 1',
    "leading zero": b'"x":01',
    "hexadecimal": b'"x":0x1',
    "no number": b'"x":NaN',
    "infinite": b'"x":Infinity',
    "too deep": b'"x":' + b"[" * 9 + b"]" * 9,
    "twice": b'"x":1,"x":1',
    "twice within": b'"x":{"y":1,"y":1}',
}


@each_row(NO_JSON)
def test_claims_that_are_no_json(target: Target, row: bytes) -> None:
    target.check_refused(target.forge.token(
        target.forge.claims_and(b"," + row)), "JSON: ")


@each_row({
    "null": lambda claims: b"null",
    "list": lambda claims: b"[" + claims + b"]",
    "string": lambda claims: text(claims.decode()),
    "cut": lambda claims: claims[:-1],
    "two": lambda claims: claims + claims,
    "byte order mark": lambda claims: b"\xef\xbb\xbf" + claims,
    "NUL after": lambda claims: claims + b"\0",
    "comment after": lambda claims: claims + b"//",
    "no JSON after": lambda claims: claims + b"x",
    "UTF-16": lambda claims: claims.decode().encode("utf-16"),
})
def test_claims_that_are_no_object(target: Target, row: Callable) -> None:
    claims = target.forge.claims_and(b"")
    target.check_refused(target.forge.token(row(claims)), "JSON: ")


def test_no_claims(target: Target) -> None:
    target.check_refused(target.forge.token(b""), "not a compact JWS")
    target.check_refused(target.forge.token(b"{}"), "claims: ")


@pytest.mark.parametrize("claim", [
    "iss", "aud", "client_id", "sub", "sid", "jti", "exp", "iat", "epoch",
    "gepoch", "gen", "roles"])
def test_claim_twice(target: Target, claim: str) -> None:
    forge = target.forge
    value = text(forge.claims[claim])
    escaped = b'"\\u%04x%b"' % (ord(claim[0]), claim[1:].encode())
    for name in (text(claim), escaped):
        # Whichever of the two a reader takes: the same, or a worse one.
        for pair in ((value, value), (value, b"null"), (b"null", value)):
            target.check_refused(forge.token(forge.claims_and(
                b',"%b":%b,%b:%b' % (claim.encode(), pair[0], name, pair[1]),
                without=claim)), "duplicate")


@pytest.mark.parametrize("name", ["alg", "kid", "typ"])
def test_header_twice(target: Target, name: str) -> None:
    forge = target.forge
    members = text(forge.header)
    for value in (forge.header[name], "none", None):
        pair = b'"%b":%b' % (name.encode(), text(value))
        for header in (members[:-1] + b"," + pair + b"}",
                       b"{" + pair + b"," + members[1:]):
            target.check_refused(forge.token(header=header), "JSON: ")


@each_row(NO_JSON)
def test_header_that_is_no_json(target: Target, row: bytes) -> None:
    header = text(target.forge.header)[:-1] + b"," + row + b"}"
    target.check_refused(target.forge.token(header=header), "JSON: ")


@pytest.mark.parametrize("form", [
    "H.P.S=", "H.P.S==", "H.P=.S", "H=.P.S", "H.P.S**", "H.P**.S", "H**.P.S",
    "H.P.*S", "H.P.S,", "H.P.S;", "H.P.S%3D", "H.P.S+", "H.P.S/",
    "H.P.S ", "H.P.S\t", "H.P.S\n", "H.P.S\r\n", "\nH.P.S",
    "H. P.S", "H .P.S", "H.P\n.S", "H.P.\vS", "H.P.S\xa0", "H.P.S\ufeff",
    "H.P.SA", "H.PA.S", "HA.P.S", "AH.P.S", '"H.P.S"', "H,P,S", "H.P.S#",
    "H.P.S.", ".H.P.S", "H.P.S.S", "H.P.P.S", "H.H.P.S", "H..P.S", "H.P.S.A",
    "H.P.S H.P.S", "H.P.S,H.P.S", "H.P", "P.S", "H.P.", "H..S", ".P.S", "..",
    ".", "H", "P.H.S", "H.S.P",
], ids=repr)
def test_spellings(target: Target, form: str) -> None:
    segments = dict(zip("HPS", target.good.split(".")))
    target.check_refused("".join(segments.get(c, c) for c in form))


@pytest.mark.parametrize("segment, why", [
    (0, "header: not base64url"), (1, "payload: not base64url")])
@each_row({
    "padding": lambda text: text + "=",
    "more padding": lambda text: text + "==",
    "no whole byte": lambda text: text + "AAA",
    "other stray bits": lambda text: text[:-1] + neighbour(text[-1]),
    "alphabet of base64": lambda text: text[:-1] + "+",
})
def test_second_spelling_that_is_signed(target: Target, segment: int, why: str,
                                        row: Callable) -> None:
    """The signature is over the characters, so it is good."""
    forge = target.forge
    # Two characters stand for the last byte: four of their bits stray.
    parts = [encode(text(members).ljust(3 * 150 + 1))
             for members in (forge.header, forge.claims)]
    data = ".".join(parts)
    assert target.statuses(
        f"{data}.{encode(forge.sign(data.encode()))}") == {200, 204}
    parts[segment] = row(parts[segment])
    data = ".".join(parts)
    target.check_refused(f"{data}.{encode(forge.sign(data.encode()))}", why)


def test_size(target: Target) -> None:
    """The longest token with a good signature, and one character more."""
    forge = target.forge

    def padded(n: int) -> str:
        return forge.token({"x": "A" * n})

    n = bisect_right(range(TOKEN_MAX), TOKEN_MAX,
                     key=lambda n: len(padded(n))) - 1
    assert target.statuses(padded(n)) == {200, 204}
    target.check_refused(padded(n + 1), "too long")
    target.check_refused(padded(n + 3000), "too long")


class Kept:
    """A connection that many requests go over."""

    def __init__(self, pool: Pool):
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", pool.api.port, timeout=60)

    def __enter__(self) -> "Kept":
        return self

    def __exit__(self, *_) -> None:
        self.connection.close()

    def status(self, method: str, target: str, headers: dict[str, str] = {},
               body: Any = None) -> int:
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
            body = json.dumps(body)
        self.connection.request(method, target, body, headers)
        response = self.connection.getresponse()
        response.read()
        return response.status


def neighbour(character: str) -> str:
    """Differs in the last bit alone, which at the end of a segment may be one
    that no byte is made of."""
    if character not in ALPHABET:
        return "A"
    return ALPHABET[ALPHABET.index(character) ^ 1]


def check_each_character(target: Target) -> None:
    """That none can be changed for its neighbour; and the last of a segment,
    whose bits may stray, for no other."""
    good = target.good
    ends = [i for i in range(len(good)) if good[i + 1:i + 2] in (".", "")]
    assert len(ends) == 3
    changes = [(i, neighbour(good[i])) for i in range(len(good))]
    changes += [(i, other) for i in ends for other in ALPHABET
                if other != good[i]]
    with Kept(target.pool) as kept:
        def statuses(token: str) -> set[int]:
            bearer = {"Authorization": f"Bearer {token}"}
            return {kept.status("GET", f"/auth/{path}", bearer)
                    for path in ("verify", "account")}

        assert statuses(good) == {204, 200}
        passed = [(i, other) for i, other in changes
                  if statuses(good[:i] + other + good[i + 1:]) != {401}]
    assert not passed


def test_each_character_of_a_refresh_token(target: Target) -> None:
    good = target.tokens["refresh_token"]
    with Kept(target.pool) as kept:
        for i, character in enumerate(good):
            token = good[:i] + neighbour(character) + good[i + 1:]
            for path in ("refresh", "logout"):
                assert kept.status("POST", f"/auth/{path}", body={
                    "refresh_token": token}) == 401, (path, i)
    assert target.alive()
