"""Rehearses deployments on a host, one scenario after another, and tells what came of each.

Contract: a scenario that breaks is a row with that fault, and the next one follows; the report is
written after each. Does not judge.
"""

import argparse
import sys
import time
import traceback
from pathlib import Path

from rehearsal import watching  # noqa: F401  adds the last scenario
from rehearsal.scenarios import SCENARIOS, SHORT
from rehearsal.stage import Row, Stage, table, written

READY_SECONDS = 90


def main() -> int:
    """Rehearse; return 0 where every scenario was gone through, whatever came of it."""
    parser = argparse.ArgumentParser(prog="rehearsal", description=__doc__)
    parser.add_argument("--environment", required=True, choices=("staging", "production"))
    parser.add_argument("--form", required=True, choices=("short", "whole"))
    for name in ("archives", "keys", "reports"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    chosen = parser.parse_args()
    stage = Stage(chosen.environment, chosen.archives, chosen.keys, chosen.reports)
    wait(stage)
    planned = [name for name in SCENARIOS if chosen.form == "whole" or name in SHORT]
    rows: list[Row] = []
    for name in planned:
        rows.append(rehearsed(stage, name))
        written(stage, planned, rows)
        if rows[0].faults:
            break  # the others need a release that answers; the judge names them
    trail = stage.run("history")
    rows[-1].expect(trail.code == 0, "the audit trail does not hold")
    written(stage, planned, rows)
    sys.stdout.write(table(rows))
    return 0


def wait(stage: Stage) -> None:
    """Wait for the host to let somebody in; it does so once its Docker is ready."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            stage.shell("docker info >/dev/null")
            return
        except Exception as error:  # noqa: BLE001  it is tried again, and told at the end
            last = error
            time.sleep(1)
    raise last


def rehearsed(stage: Stage, name: str) -> Row:
    """Go through one scenario."""
    promised, act, loaded = SCENARIOS[name]
    sys.stdout.write(f"--- {name}: {promised}\n")
    sys.stdout.flush()
    row = Row(name, promised, loaded=loaded)
    began = time.monotonic()
    try:
        if loaded:
            stage.begin()
        act(stage, row)
    except Exception as error:  # noqa: BLE001  the boundary: it is a fault of the row, told with its trace
        traceback.print_exc()
        row.faults.append(f"it broke: {type(error).__name__}: {error}")
    stage.end(row)
    row.seconds = time.monotonic() - began
    sys.stdout.write(
        f"    {row.happened}; {row.sent} requests, {row.failed} failed; {row.faults}\n"
    )
    return row


if __name__ == "__main__":
    sys.exit(main())
