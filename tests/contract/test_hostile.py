"""Those who mean ill, or whose programs do: the service refuses, and goes on as if nothing were.

Contract: the last test of the file is about the service after all the others.
"""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from metrics import Metrics
from pictures import encoded, greys, picture, png
from PIL import Image
from wire import Heard, exchange, together

from conftest import Stack

PREDICT = "/api/v1/predict"
BATCH = "/api/v1/predict/batch"
JSON = {"content-type": "application/json"}
GOOD = json.dumps({"image": greys(7)})
CONNECTIONS = 1000
GUESSES = ("", "x", "mnist_", "mnist_000000000000_" + "a" * 43, "\u00e9" * 40)
STARTED = "process_start_time_seconds"


@pytest.fixture(scope="module")
def started(metrics: Callable[[], Metrics]) -> float:
    """Return when the process began, before anybody is unkind to it."""
    return metrics().value(STARTED)


@pytest.fixture(scope="module", autouse=True)
def watched(started: float) -> float:
    """Have that asked before the first test."""
    return started


@pytest.fixture
def send(first: httpx.Client) -> Callable[..., httpx.Response]:
    """Send a body as it is."""

    def post(
        content: bytes | Iterator[bytes], path: str = PREDICT, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return first.post(path, content=content, headers={**JSON, **named})

    return post


@pytest.fixture
def speak(stack: Stack, keys: dict[str, str]) -> Callable[..., Heard]:
    """Send a request that no library would send, with a good key."""

    def raw(*lines: str, body: bytes = b"") -> Heard:
        head = "\r\n".join([*lines, f"X-API-Key: {keys['first']}", "", ""]).encode("latin-1")
        return exchange(stack.backend, [head + body])

    return raw


def number(text: str) -> bytes:
    """Return a drawing whose first number is written as given."""
    return f'{{"image": [{text}{", 0" * 783}]}}'.encode()


@pytest.mark.parametrize("path", [PREDICT, BATCH, "/api/v1/feedback"])
def test_a_body_that_declares_too_much_is_refused(send: Callable, path: str) -> None:
    """The limit holds before the body is read."""
    assert send(b" " * 1_100_000, path).status_code == 413


def test_a_body_that_only_turns_out_too_long_is_refused(send: Callable) -> None:
    """A chunked body declares nothing, so it is counted."""
    assert send(b" " * 1024 for _ in range(1000)).status_code == 413


def test_a_body_that_does_not_come_is_given_up(stack: Stack, keys: dict[str, str]) -> None:
    """A byte now and then keeps no connection busy for ever."""
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {keys['first']}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    parts = [head.encode(), *[b" "] * 200]
    assert exchange(stack.backend, parts, pause_seconds=0.25).status == 408


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"image":' * 7_000, b'{"image": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"],
    ids=["open", "objects", "closed"],
)
def test_deep_nesting_is_refused(send: Callable, body: bytes) -> None:
    """Brackets cost a status, not a stack."""
    assert send(body).status_code in {400, 422}


@pytest.mark.parametrize("close", [b"", b"]" * 100_000], ids=["open", "closed"])
def test_a_hundred_thousand_brackets_are_refused(send: Callable, close: bytes) -> None:
    """The larger limit of a batch lets as many in."""
    body = b'{"images": ' + b"[" * 100_000 + close + (b"}" if close else b"")
    assert send(body, BATCH).status_code in {400, 422}


@pytest.mark.parametrize("path", [PREDICT, BATCH])
@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1.0000001", "-1e-9", '"0"', "null"]
)
def test_what_is_no_number_from_0_to_1_is_refused(send: Callable, text: str, path: str) -> None:
    """Neither what JSON has no word for, nor what no double holds, nor what is a little outside."""
    body = number(text)
    wanted = body if path == PREDICT else b'{"images": [' + body[len('{"image": ') : -1] + b"]}"
    assert send(wanted, path).status_code in {400, 422}


@pytest.mark.parametrize("count", [0, 1, 783, 785, 1568])
def test_another_count_of_numbers_is_refused(first: httpx.Client, count: int) -> None:
    """Neither too few nor too many are taken for a drawing."""
    assert first.post(PREDICT, json={"image": [0.0] * count}).status_code == 422
    assert first.post(BATCH, json={"images": [[0.0] * count]}).status_code == 422


def test_of_a_name_given_twice_the_last_counts(send: Callable) -> None:
    """Both readers of a body agree, so that nobody can show one what the other does not see."""
    twice = f'{{"image": {json.dumps(greys(1))}, "image": {json.dumps(greys(7))}}}'
    answer = send(twice.encode())
    assert (answer.status_code, answer.json()["digit"]) == (200, 7)
    twice = f'{{"image": {json.dumps(greys(1))}, "image": "{png(7)}"}}'
    answer = send(twice.encode())
    assert (answer.status_code, answer.json()["digit"]) == (200, 7)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
    ],
)
def test_another_media_type_is_refused(send: Callable, media_type: str) -> None:
    """A good body under another name is not read."""
    assert send(GOOD.encode(), content_type=media_type).status_code == 415


def test_a_body_without_a_media_type_is_refused(speak: Callable) -> None:
    """Nothing is guessed."""
    length = f"Content-Length: {len(GOOD)}"
    heard = speak(f"POST {PREDICT} HTTP/1.1", "Host: x", length, body=GOOD.encode())
    assert heard.status == 415


