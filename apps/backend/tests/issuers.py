"""A real issuer of tokens for tests: discovery and keys over HTTP on this machine, and its tokens.

Contract: what it answers may be changed at any time; every question it gets is kept.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "mnist-backend"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


class Signer:
    """A pair of keys and the id of its public half."""

    def __init__(self, key_id: str | None, kind: str = "RS256") -> None:
        """Make the pair."""
        self.key_id = key_id
        self.kind = kind
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    @property
    def public(self) -> dict[str, Any]:
        """The public half, as an issuer publishes it."""
        form = ECAlgorithm if self.kind == "ES256" else RSAAlgorithm
        told = {**form.to_jwk(self.private.public_key(), as_dict=True), "alg": self.kind}
        return told if self.key_id is None else {**told, "kid": self.key_id}

    @property
    def pem(self) -> bytes:
        """The public half, as everybody can have it."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = self.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        return pem


@cache
def first(_owner: str = "issuer") -> Signer:
    """An owner's pair called first, made once: that takes longer than most tests."""
    return Signer("first")


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Return a token put together by hand."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class Issuer(ThreadingHTTPServer):
    """An issuer with one key."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a port of this machine."""
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.signer = first()
        self.asked: list[str] = []
        self.answers: dict[str, bytes | int | str] = {}  # a body, a status, or where else to go
        self.publish(self.signer)

    def publish(self, *signers: Signer) -> None:
        """Tell these keys from now on."""
        about = {"issuer": self.url, "jwks_uri": self.url + KEYS}
        self.answers[DISCOVERY] = json.dumps(about).encode()
        self.answers[KEYS] = json.dumps({"keys": [s.public for s in signers]}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  any claim
        """Return what a good token says, changed; None leaves a claim out."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "somebody",
            "exp": now + 300,
            "scope": "openid predict feedback",
        }
        return {name: value for name, value in (told | changes).items() if value is not None}

    def token(self, signer: Signer | None = None, **changes: Any) -> str:  # noqa: ANN401  any claim
        """Return a signed token."""
        by = signer or self.signer
        headers = {} if by.key_id is None else {"kid": by.key_id}
        return jwt.encode(self.claims(**changes), by.private, by.kind, headers)


class Answering(BaseHTTPRequestHandler):
    """Answers as its issuer says."""

    server: Issuer

    def do_GET(self) -> None:
        """Answer one question."""
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        if isinstance(answer, str):
            self.send_response(302)
            self.send_header("location", answer)
            self.end_headers()
        elif isinstance(answer, int):
            self.send_error(answer)
        else:
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer."""
    server = Issuer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
