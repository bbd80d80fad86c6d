"""A run killed with -9: nothing half made is taken for whole, nothing goes on, the next run ends.

The run is a process of its own that builds three steps which write slowly through
`Workshop.command`, with the real containment.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain.settings import PROJECT
from toolchain.steps import CommandError, answer

pytestmark = pytest.mark.host

LINES = 8
WHOLE = "".join(f"{n}\n" for n in range(1, LINES + 1))
RUN = """
import os, sys
from pathlib import Path
from toolchain.steps import Builder, Records, Step

folder, marker, script = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def make(outputs, shop):
    with (folder / "made").open("a") as made:
        made.write(outputs[0].stem + " ")
    for output in outputs:
        partial = output.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        shop.command(["sh", "-c", script, marker, partial])
        partial.replace(output)

def step(name, outputs, needs=()):
    paths = tuple(folder / f"{output}.out" for output in outputs)
    run = lambda shop: make(paths, shop)
    return Step(name, f"write {name}", 1, (), paths, run, "again", needs)

steps = [step("a", ["a"]), step("b", ["b", "b2"]), step("c", ["c"], ("a",))]
records = Records(folder / "records")
print("begun", flush=True)
Builder(steps, records, folder / "log", {"PATH": os.environ["PATH"]}).carry_out()
"""
ANSWER = """
import os, sys
from toolchain.steps import answer

print("begun", flush=True)
answer(["sh", "-c", sys.argv[3], sys.argv[2]], environment={"PATH": os.environ["PATH"]})
"""
SLOWLY = f'exec > "$1"; for i in $(seq {LINES}); do echo $i; sleep 0.015; done'
FOREVER = "sleep 60 & setsid sh -c 'sleep 61; true' $0 & wait"
OUTPUTS = {"a": ["a"], "b": ["b", "b2"], "c": ["c"]}


def start(
    folder: Path, marker: str, script: str, path: str = "", run: str = RUN
) -> subprocess.Popen[str]:
    """Start a run and return when it begins to build."""
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", run, folder, marker, script],
        cwd=PROJECT,
        env={"PATH": f"{path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    return process


def commands(marker: str, run: int) -> list[str]:
    """Return the command lines that hold the marker, the run's own left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while the list was read
        if marker in line and path.parent.name != str(run):
            found.append(line)
    return found


def kill(process: subprocess.Popen[str], marker: str) -> list[str]:
    """Kill a run with -9 and return what is left of its commands two seconds later at most."""
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 2
    while (left := commands(marker, process.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


@pytest.mark.parametrize("seed", range(10))
def test_a_killed_run_leaves_nothing_half_made(seed: int, tmp_path: Path) -> None:
    """Killed at a random moment, each output and record is whole or absent; the next run ends."""
    marker = uuid.uuid4().hex
    killed = start(tmp_path, marker, SLOWLY)
    time.sleep(random.Random(seed).uniform(0, 0.45))  # noqa: S311  a moment, not a secret
    assert kill(killed, marker) == []
    assert {path.read_text() for path in tmp_path.glob("*.out")} <= {WHOLE}
    done = {path.stem for path in (tmp_path / "records").glob("*.json")}
    for name in done:
        assert re.fullmatch(r"[0-9a-f]{64}", record(tmp_path, name))
        assert [o for o in OUTPUTS[name] if not (tmp_path / f"{o}.out").exists()] == []
    (tmp_path / "made").write_text("")
    process = start(tmp_path, marker, SLOWLY)
    _, messages = process.communicate(timeout=20)
    assert process.returncode == 0, messages
    assert {p.name: p.read_text() for p in tmp_path.glob("*.out")} == {
        f"{output}.out": WHOLE for outputs in OUTPUTS.values() for output in outputs
    }
    assert set((tmp_path / "made").read_text().split()) == {"a", "b", "c"} - done


def record(folder: Path, name: str) -> str:
    """Return the key in a step's record."""
    return str(json.loads((folder / "records" / f"{name}.json").read_text())["key"])


@pytest.mark.parametrize("run", [RUN, ANSWER], ids=["step", "answer"])
def test_no_process_of_a_step_outlives_a_killed_run(run: str, tmp_path: Path) -> None:
    """Commands, what they left in the background and in other sessions end with the run."""
    marker = uuid.uuid4().hex
    process = start(tmp_path, marker, FOREVER, run=run)
    deadline = time.monotonic() + 10
    while not any("sleep 61; true" in c for c in commands(marker, process.pid) if "$0" not in c):
        assert time.monotonic() < deadline, "the step's command did not begin"
        time.sleep(0.02)
    assert kill(process, marker) == []


def test_a_command_that_was_about_to_begin_ends_with_its_run(
    tmp_path: Path, program: Callable[[str, str], Path]
) -> None:
    """A run killed between the start of a command and its containment leaves no process either."""
    marker = uuid.uuid4().hex
    late = program("setpriv", f'sleep 0.4; exec {shutil.which("setpriv")} "$@"')
    process = start(tmp_path, marker, FOREVER, str(late.parent))
    while not commands(marker, process.pid):
        assert process.poll() is None
    assert kill(process, marker) == []


def test_a_short_command_that_fails_says_why() -> None:
    """Its exit code and the last line of what it said are in the error; what it printed is not."""
    command = ["sh", "-c", "echo printed; echo first >&2; echo the reason >&2; exit 3"]
    with pytest.raises(CommandError, match="`sh` ended with exit code 3 and said: the reason"):
        answer(command)
    assert answer(["echo", "printed"]) == "printed\n"


def test_a_step_sees_none_of_the_machines_processes(tmp_path: Path) -> None:
    """A command's process namespace is its own: it is the first process that it sees."""
    process = start(tmp_path, "marker", 'ls /proc | grep -c "^[0-9]" > "$1"; echo $$ >> "$1"')
    process.communicate(timeout=20)
    seen, own = (tmp_path / "a.out").read_text().split()
    assert int(seen) <= 4
    assert own == "1"
