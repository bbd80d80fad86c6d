"""Visitors of the service: those who draw, who are slow, who look back, and whole crowds.

Contract: what a visitor got is kept by status, with the time; a visitor that gets no answer at all
counts as 0. The service is reached by EDGE_URL, single replicas by REPLICA_URLS. Does not know what
Prometheus makes of it.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

EDGE = os.environ.get("EDGE_URL", "http://edge:8000")
REPLICAS = os.environ.get("REPLICA_URLS", "http://backend-1:8000 http://backend-2:8000").split()
PREDICT = "/api/v1/predict"
SIDE = 28
SLOW_SECONDS = 0.3  # between the two halves of a body; the objective is 0.2
BATCH = 64
NEWEST = 40  # predictions, of some seconds


def drawing(ink: Callable[[int, int], bool]) -> list[int]:
    """784 numbers of a drawing that has ink where it is asked to."""
    return [int(ink(row, column)) for row in range(SIDE) for column in range(SIDE)]


ONE = drawing(lambda row, column: 4 <= row < 24 and 13 <= column < 16)
SEVEN = drawing(
    lambda row, column: (
        (4 <= row < 7 and 7 <= column < 21)
        or (7 <= row < 24 and 0 <= column - (20 - (row - 6) // 2) < 3)
    )
)
ZERO = drawing(
    lambda row, column: 5.5 <= ((row - 13.5) ** 2 * 0.7 + (column - 13.5) ** 2) ** 0.5 < 8.5
)
DRAWINGS = (ONE, SEVEN, ZERO)


@dataclass
class Visitors:
    """Everybody who asks, and what they got."""

    statuses: Counter[int] = field(default_factory=Counter)
    answers: list[dict[str, Any]] = field(default_factory=list)  # of those who drew
    waits: list[tuple[float, float]] = field(default_factory=list)  # of those: when, and how long
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(base_url=EDGE, trust_env=False, timeout=30)
    )

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:  # noqa: ANN401
        """One request; None where nothing answered."""
        try:
            answer = self.client.request(method, path, **more)
        except httpx.TransportError:
            self.statuses[0] += 1
            return None
        self.statuses[answer.status_code] += 1
        return answer

    def draw(self) -> None:
        """One visitor draws, a different digit than the one before."""
        image = DRAWINGS[sum(self.statuses.values()) % len(DRAWINGS)]
        began = time.time()
        answer = self.ask("POST", PREDICT, json={"image": image})
        self.waits.append((began, time.time() - began))
        if answer is not None and answer.is_success:
            self.answers.append(answer.json())

    def draw_slowly(self) -> None:
        """One visitor whose drawing arrives in two halves."""
        body = str({"image": ONE}).replace("'", '"').encode()

        def halves() -> Iterator[bytes]:
            yield body[: len(body) // 2]
            time.sleep(SLOW_SECONDS)
            yield body[len(body) // 2 :]

        headers = {"content-type": "application/json", "content-length": str(len(body))}
        self.ask("POST", REPLICAS[0] + PREDICT, content=halves(), headers=headers)

    def look_back(self) -> bool:
        """One visitor asks for a prediction of before; whether it was answered."""
        answer = self.ask("GET", f"/api/v1/predictions/{self.answers[0]['id']}")
        return answer is not None and answer.is_success

    def crowd(self) -> None:
        """A crowd that draws nothing but ones."""
        self.ask("POST", f"{PREDICT}/batch", json={"images": [ONE] * BATCH})

    def tell(self, right: int, wrong: int) -> None:
        """Visitors tell the true digits of predictions that nobody told of yet.

        The newest are passed over: another replica may be about to write them down. So are those
        that a lost database never kept.

        Raises:
            LookupError: there are not so many.
        """
        number = 0
        while number < right + wrong:
            if len(self.answers) < NEWEST:
                message = f"after {number} of {right + wrong} no prediction is left to tell of"
                raise LookupError(message)
            answer = self.answers.pop(-NEWEST)
            digit = answer["digit"] if number < right else (answer["digit"] + 1) % 10
            told = {"prediction_id": answer["id"], "digit": digit}
            kept = self.ask("POST", "/api/v1/feedback", json=told)
            number += kept is not None and kept.is_success

    @contextmanager
    def many(
        self, deed: Callable[[], object], each_second: float, at_once: int = 1
    ) -> Iterator[None]:
        """Visitors who do something again and again, meanwhile."""
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(at_once / each_second):
                deed()

        threads = [threading.Thread(target=go_on, daemon=True) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


def promote_challenger() -> None:
    """Let every replica's model be its own challenger too, in the shadow."""
    for url in REPLICAS:
        version = (
            httpx.get(f"{url}/ready", trust_env=False).raise_for_status().json()["model_version"]
        )
        answer = httpx.post(
            f"{url}/api/v1/models/{version}/promote", json={"alias": "challenger"}, trust_env=False
        )
        answer.raise_for_status()
