"""The rehearsal of an image that nobody signed: what every deployment verifies must refuse it.

Contract: the registry and the key live for this run alone, and nothing is answered from a cache;
the same image must pass once it is signed, so that a refusal for another reason is no proof. Does
not know hosts.
"""

from dagger import dag

from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.containers.signing import REHEARSAL, rehearsal_service
from mnist_pipeline.gates.verdicts import green, red
from mnist_pipeline.registry import Registry, SignatureRefusedError, Trust, digests, packed

NAME = "backend"


async def unsigned(session: Session) -> Outcome:
    """Pushes an image, verifies it, signs it, and verifies it again."""
    service = rehearsal_service(session)
    await service.start()
    try:
        registry = await Registry.opened(session, f"{REHEARSAL}/rehearsal", service)
        content = packed(session, NAME)
        digest = (await digests(content)).manifest
        signing = await registry.holding(NAME, content).signing_once()
        signing = signing.trusting(Trust(public=await signing.public()))
        await signing.push(NAME, digest)
        before = await refused(signing, digest)
        await signing.sign(NAME, digest)
        after = await refused(signing, digest)
    finally:
        await service.stop()
    told = f"before it was signed: {before or 'taken'}\nafterwards: {after or 'taken'}\n"
    files = dag.directory().with_new_file("unsigned.txt", told)
    return Outcome(green(images=1) if before and not after else red(told), files)


async def refused(registry: Registry, digest: str) -> str:
    """Why the signature of the image is refused; empty where it is not."""
    try:
        await registry.verified(NAME, digest, "signature")
    except SignatureRefusedError as error:
        return str(error)
    return ""
