"""Judges what an image is made of, by its own configuration and layers.

Contract: the image is held to what is expected of it, word by word; an archive in which hardly a
file was seen is "not run", for an empty image would pass. Does not know how the archive was read.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

LEAST_FILES = 500  # a Debian that runs anything has thousands
MEGABYTE = 1_000_000
SECRET_NAME = re.compile(r"(TOKEN|PASSWORD|PASSWD|SECRET|API_KEY|PRIVATE_KEY|CREDENTIALS?)$", re.I)
SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|://[^/\s:@]+:[^/\s@]+@"
)


@dataclass(frozen=True)
class Expected:
    """What an image must be."""

    command: tuple[str, ...]  # how entry point and arguments, taken together, begin
    ports: frozenset[int]
    megabytes: int  # unpacked, at most
    user: str = "10001:10001"
    serves: bool = True  # and so has a health check; another one does its work and ends


def judge(text: str, expected: Expected) -> Verdict:
    """The verdict on what was read from an image's archive."""
    try:
        read = json.loads(text)
        files, size = int(read["files"]), int(read["bytes"])
        faults = [*of_configuration(read["config"], expected), *of_layers(read, expected)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return not_run(f"the contents of the image cannot be read: {error!r}")
    if files < LEAST_FILES:
        return not_run(f"{files} files were seen in the image, fewer than {LEAST_FILES}")
    counts = {"files": files, "megabytes": round(size / MEGABYTE)}
    return red(*faults, **counts) if faults else green(**counts)


def of_configuration(config: dict[str, Any], expected: Expected) -> list[str]:
    """What is wrong with user, command, ports and variables."""
    faults = []
    user = config.get("User") or ""
    if user != expected.user:
        faults.append(f"the user is {user or 'root'!r}, not {expected.user!r}")
    command = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
    if command[: len(expected.command)] != expected.command:
        faults.append(f"it runs {' '.join(command)!r}, not {' '.join(expected.command)!r}")
    ports = {int(port.partition("/")[0]) for port in config.get("ExposedPorts") or {}}
    if ports != expected.ports:
        faults.append(f"it exposes the ports {sorted(ports)}, not {sorted(expected.ports)}")
    for variable in config.get("Env") or []:
        name, _, value = variable.partition("=")
        if (SECRET_NAME.search(name) and value) or SECRET_VALUE.search(value):
            faults.append(f"the variable {name} holds a secret")
    return faults


def of_layers(read: dict[str, Any], expected: Expected) -> list[str]:
    """What is wrong with files, size and the steps that made them."""
    faults = [str(fault) for fault in read["faults"]]
    faults += [f"{path} runs with another user's or group's rights" for path in read["special"]]
    megabytes = read["bytes"] / MEGABYTE
    if megabytes > expected.megabytes:
        faults.append(f"it has {megabytes:.0f} MB unpacked, more than {expected.megabytes}")
    steps = enumerate(read["history"])
    return faults + [f"step {n} of its making holds a secret" for n, s in steps if secret(s)]


def secret(step: str) -> bool:
    """Whether a command that made a layer spells a secret out."""
    given = re.findall(r"\b(\w+)=[\"']?([^\s\"']+)", step)
    return bool(SECRET_VALUE.search(step)) or any(SECRET_NAME.search(name) for name, _ in given)
