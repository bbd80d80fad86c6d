"""The three ways of deploying, each as its own operator goes it, on the same host.

Contract: each has two replicas of the same backend, from the same Compose file, with the same
limits, certificate, database and drain; only what stands in front and who brings releases differ.
Does not know how a release is bad, or what is measured.
"""

import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from load.deploy.table import KAMAL, OURS, ROLLOUT
from mnist_deploy import archive, shipping
from mnist_deploy.errors import CommandFailedError
from rehearsal.stage import FAULTY, FIRST, Stage, derive

HERE = Path(__file__).parent
REPLICAS = 2
HEALTHY_SECONDS = 60  # docker-rollout's, by default
BOOT_SECONDS = 90  # of the deployer, by default
LIMIT_SECONDS = 200
PLAIN = (
    "rm -rf rollout.cfg; . ./.env; "
    "docker run --rm --network none $EDGE_IMAGE cat /etc/haproxy/haproxy.cfg | "
    "sed '/^ *retry-on /d' >rollout.cfg && ! grep -q retry-on rollout.cfg"
)
KAMAL_DEPLOY = [
    "kamal-proxy", "deploy", "mnist", "--host=production", "--health-check-path=/ready", "--tls",
    "--tls-certificate-path=/run/secrets/edge.pem", "--tls-private-key-path=/run/secrets/edge.pem",
]  # fmt: skip


class Site(Stage):
    """The host, with releases that name themselves in each answer."""

    def make(self, target: Path, name: str, fault: str, command: tuple[str, ...]) -> None:
        """Write the image of a release's backend."""
        marked = HERE / "marked.py"
        files = {f"app/{path.name}": path.read_bytes() for path in (marked, FAULTY)}
        words = [name, fault] if fault else [name]
        command = command or ("python", "/app/marked.py", *words)
        derive(self.archives / "backend.tar", target, name, files, command)

    def put(self, path: Path, mode: str = "0644") -> None:
        """Bring a file to the host's folder, where Docker may have made a folder of that name.

        It does so for a container of an earlier run, which it starts again before it is removed.
        """
        name, content = shlex.quote(path.name), path.read_bytes()
        script = f"rm -rf {name}; cat >{name} && chmod {mode} {name}"
        self.host.stream(script, lambda out: out.write(content))

    def identity(self, name: str, fault: str = "", command: tuple[str, ...] = ()) -> str:
        """The image of a release's backend, once the host has it."""
        file = archive.opened(self.release(name, fault, command) / "backend.tar")
        if not shipping.there(self.host, file.identity):
            shipping.load(self.host, "backend", file, self.say)
        return file.identity

    def say(self, text: str) -> None:
        """Tell what is done."""
        sys.stdout.write(f"    {text}\n")


@dataclass(frozen=True)
class Came:
    """What a deployment came to, in its own judgement."""

    accepted: bool
    text: str
    seconds: float = 0.0  # that it took, where that is not all the time that passed


class Method(Protocol):
    """A way of deploying."""

    name: str

    def prepare(self) -> None:
        """Have the first release answer, behind what stands in front."""

    def deploy(self, name: str, fault: str = "", command: tuple[str, ...] = ()) -> Came:
        """Bring a release to the host."""


class Ours:
    """This project's deployer."""

    name = OURS

    def __init__(self, site: Site) -> None:
        self._site = site

    def prepare(self) -> None:
        """Deploy to the empty host.

        Raises:
            ChildProcessError: that did not do.
        """
        came = self.deploy(FIRST)
        if not came.accepted:
            raise ChildProcessError(came.text)

    def deploy(self, name: str, fault: str = "", command: tuple[str, ...] = ()) -> Came:
        """Call the deployer as its operator does."""
        said = self._site.deploy(name, fault, command, f"--boot-seconds={BOOT_SECONDS}")
        return Came(said.code == 0, (said.text.strip().splitlines() or ["it said nothing"])[-1])


