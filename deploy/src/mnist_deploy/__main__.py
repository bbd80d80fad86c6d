"""Deploys the digit recogniser to a host with Docker, and tells what runs there.

From anywhere: deploy, rollback, status, history, recover, unlock. Beside the edge, on the host,
where the others have them run: gate, shift, weigh.

Exit codes: 0 done, 1 something else failed, 2 an argument is wrong, 3 refused before anything was
touched, 4 the release was refused and the old one answers, 5 somebody else deploys, 6 the host
cannot be reached or is another, 7 the audit trail was changed.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mnist_deploy import gate, lock, shipping
from mnist_deploy.arguments import given, parser, steps
from mnist_deploy.edge import Edge
from mnist_deploy.errors import DeployError, UsageInvalidError
from mnist_deploy.observing import Observer
from mnist_deploy.release import Release
from mnist_deploy.rollout import Choices, Rollout, previous
from mnist_deploy.shifting import Plan, Shift
from mnist_deploy.site import Site
from mnist_deploy.ssh import Address, Host
from mnist_deploy.verdicts import Limits

WEBHOOKS = Path("/run/secrets")


def local(arguments: argparse.Namespace) -> int:
    """Runs what runs beside the edge."""
    if arguments.command == "gate":
        say(json.dumps(gate.run(arguments.colour, arguments.requests, arguments.rate)))
        return 0
    edge = Edge()
    if arguments.command == "weigh":
        weights = {"blue": 0, "green": 0, arguments.colour: 100}
        edge.weigh(weights, pages=weights)
        return 0
    old = "" if arguments.old == "none" else arguments.old
    limits = Limits(slow_ratio=arguments.slow_ratio)
    plan = Plan(old, arguments.new, steps(arguments.steps), arguments.least, limits)

    def tell(event: str, fields: dict[str, object]) -> None:
        say(json.dumps({"event": event, "at": round(time.time(), 3), **fields}))

    return 0 if Shift(plan, edge, Observer(edge), tell).run().good else 1


def remote(arguments: argparse.Namespace) -> int:
    """Runs what is asked of a host."""
    host = Host(Address.of(arguments.host, arguments.key, arguments.known_hosts), arguments.folder)
    site = Site(host, arguments.environment, say, watched=not arguments.unwatched)
    site.who = arguments.who
    try:
        if arguments.command == "unlock":
            say(lock.broken(host) or "nobody held the lock")
        elif arguments.command == "history":
            for entry in site.trail():
                say(json.dumps(entry))
        elif arguments.command == "status":
            status(site)
        else:
            roll(site, arguments)
    finally:
        host.close()
    return 0


def roll(site: Site, arguments: argparse.Namespace) -> None:
    """Deploys, rolls back or recovers, and keeps the evidence whatever comes of it."""
    chosen = choices(arguments) if arguments.command != "recover" else None
    rollout = Rollout(
        site, chosen or Choices(1, 1, "100:1", 0, 1, False, {}, "", "", Limits()), webhooks()
    )
    try:
        if arguments.command == "recover":
            rollout.recover()
        elif arguments.command == "rollback":
            rollout.deploy(previous(site.state()), {}, costs=False)
        else:
            files = shipping.archives(arguments.archives)
            images = shipping.references(files, given(arguments.image))
            name = arguments.name or images.get("backend", "release").removeprefix("sha256:")[:12]
            rollout.deploy(Release(name, images), files)
    finally:
        if arguments.evidence:
            arguments.evidence.write_text(json.dumps(rollout.events, indent=2) + "\n")


def choices(arguments: argparse.Namespace) -> Choices:
    """Reads how a release is tried and shifted."""
    steps(arguments.steps)
    if arguments.requests < 1 or arguments.rate <= 0:
        message = "--requests and --rate are at least 1"
        raise UsageInvalidError(message)
    return Choices(
        arguments.requests,
        arguments.rate,
        arguments.steps,
        arguments.least,
        arguments.boot_seconds,
        arguments.renew,
        sent(arguments),
        arguments.self_signed,
        arguments.force,
        Limits(
            p95_seconds=arguments.p95_seconds,
            error_ratio=arguments.error_ratio,
            slow_ratio=arguments.slow_ratio,
        ),
    )


def sent(arguments: argparse.Namespace) -> dict[str, Path]:
    """The secrets to send, by their names on the host; an empty file is none."""
    files = {
        ("--certificate", "edge.pem"): arguments.certificate,
        ("--grafana-password", "grafana_password"): arguments.grafana_password,
    }
    for (option, _), path in files.items():
        if path and not path.is_file():
            message = f"{option} {path} is no file"
            raise UsageInvalidError(message)
    return {name: path for (_, name), path in files.items() if path and path.stat().st_size}


def webhooks() -> dict[str, str]:
    """The addresses of Slack and Teams, each in a file of secrets where there is one."""
    files = {name: WEBHOOKS / f"{name}_webhook" for name in ("slack", "teams")}
    return {name: f.read_text().strip() for name, f in files.items() if f.is_file()}


def status(site: Site) -> None:
    """Tells what answers, and who deploys."""
    state = site.state()
    active = state.of(state.active) if state.active else None
    say(f"answers: {active.name if active else 'nobody'} ({state.active or 'no colour'})")
    say(f"phase: {state.phase}")
    say(f"lock: {lock.holder(site.host) or 'free'}")
    for release in reversed(state.history):
        say(f"has answered: {release.name} {release.images['backend']}")
    if state.active:
        say(site.host.read("docker compose --profile green ps").rstrip())


def say(text: str) -> None:
    """Tells something at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code."""
    chosen = parser(str(__doc__)).parse_args(arguments)
    try:
        return local(chosen) if chosen.command in {"gate", "shift", "weigh"} else remote(chosen)
    except DeployError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
