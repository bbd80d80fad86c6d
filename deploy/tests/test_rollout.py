"""What answers goes on answering, whatever a release does and wherever a deployer ends."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

import pytest

from mnist_deploy import lock, preflight, shipping
from mnist_deploy.errors import CommandFailedError, PreflightRefusedError, ReleaseRefusedError
from mnist_deploy.release import COLOURED, PARTS, Release, State
from mnist_deploy.rollout import Choices, Rollout, previous
from mnist_deploy.site import Site, used
from mnist_deploy.verdicts import Limits

OLD = Release("old", {part: f"sha256:{number:064x}" for number, part in enumerate(PARTS)})
NEW = replace(OLD, name="new", images={**OLD.images, "backend": "sha256:" + "b" * 64})
GOOD = {"golden": [], "sent": 3000, "failed": 0, "reasons": [], "seconds": [0.01] * 3000}
CHOICES = Choices(3000, 100.0, "1:9,100:9", 20, 60, False, None, "", "", Limits(error_ratio=0.001))


class Killed(Exception):  # noqa: N818  not an error: the deployer's end
    """The deployer is gone."""


class Fake(Site):
    """A host that does as it is told, or fails at one thing."""

    def __init__(self, state: State, *, fault: str = "", killed_at: str = "") -> None:
        """Begin with a state."""
        self.kept, self.fault, self.killed_at = state, fault, killed_at
        self.environment, self.who, self.watched, self.deployment = "production", "me", False, ""
        self.done: list[str] = []
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
        """Say nothing."""

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

    def flip(self, colour: str) -> None:
        """Give a colour all traffic."""
        self.act(f"flip {colour}")

    def remove(self, colour: str) -> None:
        """Remove a colour."""
        self.act(f"remove {colour}")

    def forget(self, kept: Sequence[Release]) -> None:
        """Remove images."""
        self.act("forget")


@pytest.fixture(autouse=True)
def fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host is fit, and nobody else deploys."""
    monkeypatch.setattr(lock, "held", lambda *_: nullcontext())
    for name in ("fit", "complete", "linted", "secret"):
        monkeypatch.setattr(preflight, name, lambda *_: None)
    monkeypatch.setattr(shipping, "ship", lambda *_: None)


def running() -> State:
    """A host on which the old release answers, in blue."""
    return State("blue", "idle", {"blue": OLD}, (OLD,))


def test_a_good_release_answers_and_the_old_one_goes() -> None:
    """The new colour is active, the old one removed, and both are in the history."""
    site = Fake(running())
    Rollout(site, CHOICES, {}).deploy(NEW, {})
    assert site.kept == State("green", "idle", {"green": NEW}, (OLD, NEW))
    assert (
        "shift --old blue --new green --steps 1:9,100:9 --least 20 --slow-ratio 0.05" in site.done
    )
    assert "remove blue" in site.done
    assert "note done" in site.done
    assert previous(site.kept) == OLD


def test_the_first_release_is_not_compared() -> None:
    """On a new host there is one step, from nobody."""
    site = Fake(State())
    Rollout(site, CHOICES, {}).deploy(OLD, {})
    assert "shift --old none --new blue --steps 100:9 --least 20 --slow-ratio 0.05" in site.done
    assert site.kept.active == "blue"
    with pytest.raises(ReleaseRefusedError, match="no earlier release"):
        previous(site.kept)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("boot", "does not start: .* its last word"),
        ("identity", "what runs is not new"),
        ("gate", "could not try green"),
        ("golden", "in the dark: golden images"),
        ("breach", "under traffic: .*2 of 40"),
    ],
)
def test_a_bad_release_is_removed(fault: str, reason: str) -> None:
    """Whatever is wrong with it, the old release answers on and nothing is left of the new one."""
    site = Fake(running(), fault=fault)
    with pytest.raises(ReleaseRefusedError, match=reason):
        Rollout(site, CHOICES, {}).deploy(NEW, {})
    assert site.kept == running()
    assert "remove green" in site.done
    assert "remove blue" not in site.done
    assert ("flip blue" in site.done) == (fault == "breach")
    assert "note refused" in site.done


