"""Tells people in Slack and Teams what becomes of a deployment.

Contract: payloads are pure functions of an event; an address is a secret and is never repeated, and
one that does not answer is told, never raised. Does not know deployments.
"""

import http.client
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

LIMIT_SECONDS = 5.0
COLOURS = {"started": "accent", "done": "good", "rolled back": "warning", "failed": "attention"}


@dataclass(frozen=True)
class Event:
    """What happened, and what should be seen beside it."""

    outcome: str  # a key of COLOURS
    title: str
    facts: Mapping[str, str]
    link: str = ""


def slack(event: Event) -> dict[str, object]:
    """The payload of an incoming webhook of Slack, in Block Kit."""
    fields = [
        {"type": "mrkdwn", "text": f"*{escaped(name)}*\n{escaped(value)}"}
        for name, value in event.facts.items()
    ]
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": {"type": "plain_text", "text": event.title[:150]}}
    ]
    if fields:
        blocks.append({"type": "section", "fields": fields[:10]})
    if event.link:
        blocks.append(
            {"type": "section", "text": {"type": "mrkdwn", "text": f"<{event.link}|evidence>"}}
        )
    return {"text": escaped(event.title), "blocks": blocks}


def escaped(text: str) -> str:
    """A text in which Slack sees no markup, at most so long as it takes."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe[:1900]


def teams(event: Event) -> dict[str, object]:
    """The payload of a Workflows webhook of Teams: an adaptive card."""
    body: list[dict[str, object]] = [
        {
            "type": "TextBlock",
            "text": event.title,
            "weight": "bolder",
            "size": "medium",
            "color": COLOURS[event.outcome],
            "wrap": True,
        },
        {"type": "FactSet", "facts": [{"title": n, "value": v} for n, v in event.facts.items()]},
    ]
    actions = (
        [{"type": "Action.OpenUrl", "title": "Evidence", "url": event.link}] if event.link else []
    )
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": actions,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [content]}


PAYLOADS = {"slack": slack, "teams": teams}


def sent(event: Event, addresses: Mapping[str, str]) -> list[str]:
    """Sends an event to every address; returns what could not be delivered, in words."""
    failures = []
    for name, address in addresses.items():
        failure = posted(json.dumps(PAYLOADS[name](event)).encode(), address)
        failures += [f"{name} was not told: {failure}"] if failure else []
    return failures


def posted(content: bytes, address: str) -> str:
    """Why a message was not taken, without its address; empty where it was."""
    try:
        request = urllib.request.Request(address, content, {"Content-Type": "application/json"})
        if request.type not in {"http", "https"}:
            return "the address does not begin with https://"
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS):
            return ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        return type(error).__name__
