"""A site that only pretends: two releases, and what becomes of them where something fails."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from mnist_deploy.errors import CommandFailedError
from mnist_deploy.release import COLOURED, PARTS, Release, State
from mnist_deploy.rollout import Choices
from mnist_deploy.site import Site
from mnist_deploy.verdicts import Limits

OLD = Release("old", {part: f"sha256:{number:064x}" for number, part in enumerate(PARTS)})
NEW = replace(OLD, name="new", images={**OLD.images, "backend": "sha256:" + "b" * 64})
GOOD = {"golden": [], "sent": 3000, "failed": 0, "reasons": [], "seconds": [0.01] * 3000}
CHOICES = Choices(3000, 100.0, "1:9,100:9", 20, 60, False, {}, "", "", Limits(error_ratio=0.001))


class Killed(Exception):  # noqa: N818  not an error: the deployer's end
    """The deployer is gone."""


class Fake(Site):
    """A host that does as it is told, or fails at one thing."""

    def __init__(self, state: State, *, fault: str = "", killed_at: str = "") -> None:
        """Begin with a state."""
        self.kept, self.fault, self.killed_at = state, fault, killed_at
        self.environment, self.who, self.watched, self.deployment = "production", "me", False, ""
        self.done: list[str] = []
        self.said: list[str] = []
        self.budget = ""
        self.host = self  # type: ignore[assignment]

    def act(self, what: str) -> None:
        """Do something, unless it is what fails, or where the deployer ends."""
        self.done.append(what)
        if self.killed_at and what.startswith(self.killed_at):
            raise Killed
        if self.fault and what.startswith(self.fault):
            raise CommandFailedError(what, 1, "planted")

    def say(self, text: str) -> None:  # type: ignore[override]
        """Keep what is said."""
        self.said.append(text)

    def state(self) -> State:
        """What was kept."""
        return State.read(self.kept.text())

    def keep(self, state: State) -> State:
        """Keep it, where nobody ends the deployer meanwhile."""
        self.kept = state
        self.act(f"phase {state.phase}")
        return state

    def get(self, name: str) -> str:
        """Every file is there."""
        return name

    def read(self, script: str) -> str:
        """What Prometheus says of the budgets, in its own tool's words."""
        self.act(script)
        return self.budget

    def note(self, event: str, **fields: object) -> None:
        """Note it."""
        self.done.append(f"note {event}")

    def configure(self, state: State, release: Release) -> None:
        """Write the files."""
        self.act("configure")

    def stand(self) -> None:
        """Bring up what stands."""
        self.act("stand")

    def boot(self, colour: str, limit_seconds: int) -> None:
        """Start a colour."""
        self.act(f"boot {colour}")

    def logs(self, colour: str) -> str:
        """The end of a log."""
        return "its last word\n"

    def running(self, colour: str) -> dict[str, str]:
        """What runs."""
        release = self.kept.of(colour) or OLD
        return {part: release.images[part] for part in COLOURED}

    def identity(self, reference: str) -> str:
        """An image's id, which is another where that is the fault."""
        return "sha256:other" if self.fault == "identity" else reference

    def tried(self, colour: str, requests: int, rate: float) -> dict[str, object]:
        """What the gate sees."""
        self.act(f"gate {colour}")
        golden = ["number 1 is a 2"] if self.fault == "golden" else []
        return {**GOOD, "golden": golden, "used": {"memory": 0.2}}

    def shift(self, arguments: Sequence[str], tell: Callable[[dict[str, object]], None]) -> int:
        """Shift traffic."""
        self.act(f"shift {' '.join(arguments)}")
        tell({"event": "rolled back", "reasons": ["2 of 40 failed"]})
        return 1 if self.fault == "breach" else 0

    def unshift(self) -> None:
        """End what shifts."""
        self.act("unshift")

    def flip(self, colour: str) -> None:
        """Give a colour all traffic."""
        self.act(f"flip {colour}")

    def remove(self, colour: str) -> None:
        """Remove a colour."""
        self.act(f"remove {colour}")

    def forget(self, kept: Sequence[Release]) -> None:
        """Remove images."""
        self.act("forget")


def running() -> State:
    """A host on which the old release answers, in blue."""
    return State("blue", "idle", {"blue": OLD}, (OLD,))
