"""Tells chats about a run or a release.

Contract: each chat is told on its own; one that cannot be reached is reported and fails nothing.
Webhook addresses are secrets. Nothing is answered from the cache. Does not know what is told.
"""

import json
from collections.abc import Mapping
from uuid import uuid4

import dagger

from mnist_pipeline.containers import python
from mnist_pipeline.gates import notices
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.services import beside

MAKERS = {"slack": notices.slack, "teams": notices.teams}


class ChatUnknownError(ValueError):
    """No chat is named that could be told."""


async def notify(
    report: dagger.File,
    webhooks: Mapping[str, dagger.Secret | None],
    link: str,
    deployment: str,
) -> str:
    """Tells every chat that has a webhook; a line for each says whether it was taken."""
    told = notices.deployed(notices.notice(await report.contents(), link), deployment)
    named = {name: webhook for name, webhook in webhooks.items() if webhook}
    if not named:
        message = f"nobody to tell: give a webhook as one of --{', --'.join(webhooks)}"
        raise ChatUnknownError(message)
    lines = [f"{name}: {await sent(MAKERS[name](told), hook)}\n" for name, hook in named.items()]
    return "".join(lines)


async def sent(message: Mapping[str, object], webhook: dagger.Secret) -> str:
    """Posts one message, and says what became of it."""
    container = (
        python()
        .with_new_file("/deliver.py", beside("deliver.py"))
        .with_new_file("/message.json", json.dumps(message))
        .with_mounted_secret("/address", webhook, owner="65534:65534")
        .with_user("65534:65534")
        .with_env_variable("STEP", uuid4().hex)
    )
    command = ["timeout", "90", "python3", "/deliver.py", "/message.json", "/address"]
    done = container.with_exec(command, expect=dagger.ReturnType.ANY)
    code, said = await done.exit_code(), await done.combined_output()
    return last_line(said) if said.strip() else f"NOT delivered: exit code {code}"