class Beside:
    """What the other two ways share: their own edge, and the backend of this project's files."""

    overlay = ""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._images: dict[str, str] = {}

    def prepare(self) -> None:
        """Put the own edge in the place of what stood there, before the first release."""
        self._site.shell("docker compose --profile green rm --stop --force edge backend-blue")
        self._site.shell("docker compose --profile green rm --stop --force backend-green")
        self._site.put(HERE / self.overlay)
        image = self._site.identity(FIRST)
        self._images = {"BACKEND_BLUE_IMAGE": image, "BACKEND_GREEN_IMAGE": image}
        self._compose("up", "--detach", "--no-deps", "--wait", "edge", "backend-blue")

    def _compose(self, *arguments: str) -> str:
        files = f"COMPOSE_FILE=compose.yaml:compose.production.yaml:{self.overlay}"
        images = [f"{name}={image}" for name, image in self._images.items()]
        command = ["env", files, *images, "docker", "compose", "--profile", "green", *arguments]
        return self._site.host.read(shlex.join(command), limit_seconds=LIMIT_SECONDS)

    def _containers(self, service: str, form: str = "{{.ID}}") -> list[str]:
        label = f"label=com.docker.compose.service={service}"
        command = ["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", form]
        return self._site.shell(shlex.join(command)).split()


class Rollout(Beside):
    """docker-rollout's method: twice the replicas, wait until they are healthy, remove the old."""

    name, overlay = ROLLOUT, "rollout.yaml"

    def prepare(self) -> None:
        """Start HAProxy without its retries of requests that were sent."""
        self._site.shell(PLAIN)
        super().prepare()

    def deploy(self, name: str, fault: str = "", command: tuple[str, ...] = ()) -> Came:
        """Scale up, wait, remove the old; or the new where they do not become healthy."""
        self._images["BACKEND_BLUE_IMAGE"] = self._site.identity(name, fault, command)
        old = self._containers("backend-blue")
        scale = f"--scale=backend-blue={len(old) + REPLICAS}"
        self._compose("up", "--detach", "--no-deps", "--no-recreate", scale, "backend-blue")
        new = [one for one in self._containers("backend-blue") if one not in old]
        healthy = self._healthy(new)
        gone = " ".join(old if healthy else new)
        self._site.shell(f"docker stop {gone} && docker rm {gone}")
        if healthy:
            return Came(accepted=True, text="")
        return Came(accepted=False, text=f"new replicas were not healthy in {HEALTHY_SECONDS} s")

    def _healthy(self, containers: list[str]) -> bool:
        form = "{{.State.Health.Status}}"
        for _ in range(HEALTHY_SECONDS):
            said = self._site.shell(f"docker inspect --format '{form}' {' '.join(containers)}")
            if said.split() == ["healthy"] * REPLICAS:
                return True
            time.sleep(1)
        return False


class Kamal(Beside):
    """kamal-proxy: new replicas beside the old ones, one switch once they are healthy."""

    name, overlay = KAMAL, "kamal.yaml"

    def __init__(self, site: Site, program: Path) -> None:
        super().__init__(site)
        self._program = program
        self._colour = ""

    def prepare(self) -> None:
        """Start kamal-proxy, and give it the first release."""
        self._site.put(self._program, "0755")
        super().prepare()
        self._colour = "blue"
        self._switch("blue")

    def deploy(self, name: str, fault: str = "", command: tuple[str, ...] = ()) -> Came:
        """Start the new replicas, have the proxy switch, remove the old; or the new."""
        old, new = self._colour, "green" if self._colour == "blue" else "blue"
        image = self._site.identity(name, fault, command)
        self._images[f"BACKEND_{new.upper()}_IMAGE"] = image
        self._compose("up", "--detach", "--no-deps", f"backend-{new}")
        try:
            self._switch(new)
        except CommandFailedError as error:
            self._compose("rm", "--stop", "--force", f"backend-{new}")
            return Came(accepted=False, text=error.last)
        self._compose("rm", "--stop", "--force", f"backend-{old}")
        self._colour = new
        return Came(accepted=True, text="")

    def _switch(self, colour: str) -> None:
        names = self._containers(f"backend-{colour}", "{{.Names}}")
        targets = [f"--target={name}:8000" for name in names]
        self._compose("exec", "-T", "edge", *KAMAL_DEPLOY, *targets)
