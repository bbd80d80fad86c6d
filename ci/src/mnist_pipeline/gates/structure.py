"""Judges what an image is made of, by its own configuration and layers.

Contract: the image is held to what is expected of it, word by word; an archive in which hardly a
file was seen is "not run", for an empty image would pass. Does not know how the archive was read.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

LEAST_FILES = 500  # a Debian that runs anything has thousands
MEGABYTE = 1_000_000
SIZES = "ci/image-sizes.toml"
DRIFT = 0.05  # of the size that was recorded last; what is more has to be recorded
BARS = "▁▂▃▄▅▆▇█"
SECRET_NAME = re.compile(r"(TOKEN|PASSWORD|PASSWD|SECRET|API_KEY|PRIVATE_KEY|CREDENTIALS?)$", re.I)
REGISTRIES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "GOPROXY")  # of the machine that made an image
NETWORK = {*REGISTRIES, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|://[^/\s:@]+:[^/\s@]+@"
)


@dataclass(frozen=True)
class Expected:
    """What an image must be."""

    command: tuple[str, ...]  # how entry point and arguments, taken together, begin
    ports: frozenset[int]
    user: str = "10001:10001"
    serves: bool = True  # and so has a health check; another one does its work and ends


class SizesMalformedError(ValueError):
    """The file of sizes does not say what it must."""


@dataclass(frozen=True)
class Size:
    """How large an image may be, and how large it was; in megabytes, unpacked."""

    budget: int
    recorded: tuple[tuple[date, int], ...]


def sizes(toml: str) -> dict[str, Size]:
    """Reads the file of sizes, by the names of images."""
    try:
        return {name: sized(name, entry) for name, entry in tomllib.loads(toml).items()}
    except (tomllib.TOMLDecodeError, TypeError, KeyError, AttributeError) as error:
        message = f"{SIZES} cannot be read: {error!r}"
        raise SizesMalformedError(message) from error


def sized(name: str, entry: dict[str, Any]) -> Size:
    """One entry: a budget, and at least one size with its day, the oldest first."""
    recorded = tuple((each["day"], each["megabytes"]) for each in entry["recorded"])
    kinds = all(type(day) is date and type(number) is int for day, number in recorded)
    ordered = bool(recorded) and recorded == tuple(sorted(recorded))
    if type(entry["budget"]) is not int or not kinds or not ordered:
        message = f"{name} in {SIZES} needs a budget and sizes with their days, the oldest first"
        raise SizesMalformedError(message)
    return Size(entry["budget"], recorded)


def trend(known: Mapping[str, Size], now: Mapping[str, int]) -> str:
    """What each image has, of how much, and how it came to that; in Markdown."""
    lines = ["| image | MB | of its budget | since | trend |", "|---|---:|---:|---|---|"]
    for name, megabytes in now.items():
        of = known[name]
        first, was = of.recorded[0]
        history = [*(number for _, number in of.recorded), megabytes]
        bars = "".join(BARS[min(len(BARS) * n // (of.budget + 1), len(BARS) - 1)] for n in history)
        share, grown = f"{megabytes / of.budget:.0%} of {of.budget}", f"{megabytes - was:+d}"
        lines.append(f"| {name} | {megabytes} | {share} | {grown} since {first} | {bars} |")
    return "\n".join([*lines, ""])


def judge(text: str, expected: Expected, size: Size) -> Verdict:
    """The verdict on what was read from an image's archive."""
    try:
        read = json.loads(text)
        files, megabytes = int(read["files"]), round(int(read["bytes"]) / MEGABYTE)
        faults = [*of_configuration(read["config"], expected), *of_layers(read)]
        faults += of_size(megabytes, size)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return not_run(f"the contents of the image cannot be read: {error!r}")
    if files < LEAST_FILES:
        return not_run(f"{files} files were seen in the image, fewer than {LEAST_FILES}")
    counts = {"files": files, "megabytes": megabytes}
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
        if name.upper() in NETWORK:
            faults.append(f"the variable {name} tells of the network in which it was made")
    return faults


def of_size(megabytes: int, size: Size) -> list[str]:
    """What is wrong with an image's size."""
    day, last = size.recorded[-1]
    if megabytes > size.budget:
        return [f"it has {megabytes} MB unpacked, more than {size.budget}"]
    if abs(megabytes - last) > DRIFT * last:
        add = f"add today's to {SIZES}, so that the trend is known"
        return [f"it has {megabytes} MB unpacked, {last} on {day}: {add}"]
    return []


def of_layers(read: dict[str, Any]) -> list[str]:
    """What is wrong with files and the steps that made them."""
    faults = [str(fault) for fault in read["faults"]]
    faults += [f"{path} runs with another user's or group's rights" for path in read["special"]]
    steps = enumerate(read["history"])
    return faults + [f"step {n} of its making holds a secret" for n, s in steps if secret(s)]


def secret(step: str) -> bool:
    """Whether a command that made a layer spells a secret out."""
    given = re.findall(r"\b(\w+)=[\"']?([^\s\"']+)", step)
    return bool(SECRET_VALUE.search(step)) or any(SECRET_NAME.search(name) for name, _ in given)
