"""Reads and judges SARIF 2.1.0, whichever tool wrote it, and shelves all reports of a run.

Contract: a report that cannot be read, an exit code that is neither "clean" nor "found something",
and a run over no file are "not run". Does not know which rules a tool has.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
ROOTS = ("file://", "/src/")  # of the tree in the tools' containers
CLEAN = 0
REMARK = "sarif"  # of a stage whose reports cannot be handed over as they should
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


def shelved(name: str) -> str:
    """The name of a report among all others: its path, with dashes."""
    return name.replace("/", "-")


def categories(reports: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Each report under a category of its own, and what is wrong with the others; by their names.

    Args:
        reports: what the tools left, by path.
    """
    kept, refused = {}, {}
    for name, text in reports.items():
        try:
            kept[name] = categorised(text, shelved(name).removesuffix(".sarif"))
        except ValueError as error:
            refused[name] = str(error)
    return kept, refused


def shelf(
    kept: Mapping[str, str], refused: Mapping[str, str], unchecked: str = ""
) -> dict[str, str]:
    """The files of all reports: those that are kept, and why others, or all, are not to be trusted.

    Args:
        kept: reports by path; those that are refused, too, are left out.
        refused: what is wrong with a report, by its path.
        unchecked: why no report was held to the schema; empty where each was.
    """
    files = {shelved(name): text for name, text in kept.items() if name not in refused}
    for name, fault in refused.items():
        files[f"{shelved(name).removesuffix('.sarif')}.refused.txt"] = f"{name}: {fault}\n"
    return files | ({"not-validated.txt": f"{unchecked}\n"} if unchecked else {})


def remarks(
    names: Iterable[str], refused: Mapping[str, str], unchecked: str = ""
) -> dict[str, Verdict]:
    """What is to be told of each stage's reports; nothing where all are as they should be.

    Args:
        names: of all reports; the stage comes first in the path.
        refused: what is wrong with a report, by its path.
        unchecked: why no report was held to the schema; empty where each was.
    """
    told = {}
    for stage in dict.fromkeys(name.partition("/")[0] for name in names):
        faults = [f"{n}: {fault}" for n, fault in refused.items() if n.startswith(f"{stage}/")]
        beside = [f"not held to the schema: {unchecked}"] if unchecked else []
        if faults:
            told[stage] = red(*faults, *beside)
        elif beside:
            told[stage] = not_run(*beside)
    return told
