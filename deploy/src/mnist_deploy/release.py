"""A release: an image for each part of the service, by digest, and how it is told to Compose.

Contract: a reference is `NAME@sha256:...` from a registry, or `sha256:...` of an image that was
loaded; nothing else is taken. Does not know hosts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mnist_deploy.errors import UsageInvalidError

ENVIRONMENTS = ("staging", "production")
COLOURS = ("blue", "green")
COLOURED = ("backend", "frontend")  # the parts that there are two colours of
STANDING = ("edge", "postgresql")  # that a release leaves alone while they run
WATCHING = (
    "prometheus",
    "alertmanager",
    "probe",
    "postgres-exporter",
    "node-exporter",
    "process-exporter",
)
PARTS = (*COLOURED, *STANDING, "deployer")
REFERENCE = re.compile(r"([\w.:/-]+@)?sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Release:
    """What is deployed, under a name for people."""

    name: str
    images: Mapping[str, str]

    def __post_init__(self) -> None:
        for part, reference in self.images.items():
            if not REFERENCE.fullmatch(reference):
                message = f"the image of {part}, {reference!r}, is not given by its digest"
                raise UsageInvalidError(message)

    def needs(self, *, watched: bool) -> list[str]:
        """The parts that it must have an image for and has not."""
        wanted = (*PARTS, *WATCHING) if watched else PARTS
        return [part for part in wanted if part not in self.images]


@dataclass(frozen=True)
class State:
    """What a host runs, kept in a file there."""

    active: str = ""  # the colour that answers; empty before the first release
    phase: str = "idle"  # or what a deployment had begun when it ended
    releases: Mapping[str, Release | None] | None = None  # by colour
    history: tuple[Release, ...] = ()  # that have answered; the newest last

    @property
    def idle(self) -> str:
        """The colour for the next release."""
        return "green" if self.active == "blue" else "blue"

    def of(self, colour: str) -> Release | None:
        """The release of a colour."""
        return (self.releases or {}).get(colour)

    def text(self) -> str:
        """The file's content."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, text: str) -> "State":
        """Reads the file; an empty one is that of a new host."""
        if not text.strip():
            return cls()
        known = json.loads(text)
        releases = {c: Release(**r) if r else None for c, r in (known["releases"] or {}).items()}
        history = tuple(Release(**r) for r in known["history"])
        return cls(known["active"], known["phase"], releases, history)


def variables(state: State, release: Release, environment: str, *, watched: bool) -> str:
    """The file `.env`, from which Compose takes files and images."""
    files = [
        "compose.yaml",
        *(["monitoring.yaml"] if watched else []),
        f"compose.{environment}.yaml",
    ]
    lines = {
        "COMPOSE_PROJECT_NAME": "mnist",
        "COMPOSE_FILE": ":".join(files),
        "ENVIRONMENT": environment,
        "GRAFANA_FOLDER": "./grafana",
    }
    for part, reference in release.images.items():
        name = part.upper().replace("-", "_")
        lines[f"{name}_IMAGE"] = reference
    for colour in COLOURS:
        known = state.of(colour) or release
        for part in COLOURED:
            lines[f"{part.upper()}_{colour.upper()}_IMAGE"] = known.images[part]
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def findings(configuration: Mapping[str, object]) -> list[str]:
    """What is wrong with a rendered configuration, each in one sentence."""
    services = configuration.get("services")
    found = []
    for name, service in sorted(services.items()) if isinstance(services, dict) else ():
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        rules = {
            "has no image by digest": REFERENCE.fullmatch(str(service.get("image"))),
            "may write to its root": service.get("read_only") is True,
            "keeps capabilities": service.get("cap_drop") == ["ALL"] and not service.get("cap_add"),
            "may gain privileges": "no-new-privileges:true" in service.get("security_opt", ()),
            "runs as root": re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user"))),
            "is privileged": not service.get("privileged"),
            "has no limit of memory": limits.get("memory"),
            "has no limit of processors": limits.get("cpus"),
            "has no limit of processes": limits.get("pids"),
            "shares the host's network": service.get("network_mode") != "host",
        }
        found += [f"{name} {fault}" for fault, kept in rules.items() if not kept]
        mounts = [str(v.get("source", "")) for v in service.get("volumes", ())]
        found += [f"{name} reaches Docker's socket" for m in mounts if m.endswith("docker.sock")]
    return found or ([] if services else ["it has no services"])
