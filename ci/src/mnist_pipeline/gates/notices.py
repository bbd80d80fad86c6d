"""What a chat is told about a run or a release: a Slack message, a Teams adaptive card.

Contract: reads what `publish`, `promote`, `verify` print, or status.json of the evidence; anything
else raises. Texts stay within the chats' limits and cannot smuggle markup in. Does not know where a
message goes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mnist_pipeline.gates.verdicts import shortened

MOST_LINES = 8  # of reasons; the rest is counted
TITLE_CHARACTERS = 140  # Slack allows 150 in a header
LINE_CHARACTERS = 280
CARD = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
DEPLOYED = {  # what a title says of the job that deployed, by how that ended
    "success": "deployed",
    "failure": "deployment FAILED",
    "cancelled": "deployment CANCELLED",
}
SPECIAL = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}  # to Slack


class ReportUnknownError(ValueError):
    """The file is no decision about a release and no status of a run."""


@dataclass(frozen=True)
class Notice:
    """What is told, in lines of plain text."""

    title: str
    good: bool
    facts: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    link: str = ""


def notice(text: str, link: str = "") -> Notice:
    """Reads a decision or a status; the link leads to the run."""
    if link and not link.startswith("https://"):
        message = f"--link is an address that begins with https://, not {link!r}"
        raise ReportUnknownError(message)
    try:
        read = json.loads(text)
        return of_decision(read, link) if "action" in read else of_status(read, link)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"the report is neither what publish, promote and verify print nor a status.json: "
            f"{error!r}"
        )
        raise ReportUnknownError(message) from error


def of_decision(read: Mapping[str, Any], link: str) -> Notice:
    """The notice of a release."""
    good = read["verdict"] == "green"
    rehearsed = " (rehearsal)" if read["rehearsal"] else ""
    title = f"{read['action']} {read['environment']}{rehearsed}: {'done' if good else 'REFUSED'}"
    known = ("version", "commit", "evidence")
    facts = tuple((name, str(read[name])) for name in known if read.get(name))
    images = tuple(str(image) for image in read["images"].values())
    return Notice(title, good, facts, (*bounded(read["reasons"]), *images), link)


def of_status(read: Mapping[str, Any], link: str) -> Notice:
    """The notice of a run of stages."""
    stages, good = read["stages"], read["passed"] is True
    failing = [name for name, stage in stages.items() if stage["status"] != "green"]
    title = f"{len(stages)} stages: {'all green' if good else f'{len(failing)} not green'}"
    reasons = [
        f"{name} ({stages[name]['status']}): {stages[name].get('reason', '')}" for name in failing
    ]
    facts = (("started", str(read["started"])), ("seconds", str(read["seconds"])))
    return Notice(title, good, facts, bounded(reasons), link)


def deployed(told: Notice, result: str) -> Notice:
    """The notice of a release, with how the job that deployed it ended, where one was to."""
    if not result or result == "skipped":
        return told
    if result not in DEPLOYED:
        message = f"--deployment is {', '.join(DEPLOYED)} or skipped, not {result!r}"
        raise ReportUnknownError(message)
    good = told.good and result == "success"
    return replace(told, title=f"{told.title}, {DEPLOYED[result]}", good=good)


def bounded(reasons: list[str]) -> tuple[str, ...]:
    """The first reasons, each on one line, and how many more there are."""
    more = len(reasons) - MOST_LINES
    shown = tuple(shortened(reason, LINE_CHARACTERS) for reason in reasons[:MOST_LINES])
    return (*shown, f"and {more} more") if more > 0 else shown


def slack(told: Notice) -> dict[str, Any]:
    """The message in Slack's Block Kit, with a text for notifications."""
    title = shortened(f"{'✅' if told.good else '❌'} {told.title}", TITLE_CHARACTERS)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title}}
    ]
    facts = [f"*{name}* {escaped(value)}" for name, value in told.facts]
    text = "\n".join([*facts, *(f"• {escaped(line)}" for line in told.lines)])
    if text:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    if told.link:
        label = {"type": "plain_text", "text": "Open the run"}
        button = {"type": "button", "text": label, "url": told.link}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": escaped(title), "blocks": blocks}


def escaped(text: str) -> str:
    """A text that Slack shows as it is: no mention, no link."""
    return "".join(SPECIAL.get(character, character) for character in text)


def teams(told: Notice) -> dict[str, Any]:
    """The message as an adaptive card, which a workflow of Teams posts."""
    color = "Good" if told.good else "Attention"
    body: list[dict[str, Any]] = [
        {
            "type": "TextBlock",
            "text": told.title,
            "weight": "Bolder",
            "size": "Medium",
            "color": color,
            "wrap": True,
        },
        {"type": "FactSet", "facts": [{"title": n, "value": v} for n, v in told.facts]},
    ]
    body += [
        {
            "type": "RichTextBlock",  # plain text: a TextBlock would read Markdown in it
            "inlines": [{"type": "TextRun", "text": line, "fontType": "Monospace"}],
        }
        for line in told.lines
    ]
    card: dict[str, Any] = {"$schema": SCHEMA, "type": "AdaptiveCard", "version": "1.4"}
    card["body"] = body
    if told.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the run", "url": told.link}]
    attachment = {"contentType": CARD, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}
