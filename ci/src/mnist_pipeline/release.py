"""Releases: publish what was tested, promote what was published, verify what is there.

Contract: nothing is built between evidence and release; everything is pushed, signed, verified and
tried by digest before the first tag is set, so what fails half way is found by nobody, and the same
call goes on where it stopped. What is refused is told with every reason, and the evidence is there
all the same. Does not know what a stage looks at, or how a registry is spoken to.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dagger
from dagger import dag

from mnist_pipeline.app import APPS, FOLDERS, TARGETS, UNSERVED, arguments
from mnist_pipeline.candidate import Candidate, candidate, history_of, origin
from mnist_pipeline.changes import without_history
from mnist_pipeline.containers import base
from mnist_pipeline.containers.session import Session, all_of
from mnist_pipeline.containers.signing import REHEARSAL, key_pair, rehearsal_service, tools
from mnist_pipeline.gates import attestations, policy
from mnist_pipeline.gates import ledger as ledgers
from mnist_pipeline.gates.decision import ALL, Decision
from mnist_pipeline.gates.policy import Ruling, environment_of
from mnist_pipeline.gates.release import HistoryUnusableError, Origin, address, fixed_tags
from mnist_pipeline.registry import Registry, RegistryRefusedError, Trust
from mnist_pipeline.trial import tried
from mnist_pipeline.verification import (
    Place,
    ReleaseUsageError,
    checked,
    judge,
    now,
    policy_of,
)


@dataclass(frozen=True)
class Signer:
    """What signs: a private key with its password, or a token and the identity that it is for."""

    key: dagger.Secret | None = None
    password: dagger.Secret | None = None
    token: dagger.Secret | None = None
    identity: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class Order:
    """What the caller asks for."""

    environment: Collection[str]  # as named by the option and by its alias
    place: Place
    signer: Signer
    rehearsal: bool
    fresh: bool


@dataclass(frozen=True)
class Published:
    """What was decided about a release, done or refused, and the evidence that it went by."""

    decision: Decision
    found: Candidate

    async def folder(self) -> dagger.Directory:
        """The decision, the evidence, and the sums whose digest is the one that was signed."""
        return (
            dag.directory()
            .with_new_file("release.json", self.decision.text())
            .with_new_file("SHA256SUMS", self.found.sums)
            .with_directory("evidence", await self.found.found.bundle())
        )


async def publish(source: dagger.Directory, git_dir: dagger.Directory, order: Order) -> Published:
    """Releases what the stages find green; a rehearsal does so in a registry of the session."""
    environment, place, rehearsal = environment_of(order.environment), order.place, order.rehearsal
    session = await Session.opened(source, history=history_of(git_dir))
    asked = policy_of(session).requirement(environment)
    known = await origin(session, git_dir)
    unfit = await without_history(session)
    if unfit:
        raise HistoryUnusableError(unfit)
    service = rehearsal_service(session) if rehearsal else place.service
    where = f"{REHEARSAL}/rehearsal" if rehearsal else address(place.registry)
    if service and rehearsal:
        await service.start()  # and not only while a command is bound to it, for it must remember
    try:
        registry = await Registry.opened(session, where, service, place.username, place.password)
        signing, who = await signed_by(registry, order.signer, rehearsal=rehearsal)
        await all_of(
            {name: registry.digest(name, environment) for name in APPS}
        )  # can it be reached?
        found = await candidate(source, session.history, known, asked.checks, fresh=order.fresh)
        release = Release(found, known, environment, signing.trusting(who), rehearsal=rehearsal)
        try:
            return Published(await release.made(who), found)
        except RegistryRefusedError as error:
            refused = {ALL: [Ruling("registry", "refused", str(error))]}
            return Published(release.decision(refused), found)
    finally:
        if rehearsal and service:
            await service.stop()


async def required(source: dagger.Directory, git_dir: dagger.Directory, order: Order) -> Decision:
    """What was released; raises `ReleaseRefusedError` with every reason where nothing was."""
    return (await publish(source, git_dir, order)).decision.required()


async def signed_by(
    registry: Registry, signer: Signer, *, rehearsal: bool
) -> tuple[Registry, Trust]:
    """The registry, able to sign, and who will have signed; a rehearsal throws its key away."""
    key, password = signer.key, signer.password
    if signer.token:
        who = checked(Trust(identity=signer.identity, issuer=signer.issuer))
        return registry.identified(signer.token), who
    if not key and not rehearsal:
        message = (
            "a release is signed: give --key and --key-password, or --identity-token with "
            "--identity and --issuer, or try it with --dry-run"
        )
        raise ReleaseUsageError(message)
    signing = registry.signing(key, password) if key else await registry.signing_once()
    return signing, Trust(public=await signing.public())


class Release:
    """One candidate on its way into a registry."""

    def __init__(
        self,
        found: Candidate,
        known: Origin,
        environment: str,
        registry: Registry,
        *,
        rehearsal: bool,
    ) -> None:
        self.found = found
        self.known = known
        self.environment = environment
        self.rehearsal = rehearsal
        for name, image in found.packed.items():
            registry = registry.holding(name, image)
        self.registry = registry
        self.policy = policy_of(found.session)
        self.images = {name: layout.manifest for name, layout in found.layouts.items()}

    async def made(self, who: Trust) -> Decision:
        """Pushes, signs, verifies, tries, and only then gives the images their tags."""
        evidence, rehearsal = self.found.evidence, self.rehearsal
        rulings = policy.judge(self.policy, self.environment, evidence, now(), rehearsal=rehearsal)
        asked = self.decision({ALL: [*rulings, self.found.same], **await self.other_tags()})
        if not asked.passed:
            return asked
        await all_of({n: self.registry.push(n, digest) for n, digest in self.images.items()})
        result = attestations.test_result(evidence, self.environment, rulings, rehearsal=rehearsal)
        base_image = await base().image_ref()
        await all_of({name: self.sign(name, result, base_image) for name in self.images})
        judged = await all_of(
            {
                name: judge(
                    self.registry, name, digest, self.policy, self.environment, rehearsal=rehearsal
                )
                for name, digest in self.images.items()
            }
        )
        found = {name: image.rulings for name, image in judged.items()}
        if not self.decision(found).passed:
            return self.decision(found)
        found[ALL] = [await self.trial()]
        decision = self.decision(found, who.public)
        if decision.passed:
            await self.tag()
        return decision

    def decision(self, rulings: Mapping[str, list[Ruling]], public: str = "") -> Decision:
        """What is known of the release, with the rulings so far."""
        known = {
            "version": self.known.version,
            "commit": self.known.commit,
            "subject": self.known.subject,
            "committed": self.known.committed,
            "evidence": f"sha256:{self.found.evidence.digest}",
            "finished": now().isoformat(timespec="seconds"),
            "tags": self.tags(),
            "public_key": public,
            "changelog": [*self.known.changes],
        }
        images = {name: self.registry.at(name, digest) for name, digest in self.images.items()}
        return Decision("publish", self.environment, self.rehearsal, rulings, images, known)

    def tags(self) -> list[str]:
        """The tags of the release; the one that moves is the last."""
        return [*fixed_tags(self.known), self.environment]

    async def other_tags(self) -> dict[str, list[Ruling]]:
        """A tag of a version or a commit that names another image is never moved."""
        found: dict[str, list[Ruling]] = {}
        for name, digest in self.images.items():
            for tag in fixed_tags(self.known):
                there = await self.registry.digest(name, tag)
                if there not in {"", digest}:
                    reason = (
                        f"the tag {tag} of {name} names {there}, and this build is {digest}: "
                        "promote what is there, or release a new commit or version"
                    )
                    found.setdefault(name, []).append(Ruling("tags", "refused", reason))
        return found

    async def sign(self, name: str, result: dict[str, Any], base_image: str) -> None:
        """Signs one image and attaches what is known of it."""
        found, digest = self.found, self.images[name]
        times = found.session.started, time.time()
        context = FOLDERS[name], UNSERVED, TARGETS[name], arguments(name)
        build = attestations.Build(name, *context, base_image, *times)
        provenance = attestations.provenance(build, self.known, found.layouts[name])
        statements = {"provenance": provenance, "sbom": found.sboms[name], "evidence": result}
        await self.registry.sign(name, digest)
        for kind, predicate in statements.items():
            await self.registry.attest(name, digest, kind, predicate)

    async def trial(self) -> Ruling:
        """Starts what the registry hands out, and asks it."""
        pulled = await all_of({n: self.registry.pull(n, d) for n, d in self.images.items()})
        verdict = await tried(self.found.session, pulled)
        if verdict.passed:
            return Ruling("trial", "passed")
        return Ruling("trial", "refused", "; ".join(verdict.reasons))

    async def tag(self) -> None:
        """Names the images; the environment's tag, which others follow, comes last."""
        for tag in self.tags():
            for name, digest in self.images.items():
                await self.registry.tag(name, digest, tag)


async def signing_key(source: dagger.Directory, password: dagger.Secret) -> dagger.Directory:
    """A new pair of keys for releases."""
    return key_pair(tools(await Session.opened(source)), password)


async def ledger(entries: dagger.File, add: dagger.File | None) -> dagger.Directory:
    """The ledger with a release more, and its figures beside it."""
    text = await entries.contents()
    if add:
        text = ledgers.appended(text, await add.contents())
    figures = ledgers.prometheus(ledgers.entries(text), now())
    files = dag.directory().with_new_file("ledger.jsonl", text)
    return files.with_new_file("delivery.prom", figures)