def test_a_compressed_body_is_not_unpacked(send: Callable) -> None:
    """A small body cannot become a large one."""
    bomb = gzip.compress(b" " * 20_000_000)
    assert send(bomb, content_encoding="gzip").status_code in {400, 415}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b'{"image": "\xff"}',
        b'{"\xed\xa0\x80": 1}',
        b'{"image": "\\ud800"}',
        b"\x00" * 99,
    ],
    ids=["nothing", "no-utf-8", "no-utf-8-inside", "surrogate", "half-a-pair", "zeros"],
)
def test_a_body_that_is_no_text_is_refused(send: Callable, body: bytes) -> None:
    """What cannot be decoded is told apart from what is not valid."""
    assert send(body).status_code in {400, 422}


def hostile_pictures() -> dict[str, str]:
    """Return what is a picture by name only."""
    whole = base64.b64decode(png(7))
    wide = bytearray(whole)
    wide[16:24] = b"\x00\x00\xff\xff" * 2  # width and height of the header
    return {
        "no base64": "not base64!",
        "no picture": base64.b64encode(b"GIF89a" + b"\x00" * 50).decode(),
        "half a picture": base64.b64encode(whole[: len(whole) // 2]).decode(),
        "a jpeg": encoded(picture(7, 10), "JPEG"),
        "a huge header": base64.b64encode(bytes(wide)).decode(),
        "an address": "http://127.0.0.1:9100/metrics",
        "a path": "file:///etc/passwd",
        "a name": "data:image/png;base64,",
        "markup": base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"/>').decode(),
    }


@pytest.mark.parametrize("name", hostile_pictures())
def test_a_picture_that_is_none_is_refused(first: httpx.Client, name: str) -> None:
    """It is neither drawn nor fetched."""
    answer = first.post(PREDICT, json={"image": hostile_pictures()[name]})
    assert answer.status_code == 422, answer.text


def test_a_picture_of_many_pixels_in_few_bytes_is_refused(first: httpx.Client) -> None:
    """The header is believed before a pixel is decoded."""
    bomb = encoded(Image.new("1", (8192, 8192), 1))
    assert len(bomb) < 60_000
    answer = first.post(PREDICT, json={"image": bomb})
    assert (answer.status_code, "pixels" in answer.text) == (422, True)


@pytest.mark.parametrize(
    "lines",
    [
        ("GARBAGE",),
        ("GET /health HTTP/9.9", "Host: x"),
        ("GET /health HTTP/1.1", "Host: x", "no colon here"),
        ("GET /\x00 HTTP/1.1", "Host: x"),
        (f"POST {PREDICT} HTTP/1.1", "Host: x", "Content-Length: -1"),
        (f"POST {PREDICT} HTTP/1.1", "Host: x", "Content-Length: 5", "Content-Length: 6"),
        (f"POST {PREDICT} HTTP/1.1", "Host: x", "Content-Length: 5", "Transfer-Encoding: chunked"),
        (f"POST {PREDICT} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked, identity"),
    ],
    ids=["garbage", "9.9", "colon", "zero", "minus", "lengths", "smuggled", "coding"],
)
def test_bad_http_is_refused(speak: Callable, lines: tuple[str, ...]) -> None:
    """The connection ends, with the status of a bad request or without one."""
    assert speak(*lines, body=b"zz\r\n").status in {None, 400}


def test_a_header_without_end_does_no_harm(speak: Callable) -> None:
    """It is refused, or passed over, and never an error of the service."""
    heard = speak("GET /health HTTP/1.1", "Host: x", "X-Long: " + "a" * 1_000_000)
    assert heard.status is None or heard.status < 500


@pytest.mark.parametrize(
    "key", ["", "x", "mnist_", "mnist_000000000000_" + "a" * 43, "\u00e9" * 40]
)
def test_a_key_that_is_none_opens_nothing(stack: Stack, key: str) -> None:
    """Nor does a guess, however it is spelled; too many guesses have to wait."""
    headers = [(b"x-api-key", key.encode("latin-1")), (b"content-type", b"application/json")]
    answer = httpx.post(f"{stack.backend}{PREDICT}", content=GOOD, headers=headers, trust_env=False)
    assert answer.status_code in {401, 429}


def test_a_thousand_connections_at_once_are_all_answered(
    stack: Stack, keys: dict[str, str]
) -> None:
    """They all stand before the first asks, and each one gets its digit."""
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {keys['first']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(GOOD)}\r\n\r\n"
    heard = asyncio.run(together(stack.backend, (head + GOOD).encode(), CONNECTIONS))
    assert [one.status for one in heard] == [200] * CONNECTIONS
    assert all(b'"digit":7' in one.raw for one in heard)


def test_the_service_is_as_it_was(
    first: httpx.Client, started: float, metrics: Callable[[], Metrics]
) -> None:
    """After all of this the same process lives, is ready, and answers right."""
    assert first.get("/health").json() == {"status": "ok"}
    assert first.get("/ready").json()["status"] == "ready"
    assert first.post(PREDICT, json={"image": greys(7)}).json()["digit"] == 7
    assert metrics().value(STARTED) == started
