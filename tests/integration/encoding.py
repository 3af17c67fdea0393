"""Base64url without padding, and the parts of a refresh token (design §2)."""

import base64
import struct
from dataclasses import dataclass

PREFIX = "lkr1_"
LAYOUT = ">I16sI16s32s"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class RefreshToken:
    key_id: int
    session_id: bytes
    generation: int
    seed: bytes
    mac: bytes

    @classmethod
    def read(cls, text: str) -> "RefreshToken":
        assert text.startswith(PREFIX)
        return cls(*struct.unpack(LAYOUT, decode(text[len(PREFIX):])))

    def text(self) -> str:
        return PREFIX + encode(struct.pack(
            LAYOUT, self.key_id, self.session_id, self.generation, self.seed,
            self.mac))
