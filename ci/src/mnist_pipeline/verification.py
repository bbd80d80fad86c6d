"""Verifies what a registry holds: signature, provenance, bill of materials, evidence, policy.

Contract: what is not signed with the key, is about another image, or does not meet the policy of
the environment is refused with the reason; promoting moves a tag onto a digest that was verified a
moment ago, and builds nothing. Does not know how a release is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagger

from mnist_pipeline.app import APPS
from mnist_pipeline.candidate import CHECKS
from mnist_pipeline.containers.session import Session, all_of
from mnist_pipeline.gates import attestations, policy
from mnist_pipeline.gates.decision import ALL, Decision
from mnist_pipeline.gates.policy import Evidence, Policy, Ruling
from mnist_pipeline.gates.release import address, reference
from mnist_pipeline.gates.verdicts import Verdict
from mnist_pipeline.registry import Registry, SignatureRefusedError, Trust
from mnist_pipeline.scan import rescanned
from mnist_pipeline.stages import ON_DEMAND

POLICY = "ci/release-policy.toml"
SIGNED = ("signature", *attestations.TYPES)


class ReleaseUsageError(ValueError):
    """The arguments do not fit together, or name something that is not there."""


@dataclass(frozen=True)
class Place:
    """A registry as the caller names it."""

    registry: str
    username: str = ""
    password: dagger.Secret | None = None
    service: dagger.Service | None = None


@dataclass(frozen=True)
class Judged:
    """What the policy says of one image in a registry, and its evidence where there is one."""

    rulings: list[Ruling]
    evidence: Evidence | None = None


def now() -> datetime:
    """This moment."""
    return datetime.now(tz=UTC)


def policy_of(session: Session) -> Policy:
    """The policy of the tree."""
    return policy.policy(session.text(POLICY), CHECKS, ON_DEMAND)


def checked(who: Trust) -> Trust:
    """Who must have signed, where that is said in one of the two ways."""
    if bool(who.public) == bool(who.identity and who.issuer) or (who.public and who.identity):
        message = "say who signed: --key, or --identity with --issuer"
        raise ReleaseUsageError(message)
    return who


async def judge(
    registry: Registry,
    name: str,
    digest: str,
    known: Policy,
    environment: str,
    rehearsal: bool,
) -> Judged:
    """Verifies everything about one image in a registry, and asks the policy."""
    rulings, printed = [], {}
    for kind in SIGNED:
        try:
            printed[kind] = await registry.verified(name, digest, kind)
            rulings += [Ruling(kind, "passed")] if kind == "signature" else []
        except SignatureRefusedError as error:
            rulings.append(Ruling(kind, "refused", str(error)))
    found = {k: attestations.statements(printed[k]) for k in attestations.TYPES if k in printed}
    actual = await registry.layout(name, digest)
    if "sbom" in found:
        rulings.append(attestations.judge_sbom(found["sbom"], actual))
    if not found.get("evidence"):
        missing = Ruling("evidence", "refused", "no statement about evidence is signed with it")
        return Judged([*rulings, missing] if "evidence" in found else rulings)
    evidence, _, rehearsed = attestations.evidence_in(attestations.newest(found["evidence"]))
    if "provenance" in found:
        tells = found["provenance"]
        rulings.append(attestations.judge_provenance(tells, name, actual, evidence.commit))
    rulings.append(attestations.judge_subject(evidence, name, actual))
    if rehearsed and not rehearsal:
        reason = "its evidence was signed in a rehearsal (--dry-run)"
        rulings.append(Ruling("rehearsal", "refused", reason))
    judged = policy.judge(known, environment, evidence, now(), rehearsal=rehearsal)
    return Judged([*rulings, *judged], evidence)


async def promote(
    source: dagger.Directory, origin_tag: str, environment: str, place: Place, who: Trust
) -> Decision:
    """Gives the images of one environment, or of a version, the tag of another environment."""
    session = await Session.opened(source)
    known = policy_of(session)
    known.requirement(environment)
    where = address(place.registry)
    registry = await Registry.opened(session, where, place.service, place.username, place.password)
    registry = registry.trusting(checked(who))
    digests = await all_of({name: registry.digest(name, origin_tag) for name in APPS})
    missing = [name for name, digest in digests.items() if not digest]
    if missing:
        message = f"{where} has no tag {origin_tag!r} of {', '.join(missing)}: publish first"
        raise ReleaseUsageError(message)
    decision = await decided("promote", registry, digests, known, environment)
    decision.required()
    for name, digest in digests.items():
        await registry.tag(name, digest, environment)
    return decision


async def verify(
    source: dagger.Directory, image: str, environment: str, place: Place, who: Trust
) -> Decision:
    """Verifies one image: signature, provenance, bill of materials, evidence, policy."""
    session = await Session.opened(source)
    known = policy_of(session)
    known.requirement(environment)
    registry, name, digest = await published(session, image, place)
    trusting = registry.trusting(checked(who))
    return (await decided("verify", trusting, {name: digest}, known, environment)).required()


async def rescan(source: dagger.Directory, image: str, place: Place) -> tuple[str, Verdict]:
    """Scans a published image with what is known today: which one it is, and the verdict."""
    session = await Session.opened(source)
    registry, name, digest = await published(session, image, place)
    pulled = await registry.pull(name, digest)
    return registry.at(name, digest), await rescanned(session, name, pulled)


async def published(session: Session, image: str, place: Place) -> tuple[Registry, str, str]:
    """The registry that holds an image, the image's name and its digest.

    Raises:
        ReleaseUsageError: no image of that name is released, or the registry has none.
    """
    where, name, end = reference(image)
    if name not in APPS:
        message = f"no image {name!r} is released: it is one of {', '.join(APPS)}"
        raise ReleaseUsageError(message)
    registry = await Registry.opened(session, where, place.service, place.username, place.password)
    digest = end[1:] if end[0] == "@" else await registry.digest(name, end[1:])
    if not digest:
        message = f"the registry has no {image}"
        raise ReleaseUsageError(message)
    return registry, name, digest


async def decided(
    action: str, registry: Registry, digests: Mapping[str, str], known: Policy, environment: str
) -> Decision:
    """What the policy of an environment says of images in a registry, one and all."""
    judged = await all_of(
        {
            name: judge(registry, name, digest, known, environment, rehearsal=False)
            for name, digest in digests.items()
        }
    )
    rulings = {name: image.rulings for name, image in judged.items()}
    evidence = [image.evidence for image in judged.values() if image.evidence]
    if len({found.digest for found in evidence}) > 1:
        versions = ", ".join(sorted({found.version for found in evidence}))
        reason = f"the images are of different releases: {versions}"
        rulings[ALL] = [Ruling("release", "refused", reason)]
    told = {}
    if evidence:
        told = {"version": evidence[0].version, "commit": evidence[0].commit}
        told |= {"committed": evidence[0].committed, "evidence": f"sha256:{evidence[0].digest}"}
    told["finished"] = now().isoformat(timespec="seconds")
    images = {name: registry.at(name, digest) for name, digest in digests.items()}
    return Decision(
        action, environment, rehearsal=False, rulings=rulings, images=images, known=told
    )
