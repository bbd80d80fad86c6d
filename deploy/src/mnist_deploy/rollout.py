"""Deploys a release: ship, boot, try in the dark, shift, retire; or goes back.

Contract: what answers goes on answering until its successor has done well under traffic; a release
that does not do is removed, and the error tells why. A deployment that was killed anywhere is put
right by the next one: all traffic goes to the colour that answered last. Does not know arguments.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_deploy import lock, notifying, preflight, shipping
from mnist_deploy.archive import Archive
from mnist_deploy.errors import (
    CommandFailedError,
    DeployError,
    PreflightRefusedError,
    ReleaseRefusedError,
)
from mnist_deploy.release import COLOURED, STANDING, Release, State
from mnist_deploy.site import Site, services
from mnist_deploy.verdicts import Limits, judge_dark

KEPT = 5  # releases whose images stay on the host


@dataclass(frozen=True)
class Choices:
    """How a release is tried and shifted."""

    requests: int
    rate: float
    steps: str
    least: int
    boot_seconds: int  # until a colour must be healthy
    renew: bool  # take new images of what stands beside the colours, which restarts it
    secrets: Mapping[str, Path]  # to send, by their names on the host
    self_signed: str
    force: str  # why a release may be deployed though the dark gate refused it; empty: it may not
    limits: Limits


Report = Callable[[str, dict[str, object]], None]


class Rollout:
    """One deployment to one host."""

    def __init__(self, site: Site, choices: Choices, addresses: dict[str, str]) -> None:
        self._site, self._choices, self._addresses = site, choices, addresses
        self.events: list[dict[str, object]] = []

    def deploy(self, release: Release, files: dict[str, Archive], *, costs: bool = True) -> None:
        """Brings a release to a host and all traffic to it.

        One that costs nothing, as going back does, needs no error budget.

        Raises:
            DeployError: it did not come to that; what answered before still answers.
        """
        site = self._site
        site.deployment = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        with lock.held(site.host, site.who):
            state = self._recovered(site.state())
            release = self._standing(state, release)
            facts: dict[str, object] = {"release": release.name, "images": dict(release.images)}
            self._event("started", facts)
            self._tell("started", f"{release.name} is being deployed", facts)
            try:
                self._deploy(state, release, files, costs=costs)
            except ReleaseRefusedError as error:
                reason: dict[str, object] = {"reason": str(error)}
                self._tell("rolled back", f"{release.name} was refused", reason)
                self._noted("refused", reason)
                raise
            except DeployError as error:
                reason = {"reason": str(error)}
                self._tell("failed", f"{release.name} was not deployed", reason)
                self._noted("failed", reason)
                raise
            self._tell("done", f"{release.name} answers", {"release": release.name})
            self._event("done", {"release": release.name})

    def _deploy(
        self, state: State, release: Release, files: dict[str, Archive], *, costs: bool
    ) -> None:
        site = self._site
        colour = state.idle
        site.say("preflight ...")
        preflight.fit(site)
        preflight.complete(site, release, files)
        preflight.provided(site, self._choices.secrets, self._choices.self_signed)
        if costs and site.watched and state.active:
            self._afforded()
        after = replace(state, releases={**(state.releases or {}), colour: release})
        preflight.linted(site, after, release)
        state = site.begin(after, "ship")
        shipping.ship(site.host, release.images, files, site.say)
        preflight.secret(site, release, self._choices.secrets, self._choices.self_signed)
        site.configure(state, release)
        state = site.begin(state, f"boot {colour}")
        self._booted(colour, release)
        state = site.begin(state, f"gate {colour}")
        self._gated(colour)
        state = site.begin(state, f"shift to {colour}")
        self._shifted(state, colour)
        history = (*(r for r in state.history if r != release), release)[-KEPT:]
        old = state.active
        state = site.keep(replace(state, active=colour, phase="retire", history=history))
        self._event("retire", {"colour": old or "none"})
        if old:
            site.remove(old)
        site.keep(replace(state, phase="idle", releases={colour: release}))
        site.forget(history)

    def _afforded(self) -> None:
        try:
            preflight.affordable(self._site)
        except PreflightRefusedError as error:
            if not self._choices.force:
                raise
            self._site.say(f"overruled ({self._choices.force}): {error}")
            self._event("budget", {"reason": str(error), "forced": self._choices.force})

    def recover(self) -> None:
        """Puts right what a deployment that was killed has left."""
        with lock.held(self._site.host, self._site.who):
            self._recovered(self._site.state())

    def _recovered(self, state: State) -> State:
        site = self._site
        if state.phase == "idle":
            return state
        site.say(
            f"an earlier deployment ended in its phase {state.phase!r}; putting that right ..."
        )
        if state.active:
            site.flip(state.active)
        if site.host.get(".env"):  # it came as far as to configure something
            site.remove(state.idle)
        self._event("recovered", {"phase": state.phase, "answers": state.active or "nobody"})
        kept = {c: r for c, r in (state.releases or {}).items() if c == state.active}
        return site.keep(replace(state, phase="idle", releases=kept))

    def _standing(self, state: State, release: Release) -> Release:
        """The release with what stands beside the colours left as it runs."""
        current = state.of(state.active) if state.active else None
        if self._choices.renew or not current:
            return release
        stays = {part: current.images[part] for part in STANDING}
        for part, reference in stays.items():
            if release.images.get(part, reference) != reference:
                self._site.say(
                    f"{part}: a newer image is at hand; --renew takes it, and restarts it"
                )
        return replace(release, images={**release.images, **stays})

    def _booted(self, colour: str, release: Release) -> None:
        site = self._site
        try:
            site.stand()
            site.boot(colour, self._choices.boot_seconds)
        except CommandFailedError as error:
            last = site.logs(colour).strip().splitlines()[-1:] or ["it printed nothing"]
            self._away(colour)
            why = f"{error.last}; its log ends with: {last[0].strip()}"
            message = f"{release.name} does not start: {why}"
            raise ReleaseRefusedError(message) from error
        running = site.running(colour)
        wanted = {site.identity(release.images[part]) for part in COLOURED}
        if not running or set(running.values()) != wanted:
            self._away(colour)
            message = f"what runs is not {release.name}: {running}"
            raise ReleaseRefusedError(message)
        self._event("booted", {"colour": colour, "containers": [*running]})

    def _gated(self, colour: str) -> None:
        site, choices = self._site, self._choices
        try:
            report = site.tried(colour, choices.requests, choices.rate)
        except CommandFailedError as error:
            self._away(colour)
            message = f"the gate could not try {colour}: {error}"
            raise ReleaseRefusedError(message) from error
        used = report["used"] if isinstance(report["used"], dict) else {}
        verdict = judge_dark(report, used, choices.limits)
        reasons = [*verdict.reasons]
        figures = {name: round(value, 5) for name, value in verdict.figures.items()}
        self._event("gate", {"reasons": reasons, "figures": figures, "forced": self._choices.force})
        if verdict.good:
            return
        if choices.force and not report["golden"] and not report["failed"]:
            site.say(f"the gate refused, and was overruled ({choices.force}): {'; '.join(reasons)}")
            return
        self._away(colour)
        raise ReleaseRefusedError(f"in the dark: {'; '.join(reasons)}")

    def _shifted(self, state: State, colour: str) -> None:
        site, choices = self._site, self._choices
        steps = choices.steps if state.active else re.split("[,;]", choices.steps)[-1]
        arguments = ["--old", state.active or "none", "--new", colour, "--steps", steps]
        arguments += ["--least", str(choices.least)]
        arguments += ["--slow-ratio", str(choices.limits.slow_ratio)]
        seen: list[dict[str, object]] = []

        def tell(event: dict[str, object]) -> None:
            seen.append(event)
            site.say(", ".join(f"{n} {v}" for n, v in event.items() if v != [] and n != "at"))

        try:
            code = site.shift(arguments, tell)
        except CommandFailedError as error:
            code = error.code
            tell({"event": "lost", "text": str(error)})
        if code and state.active:
            site.flip(state.active)  # again, in case it ended before it could
        elif code:
            site.unshift()
        self._event("shift", {"steps": seen, "exit_code": code})
        if code == 0:
            return
        self._away(colour)
        texts = [str(e.get("reasons") or e.get("text")) for e in seen[-1:]] or ["it said nothing"]
        raise ReleaseRefusedError(f"under traffic: {'; '.join(texts)}")

    def _away(self, colour: str) -> None:
        site = self._site
        site.say(f"removing {', '.join(services(colour))} ...")
        site.remove(colour)
        state = site.state()
        kept = {c: r for c, r in (state.releases or {}).items() if c == state.active}
        site.keep(replace(state, phase="idle", releases=kept))

    def _event(self, name: str, fields: dict[str, object]) -> None:
        self.events.append({"event": name, "at": time.time(), **fields})
        self._site.note(name, **fields)

    def _noted(self, name: str, fields: dict[str, object]) -> None:
        """An event that may come after the host is lost, which must not hide why."""
        try:
            self._event(name, fields)
        except DeployError as error:
            self._site.say(f"{name!r} is not in the audit trail: {error}")

    def _tell(self, outcome: str, title: str, fields: dict[str, object]) -> None:
        facts = {"environment": self._site.environment, "deployment": self._site.deployment}
        facts |= {n: str(v)[:300] for n, v in fields.items()}
        event = notifying.Event(outcome, f"{self._site.environment}: {title}", facts)
        for failure in notifying.sent(event, self._addresses):
            self._site.say(failure)
            self._noted("not notified", {"reason": failure})


def previous(state: State) -> Release:
    """The release that answered before the one that does.

    Raises:
        ReleaseRefusedError: there is none.
    """
    now = state.of(state.active) if state.active else None
    before = [release for release in state.history if release != now]
    if not before:
        message = "there is no earlier release on this host to go back to"
        raise ReleaseRefusedError(message)
    return before[-1]
