"""The service on one host: its files, its state, its audit trail, and what Compose runs there.

Contract: every change is made under the lock; the state is written before a step begins, so that
whoever comes next knows what was begun. Does not know in which order steps follow, or why.
"""

import json
import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mnist_deploy import audit
from mnist_deploy.errors import CommandFailedError
from mnist_deploy.release import COLOURED, STANDING, WATCHING, Release, State, variables
from mnist_deploy.ssh import Host

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
WAIT_SECONDS = 90
GATE_SECONDS = 300  # for golden images of a slow release, and its late answers
SHIFT = "mnist-shift"  # the container that shifts the traffic
GATE = "mnist-gate"  # the one that tries a colour
OURS = re.compile(r"(^|/)mnist-")  # a repository of images, wherever they came from
POLL_SECONDS = 1.0
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # Compose tells terminals this, and others too

Tell = Callable[[str], None]


class Site:
    """The service on a host."""

    def __init__(self, host: Host, environment: str, say: Tell, *, watched: bool) -> None:
        self.host, self.environment, self.watched = host, environment, watched
        self.say = say
        self.who = "somebody"
        self.deployment = ""

    def state(self) -> State:
        """What the host runs, as it was last written down."""
        return State.read(self.host.get("state.json"))

    def keep(self, state: State) -> State:
        """Writes the state down."""
        self.host.put("state.json", state.text().encode())
        return state

    def begin(self, state: State, phase: str) -> State:
        """Writes down that a phase begins."""
        self.say(f"{phase} ...")
        return self.keep(replace(state, phase=phase))

    def note(self, event: str, **fields: object) -> None:
        """Appends to the audit trail."""
        last = self.host.read("tail -n 1 audit.jsonl 2>/dev/null || true")
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        about = {"time": moment, "who": self.who, "environment": self.environment}
        line = audit.entry(last, event, {**about, "deployment": self.deployment, **fields})
        hashed = json.loads(line)["hash"]
        content = line.encode() + b"\n"
        append = (
            f"tail -n 1 audit.jsonl 2>/dev/null | grep -q {hashed} || {{ cat >.audit.$$; "
            f"[ $(wc -c <.audit.$$) -eq {len(content)} ] && cat .audit.$$ >>audit.jsonl; "
            "code=$?; rm .audit.$$; (exit $code); }"  # an earlier attempt may still be waiting
        )
        self.host.change(append, content=content)

    def trail(self) -> list[dict[str, object]]:
        """The audit trail, verified."""
        return audit.verified(self.host.get("audit.jsonl").splitlines())

    def configure(self, state: State, release: Release) -> None:
        """Writes the files that Compose reads, and makes the folder that figures are left in."""
        for path in sorted(COMPOSE.glob("*.yaml")):
            self.host.put(path.name, path.read_bytes())
        content = variables(state, release, self.environment, watched=self.watched)
        self.host.put(".env", content.encode(), "0600")
        self.host.change("mkdir -p metrics && chmod 0755 metrics")  # its exporter is another user

    def rendered(self, state: State, release: Release) -> dict[str, object]:
        """What Compose makes of the files, tried in a folder beside the real one."""
        for path in sorted(COMPOSE.glob("*.yaml")):
            self.host.put(f"next/{path.name}", path.read_bytes())
        content = variables(state, release, self.environment, watched=self.watched)
        self.host.put("next/.env", content.encode(), "0600")
        render = "cd next && docker compose --profile green --profile tools config --format json"
        return dict(json.loads(self.host.read(render)))

    def compose(self, *arguments: str, limit_seconds: float = WAIT_SECONDS + 60) -> str:
        """Runs Docker Compose."""
        line = shlex.join(["docker", "compose", "--profile", "green", *arguments])
        return self.host.change(line, limit_seconds=limit_seconds)

    def stand(self) -> None:
        """Brings up what stands beside the colours: edge, database, and what watches."""
        self._up(WAIT_SECONDS, *STANDING, *(WATCHING if self.watched else ()))

    def boot(self, colour: str, limit_seconds: int) -> None:
        """Starts a colour anew, and waits until all of it is healthy."""
        self.remove(colour)
        self._up(limit_seconds, *services(colour))

    def _up(self, limit_seconds: int, *names: str) -> None:
        wait = ("--wait", f"--wait-timeout={limit_seconds}")
        limit = limit_seconds + WAIT_SECONDS
        self.compose("up", "--detach", "--no-deps", *wait, *names, limit_seconds=limit)

    def remove(self, colour: str) -> None:
        """Stops a colour, letting it end what it has begun, and removes what it leaves."""
        self.compose("rm", "--stop", "--force", "--volumes", *services(colour))
        self.host.change(f"docker volume rm --force mnist_state-{colour} >/dev/null 2>&1 || true")

    def logs(self, colour: str) -> str:
        """The end of the logs of a colour's backend."""
        names = ("--no-color", "--no-log-prefix", "--tail=3", f"backend-{colour}")
        return CONTROL.sub("", self.compose("logs", *names))

    def running(self, colour: str) -> dict[str, str]:
        """The image of each running container of a colour, by the container's name."""
        said = self.compose("ps", "--quiet", *services(colour)).split()
        if not said:
            return {}
        form = "{{.Name}} {{.Image}}"
        lines = self.host.read(f"docker inspect --format '{form}' {' '.join(said)}").splitlines()
        return dict(line.lstrip("/").split(" ", 1) for line in lines)

    def identity(self, reference: str) -> str:
        """The id of an image that the host has."""
        return self.host.read(f"docker image inspect --format '{{{{.Id}}}}' {reference}").strip()

    def tried(self, colour: str, requests: int, rate: float) -> dict[str, object]:
        """What the gate sees of a colour, and what its replicas use meanwhile."""
        options = f"--colour {colour} --requests {requests} --rate {rate}"
        run = f"docker compose run --rm -T --no-deps --name {GATE} deployer gate {options}"
        half = max(1.0, requests / rate / 2)
        script = (
            f"{gone(GATE)} || exit 1; "
            f"ids=$(docker compose --profile green ps -q backend-{colour}); "
            f"{run} >.gate.json 2>.gate.log & p=$!; sleep {half:.0f}; "
            "docker stats --no-stream --format '{{json .}}' $ids >.stats.json; "
            "docker inspect --format '{{.HostConfig.NanoCpus}}' $ids >.cpus; "
            "wait $p; code=$?; [ $code -eq 0 ] || { cat .gate.log >&2; exit $code; }; "
            "cat .cpus; echo --; cat .stats.json; echo --; tail -n 1 .gate.json"
        )
        limit = requests / rate + GATE_SECONDS
        said = self.host.change(script, alone="gate", limit_seconds=limit)
        cpus, stats, report = said.split("--\n")
        return {**json.loads(report), "used": used(cpus.split(), stats.splitlines())}

    def shift(self, arguments: Sequence[str], tell: Callable[[dict[str, object]], None]) -> int:
        """Has traffic shifted beside the edge, and tells what that tells; returns its exit code."""
        self.unshift()  # so that what is there afterwards is not an earlier release's
        run = ["docker", "compose", "run", "--detach", "--no-deps", "--name", SHIFT, "deployer"]
        began = f"docker inspect --format '{{{{.State.Status}}}}' {SHIFT} 2>/dev/null"
        script = f"{began} | grep -qE 'running|exited' || {shlex.join([*run, 'shift', *arguments])}"
        self.host.change(script, alone="shift", limit_seconds=WAIT_SECONDS + 60)
        seen = 0
        while True:
            form = "{{.State.Status}} {{.State.ExitCode}}"
            said = self.host.read(
                f"docker inspect --format '{form}' {SHIFT}; docker logs {SHIFT} 2>&1"
            )
            status, *lines = said.splitlines()
            for line in lines[seen:]:
                tell(json.loads(line) if line.startswith("{") else {"event": "said", "text": line})
            seen = len(lines)
            if not status.startswith(("running", "created")):
                self.unshift()
                return int(status.split()[1])
            time.sleep(POLL_SECONDS)

    def unshift(self) -> None:
        """Ends whatever shifts traffic."""
        self.host.change(gone(SHIFT), alone="shift")

    def flip(self, colour: str) -> None:
        """Ends whatever shifts traffic, and gives all of it to one colour."""
        self.unshift()
        self.compose("run", "--rm", "-T", "--no-deps", "deployer", "weigh", "--colour", colour)

    def forget(self, kept: Sequence[Release]) -> None:
        """Removes images that no kept release has; what cannot be removed is told."""
        references = (reference for release in kept for reference in release.images.values())
        wanted = {reference.rpartition("@")[2] for reference in references}
        form = "{{.ID}} {{.Digest}} {{.Repository}}"  # an id is of a file, a digest of a registry
        try:
            said = self.host.read(f"docker images --digests --no-trunc --format '{form}'")
        except CommandFailedError as error:
            self.say(f"old images stay: {error}")
            return
        rows = [line.split(" ") for line in said.splitlines()]
        stay = {identity for identity, digest, _ in rows if {identity, digest} & wanted}
        for identity in sorted({i for i, _, repository in rows if OURS.search(repository)} - stay):
            remove = f"docker image rm --force {identity} >/dev/null"
            try:
                self.host.change(f"{remove}; ! docker image inspect {identity} >/dev/null 2>&1")
            except CommandFailedError as error:
                self.say(f"an old image stays: {error}")


def gone(container: str) -> str:
    """A script that removes a container, which may be away, and fails unless it is afterwards."""
    left = f"left=$(docker ps --all --quiet --filter 'name=^/{container}$')"
    return f'docker rm --force {container} >/dev/null; {left} && [ -z "$left" ]'


def services(colour: str) -> list[str]:
    """The services of a colour."""
    return [f"{part}-{colour}" for part in COLOURED]


def used(cpus: Sequence[str], stats: Sequence[str]) -> dict[str, float]:
    """The largest ratios of their limits that replicas use of processor and memory."""
    ratios: dict[str, float] = {}
    for limit, line in zip(cpus, stats, strict=False):
        one = json.loads(line)
        processors = int(limit) / 1e9 or 1.0
        percent = {"processor": float(one["CPUPerc"].rstrip("%")) / processors}
        percent["memory"] = float(one["MemPerc"].rstrip("%"))
        for name, value in percent.items():
            ratios[name] = max(ratios.get(name, 0.0), value / 100)
    return ratios
