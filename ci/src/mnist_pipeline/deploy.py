"""Deploying: the images as files, and the deployer that brings them to a host.

Contract: what is deployed are the images that were built, or those that were published, by digest;
keys reach the deployer as secrets and nothing of a call is cached. Does not know what the deployer
does on the host.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dagger
from dagger import dag

from mnist_pipeline.app import OWNER, image
from mnist_pipeline.containers import debian
from mnist_pipeline.containers.session import Session
from mnist_pipeline.gates import decision, policy

SERVICE = ("backend", "frontend", "edge", "postgresql", "deployer")
WATCHING = (
    "prometheus",
    "alertmanager",
    "probe",
    "postgres-exporter",
    "node-exporter",
    "process-exporter",
)
ENVIRONMENTS = ("staging", "production")
ACTIONS = ("deploy", "rollback", "status", "history", "recover", "unlock")
ARCHIVES = "/archives"
KEY, CERTIFICATE = "/run/secrets/key", "/run/secrets/edge.pem"
GRAFANA = "/run/secrets/grafana_password"
KNOWN_HOSTS = "/run/known_hosts"


class DeploymentError(RuntimeError):
    """An argument cannot be used, or the deployer ended badly; the message is what it said."""


@dataclass(frozen=True)
class Entrance:
    """Which host, and how it is entered."""

    environment: str
    host: str
    key: dagger.Secret
    known_hosts: dagger.File


@dataclass(frozen=True)
class Release:
    """What shall be deployed, and what its edge shows to visitors."""

    images: Collection[str] = ()
    name: str = ""
    certificate: dagger.Secret | None = None
    self_signed: str = ""
    grafana_password: dagger.Secret | None = None


@dataclass(frozen=True)
class Order:
    """What shall be done."""

    to: Entrance
    action: str
    release: Release
    webhooks: Mapping[str, dagger.Secret | None]
    watched: bool
    force: str
    more: Collection[str]

    def options(self) -> list[str]:
        """The order, as the deployer's command line takes it."""
        options = [
            "--environment",
            self.to.environment,
            "--host",
            self.to.host,
            "--who",
            "pipeline",
        ]
        options += ["--key", KEY, "--known-hosts", KNOWN_HOSTS]
        options += [] if self.watched else ["--unwatched"]
        if self.action not in {"deploy", "rollback"}:
            return options
        options += [f"--image={image}" for image in self.release.images]
        given = {"name": self.release.name, "self-signed": self.release.self_signed}
        given["force"] = self.force
        options += [f"--{name}={value}" for name, value in given.items() if value]
        options += [f"--certificate={CERTIFICATE}"] if self.release.certificate else []
        options += [f"--grafana-password={GRAFANA}"] if self.release.grafana_password else []
        return [*options, *self.more]


def archives(session: Session, names: Collection[str], *, packed: bool = True) -> dagger.Directory:
    """Images as Docker loads them: NAME.tar each; packed, if they go over a network."""
    media = dagger.ImageMediaTypes.DockerMediaTypes
    compression = None if packed else dagger.ImageLayerCompression.UNCOMPRESSED
    folder = dag.directory()
    for name in names:
        tarball = image(session, name).as_tarball(media_types=media, forced_compression=compression)
        folder = folder.with_file(f"{name}.tar", tarball)
    return folder


async def released(release: dagger.File) -> list[str]:
    """The images of a release, as `published` takes them; raises ReleaseRefusedError."""
    return decision.released(await release.contents())


async def published(images: Collection[str]) -> list[str]:
    """The addresses of images that were published, from NAME=ADDRESS each.

    Raises:
        DeploymentError: one is not of that form.
    """
    for pair in images:
        if not all(pair.partition("=")):
            message = f"--images {pair!r} is not NAME=REGISTRY/NAME@sha256:..."
            raise DeploymentError(message)
    return [pair.partition("=")[2] for pair in images]


async def environment(names: Collection[str]) -> str:
    """Where to deploy, by the option and its alias; raises EnvironmentUnknownError."""
    return policy.environment_of(names, ENVIRONMENTS)


