"""Measures how long a page takes from its start until it is healthy; runs inside its image.

    python start.py FILE COMMAND ARGUMENT ...

Contract: standard library only; starts the command a few times, one after the other, ends it each
time, and writes the seconds to FILE as a list in JSON. A page that is not healthy in time ends the
run with an error. Does not know what the page shows.
"""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HEALTH = "http://127.0.0.1:8501/_stcore/health"
STARTS = 5
LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.02


def healthy() -> bool:
    """Ask the page."""
    try:
        with urllib.request.urlopen(HEALTH, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def started(command: list[str]) -> float:
    """Start the page, and return the seconds until it was healthy."""
    since = time.monotonic()
    with subprocess.Popen(command) as page:
        try:
            while not healthy():
                if page.poll() is not None or time.monotonic() - since > LIMIT_SECONDS:
                    raise SystemExit("the page did not become healthy")
                time.sleep(POLL_SECONDS)
            return time.monotonic() - since
        finally:
            page.terminate()


if __name__ == "__main__":
    seconds = [started(sys.argv[2:]) for _ in range(STARTS)]
    Path(sys.argv[1]).write_text(json.dumps(seconds), encoding="utf-8")
