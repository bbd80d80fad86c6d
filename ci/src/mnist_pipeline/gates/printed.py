"""Reads and judges faults that a tool prints one a line: path:line:column: message.

Contract: as of SARIF: what did not work, and what looked at no file, is "not run". The faults can
be told as SARIF, too. Does not know which rules a tool has.
"""

import json
import re
from typing import NamedTuple

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.sarif import SCHEMA
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

CLEAN, FOUND = 0, 1
FAULT = re.compile(
    r"^(?:\./|/src/)?([^\s:]+):(\d+):(?:(\d+):)? (.+?)(?: \[([\w-]+)\])?$", re.MULTILINE
)


class Fault(NamedTuple):
    """One printed fault."""

    path: str
    line: int
    column: int  # 1 where none was printed
    text: str
    rule: str  # the tool's own name where it printed none

    def __str__(self) -> str:
        """The fault as every other tool's is told."""
        return f"{self.path}:{self.line}: {self.rule} {self.text}"


def faults(tool: str, log: str) -> list[Fault]:
    """Every fault of a log."""
    return [
        Fault(path, int(line), int(column or 1), text, rule or tool)
        for path, line, column, text, rule in FAULT.findall(log)
    ]


def judge(tool: str, exit_code: int, log: str, files: int) -> Verdict:
    """The verdict on what a tool printed about so many files."""
    if exit_code not in {CLEAN, FOUND}:
        return not_run(f"{tool} ended with {exit_code}: {last_line(log)}")
    if not files:
        return not_run(f"{tool} was given no file")
    found = faults(tool, log)
    if found:
        return red(*map(str, found), findings=len(found))
    if exit_code == FOUND:
        return red(f"{tool} ended with 1 and named no fault: {last_line(log)}")
    return green(files=files)


def commits(log: str) -> int:
    """How many commits gitleaks says that it looked at."""
    found = re.search(r"(\d+) commits scanned", log)
    return int(found[1]) if found else 0


def sarif(tool: str, log: str) -> str:
    """What a tool printed, as SARIF 2.1.0."""
    found = faults(tool, log)
    rules = [{"id": rule} for rule in sorted({fault.rule for fault in found})]
    results = [
        {
            "ruleId": fault.rule,
            "level": "error",
            "message": {"text": fault.text},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": fault.path},
                        "region": {"startLine": max(fault.line, 1), "startColumn": fault.column},
                    }
                }
            ],
        }
        for fault in found
    ]
    run = {"tool": {"driver": {"name": tool, "rules": rules}}, "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"
