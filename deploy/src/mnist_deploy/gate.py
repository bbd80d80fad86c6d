"""Tries one colour in the dark: golden images, then an open loop of requests.

Contract: requests start when they are due, whether or not earlier ones were answered, and are timed
from then on. It reports and does not judge. Does not know which release it tries.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

GOLDEN = Path("/app/golden.json")
KEY = Path("/run/secrets/gate_key")
PATH = "/api/v1/predict"
WORKERS = 24
LIMIT_SECONDS = 10.0
LATE_SECONDS = 30.0  # after the last request was due, none is begun any more
OK = 200


@dataclass
class Asked:
    """What came of requests."""

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Line:
    """A connection that is opened anew where it broke."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._at = urlsplit(url)
        self._headers = {"Content-Type": "application/json", **headers}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, body: str) -> tuple[int, bytes]:
        """Sends one request; returns the status and the body of the answer.

        Raises:
            OSError, http.client.HTTPException: it was not answered.
        """
        if self._connection is None:
            host, port = str(self._at.hostname), self._at.port
            self._connection = http.client.HTTPConnection(host, port, timeout=LIMIT_SECONDS)
        try:
            self._connection.request("POST", PATH, body, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.will_close:
            self.close()
        return answer.status, content

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def golden(path: Path = GOLDEN) -> list[dict[str, object]]:
    """Drawings whose digits people know, none of which a model was trained on."""
    images = json.loads(path.read_text(encoding="utf-8"))["images"]
    return [dict(image) for image in images]


def headers(path: Path = KEY) -> dict[str, str]:
    """How the gate says who it is."""
    return {"X-API-Key": path.read_text(encoding="utf-8").strip()} if path.is_file() else {}


def wrong_answers(url: str, images: Sequence[Mapping[str, object]]) -> list[str]:
    """The golden images that are not answered right, each in one sentence."""
    found = []
    with closing(Line(url, headers())) as line:
        for number, image in enumerate(images):
            try:
                status, content = line.ask(json.dumps({"image": image["png"]}))
                said = json.loads(content).get("digit") if status == OK else f"status {status}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = f"{type(error).__name__}: {error}"
            if said != image["digit"]:
                right = image["digit"]
                found.append(f"number {number} is a {right} and was answered with {said}")
    return found


def load(url: str, bodies: Sequence[str], requests: int, rate: float) -> Asked:
    """Sends so many requests, so many a second; fewer where answers are far too late."""
    asked, turn = Asked(), iter(range(requests))
    begin = time.monotonic() + 0.1

    def work() -> None:
        with closing(Line(url, headers())) as line:
            send(line)

    def send(line: Line) -> None:
        while True:
            with asked.lock:
                number = next(turn, None)
            if number is None:
                return
            due = begin + number / rate
            if time.monotonic() > begin + requests / rate + LATE_SECONDS:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            failure = outcome(line, bodies[number % len(bodies)])
            seconds = time.monotonic() - due
            with asked.lock:
                if failure:
                    asked.failures[failure] += 1
                else:
                    asked.seconds.append(round(seconds, 5))

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return asked


def outcome(line: Line, body: str) -> str:
    """How one request failed, or nothing."""
    try:
        status, _ = line.ask(body)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    return "" if status == OK else f"status {status}"


def run(colour: str, requests: int, rate: float) -> dict[str, object]:
    """Tries a colour and reports what was seen."""
    url = f"http://backend-{colour}:8000"
    images = golden()
    report: dict[str, object] = {"golden": wrong_answers(url, images), "sent": 0, "failed": 0}
    report |= {"seconds": [], "reasons": []}
    if report["golden"]:
        return report
    bodies = [json.dumps({"image": image["png"]}) for image in images]
    asked = load(url, bodies, requests, rate)
    failures = asked.failures.most_common(3)
    return report | {
        "sent": len(asked.seconds) + asked.failures.total(),
        "failed": asked.failures.total(),
        "seconds": asked.seconds,
        "reasons": [f"{number} times {reason}" for reason, number in failures],
    }
