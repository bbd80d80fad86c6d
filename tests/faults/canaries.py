"""Canaries: a secret of a known value for every argument that takes one, and the search for them.

Contract: CANARIES is the list that the layout test holds to the pipeline's functions. A canary
reaches a call by its environment alone. It is looked for as it is and within base64, wherever it
begins there, in text, in files and in what gzip packed. Does not know what a secret is for.
"""

import base64
import gzip
import subprocess
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile

CANARIES = {
    "deploy": ("ssh_key", "password", "certificate", "grafana_password", "slack", "teams"),
    "integration": ("keys",),
    "notify": ("slack", "teams"),
    "promote": ("password",),
    "publish": ("password", "key", "key_password", "identity_token"),
    "release": ("password", "key", "key_password", "identity_token"),
    "rescan": ("password",),
    "signing_key": ("key_password",),
    "up": ("page_key", "grafana_password"),
    "verify": ("password",),
}
GZIP = b"\x1f\x8b"
VANISHED = "No such file or directory"  # an engine that lives removes files meanwhile


def forms(secret: bytes) -> list[bytes]:
    """How a secret looks: as it is, and in base64 behind one, two or three other bytes."""
    found = [secret]
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret)
        found.append(coded[-(-8 * before // 6) : 8 * (before + len(secret)) // 6])
    return found


class Canaries:
    """A canary for each argument, and those that were handed over."""

    def __init__(self) -> None:
        self.known = {
            (called, argument): f"canary-{token_hex(16)}"
            for called, arguments in CANARIES.items()
            for argument in arguments
        }
        self.environment: dict[str, str] = {}
        self.given: set[tuple[str, str]] = set()

    def option(self, called: str, argument: str, *texts: str) -> str:
        """The option that hands over a canary, alone, or in each of some texts where {} stands."""
        uris = []
        for number, text in enumerate(texts or ("{}",)):
            name = f"CANARY_{called}_{argument}_{number}".upper()
            self.environment[name] = text.replace("{}", self.known[called, argument])
            uris.append(f"env://{name}")
        self.given.add((called, argument))
        return f"--{argument.replace('_', '-')}={','.join(uris)}"

    def named(self) -> dict[str, str]:
        """Every canary, by the words that name its argument."""
        return {" --".join(argument): canary for argument, canary in self.known.items()}


def within(contents: Iterable[bytes], secrets: Mapping[str, str]) -> list[str]:
    """The names of secrets that stand in any of some contents, packed or not."""
    read = [gzip.decompress(c) if c.startswith(GZIP) else c for c in contents]
    return sorted(
        name
        for name, secret in secrets.items()
        if any(form in content for form in forms(secret.encode()) for content in read)
    )


def holding(
    places: Collection[Path], since: float, secrets: Mapping[str, str]
) -> dict[Path, list[str]]:
    """The files in some folders, changed since then, that hold a secret, and which.

    What gzip packed is unpacked where blobs lie.
    """
    changed = ["env", "LC_ALL=C", "find", *places, "-type", "f", "-newerct", f"@{since}"]
    with NamedTemporaryFile() as patterns:
        lines = [form for secret in secrets.values() for form in forms(secret.encode())]
        patterns.write(b"\n".join(lines))
        patterns.flush()
        how = ["-laF", "-f", patterns.name, "{}", "+"]
        files = named_by([*changed, "-exec", "grep", *how])
        files |= named_by([*changed, "-path", "*/blobs/*", "-exec", "zgrep", *how])
    return {path: within([path.read_bytes()], secrets) for path in files if path.exists()}


def named_by(command: list[str | Path]) -> set[Path]:
    """The files that a search names; what it could not read fails it, unless it has gone."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    faults = [line for line in done.stderr.splitlines() if VANISHED not in line]
    assert not faults, faults
    return {Path(line) for line in done.stdout.splitlines()}
