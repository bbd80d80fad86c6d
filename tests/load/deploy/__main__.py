"""Measures three ways of deploying side by side, under load; prints and writes the page.

    python -m load.deploy --output DIR --archives DIR --keys DIR --kamal-proxy FILE

Contract: it measures and never judges: the exit code is 0 whoever wins. A way that breaks is named
with its reason, and the next one follows. All requests go to the throw-away host `production`.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from load.deploy import figures, table
from load.deploy.methods import Came, Kamal, Method, Ours, Rollout, Site
from load.deploy.table import BAD, ERRORS, GOOD, KAMAL, KILLED, UNSTARTED, VISITORS, Results, Row
from mnist_deploy.arguments import STEPS as DEFAULT_STEPS
from mnist_deploy.arguments import steps
from rehearsal.__main__ import wait
from rehearsal.stage import STEPS
from rehearsal.traffic import RATE

COMMAND = "./daggerw call bench-deploy export --path evidence/deploy"
ENDS = ("python", "-c", "raise SystemExit('planted')")
PLANTED = {UNSTARTED: ("", ENDS), ERRORS: ("errors", ()), VISITORS: ("hidden", ())}
TAIL_SECONDS = 10
BACK_SECONDS = 90
ORDER = (GOOD, KILLED, UNSTARTED, ERRORS, VISITORS)


def main() -> None:
    """Measure and write the page and the figures."""
    parser = argparse.ArgumentParser(prog="load.deploy", description=__doc__)
    for name in ("output", "archives", "keys"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    proxy = parser.add_mutually_exclusive_group(required=True)
    proxy.add_argument("--kamal-proxy", type=Path, help="the program")
    proxy.add_argument("--without-kamal-proxy", metavar="REASON", help="why it cannot be had")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with TemporaryDirectory(prefix="deploy-") as scratch:
        logs = Path(scratch) / "logs"
        logs.mkdir()
        site = Site("production", options.archives, options.keys, logs)
        rows, absent, facts = gone(site, options)
        shutil.copytree(logs, options.output / "logs", dirs_exist_ok=True)
    facts["took"] = f"{time.monotonic() - began:.0f} s"
    spans = [sum(seconds for _, seconds in steps(text)) for text in (STEPS, DEFAULT_STEPS)]
    results = Results(rows, absent, facts, RATE, *spans)
    text = table.page(results)
    (options.output / "deploy.md").write_text(text, encoding="utf-8")
    content = json.dumps(asdict(results), indent=1) + "\n"
    (options.output / "deploy.json").write_text(content, encoding="utf-8")
    sys.stdout.write(text)


def gone(
    site: Site, options: argparse.Namespace
) -> tuple[list[Row], dict[str, str], dict[str, str]]:
    """Go each way; return the rows, what has none and why, and the facts of the machine."""
    wait(site)
    facts = known()
    methods: list[Method] = [Ours(site), Rollout(site)]
    methods += [Kamal(site, options.kamal_proxy)] if options.kamal_proxy else []
    rows: list[Row] = []
    absent = {} if options.kamal_proxy else {KAMAL: options.without_kamal_proxy}
    for method in methods:
        situation = "first release"
        try:
            say(f"--- {method.name}")
            method.prepare()
            for situation in ORDER:
                rows.append(measured(site, method, situation))
        except Exception as error:  # noqa: BLE001  the boundary: it is named, and the next way follows
            traceback.print_exc()
            end(site)
            rest = ORDER[ORDER.index(situation) :] if situation in ORDER else ORDER
            absent[f"{method.name} ({', '.join(rest)})"] = f"{type(error).__name__}: {error}"
    facts |= versions(site)
    return rows, absent, facts


def measured(site: Site, method: Method, situation: str) -> Row:
    """Go one way in one situation, under load."""
    name = f"{method.name.split()[0].replace(chr(39), '')}-{situation}".replace(" ", "-")
    name = name.replace("%", "percent")
    site.begin()
    began = time.time()
    came = killed(site) if situation == KILLED else deployed(method, situation, name)
    done = came.seconds or time.time() - began
    time.sleep(TAIL_SECONDS)
    found, load = counted(site, began, name), os.getloadavg()[0]
    row = Row(situation, method.name, done, came.accepted, came.text, found, load)
    say(table.cells(row))
    if situation in BAD and came.accepted and situation != ORDER[-1]:
        method.deploy(f"{name}-mended")
    return row


def deployed(method: Method, situation: str, name: str) -> Came:
    """Bring the release of a situation."""
    fault, command = PLANTED.get(situation, ("", ()))
    return method.deploy(name, fault, command)


def killed(site: Site) -> Came:
    """Kill a replica again and again, as the kernel would; tell how long each was away."""
    seconds = [kill(site) for _ in range(table.KILLS)]
    text = f"healthy again after {min(seconds):.1f} to {max(seconds):.1f} s"
    return Came(accepted=True, text=text, seconds=sum(seconds) / len(seconds))


def kill(site: Site) -> float:
    """Kill a replica's process once; return the seconds until it is healthy again.

    Raises:
        TimeoutError: it did not come back.
    """
    one = "docker ps --no-trunc --format '{{.ID}} {{.Names}}' | grep backend | head -n 1"
    container = site.shell(one).split()[0]
    form = "{{.RestartCount}} {{.State.Health.Status}}"
    look = f"docker inspect --format '{form}' {container}"
    before = int(site.shell(look).split()[0])
    began = time.monotonic()
    site.shell(f"kill -KILL $(docker inspect --format '{{{{.State.Pid}}}}' {container})")
    while time.monotonic() < began + BACK_SECONDS:
        count, health = site.shell(look).split()
        if int(count) > before and health == "healthy":
            return time.monotonic() - began
        time.sleep(0.2)
    message = f"the killed replica was not healthy again in {BACK_SECONDS} s"
    raise TimeoutError(message)


def counted(site: Site, began: float, name: str) -> figures.Figures:
    """End the load; return what came of it."""
    load = site.load
    assert load is not None
    end(site)
    command = ["vegeta", "encode", "-to=csv", str(load.results)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return figures.figured(figures.read(done.stdout, began), name)


def end(site: Site) -> None:
    """End the load, if there is any."""
    if site.load:
        site.load.stop()
    site.load = None


def say(line: str) -> None:
    """Tell what is done."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def known() -> dict[str, str]:
    """Return what a reader must know about the machine."""
    processor = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "command": COMMAND,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} of {processor[0].partition(':')[2].strip()}",
        "memory": f"{memory:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load before it began (1, 5, 15 min)": "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()),
    }


def versions(site: Site) -> dict[str, str]:
    """Return the versions of what was used."""
    edge = ". ./.env; docker run --rm --network none $EDGE_IMAGE haproxy -v | head -n 1"
    docker = "docker version --format '{{.Server.Version}}'; docker compose version --short"
    return {
        "load when it ended": "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()),
        "HAProxy": site.shell(edge).strip(),
        "Docker, Compose": ", ".join(site.shell(docker).split()),
    }


if __name__ == "__main__":
    main()
