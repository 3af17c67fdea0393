"""Tokens that only the owner of the key could make, and others that somebody
tries to pass off as such; signed by another library (cryptography)."""

import hashlib
import hmac
import json
import subprocess
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature)

from encoding import decode, encode
from pool import BUILD, Pool

DROP = ...  # as the value of a member: leave it out
Sign = Callable[[bytes], bytes]


def unsigned(data: bytes) -> bytes:
    return b""


def hs256(secret: bytes | str) -> Sign:
    if isinstance(secret, str):
        secret = secret.encode()
    return lambda data: hmac.digest(secret, data, hashlib.sha256)


def es256(key: ec.EllipticCurvePrivateKey) -> Sign:
    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return sign


def eddsa(key: Any) -> Sign:
    return key.sign


def rs256(key: Any) -> Sign:
    return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def ps256(key: Any) -> Sign:
    return lambda data: key.sign(
        data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


ALGORITHMS = {"ES256": es256, "EdDSA": eddsa, "RS256": rs256, "PS256": ps256,
              "HS256": hs256}


def text(value: Any) -> bytes:
    """As it is, or as JSON."""
    if isinstance(value, bytes):
        return value
    return json.dumps(value, separators=(",", ":")).encode()


def changed(members: dict, changes: dict) -> dict:
    return {name: value for name, value in {**members, **changes}.items()
            if value is not DROP}


class Forge:
    """Makes tokens like a live one of a user, but for what is changed."""

    def __init__(self, pool: Pool, token: str):
        done = subprocess.run(
            [BUILD / "tests/signing-key", pool.config], text=True, check=True,
            capture_output=True, timeout=60)
        self.alg, self.kid, der = done.stdout.split()
        self.secret = bytes.fromhex(der)
        self.key = (self.secret if self.alg == "HS256" else
                    serialization.load_der_private_key(self.secret, None))
        self.sign = ALGORITHMS[self.alg](self.key)
        header, payload, _ = token.split(".")
        self.header = json.loads(decode(header))
        self.claims = json.loads(decode(payload))
        self.pool = pool

    def public_texts(self) -> list[bytes]:
        """All that an attacker could take for this key's secret."""
        jwks = self.pool.api.get("/.well-known/jwks.json")
        found = [b"", b"\0", self.kid.encode(), decode(self.kid), jwks.body]
        for jwk in jwks.json["keys"]:
            found += [text(jwk), json.dumps(jwk).encode(),
                      text(dict(sorted(jwk.items())))]
            found += [decode(jwk[name]) for name in ("x", "y", "n", "e")
                      if name in jwk]
        if self.alg != "HS256":
            public = self.key.public_key()
            pem, der = (public.public_bytes(
                encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
                for encoding in (serialization.Encoding.PEM,
                                 serialization.Encoding.DER))
            found += [der, pem, pem.rstrip(), pem.replace(b"\n", b"\r\n"),
                      b"".join(pem.splitlines()[1:-1])]
        return found

    def token(self, claims: dict | bytes = {}, header: dict | bytes = {},
              sign: Sign | None = None) -> str:
        """With changes of the claims and the header, or with all of their
        JSON; signed by the right key, unless told otherwise."""
        parts = [self.header, self.claims]
        for i, changes in enumerate((header, claims)):
            parts[i] = encode(text(
                changes if isinstance(changes, bytes)
                else changed(parts[i], changes)))
        data = ".".join(parts)
        return f"{data}.{encode((sign or self.sign)(data.encode()))}"

    def claims_and(self, more: bytes, without: str = "") -> bytes:
        """All claims but one, and more JSON text after them."""
        return text(changed(self.claims, {without: DROP}))[:-1] + more + b"}"