def test_a_wrong_answer_is_never_overruled() -> None:
    """A reason to force helps against too little knowledge, not against a wrong answer."""
    forced = replace(CHOICES, force="it is urgent")
    with pytest.raises(ReleaseRefusedError):
        Rollout(Fake(running(), fault="golden"), forced, {}).deploy(NEW, {})
    few = replace(forced, limits=Limits(error_ratio=1e-9))
    site = Fake(running())
    Rollout(site, few, {}).deploy(NEW, {})
    assert site.kept.active == "green"


LEFT = 'objective:budget_left:ratio{{objective="{}"}} => {} @[1795623620.9]\n'


@pytest.mark.parametrize(
    ("said", "fault", "reason"),
    [
        (LEFT.format("errors", 0.4) + LEFT.format("latency", 0), "", r"spent: latency \(0% left\)"),
        (LEFT.format("errors", -1.5), "", r"spent: errors \(-150% left\)"),
        (LEFT.format("errors", "NaN"), "", r"spent: errors \(nan% left\)"),
        ("", "", "nothing is known of the error budget: it is not recorded"),
        ("", "docker compose exec", "Prometheus does not answer: .*planted"),
    ],
)
def test_a_spent_budget_stops_what_costs(said: str, fault: str, reason: str) -> None:
    """Nothing is touched, unless somebody gives a reason; going back needs no budget."""
    site = Fake(running(), fault=fault)
    site.watched, site.budget = True, said
    with pytest.raises(PreflightRefusedError, match=reason):
        Rollout(site, CHOICES, {}).deploy(NEW, {})
    assert site.kept == running()
    Rollout(site, CHOICES, {}).deploy(NEW, {}, costs=False)
    Rollout(site, replace(CHOICES, force="it mends the outage"), {}).deploy(OLD, {})
    assert "note budget" in site.done


def test_some_budget_left_is_enough() -> None:
    """Prometheus is asked, and what it says is told to nobody."""
    site = Fake(running())
    site.watched, site.budget = True, LEFT.format("errors", 0.01) + LEFT.format("latency", 1)
    Rollout(site, CHOICES, {}).deploy(NEW, {})
    assert "note budget" not in site.done


@pytest.mark.parametrize(
    "moment",
    ["phase ship", "configure", "boot", "gate", "shift", "phase retire", "remove blue", "forget"],
)
def test_a_killed_deployer_is_put_right_by_the_next(moment: str) -> None:
    """Wherever it ends, the next one gives all traffic to what answered last, and deploys."""
    site = Fake(running(), killed_at=moment)
    with pytest.raises(Killed):
        Rollout(site, CHOICES, {}).deploy(NEW, {})
    after = site.kept
    again = Fake(after)
    Rollout(again, CHOICES, {}).recover()
    assert again.kept.phase == "idle"
    assert again.kept.active == after.active
    if after.phase != "idle":
        assert again.done[0] == f"flip {after.active}"
        assert f"remove {after.idle}" in again.done
    Rollout(again, CHOICES, {}).deploy(NEW, {})
    assert again.kept.of(again.kept.active) == NEW


def test_what_stands_is_left_alone_unless_asked() -> None:
    """A newer image of the edge waits until somebody takes the restart upon them."""
    newer = replace(NEW, images={**NEW.images, "edge": "sha256:" + "e" * 64})
    for renew, image in {False: OLD.images["edge"], True: newer.images["edge"]}.items():
        site = Fake(running())
        Rollout(site, replace(CHOICES, renew=renew), {}).deploy(newer, {})
        release = site.kept.of("green")
        assert release is not None
        assert release.images["edge"] == image


def test_use_is_that_of_the_busiest_replica() -> None:
    """Docker tells percent of one processor, and of the limit of memory."""
    lines = ['{"CPUPerc": "90.00%", "MemPerc": "10%"}', '{"CPUPerc": "30.0%", "MemPerc": "40%"}']
    assert used(["2000000000"] * 2, lines) == {"processor": 0.45, "memory": 0.4}
    assert used([], []) == {}
