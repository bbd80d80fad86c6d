"""Reads and judges SARIF 2.1.0, whichever tool wrote it.

Contract: a report that cannot be read, an exit code that is neither "clean" nor "found something",
and a run over no file are "not run". Does not know which rules a tool has.
"""

import json
from collections.abc import Collection
from typing import Any

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
ROOTS = ("file://", "/src/")  # of the tree in the tools' containers
CLEAN = 0
LEVELS = {"none", "note", "warning", "error"}


def lines(sarif: str) -> list[str]:
    """Every result as path:line: rule message; raises ValueError where it is not SARIF."""
    try:
        return [line(result) for run in json.loads(sarif)["runs"] for result in run["results"]]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        message = f"not SARIF: {error!r}"
        raise ValueError(message) from error


def line(result: dict[str, Any]) -> str:
    """A SARIF result as path:line: rule message."""
    place = result["locations"][0]["physicalLocation"]
    path = place["artifactLocation"]["uri"]
    for root in ROOTS:
        path = path.removeprefix(root)
    return f"{path}:{place['region']['startLine']}: {result['ruleId']} {result['message']['text']}"


def judge(
    tool: str,
    text: str,
    exit_code: int,
    log: str,
    files: int | None = None,
    found: Collection[int] = (1,),
) -> Verdict:
    """The verdict on a tool's SARIF.

    Args:
        tool: its name, for the reasons.
        text: the SARIF.
        exit_code: how the tool ended; 0 is clean, one of `found` says that it found something.
        log: what it printed.
        files: how many files it was given, where that is known.
        found: the exit codes of a tool that found something.
    """
    if exit_code != CLEAN and exit_code not in found:
        return not_run(f"{tool} ended with {exit_code}: {last_line(log)}")
    if files == 0:
        return not_run(f"{tool} was given no file")
    try:
        faults = lines(text)
    except ValueError as error:
        return not_run(f"the report of {tool} cannot be read: {error}")
    if faults:
        return red(*faults, findings=len(faults))
    if exit_code != CLEAN:
        return red(f"{tool} ended with {exit_code} and named no fault: {last_line(log)}")
    return green() if files is None else green(files=files)


def invalid(report: dict[str, Any]) -> list[str]:
    """What the standard demands of what we use of it, and the report does not keep."""
    faults = [] if report.get("version") == "2.1.0" else ["its version is not 2.1.0"]
    for run in report["runs"]:
        if not run["tool"]["driver"]["name"]:
            faults.append("a run does not name its tool")
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            if result.get("level", "warning") not in LEVELS:
                faults.append(f"{result['level']!r} is no level")
            if int(place["region"]["startLine"]) < 1:
                faults.append(f"{place['artifactLocation']['uri']} has no line below 1")
            if not result["ruleId"] or not result["message"]["text"]:
                faults.append("a result lacks its rule or its message")
    return faults


def unfit(text: str, log: str) -> dict[str, str]:
    """The first fault of each report that does not keep the schema, by its name.

    Args:
        text: what check-jsonschema says, as JSON.
        log: what it printed beside that.

    Raises:
        ValueError: it said nothing that can be read.
    """
    faults: dict[str, str] = {}
    try:
        said = json.loads(text)
        for fault in (*said["errors"], *said.get("parse_errors", [])):
            what = f"{fault.get('path', '$')}: {fault['message']}"
            faults.setdefault(fault["filename"], what)
        clean = said["status"] == "ok"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"what was held to the schema is not known ({error!r}): {last_line(log)}"
        raise ValueError(message) from error
    if clean == bool(faults):
        message = f"what was held to the schema is not known: {last_line(log)}"
        raise ValueError(message)
    return faults


def categorised(text: str, category: str) -> str:
    """The same SARIF under a category: what is uploaded together must differ in it.

    Raises:
        ValueError: the text is not SARIF 2.1.0.
    """
    try:
        report = json.loads(text)
        faults = invalid(report)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        message = f"not SARIF: {error!r}"
        raise ValueError(message) from error
    if faults:
        message = f"not SARIF: {faults[0]}"
        raise ValueError(message)
    for run in report["runs"]:
        run["automationDetails"] = {"id": f"{category}/"}
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"
