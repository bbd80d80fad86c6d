"""Kills the bootstrap at random moments and starts it again; every round must end with an engine.

Each round begins with an empty cache folder of its own, has `./daggerw` run a container, kills it
with -9 at a random moment of the time that this took before, does the same again to its end, and
purges. A moment that comes too late is drawn again, from the time that was enough. `--keep-go`
makes rounds shorter: they begin with Go's modules and four fifths of its build cache, copied from
the machine's own cache folder if that has any. After the last purge the machine must hold the same
mounts, links, rules and processes as before.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASK = "container | from debian:trixie-slim | with-exec cat /etc/debian_version | stdout"
RUN = [ROOT / "daggerw", "--progress", "plain", "-c", ASK]
QUIET = subprocess.DEVNULL
KEPT = "kept-go"
FORGOTTEN = "012"  # first digits of the entries of Go's build cache that a round compiles again


def main() -> int:
    """Run the rounds and print one line each; exit code 1 if any did not end green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep-go", action="store_true", help="keep Go's caches between rounds")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311  moments, not secrets
    before = surroundings()
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnist-pipeline" / "go"
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        if options.keep_go and own.exists():
            shutil.copytree(own, Path(folder) / KEPT, symlinks=True)
        forget(environment, keep_go=options.keep_go)
        whole = green_seconds(environment)
        if options.keep_go and whole:  # the first one compiled everything, the rounds will not
            forget(environment, keep_go=True)
            whole = green_seconds(environment)
        print(f"a whole bootstrap: {whole:.0f} s", flush=True)
        killing = Killing(environment, chance, whole, keep_go=options.keep_go)
        failed = sum(not killing.round_ends_green(n) for n in range(1, options.rounds + 1))
        forget(environment, keep_go=False)
        left = sorted({path.name for path in Path(folder).iterdir()} - {KEPT})
    changed = {name: kept for name, kept in surroundings().items() if kept != before[name]}
    print(f"{options.rounds - failed} of {options.rounds} rounds ended green")
    print(f"left in the cache folder: {left or 'nothing'}")
    print(f"changed on the machine: {changed or 'nothing'}")
    return 1 if failed or left or changed else 0


@dataclass
class Killing:
    """Rounds that share a cache folder, and what is known of the time that one takes."""

    environment: dict[str, str]
    chance: random.Random
    whole: float
    keep_go: bool

    def round_ends_green(self, number: int) -> bool:
        """Kill one bootstrap, start it again, and tell whether its engine works."""
        moment = self.killed()
        seconds = green_seconds(self.environment)
        outcome = f"green after {seconds:.0f} s more" if seconds else "RED"
        print(f"round {number}: killed at {moment:.0f} s, {outcome}", flush=True)
        forget(self.environment, keep_go=self.keep_go)
        return bool(seconds)

    def killed(self) -> float:
        """Kill one that has not ended yet, and return the moment."""
        while True:
            forget(self.environment, keep_go=self.keep_go)
            moment, since = self.chance.uniform(0, self.whole), time.monotonic()
            process = subprocess.Popen(
                RUN, env=self.environment, cwd=ROOT, stdout=QUIET, stderr=QUIET
            )
            try:
                process.wait(timeout=moment)  # the moment of the kill is what is varied
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return moment
            self.whole = time.monotonic() - since
            print(f"had ended after {self.whole:.0f} s, before {moment:.0f} s", flush=True)


def green_seconds(environment: dict[str, str]) -> float:
    """Return how long it takes until the engine has run a container; 0 if it does not."""
    since = time.monotonic()
    done = subprocess.run(
        RUN,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not done.stdout.startswith("13"):
        print(done.stdout[-2000:], done.stderr[-4000:], sep="\n", flush=True)
        return 0
    return time.monotonic() - since


def forget(environment: dict[str, str], *, keep_go: bool) -> None:
    """Purge, with Go's caches put aside and back where they are to be kept."""
    cache = Path(environment["XDG_CACHE_HOME"])
    go, aside = cache / "mnist-pipeline" / "go", cache / KEPT
    toolchain("stop", environment)
    if keep_go and go.exists():
        go.rename(aside)
    toolchain("purge", environment)
    if keep_go and aside.exists():
        go.parent.mkdir()
        aside.rename(go)
        for note in (go / "build").glob("*/*-a"):
            if note.name[0] in FORGOTTEN:
                note.unlink()


def toolchain(verb: str, environment: dict[str, str]) -> None:
    """Run a verb of the toolchain."""
    subprocess.run([sys.executable, "-m", "toolchain", verb], env=environment, cwd=ROOT, check=True)


def surroundings() -> dict[str, list[str]]:
    """Return what a toolchain could leave behind outside its cache folder."""
    links = sorted(path.name for path in Path("/sys/class/net").iterdir())
    rules = [path.read_text() for path in Path("/proc/net").glob("ip*_tables_names")]
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    ours = [line.replace(b"\0", b" ").decode() for line in commands if b"kill-" in line]
    return {
        "mounts": Path("/proc/mounts").read_text().splitlines(),
        "links": links,
        "routes": Path("/proc/net/route").read_text().splitlines(),
        "rules": rules,
        "resolv.conf": [Path("/etc/resolv.conf").read_text()],
        "forwarding": [Path("/proc/sys/net/ipv4/ip_forward").read_text()],
        "processes": [line for line in ours if "kill_bootstrap" not in line],
    }


if __name__ == "__main__":
    sys.exit(main())
