"""Whether a host is fit for a release, before anything on it is touched; and its secrets.

Contract: what can be made is made (passwords, keys), what cannot be is named; a secret goes to the
host on standard input and stays in a folder that only its owner enters. Does not know traffic.
"""

import re
import secrets
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from mnist_deploy import shipping
from mnist_deploy.errors import CommandFailedError, PreflightRefusedError
from mnist_deploy.release import Release, State, findings
from mnist_deploy.site import Site

DISK_LEAST = 3 * 1024 * 1024  # KiB: two releases of images, and room for logs
MEMORY_LEAST = 2 * 1024 * 1024  # KiB: the idle colour
COMPOSE_LEAST = (2, 20)
WATCHING_SECRETS = (
    "watchdog_url",
    "slack_pages_url",
    "slack_tickets_url",
    "slack_staging_url",
    "teams_url",
    "grafana_password",
)
DATABASE = ("database_password", "mnist_database_url")  # the second is made of the first
ADDRESS = (
    "printf postgresql://mnist:%s@postgresql/mnist $(cat secrets/database_password) "
    ">secrets/url.new && chmod 0444 secrets/url.new && "
    "mv secrets/url.new secrets/mnist_database_url"
)
MADE = {"gate_key": ("gate", "predict"), "mnist_api_key": ("page", "predict,feedback")}
CERTIFICATE_DAYS = "30"
BUDGET = "objective:budget_left:ratio"
LEFT = re.compile(rf'^{BUDGET}{{.*objective="(\w+)".*}} => (\S+) ', re.MULTILINE)


def fit(site: Site) -> None:
    """Checks what the host must have.

    Raises:
        PreflightRefusedError: something is missing; the message names all of it.
    """
    faults = []
    for name, script in {
        "docker": "docker info >/dev/null",
        "compose": "docker compose version --short",
    }.items():
        try:
            said = site.host.read(script).strip()
        except CommandFailedError as error:
            way = "install docker.io and docker-compose, and let the user into the group docker"
            faults.append(f"{name} does not answer ({error}); {way}")
            continue
        version = tuple(map(int, re.findall(r"\d+", said)[:2]))
        if name == "compose" and version < COMPOSE_LEAST:
            faults.append(
                f"compose is {said}; the oldest that will do is {'.'.join(map(str, COMPOSE_LEAST))}"
            )
    disk, memory = (int(text) for text in site.host.read(
        "df -Pk . | tail -n 1 | awk '{print $4}'; awk '/^MemAvailable/ {print $2}' /proc/meminfo"
    ).split())  # fmt: skip
    if disk < DISK_LEAST:
        faults.append(f"{disk // 1024} MiB of disk are free; {DISK_LEAST // 1024} are the least")
    if memory < MEMORY_LEAST:
        least = f"{MEMORY_LEAST // 1024} are the least, for two colours"
        faults.append(f"{memory // 1024} MiB of memory are free; {least}")
    if faults:
        raise PreflightRefusedError("; ".join(faults))


def complete(site: Site, release: Release, files: Collection[str]) -> None:
    """Checks that a release has every image, and that each can be had: files hold some of them.

    Raises:
        PreflightRefusedError: it has not, or one is nowhere.
    """
    lacking = release.needs(watched=site.watched)
    if lacking:
        names = ", ".join(lacking)
        message = f"the release has no image of {names}: give a file, or --image NAME=REFERENCE"
        raise PreflightRefusedError(message)
    for part, reference in release.images.items():
        if "@" not in reference and part not in files and not shipping.there(site.host, reference):
            message = f"{part}: the host has no image {reference}, and no file of it was given"
            raise PreflightRefusedError(message)


def linted(site: Site, state: State, release: Release) -> None:
    """Renders the configuration on the host and lints it.

    Raises:
        PreflightRefusedError: it does not render, or has a fault.
    """
    try:
        faults = findings(site.rendered(state, release))
    except CommandFailedError as error:
        raise PreflightRefusedError(f"the configuration does not render: {error}") from error
    if faults:
        raise PreflightRefusedError(f"the configuration has faults: {'; '.join(faults)}")


