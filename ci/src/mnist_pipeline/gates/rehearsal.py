"""Judges what a rehearsal came to.

Contract: green needs every scenario that was planned, each as promised, and requests that were sent
wherever some were to be sent, none of which failed. Does not know how anything was rehearsed.
"""

import json
from typing import Any

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

DETECT_SECONDS = 15.0
BACK_SECONDS = 2.0


def judge(text: str, exit_code: int, log: str) -> Verdict:
    """The verdict on rehearsal.json: `planned` names, and a list of `scenarios`."""
    try:
        report = json.loads(text)
        planned, scenarios = [*report["planned"]], [*report["scenarios"]]
        reasons = [reason for scenario in scenarios for reason in faults(scenario)]
    except (ValueError, KeyError, TypeError):
        return not_run(f"the rehearsal ended with {exit_code} and no report: {last_line(log)}")
    done = [scenario["name"] for scenario in scenarios]
    reasons += [f"{name}: was not rehearsed" for name in planned if name not in done]
    if not planned:
        return not_run("nothing was rehearsed")
    sent = sum(int(scenario["sent"]) for scenario in scenarios)
    if not reasons and exit_code:
        return not_run(f"the rehearsal ended with {exit_code}: {last_line(log)}")
    counts = {"scenarios": len(scenarios), "requests": sent}
    return red(*reasons, **counts) if reasons else green(**counts)


def faults(scenario: dict[str, Any]) -> list[str]:
    """What one scenario did not keep."""
    name = scenario["name"]
    found = [f"{name}: {fault}" for fault in scenario["faults"]]
    sent, failed = int(scenario["sent"]), int(scenario["failed"])
    if scenario["loaded"] and not sent:
        found.append(f"{name}: no request was sent")
    if failed > int(scenario["allowed"]):
        found.append(f"{name}: {failed} of {sent} requests failed")
    limits = {"detected": DETECT_SECONDS, "back": BACK_SECONDS}
    for what, limit in limits.items():
        seconds = scenario.get(f"{what}_seconds")
        if seconds is not None and float(seconds) > limit:
            found.append(f"{name}: {what} after {seconds:.1f} s, over {limit:.0f} s")
    return found
