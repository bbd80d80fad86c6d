"""Tells a person on standard error: step k of n, what it does, elapsed and expected seconds.

On a terminal the steps under way stand in one line that is rewritten each second; elsewhere a line
a step's start and end, and one every 30 seconds between. Knows nothing of what the steps are.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import IO


class Progress:
    """Shows steps under way; used as a context manager around them."""

    def __init__(self, total: int, stream: IO[str] | None = None) -> None:
        self.total = total
        self.stream = stream or sys.stderr
        self._terminal = self.stream.isatty()
        self._running: dict[str, tuple[int, str, float, int]] = {}
        self._count = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._ticker.join()
        if self._terminal:
            self.stream.write("\r\033[K")
            self.stream.flush()

    def start(self, name: str, title: str, expected_seconds: int) -> None:
        """Say that a step begins."""
        with self._lock:
            self._count += 1
            self._running[name] = (self._count, title, time.monotonic(), expected_seconds)
            self._line(f"[{self._count}/{self.total}] {title} (about {expected_seconds} s)")

    def finish(self, name: str, outcome: str = "done") -> None:
        """Say that a step has ended, and how."""
        with self._lock:
            number, title, since, _ = self._running.pop(name)
            self._line(
                f"[{number}/{self.total}] {title}: {outcome} in {time.monotonic() - since:.0f} s"
            )

    def _tick(self) -> None:
        while not self._stop.wait(1.0 if self._terminal else 30.0):
            with self._lock:
                text = "; ".join(self._under_way())
                if self._terminal:
                    self.stream.write(f"\r\033[K{text[:110]}")
                    self.stream.flush()
                elif text:
                    self._line(text)

    def _under_way(self) -> list[str]:
        now = time.monotonic()
        return [
            f"[{number}/{self.total}] {title}: {now - since:.0f} s of about {expected} s"
            for number, title, since, expected in self._running.values()
        ]

    def _line(self, text: str) -> None:
        start = "\r\033[K" if self._terminal else ""
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        self.stream.write(f"{start}{minutes:2d}:{seconds:02d} {text}\n")
        self.stream.flush()


def say(text: str) -> None:
    """Print one line of the toolchain's own on standard error."""
    print(f"daggerw: {text}", file=sys.stderr, flush=True)
