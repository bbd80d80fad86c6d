"""Which files of the source differ from a commit of its history.

Contract: files that are not committed yet count, what git ignores does not. Does not know what the
files are for.
"""

from pathlib import Path

import dagger

from mnist_pipeline.containers import debian
from mnist_pipeline.containers.session import Session
from mnist_pipeline.gates.inputs import foreign, listed
from mnist_pipeline.gates.records import last_line

COMPARE, CHANGED = "/changed.sh", "/changed"


class HistoryAbsentError(ValueError):
    """Nothing can be compared: the source has no history, or lacks the commit."""


async def without_history(session: Session) -> str:
    """Why the source's own history cannot be looked at; empty where it can."""
    reason = await session.without_history()
    if reason:
        return reason
    names = ["git", "-c", "safe.directory=*", "-c", "core.quotePath=off", "ls-tree", "-r"]
    listing = debian("git").with_mounted_directory("/history", session.history)
    listing = listing.with_workdir("/history").with_exec([*names, "--name-only", "HEAD"])
    try:
        committed = (await listing.stdout()).splitlines()
    except dagger.ExecError as error:
        return f"the history has no commit ({last_line(error.stderr)})"
    return foreign(committed, session.paths("**/*"))


async def changed(session: Session, since: str) -> list[str]:
    """The paths that differ from a commit, a branch or a tag.

    Raises:
        HistoryAbsentError: there is no such commit here.
    """
    reason = await without_history(session)
    if reason:
        message = f"--since {since}: {reason}; take a whole clone"
        raise HistoryAbsentError(message)
    container = (
        debian("git")
        .with_directory("/source", session.folder())
        .with_directory("/source", session.history)
        .with_workdir("/source")
        .with_new_file(COMPARE, Path(__file__).with_name("changed.sh").read_text())
    )
    try:
        compared = container.with_exec(["sh", COMPARE, since, CHANGED])
        text = await compared.file(CHANGED).contents()
    except dagger.ExecError as error:
        message = f"--since {since}: the history has no such commit, branch or tag ({error.stderr})"
        raise HistoryAbsentError(message) from error
    return listed(text)
