"""What answers goes on answering, whatever a release does and wherever a deployer ends."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from pretended import CHOICES, NEW, OLD, Fake, Killed, running

from mnist_deploy import lock, notifying, preflight, shipping
from mnist_deploy.errors import HostUnreachableError, PreflightRefusedError, ReleaseRefusedError
from mnist_deploy.release import State
from mnist_deploy.rollout import Rollout, previous
from mnist_deploy.site import used
from mnist_deploy.verdicts import Limits


@pytest.fixture(autouse=True)
def fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host is fit, and nobody else deploys."""
    monkeypatch.setattr(lock, "held", lambda *_: nullcontext())
    for name in ("fit", "complete", "provided", "linted", "secret"):
        monkeypatch.setattr(preflight, name, lambda *_: None)
    monkeypatch.setattr(shipping, "ship", lambda *_: None)


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


@pytest.mark.parametrize("steps", [CHOICES.steps, "1:9;100:9"])
def test_the_first_release_is_not_compared(steps: str) -> None:
    """On a new host there is one step, from nobody."""
    site = Fake(State())
    Rollout(site, replace(CHOICES, steps=steps), {}).deploy(OLD, {})
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
        ("shift", "under traffic: shift .*planted"),
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
    assert ("flip blue" in site.done) == (fault in {"breach", "shift"})
    assert "note refused" in site.done


def test_a_first_release_that_is_lost_is_not_left_alone() -> None:
    """Where there is no colour to go back to, what shifts is ended all the same."""
    site = Fake(State(), fault="shift")
    with pytest.raises(ReleaseRefusedError, match="planted"):
        Rollout(site, CHOICES, {}).deploy(OLD, {})
    assert site.done.index("unshift") < site.done.index("remove blue")


def test_a_host_that_is_lost_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chats learn how it ended, the evidence has it, and the error is the one that ended it."""
    told: list[str] = []
    monkeypatch.setattr(notifying, "sent", lambda event, _: told.append(event.outcome) or [])

    class Lost(Fake):
        """A host that is gone once a colour boots."""

        def boot(self, colour: str, limit_seconds: int) -> None:
            """Lose it."""
            raise HostUnreachableError("the line broke")

        def note(self, event: str, **fields: object) -> None:
            """Note what comes before."""
            if event != "started":
                raise HostUnreachableError("gone")

    site = Lost(running())
    rollout = Rollout(site, CHOICES, {})
    with pytest.raises(HostUnreachableError, match="the line broke"):
        rollout.deploy(NEW, {})
    assert told == ["started", "failed"]
    assert [event["event"] for event in rollout.events] == ["started", "failed"]
    assert "'failed' is not in the audit trail: gone" in site.said


def test_what_nobody_can_make_is_missed_before_anything_is_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A secret that is not there ends a deployment in its preflight, before a phase is written."""

    def lacks(*_: object) -> None:
        raise PreflightRefusedError("secrets on the host lacks edge.pem")

    monkeypatch.setattr(preflight, "provided", lacks)
    site = Fake(running())
    with pytest.raises(PreflightRefusedError, match=r"edge\.pem"):
        Rollout(site, CHOICES, {}).deploy(NEW, {})
    assert not [what for what in site.done if what.startswith("phase")]


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
