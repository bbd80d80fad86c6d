"""A registry of images on this machine that misbehaves on demand.

Contract: it speaks what clients of an OCI registry need to push, pull and attach, without TLS, and
keeps everything in memory. `refusing` makes it refuse what fits, `password` asks for one. Standard
library only. Does not know what is pushed.
"""

import base64
import json
import re
import threading
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/(\d*)")
MANIFEST = re.compile(r"/v2/(.+)/manifests/(\S+)")
USER = "releaser"


def digest_of(content: bytes) -> str:
    """What content is known by."""
    return f"sha256:{sha256(content).hexdigest()}"


class Registry(ThreadingHTTPServer):
    """What was pushed, and how to misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}  # by digest: type, content
        self.tags: dict[tuple[str, str], str] = {}
        self.refusing = ""  # a pattern of "METHOD path"
        self.password = ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def tagged(self, name: str) -> dict[str, str]:
        """The tags of a repository that people see, with their digests; no attachments."""
        found = {tag: digest for (where, tag), digest in self.tags.items() if where == name}
        return {tag: digest for tag, digest in found.items() if not tag.startswith("sha256-")}

    def put(self, name: str, where: str, kind: str, content: bytes) -> str:
        """Keeps a manifest, under its tag, too, where it has one."""
        digest = digest_of(content)
        self.manifests[name, digest] = (kind, content)
        if not where.startswith("sha256:"):
            self.tags[name, where] = digest
        return digest


class Request(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Registry

    def handle_one(self) -> None:
        """Answers, or refuses as the registry was told to."""
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else self.chunks()
        asked = f"{self.command} {self.path}"
        right = base64.b64encode(f"{USER}:{self.server.password}".encode()).decode()
        if self.server.password and self.headers.get("authorization") != f"Basic {right}":
            challenge = {"www-authenticate": 'Basic realm="registry"'}
            self.answer(HTTPStatus.UNAUTHORIZED, self.error("UNAUTHORIZED"), challenge)
        elif self.server.refusing and re.search(self.server.refusing, asked):
            self.answer(HTTPStatus.INSUFFICIENT_STORAGE, self.error("TOOLARGE"))
        else:
            self.routed(urlsplit(self.path).path, body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = handle_one  # noqa: N815  the library's names

    def chunks(self) -> bytes:
        """A body of unknown length."""
        parts = []
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        return b"".join(parts)

    def routed(self, path: str, body: bytes) -> None:
        """Finds what the path is about."""
        if found := UPLOAD.fullmatch(path):
            self.upload(found[1], found[2], body)
        elif found := BLOB.fullmatch(path):
            content = self.server.blobs.get(found[2])
            self.content(found[2], "application/octet-stream", content)
        elif found := MANIFEST.fullmatch(path):
            self.manifest(found[1], found[2], body)
        else:
            there = path in {"/v2/", "/v2"}
            self.answer(HTTPStatus.OK if there else HTTPStatus.NOT_FOUND, b"{}")

    def upload(self, name: str, number: str, body: bytes) -> None:
        """Takes a blob, in one piece or in several."""
        uploads = self.server.uploads
        if self.command == "POST":
            number = str(len(uploads) + 1)
        uploads[number] = uploads.get(number, b"") + body
        query = parse_qs(urlsplit(self.path).query)
        if self.command == "PUT":
            digest = query["digest"][0]
            same = digest_of(uploads[number]) == digest
            self.server.blobs |= {digest: uploads[number]} if same else {}
            self.answer(HTTPStatus.CREATED if same else HTTPStatus.BAD_REQUEST, b"")
            return
        place = {
            "location": f"/v2/{name}/blobs/uploads/{number}",
            "range": f"0-{max(len(uploads[number]) - 1, 0)}",
        }
        self.answer(HTTPStatus.ACCEPTED, b"", place)

    def manifest(self, name: str, where: str, body: bytes) -> None:
        """Takes or hands out a manifest."""
        if self.command == "PUT":
            digest = self.server.put(name, where, self.headers["content-type"], body)
            self.answer(HTTPStatus.CREATED, b"", {"docker-content-digest": digest})
            return
        digest = self.server.tags.get((name, where), where)
        kind, content = self.server.manifests.get((name, digest), ("", None))
        self.content(digest, kind, content)

    def content(self, digest: str, kind: str, content: bytes | None) -> None:
        """Hands out what is there."""
        if content is None:
            self.answer(HTTPStatus.NOT_FOUND, self.error("MANIFEST_UNKNOWN"))
            return
        self.answer(HTTPStatus.OK, content, {"content-type": kind, "docker-content-digest": digest})

    def error(self, code: str) -> bytes:
        """An error as the specification has it."""
        words = code.lower().replace("_", " ")
        return json.dumps({"errors": [{"code": code, "message": words}]}).encode()

    def answer(
        self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """Sends one answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
