"""Measures this project's backend beside LitServe, BentoML and the floor; prints and writes it.

    python -m load.serving --output DIR --peers VENV --models STORE [--quick]

Contract: runs where the backend, PyTorch, wrk and vegeta are; all traffic stays on 127.0.0.1. It
measures and never judges: the exit code is 0 whoever wins. Errors of a server are in the table, a
server that answers wrong ends the run. Told to stop, it ends every server it started.
Does not know: who asks for it.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import torch

from load.serving import example, picture, table
from load.serving.measure import FULL, QUICK, Course, Plan, processors
from load.serving.servers import Place, noop, of_model
from mnist_backend import drawings, keys
from mnist_backend.predictor import OnnxPredictor
from mnist_backend.registry import Registry

COMMAND = "./daggerw call bench-serving export --path evidence/serving"
DRAWING = 29  # which of the drawings is sent; one that must be cropped, fitted and centred
SEED = 20
LIBRARIES = ("fastapi", "uvicorn", "uvloop", "httptools", "onnxruntime", "numpy", "pillow")
PEERS = ("litserve", "bentoml", *LIBRARIES)
METHOD = """\
Every server runs on one processor, with one worker and one thread, gets the same body (one drawing,
{body} bytes of JSON) and must give the same answer: digit, and probabilities within 1e-5,
checked before and after every load and for every answer at 70 %. All prepare the drawing with the
same function and run the same network file in ONNX Runtime, but for the line with PyTorch.
Access logs are off. This backend has keys, a rate limit, metrics and the recording of each
prediction in SQLite; the others have what they bring by default. All servers stand started, those
not measured are paused; {passes} passes go there and back again through all of them, with
{warm:g} s of warm-up and {load:g} s of load each.

*Processor time* is user and system time of all processes of a server, by /proc, over the answers to
a closed loop (wrk, {connections} connections). *Sustained* is the highest constant rate that held
for {trial:g} s with p95 under 200 ms, no error and no queue left, in an open loop (vegeta; a
request's time counts from when it should have been sent). *Memory* is what each process has
alone and, once, what it shares, after load. *Cold start* runs from the start of the process to the
first right answer, with files cached. The floor is measured in the same passes: a no-op behind
uvicorn, and the steps alone in one process, which read the body as this backend does. A ratio is
that of two measurements of one pass; ranges go from the least to the greatest pass."""


def main() -> None:
    """Measure and write the page, the figures and the picture."""
    parser = argparse.ArgumentParser(prog="load.serving", description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True, help="virtual environment of peers")
    parser.add_argument("--models", type=Path, default=Path("/models"), help="the own store")
    parser.add_argument("--quick", action="store_true", help="shorter, and less certain")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop; every server is ended"))
    plan = QUICK if options.quick else FULL
    with TemporaryDirectory(prefix="serving-") as folder:
        results, body = measured(plan, options, Path(folder))
    text = table.page(results, method(plan, len(body)))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "serving.md").write_text(text, encoding="utf-8")
    figures = json.dumps(asdict(results), indent=1) + "\n"
    (options.output / "serving.json").write_text(figures, encoding="utf-8")
    picture.draw(results, options.output / "serving.png")
    sys.stdout.write(text)


def measured(plan: Plan, options: argparse.Namespace, scratch: Path) -> tuple[table.Results, bytes]:
    """Prepare the networks and measure all servers."""
    since = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - since:6.1f} s  {line}\n")
        sys.stderr.flush()

    facts = known(options, plan)
    key = keys.make(scratch / "keys.json", "benchmark", ["predict"], 1)
    place = Place(options.peers, scratch, key)
    own = Registry(options.models, scratch)
    say("training the example for a moment")
    example.prepared(scratch / "example", own.read("champion").card)
    stores = {"example": scratch / "example", "own": options.models}
    image = drawing()
    course = Course(
        plan,
        place,
        processors(sorted(os.sched_getaffinity(0))),
        msgspec.json.encode({"image": image}),
        {model: answer(Registry(store, scratch), image) for model, store in stores.items()},
        say,
    )
    servers = [one for model, store in stores.items() for one in of_model(place, model, store)]
    course.run([*servers, noop(place)])
    facts["took"] = f"{time.monotonic() - since:.0f} s"
    return table.Results(course.measured, course.steps, facts), course.body


def drawing() -> list[float]:
    """Return a drawing as the page sends it: grey values of 8 bits, from 0 to 1."""
    pictures, _ = drawings.draw(1, SEED)
    greys = (pictures[DRAWING].reshape(-1) * 255).round()
    return [float(grey) / 255 for grey in greys]


def answer(store: Registry, image: list[float]) -> dict[str, Any]:
    """Return what every server must answer."""
    seen = OnnxPredictor(store.read("champion")).recognise(np.array(image, np.float32))
    return {"digit": seen.digit, "probabilities": [*seen.probabilities]}


def method(plan: Plan, body_bytes: int) -> str:
    """Return how it was measured, in words."""
    seconds = {"warm": plan.warm_seconds, "load": plan.load_seconds, "trial": plan.trial_seconds}
    return METHOD.format(body=body_bytes, passes=plan.passes, connections=16, **seconds)


def known(options: argparse.Namespace, plan: Plan) -> dict[str, str]:
    """Return what a reader must know about the machine and the programs."""
    processor = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg())
    mine = {name: version(name) for name in LIBRARIES} | {"torch": torch.__version__}
    return {
        "command": COMMAND + (" (with --quick)" if plan == QUICK else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} of {processor[0].partition(':')[2].strip()}",
        "memory": f"{memory:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load before it began (1, 5, 15 min)": load,
        "Python": platform.python_version(),
        "this backend": ", ".join(f"{name} {number}" for name, number in mine.items()),
        "the others": ", ".join(f"{n} {v}" for n, v in theirs(options.peers).items()),
        "generators": f"{printed('wrk', '-v').split(' [')[0]}, vegeta {VEGETA}",
    }


VEGETA = "12.12.0"


def theirs(peers: Path) -> dict[str, str]:
    """Return the versions of the libraries in the other servers' environment."""
    code = "import sys; from importlib.metadata import version; "
    code += "print(*(version(name) for name in sys.argv[1:]))"
    found = printed(str(peers / "bin" / "python"), "-c", code, *PEERS)
    return dict(zip(PEERS, found.split(), strict=True))


def printed(*command: str) -> str:
    """Return what a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