def affordable(site: Site) -> None:
    """Checks that every objective has some of its error budget left, by the host's own Prometheus.

    Raises:
        PreflightRefusedError: one is spent, or nothing is known of them.
    """
    ask = f"promtool query instant http://127.0.0.1:9090 {BUDGET}"
    try:
        said = site.host.read(f"docker compose exec -T prometheus {ask}")
    except CommandFailedError as error:
        said = f"Prometheus does not answer: {error.last}"
    left = {name: float(value) for name, value in LEFT.findall(said)}
    spent = [f"{name} ({value:.0%} left)" for name, value in left.items() if not value > 0]
    if spent:
        message = f"the error budget is spent: {', '.join(spent)}"
    elif not left:
        message = f"nothing is known of the error budget: {said.strip() or 'it is not recorded'}"
    else:
        return
    raise PreflightRefusedError(f"{message}; --force REASON deploys all the same")


def provided(site: Site, given: Mapping[str, Path], self_signed: str) -> None:
    """Checks that every secret is on the host, or was given, or will be made.

    Raises:
        PreflightRefusedError: one is missing that nobody can make up.
    """
    have = set(site.host.read("ls secrets 2>/dev/null || true").split())
    made = {*DATABASE} if not {*DATABASE} & have else set()
    made |= {"mnist_database_url"} if "database_password" in have else set()
    made |= {"keys.json", *MADE} if {*MADE} - have else set()
    made |= {*given, *(["edge.pem"] if self_signed else [])}
    wanted = ["keys.json", "edge.pem", *DATABASE, *MADE]
    wanted += WATCHING_SECRETS if site.watched else ()
    lacking = [name for name in wanted if name not in have | made]
    if lacking:
        message = (
            f"{site.host.folder}/secrets on the host lacks {', '.join(lacking)}: put each there as "
            "a file (edge.pem is certificate and key; --certificate sends it, --self-signed makes "
            "one, --grafana-password sends that)"
        )
        raise PreflightRefusedError(message)


def secret(site: Site, release: Release, given: Mapping[str, Path], self_signed: str) -> None:
    """Sends the secrets that were given, and makes those that can be made."""
    have = set(site.host.read("mkdir -p secrets && chmod 700 secrets && ls secrets").split())
    if not {*DATABASE} & have:
        word = secrets.token_urlsafe(32)
        site.host.put("secrets/database_password", word.encode(), "0444")
    if "mnist_database_url" not in have:
        site.host.change(ADDRESS)
    for name, (who, scopes) in MADE.items():
        if name not in have:
            key(site, release, name, who, scopes)
    for name, path in given.items():
        site.host.put(f"secrets/{name}", path.read_bytes(), "0444")
    if "edge.pem" not in {*have, *given} and self_signed:
        site.host.put("secrets/edge.pem", signed(self_signed), "0444")
    site.host.change("chmod 0444 secrets/*")


def key(site: Site, release: Release, name: str, who: str, scopes: str) -> None:
    """Has the backend's own command make an API key, which never leaves the host."""
    make = f"keys make --file /secrets/keys.json --name {who} --scopes {scopes} --days 3650"
    run = 'docker run --rm --network none --user $(id -u):$(id -g) --volume "$PWD/secrets:/secrets"'
    script = (
        f"[ ! -e secrets/{name} ] || exit 0; umask 077; chmod u+w secrets/keys.json 2>/dev/null; "
        f"{run} {release.images['backend']} python -m mnist_backend.{make} >secrets/{name}.new && "
        f"mv secrets/{name}.new secrets/{name}"
    )
    site.host.change(script, alone="keys")


def signed(name: str) -> bytes:
    """A certificate that nobody vouches for, with its key: for rehearsals and first steps.

    Raises:
        CommandFailedError: openssl does not make one for such a name.
    """
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        CERTIFICATE_DAYS,
    ]
    about = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    done = subprocess.run([*command, *about, "-keyout", "-"], capture_output=True, check=False)
    if done.returncode:
        raise CommandFailedError("openssl", done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout
