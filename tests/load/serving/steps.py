"""The floor: what the steps of an answer cost in one process, with no server around them.

    python -m load.serving.steps BODY SECONDS

Contract: prints one JSON object, the processor microseconds of each step, for the body in a file
and the network of the working directory. Does not know: what else is measured.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from load.serving.bare import numbers
from load.serving.recognise import Recogniser

ROUND = 200  # calls between two looks at the clock


def microseconds(step: Callable[[], object], seconds: float) -> float:
    """Return the processor time of one call, after a warm-up."""
    for _ in range(ROUND):
        step()
    calls, since, spent = 0, time.process_time(), 0.0
    while spent < seconds:
        for _ in range(ROUND):
            step()
        calls += ROUND
        spent = time.process_time() - since
    return spent / calls * 1e6


def main(body_file: str, seconds: str) -> None:
    """Measure each step."""
    body = Path(body_file).read_bytes()
    recogniser = Recogniser(Path.cwd())
    values = np.array(numbers(body), np.float32)
    ready = recogniser.prepare(values)
    steps: dict[str, Callable[[], object]] = {
        "parse": lambda: np.array(numbers(body), np.float32),
        "prepare": lambda: recogniser.prepare(values),
        "forward": lambda: recogniser.forward(ready),
    }
    each = float(seconds) / len(steps)
    found = {name: microseconds(step, each) for name, step in steps.items()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
