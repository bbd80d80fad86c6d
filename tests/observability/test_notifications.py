"""What fires reaches the receiver, in the shape that Slack and Teams take."""

import json
from typing import Any

import asking
import pytest
from scenario import Rehearsal

ADDRESSES = {"/slack/pages", "/slack/tickets", "/teams", "/watchdog"}
PAGED = ("AvailabilityBudgetBurn", "LatencyBudgetBurn", "ErrorsBudgetBurn")
TICKETED = ("ReplicasMissing", "ModelDriftMajor", "ModelAccuracyLow", "LatencyBudgetSpent")


@pytest.fixture(scope="module")
def told(rehearsal: Rehearsal) -> dict[str, list[Any]]:
    """Return the bodies that arrived, by address."""
    assert rehearsal.ended
    bodies: dict[str, list[Any]] = {address: [] for address in ADDRESSES}
    for notification in asking.received():
        bodies.setdefault(notification["path"], []).append(notification["body"])
    return bodies


@pytest.mark.parametrize("alert", PAGED)
@pytest.mark.parametrize("state", ["is firing", "is over"])
def test_a_page_reaches_slack(told: dict[str, list[Any]], alert: str, state: str) -> None:
    """Slack gets an attachment that says what, where, how bad, and what to do; and when it ends."""
    found = [
        attachment
        for body in told["/slack/pages"]
        for attachment in body["attachments"]
        if attachment["title"].startswith(f"[production page] {alert} {state}")
    ]
    assert found, [a["title"] for body in told["/slack/pages"] for a in body["attachments"]]
    attachment = found[0]
    assert attachment["color"] == ("danger" if state == "is firing" else "good")
    assert attachment["fallback"] == attachment["title"]
    if state == "is firing":
        assert f"runbook.md#{alert.lower()}" in attachment["text"]


@pytest.mark.parametrize("alert", PAGED)
def test_a_page_reaches_teams(told: dict[str, list[Any]], alert: str) -> None:
    """Teams gets a message with one adaptive card, as a workflow takes it."""
    found = [body for body in told["/teams"] if f"{alert} is firing" in json.dumps(body)]
    assert found, told["/teams"]
    assert found[0]["type"] == "message"
    (attachment,) = found[0]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    texts = [block["text"] for block in card["body"] if block["type"] == "TextBlock"]
    assert any(f"runbook.md#{alert.lower()}" in text for text in texts), texts


@pytest.mark.parametrize("alert", TICKETED)
def test_a_ticket_reaches_the_tickets_and_pages_nobody(
    told: dict[str, list[Any]], alert: str
) -> None:
    """What can wait is told where it can wait, and nowhere else."""
    assert f"[production ticket] {alert} is firing" in json.dumps(told["/slack/tickets"])
    assert alert not in json.dumps([told["/slack/pages"], told["/teams"]])


def test_the_watchdog_is_told_again_and_again(told: dict[str, list[Any]]) -> None:
    """Whoever waits for it hears it many times, and hears nothing else."""
    names = [alert["labels"]["alertname"] for body in told["/watchdog"] for alert in body["alerts"]]
    assert names == ["Watchdog"] * len(names)
    assert len(names) > 10


def test_nothing_is_sent_anywhere_else(told: dict[str, list[Any]]) -> None:
    """No other address is told of anything."""
    assert {*told} == ADDRESSES
