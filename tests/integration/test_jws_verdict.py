"""tests/jws-verdict, line by line; what PyJWT signs with each algorithm is
valid for it, and nothing else is."""

import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (Encoding,
                                                          PublicFormat)
from jwt import api_jws

from encoding import encode
from pool import BUILD

LINE_MAX = 1024 * 1024
Jwk = dict[str, Any]
Ask = Callable[[bytes], str]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Gets the answer to one line before the next is written."""
    with subprocess.Popen([BUILD / "tests/jws-verdict"],
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        assert program.stdin is not None and program.stdout is not None

        def ask_line(line: bytes) -> str:
            program.stdin.write(line + b"\n")
            program.stdin.flush()
            return program.stdout.readline().decode().removesuffix("\n")

        yield ask_line
        program.stdin.close()
        assert program.wait() == 0


def line(jwk: Jwk, jws: str) -> bytes:
    return json.dumps({"jwk": jwk, "jws": jws}).encode()


def number(value: int, size: int | None = None) -> str:
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def ec_key(curve: ec.EllipticCurve, name: str, size: int) -> tuple[Any, Jwk]:
    key = ec.generate_private_key(curve)
    point = key.public_key().public_numbers()
    return key, {"kty": "EC", "crv": name, "x": number(point.x, size),
                 "y": number(point.y, size)}


def okp_key() -> tuple[Any, Jwk]:
    key = ed25519.Ed25519PrivateKey.generate()
    x = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key, {"kty": "OKP", "crv": "Ed25519", "x": encode(x)}


def rsa_key() -> tuple[Any, Jwk]:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_numbers()
    return key, {"kty": "RSA", "n": number(public.n), "e": number(public.e)}


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[Any, Jwk]]:
    a_rsa_key, secret = rsa_key(), bytes(range(64))
    keys = {"ES256": ec_key(ec.SECP256R1(), "P-256", 32),
            "ES384": ec_key(ec.SECP384R1(), "P-384", 48),
            "ES512": ec_key(ec.SECP521R1(), "P-521", 66),
            "EdDSA": okp_key()}
    for size in "256", "384", "512":
        keys["RS" + size] = keys["PS" + size] = a_rsa_key
        keys["HS" + size] = secret, {"kty": "oct", "k": encode(secret)}
    return keys


def test_what_another_library_signs(ask: Ask, keys: dict[str, Any]) -> None:
    payloads = cycle([b"", b"payload", bytes(range(256))])
    for alg, (key, _) in keys.items():
        jws = api_jws.encode(next(payloads), key, alg, {"typ": None, "x": [1]})
        for other, (_, jwk) in keys.items():
            pinned = ask(line({**jwk, "alg": other, "use": "sig"}, jws))
            assert (pinned == "valid") == (alg == other), (alg, other)
            free = ask(line(jwk, jws))
            assert (free == "valid") == (jwk == keys[alg][1]), (alg, other)


def test_lines(ask: Ask, keys: dict[str, Any]) -> None:
    key, jwk = keys["EdDSA"]
    good = line(jwk, api_jws.encode(b"x", key, "EdDSA"))
    bad = line(jwk, api_jws.encode(b"x", keys["HS256"][0], "HS256"))
    assert ask(good) == "valid"
    for text, why in [
            (b"", "JSON"),
            (b"\0", "JSON"),
            (b"\xff" * 100, "JSON"),
            (b"{}", "jwk"),
            (good + b"x", "JSON"),
            (b"[" * LINE_MAX, "nested"),
            (line(jwk, "x" * 1000000), "compact"),
            (line(jwk, json.loads(good)["jws"] + "A"), "signature"),
            (line({}, json.loads(good)["jws"]), "kty"),
            (good + b" " * (LINE_MAX + 1 - len(good)), "too long"),
            (b"x" * 3 * LINE_MAX, "too long"),
            (bad, "alg")]:
        answer = ask(text)
        assert answer.startswith("invalid: ") and why in answer, text[:100]
        assert ask(good) == "valid"
    assert ask(good + b" " * (LINE_MAX - len(good))) == "valid"


def test_last_line_without_its_end(keys: dict[str, Any]) -> None:
    key, jwk = keys["HS512"]
    done = subprocess.run(
        [BUILD / "tests/jws-verdict"], capture_output=True, check=True,
        input=line(jwk, api_jws.encode(b"x", key, "HS512")))
    assert done.stdout == b"valid\n"
