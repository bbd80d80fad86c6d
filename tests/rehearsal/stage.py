"""What every scenario uses: the host, the deployer as its operator calls it, releases, requests.

Contract: the deployer is run as a program of its own; what it says is kept. Does not know the
scenarios.
"""

import json
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mnist_deploy.release import WATCHING
from mnist_deploy.ssh import Address, Host
from rehearsal.derived import derive
from rehearsal.traffic import Load

FAULTY = Path(__file__).with_name("faulty.py")
CHOICES = [
    "--requests=300",
    "--rate=60",
    "--p95-seconds=4",  # others may use the machine, and their doing is not the release's
    "--slow-ratio=0.5",
    "--error-ratio=0.01",
    "--least=3",
    "--boot-seconds=120",
]
FIGURES = ("requests", "failed", "longest", "found in", "back in")
STEPS = "1:3,10:4,50:4,100:5"
FIRST = "release-1"  # the images as they were built; the others are made of them
RUN = ["python3", "-m", "mnist_deploy"]


@dataclass
class Row:
    """What was promised of a scenario, and what happened."""

    name: str
    promised: str
    happened: str = ""
    faults: list[str] = field(default_factory=list)
    loaded: bool = True
    allowed: int = 0
    sent: int = 0
    failed: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    detected_seconds: float | None = None  # from the first request that a bad release was given
    back_seconds: float | None = None  # from then until the old release has all traffic

    def expect(self, holds: object, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(fault)


@dataclass
class Said:
    """What the deployer came to."""

    code: int
    text: str
    events: list[dict[str, object]]

    def event(self, name: str) -> dict[str, object]:
        """The last event of a name; empty where there is none."""
        found = [event for event in self.events if event["event"] == name]
        return found[-1] if found else {}


class Stage:
    """The host and its operator."""

    def __init__(
        self, environment: str, archives: Path, keys: Path, reports: Path, at: str = "production"
    ) -> None:
        """Know where everything is; `at` is the host's name."""
        self.environment, self.archives, self.keys, self.reports = (
            environment, archives, keys, reports,
        )  # fmt: skip
        self.at = at
        address = Address.of(f"root@{at}", keys / "user", keys / "known_hosts")
        self.host = Host(address, "mnist")
        self.load: Load | None = None
        self.number = 0
        self.watched = False  # whether releases come with Prometheus and what belongs to it

    def shell(self, script: str) -> str:
        """Run a script on the host."""
        return self.host.read(script)

    def release(self, name: str, fault: str = "", command: tuple[str, ...] = ()) -> Path:
        """A folder of images whose backend is another release, with or without a fault."""
        folder = self.reports.parent / "releases" / name
        if not folder.is_dir():
            folder.mkdir(parents=True)
            for path in self.archives.glob("*.tar"):
                if self.watched or path.stem not in WATCHING:
                    (folder / path.name).symlink_to(path)
            if name != FIRST:
                (folder / "backend.tar").unlink()
                self.make(folder / "backend.tar", name, fault, command)
        return folder

    def make(self, target: Path, name: str, fault: str, command: tuple[str, ...]) -> None:
        """Write the image of a release's backend."""
        files = {"app/faulty.py": FAULTY.read_bytes()} if fault else {}
        command = ("python", "/app/faulty.py", fault) if fault else command
        derive(self.archives / "backend.tar", target, name, files, command)

    def command(self, name: str, *arguments: str) -> list[str]:
        """A command of the deployer."""
        where = ["--environment", self.environment, "--host", f"root@{self.at}"]
        where += [] if self.watched else ["--unwatched"]
        keys = ["--key", str(self.keys / "user"), "--known-hosts", str(self.keys / "known_hosts")]
        return [*RUN, name, *where, *keys, *arguments]

    def start(self, name: str, *arguments: str) -> "Running":
        """Begin a command of the deployer."""
        return Running(self, name, arguments)

    def run(self, name: str, *arguments: str) -> Said:
        """Run a command of the deployer."""
        return self.start(name, *arguments).wait()

    def deploying(
        self, name: str, fault: str = "", command: tuple[str, ...] = (), *more: str
    ) -> "Running":
        """Begin to deploy a release."""
        folder = self.release(name, fault, command)
        choices = [*CHOICES, "--steps", STEPS, "--self-signed", self.at, "--name", name]
        return self.start("deploy", "--archives", str(folder), *choices, *more)

    def deploy(self, name: str, fault: str = "", command: tuple[str, ...] = (), *more: str) -> Said:
        """Deploy a release."""
        return self.deploying(name, fault, command, *more).wait()

    def answers(self) -> str:
        """The release that answers, by what the deployer tells of the host."""
        said = self.run("status").text
        return said.partition("answers: ")[2].split(" ")[0]

    def asked(self, expression: str) -> dict[str, float]:
        """What the host's Prometheus answers, by the only label of each series."""
        ask = ["promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090", expression]
        said = self.shell(shlex.join(["docker", "compose", "exec", "-T", "prometheus", *ask]))
        return {
            next((v for k, v in one["metric"].items() if k != "__name__"), ""): float(
                one["value"][1]
            )
            for one in json.loads(said)
        }

    def begin(self) -> None:
        """Begin to send requests."""
        key = self.shell("cat secrets/gate_key").strip()
        folder = self.reports.parent / "load"
        folder.mkdir(exist_ok=True)
        self.load = Load(folder, key)

    def end(self, row: Row) -> None:
        """End sending, and note what came of it."""
        if self.load:
            report = self.load.stop()
            row.sent, row.failed = int(str(report["sent"])), int(str(report["failed"]))
            row.longest_seconds = float(str(report["longest_seconds"]))
            if row.failed:
                row.happened += f"; {report['errors']}"
        self.load = None


class Running:
    """A command of the deployer that runs."""

    def __init__(self, stage: Stage, name: str, arguments: tuple[str, ...]) -> None:
        """Begin."""
        stage.number += 1
        self._log = stage.reports / f"{stage.number:02}-{stage.at}-{name}.log"
        self._evidence = self._log.with_suffix(".json")
        keeps = name in {"deploy", "rollback", "recover"}
        more = ["--evidence", str(self._evidence)] if keeps else []
        self._file = self._log.open("w")
        command = stage.command(name, *arguments, *more)
        self.process = subprocess.Popen(command, stdout=self._file, stderr=subprocess.STDOUT)

    def saw(self, text: str, limit_seconds: float = 120) -> bool:
        """Wait until it has said something."""
        until = time.monotonic() + limit_seconds
        while text not in self._log.read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                return text in self._log.read_text()
            time.sleep(0.1)
        return True

    def wait(self, limit_seconds: float = 400) -> Said:
        """Wait for its end."""
        try:
            code = self.process.wait(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._file.close()
        text = self._log.read_text()
        sys.stdout.write("".join(f"    {line}\n" for line in text.splitlines()))
        sys.stdout.flush()
        events = json.loads(self._evidence.read_text()) if self._evidence.is_file() else []
        return Said(code, text, events)


def table(rows: list[Row]) -> str:
    """The rows, for people."""
    head = f"| scenario | promised | happened | kept | {' | '.join(FIGURES)} |"
    lines = [head, "|---|---|---|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        times = [row.longest_seconds, row.detected_seconds, row.back_seconds]
        cells = ["-" if t is None else f"{t:.2f} s" for t in times]
        kept = "no: " + "; ".join(row.faults) if row.faults else "yes"
        happened = row.happened.replace("|", "/")
        numbers = [str(row.sent), str(row.failed), *cells]
        lines.append("| " + " | ".join([row.name, row.promised, happened, kept, *numbers]) + " |")
    return "\n".join([*lines, ""])


def written(stage: Stage, planned: list[str], rows: list[Row]) -> None:
    """Write what is known so far, for people and for machines."""
    report = {"planned": planned, "scenarios": [asdict(row) for row in rows]}
    (stage.reports / "rehearsal.json").write_text(json.dumps(report, indent=2))
    (stage.reports / "rehearsal.md").write_text(
        f"# Rehearsal of {stage.environment}\n\n{table(rows)}"
    )
    shutil.rmtree(stage.reports.parent / "load", ignore_errors=True)