async def run(session: Session, order: Order) -> str:
    """Has the deployer do what is ordered; returns what it said.

    Raises:
        DeploymentError: an argument cannot be used, or it was not done.
    """
    if order.action not in ACTIONS:
        message = f"--action {order.action!r} is not one of {', '.join(ACTIONS)}"
        raise DeploymentError(message)
    container = entering(session, order)
    options = order.options()
    if order.action == "deploy":
        known = {pair.partition("=")[0] for pair in order.release.images}
        names = [n for n in (*SERVICE, *(WATCHING if order.watched else ())) if n not in known]
        container = container.with_mounted_directory(ARCHIVES, archives(session, names))
        options += [f"--archives={ARCHIVES}"]
    ran = container.with_exec(
        [order.action, *options], use_entrypoint=True, expect=dagger.ReturnType.ANY
    )
    code, said, wrong = await ran.exit_code(), await ran.stdout(), await ran.stderr()
    if code:
        message = f"{said}\n{order.action} ended with {code}: {wrong.strip()}"
        raise DeploymentError(message)
    return said


def entering(session: Session, order: Order) -> dagger.Container:
    """The deployer, with what it needs to enter a host; nothing of it is answered from a cache.

    ssh takes a key from its user alone, so the deployer copies it: where no layer is made of it.
    """
    secrets = {KEY: order.to.key, CERTIFICATE: order.release.certificate}
    secrets[GRAFANA] = order.release.grafana_password
    for name, address in order.webhooks.items():
        secrets[f"/run/secrets/{name}_webhook"] = address
    container = image(session, "deployer").with_file(KNOWN_HOSTS, order.to.known_hosts)
    container = container.with_mounted_temp("/tmp")  # noqa: S108  of a container
    for path, secret in secrets.items():
        if secret:
            container = container.with_mounted_secret(path, secret, owner=OWNER, mode=0o400)
    return container.with_env_variable("PIPELINE_FRESH", str(session.started))


HOSTS = ("production", "staging")  # the throw-away ones, by the name at which they are reached
HOST_PACKAGES = (
    "docker.io",
    "docker-cli",
    "docker-compose",
    "iptables",
    "openssh-server",
    "procps",
)
# A Docker would tell the engine of its every step, and three quarters of a run's trace were that.
UNTRACED = r"unset $(env | sed -n 's/^\(OTEL_[A-Z_]*\|TRACEPARENT\)=.*/\1/p')"
HOST_START = f"""\
{UNTRACED}
mkdir -p /run/sshd
dockerd --storage-driver=overlay2 >/var/log/dockerd.log 2>&1 &
until docker info >/dev/null 2>&1; do sleep 0.2; done
containers=$(docker ps --all --quiet)
[ -z "$containers" ] || docker rm --force $containers >/dev/null
docker volume prune --all --force >/dev/null
docker network prune --force >/dev/null
[ -z "$EMPTY" ] || docker image prune --all --force >/dev/null
exec /usr/sbin/sshd -D -e -o AuthorizedKeysFile=/etc/ssh/authorized_keys
"""


def throwaway_keys() -> dagger.Directory:
    """Keys of hosts that live for one run, and of who enters them: user, HOSTS, .pub, known_hosts.

    Who reaches those hosts is within the run already, so the engine may keep them.
    """
    make = (
        "set -e; mkdir /keys; cd /keys; "
        f"for name in user {' '.join(HOSTS)}; do ssh-keygen -q -t ed25519 -N '' -f $name; done; "
        f"for name in {' '.join(HOSTS)}; do echo $name $(cut -d' ' -f1,2 $name.pub); done "
        ">known_hosts"
    )
    return debian("openssh-client").with_exec(["sh", "-c", make]).directory("/keys")


def throwaway_host(keys: dagger.Directory, name: str, *, empty: bool) -> dagger.Service:
    """A Debian host with a real SSH server and a real Docker, as a service: one of HOSTS.

    Unless it shall begin empty, images that an earlier one was sent are still there; containers and
    volumes never are.
    """
    volume = dag.cache_volume(f"rehearsal-docker-{name}")
    return (
        debian(*HOST_PACKAGES, "ca-certificates")
        .with_file("/etc/ssh/authorized_keys", keys.file("user.pub"), permissions=0o600)
        .with_file("/etc/ssh/ssh_host_ed25519_key", keys.file(name), permissions=0o600)
        .with_new_file("/start.sh", HOST_START)
        .with_mounted_cache("/var/lib/docker", volume, sharing=dagger.CacheSharingMode.PRIVATE)
        .with_env_variable("EMPTY", "yes" if empty else "")
        .with_exposed_port(22)
        .with_exposed_port(80, experimental_skip_healthcheck=True)
        .with_exposed_port(443, experimental_skip_healthcheck=True)
        .as_service(args=["sh", "/start.sh"], insecure_root_capabilities=True)
    )
