"""The command line: what can be asked, and how it is read.

Contract: an argument that cannot be used raises `UsageInvalidError`, which names it and the rule.
Does not know what is done with it.
"""

import argparse
import getpass
import re
from collections.abc import Sequence
from pathlib import Path

from mnist_deploy.errors import UsageInvalidError
from mnist_deploy.release import ENVIRONMENTS

STEPS = "1:60,10:60,50:60,100:120"


def parser(text: str) -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(
        prog="mnist_deploy",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", required=True)
    texts = {
        "deploy": "ship a release, try it in the dark, shift traffic to it, retire the old one",
        "rollback": "deploy the release that answered before, from the images on the host",
        "status": "tell what answers, since when, and who deploys",
        "history": "print the audit trail, once it is verified",
        "recover": "put right what a deployment that was killed has left",
        "unlock": "break the lock of a deployer that is gone",
    }
    for name, about in texts.items():
        remote = commands.add_parser(name, help=about, description=about)
        add_remote(remote)
        if name in {"deploy", "rollback"}:
            add_choices(remote)
            add_preparation(remote)
    add_local(commands)
    return whole


def add_remote(command: argparse.ArgumentParser) -> None:
    """What says which host is meant."""
    command.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    command.add_argument("--host", required=True, help="user@host or user@host:port")
    command.add_argument("--key", required=True, type=Path, help="file of the SSH key")
    command.add_argument(
        "--known-hosts",
        required=True,
        type=Path,
        help="file with the host's key, as ssh-keyscan prints it; compare it with the host's own",
    )
    command.add_argument(
        "--who", default=getpass.getuser(), help="for the lock and the audit trail"
    )
    command.add_argument("--folder", default="mnist", help="the service's folder on the host")
    command.add_argument(
        "--unwatched", action="store_true", help="without Prometheus and what belongs to it"
    )
    command.add_argument("--evidence", type=Path, help="file for what happened, as JSON")


def add_choices(command: argparse.ArgumentParser) -> None:
    """How a release is chosen, tried and shifted."""
    command.add_argument("--name", default="", help="of the release, for people")
    command.add_argument("--archives", type=Path, help="folder of images: NAME.tar each")
    command.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=REFERENCE",
        help="by digest, from a registry or on the host",
    )
    command.add_argument(
        "--requests",
        type=int,
        default=3000,
        help="in the dark (3000 without an error claim fewer than 0.1 %% at 95 %%)",
    )
    command.add_argument("--rate", type=float, default=100.0, help="requests a second in the dark")
    command.add_argument(
        "--boot-seconds", type=int, default=90, help="until the idle colour must be healthy"
    )
    command.add_argument("--p95-seconds", type=float, default=0.2, help="limit in the dark")
    command.add_argument(
        "--slow-ratio",
        type=float,
        default=0.05,
        help="of answers over 200 ms that is taken under traffic where the old release has fewer",
    )
    command.add_argument(
        "--error-ratio", type=float, default=0.001, help="that may not be ruled out in the dark"
    )
    command.add_argument(
        "--steps", default=STEPS, help="percent:seconds of each step; the last one is the bake"
    )
    command.add_argument(
        "--least", type=int, default=20, help="answers a step needs; fewer are no data"
    )


def add_preparation(command: argparse.ArgumentParser) -> None:
    """What may be done to a host on the way."""
    command.add_argument(
        "--renew",
        action="store_true",
        help="take new images of edge and database, which restarts them",
    )
    command.add_argument(
        "--certificate", type=Path, help="PEM file of certificate and key for the edge"
    )
    command.add_argument(
        "--grafana-password", type=Path, help="file with the password of Grafana's user admin"
    )
    command.add_argument(
        "--self-signed", default="", metavar="NAME", help="make a certificate where there is none"
    )
    command.add_argument(
        "--force",
        default="",
        metavar="REASON",
        help="deploy though the gate finds it slow or knows too little, or an error budget is "
        "spent; wrong answers and errors are never overruled",
    )


def add_local(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What runs beside the edge."""
    gating = commands.add_parser("gate", help="try a colour in the dark; prints a report")
    gating.add_argument("--colour", required=True, choices=("blue", "green"))
    gating.add_argument("--requests", type=int, required=True)
    gating.add_argument("--rate", type=float, required=True)
    shifting = commands.add_parser("shift", help="shift traffic step by step, and back at a breach")
    shifting.add_argument("--old", required=True, choices=("blue", "green", "none"))
    shifting.add_argument("--new", required=True, choices=("blue", "green"))
    shifting.add_argument("--steps", required=True)
    shifting.add_argument("--least", type=int, required=True)
    shifting.add_argument("--slow-ratio", type=float, required=True)
    weighing = commands.add_parser("weigh", help="give one colour all traffic")
    weighing.add_argument("--colour", required=True, choices=("blue", "green"))


def steps(text: str) -> tuple[tuple[int, float], ...]:
    """Reads steps as 1:60,10:60.

    Raises:
        UsageInvalidError: they cannot be read, do not grow, or do not end with 100.
    """
    try:
        found = tuple(
            (int(p), float(s)) for p, _, s in (one.partition(":") for one in re.split("[,;]", text))
        )
    except ValueError:
        found = ()
    shares = [percent for percent, _ in found]
    if (
        shares != sorted({*shares})
        or shares[-1:] != [100]
        or shares[0] < 1
        or any(s <= 0 for _, s in found)
    ):
        message = (
            f"--steps {text!r}: give percent:seconds, growing from 1 at least to 100, as {STEPS}"
        )
        raise UsageInvalidError(message)
    return found


def given(pairs: Sequence[str]) -> dict[str, str]:
    """Reads NAME=REFERENCE.

    Raises:
        UsageInvalidError: one is not of that form.
    """
    for pair in pairs:
        if not all(pair.partition("=")):
            message = f"--image {pair!r} is not NAME=REFERENCE"
            raise UsageInvalidError(message)
    return {name: reference for name, _, reference in (pair.partition("=") for pair in pairs)}
