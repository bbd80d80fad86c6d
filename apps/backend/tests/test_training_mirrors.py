"""How files are fetched, from servers that the tests start and break."""

import hashlib
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from mnist_backend.errors import ConfigurationError
from mnist_backend.training import mirrors
from mnist_backend.training.errors import MirrorsExhaustedError
from mnist_backend.training.mirrors import Pinned, fetch

CONTENT = bytes(range(256)) * 64  # 16 KiB
WANTED = Pinned("numbers.gz", hashlib.sha256(CONTENT).hexdigest())


class Mirror:
    """A server of one file, and every way in which it may fail."""

    def __init__(self) -> None:
        """Give the whole file to whoever asks."""
        self.content = CONTENT
        self.ends: list[int] = []  # after so many bytes each answer breaks off
        self.ranges = True
        self.status = 200
        self.shift = 0  # of what a range begins with
        self.asked: list[str | None] = []
        self.url = ""
        self.wakes: Event | None = None  # until then it says nothing

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        if self.wakes:
            self.wakes.wait(60)
            return
        asked = request.headers.get("Range")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        if start >= len(self.content):
            request.send_error(416)
            return
        if self.status != 200:
            request.send_error(self.status)
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            first = start + self.shift
            whole = len(self.content)
            request.send_header("Content-Range", f"bytes {first}-{whole - 1}/{whole}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.ends.pop(0) - start if self.ends else None])


@pytest.fixture
def start() -> Iterator[Callable[[], Mirror]]:
    """Start mirrors on ports of their own."""
    servers = []

    def begin() -> Mirror:
        mirror = Mirror()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        mirror.url = f"http://127.0.0.1:{server.server_port}/"
        return mirror

    yield begin
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def mirror(start: Callable[[], Mirror]) -> Mirror:
    """One mirror that works."""
    return start()


def test_a_file_is_fetched_once(mirror: Mirror, tmp_path: Path) -> None:
    """The second time it comes from the cache, and nothing half-done stays there."""
    cache = tmp_path / "deep" / "cache"
    assert fetch(WANTED, [mirror.url], cache) == CONTENT
    assert fetch(WANTED, [mirror.url], cache) == CONTENT
    assert mirror.asked == [None]
    assert [path.name for path in cache.iterdir()] == [WANTED.name]


def test_a_cached_file_needs_no_mirror(tmp_path: Path) -> None:
    """Whoever puts the right file into the cache may be offline."""
    (tmp_path / WANTED.name).write_bytes(CONTENT)
    assert fetch(WANTED, [], tmp_path) == CONTENT


def test_a_wrong_file_in_the_cache_is_replaced(mirror: Mirror, tmp_path: Path) -> None:
    """What lies in the cache is believed for its hash alone."""
    (tmp_path / WANTED.name).write_bytes(CONTENT[:-1])
    assert fetch(WANTED, [mirror.url], tmp_path) == CONTENT
    assert (tmp_path / WANTED.name).read_bytes() == CONTENT


def test_a_broken_transfer_goes_on_where_it_ended(mirror: Mirror, tmp_path: Path) -> None:
    """Two breaks take two further requests, each for the rest."""
    mirror.ends = [5000, 9000]
    assert fetch(WANTED, [mirror.url], tmp_path) == CONTENT
    assert mirror.asked == [None, "bytes=5000-", "bytes=9000-"]


def test_another_run_goes_on_where_one_was_killed(mirror: Mirror, tmp_path: Path) -> None:
    """A partial file of an earlier process is continued, not fetched again."""
    (tmp_path / f"{WANTED.name}.partial").write_bytes(CONTENT[:7000])
    assert fetch(WANTED, [mirror.url], tmp_path) == CONTENT
    assert mirror.asked == ["bytes=7000-"]


def test_a_server_without_ranges_starts_over(mirror: Mirror, tmp_path: Path) -> None:
    """An answer that begins at the beginning is taken as such."""
    mirror.ranges = False
    mirror.ends = [5000]
    assert fetch(WANTED, [mirror.url], tmp_path) == CONTENT
    assert mirror.asked == [None, "bytes=5000-"]


def test_a_partial_file_that_was_whole_needs_no_byte(mirror: Mirror, tmp_path: Path) -> None:
    """Killed between the last byte and the renaming, nothing is fetched again."""
    (tmp_path / f"{WANTED.name}.partial").write_bytes(CONTENT)
    assert fetch(WANTED, [mirror.url], tmp_path) == CONTENT
    assert mirror.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("rubbish", [b"x" * 7000, b"x" * 2 * len(CONTENT)])
def test_a_wrong_beginning_is_thrown_away(mirror: Mirror, tmp_path: Path, rubbish: bytes) -> None:
    """Where the whole is wrong because of what was there before, it is fetched from the start."""
    (tmp_path / f"{WANTED.name}.partial").write_bytes(rubbish)
    assert fetch(WANTED, [mirror.url], tmp_path) == CONTENT
    assert mirror.asked == [f"bytes={len(rubbish)}-", None]


def test_the_next_mirror_helps_where_one_is_down(
    start: Callable[[], Mirror], tmp_path: Path
) -> None:
    """A refusal is no end, and the list is tried in its order."""
    down, up = start(), start()
    down.status = 503
    assert fetch(WANTED, [down.url, up.url], tmp_path) == CONTENT
    assert (len(down.asked), len(up.asked)) == (1, 1)


def test_the_next_mirror_goes_on_where_one_ended(
    start: Callable[[], Mirror], tmp_path: Path
) -> None:
    """A mirror that breaks off again and again leaves its part to the next."""
    weak, strong = start(), start()
    weak.ends = [4000, 4000]  # the second answer brings nothing new
    assert fetch(WANTED, [weak.url, strong.url], tmp_path) == CONTENT
    assert strong.asked == ["bytes=4000-"]


def test_a_mirror_with_another_file_is_left(start: Callable[[], Mirror], tmp_path: Path) -> None:
    """A wrong hash is noticed, and nothing of that file is kept."""
    wrong, right = start(), start()
    wrong.content = CONTENT[::-1]
    assert fetch(WANTED, [wrong.url, right.url], tmp_path) == CONTENT
    assert right.asked == [None]


def test_all_mirrors_down_is_an_error_that_names_each(
    start: Callable[[], Mirror], tmp_path: Path
) -> None:
    """The message says of every address why, and what can be done."""
    down, wrong, lying = (start() for _ in range(3))
    down.status, wrong.content, lying.shift = 404, b"another", 1
    (tmp_path / f"{WANTED.name}.partial").write_bytes(CONTENT[:10])
    nobody = "http://127.0.0.1:1"
    with pytest.raises(MirrorsExhaustedError) as raised:
        fetch(WANTED, [lying.url, down.url, nobody, wrong.url, "nowhere"], tmp_path)
    told = raised.value.detail
    for reason in (
        rf"^{WANTED.name} is not to be had: ",
        rf"{lying.url}{WANTED.name}: sends 'bytes 11-16383/16384', asked for byte 10 on",
        rf"{down.url}{WANTED.name}: answers 404 Not Found",
        rf"{nobody}/{WANTED.name}: ConnectError",
        rf"{wrong.url}{WANTED.name}: its SHA-256 is [0-9a-f]{{64}}, not {WANTED.sha256}",
        r"nowhere/numbers.gz: UnsupportedProtocol",
        rf"put the file into {tmp_path}, or train with source=digits$",
    ):
        assert re.search(reason, told), (reason, told)
    assert not list(tmp_path.iterdir())


def test_no_mirror_at_all_is_an_error(tmp_path: Path) -> None:
    """An empty list is said to be empty."""
    with pytest.raises(MirrorsExhaustedError, match="the list of mirrors is empty"):
        fetch(WANTED, [], tmp_path)


def test_a_file_that_does_not_end_is_given_up(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More bytes than any file of the set has are not kept."""
    monkeypatch.setattr(mirrors, "LIMIT_BYTES", 1000)
    with pytest.raises(MirrorsExhaustedError, match="sends more than 1000 bytes"):
        fetch(WANTED, [mirror.url], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_transfer_that_takes_too_long_is_given_up(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for one file from one mirror is bounded, however steadily it trickles."""
    monkeypatch.setattr(mirrors, "TOTAL_SECONDS", -1.0)
    with pytest.raises(MirrorsExhaustedError, match="takes more than -1 s"):
        fetch(WANTED, [mirror.url], tmp_path)


def test_a_mirror_that_says_nothing_is_given_up(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence ends a transfer as a break does."""
    monkeypatch.setattr(mirrors, "QUIET_SECONDS", 0.05)
    mirror.wakes = Event()
    with pytest.raises(MirrorsExhaustedError, match="ReadTimeout"):
        fetch(WANTED, [mirror.url], tmp_path)
    mirror.wakes.set()


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The message names the parameter and the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cache=.*file/cache: Not a directory; give"):
        fetch(WANTED, ["http://127.0.0.1:1"], tmp_path / "file" / "cache")
