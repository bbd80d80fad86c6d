"""A registry of images, and the container that carries, signs and verifies them: skopeo, cosign.

Contract: an image travels by digest and is never changed on the way; what a registry or a signature
refuses raises with the step's name and the way out. Credentials and keys are mounted as secrets and
stand on no command line. Nothing here is answered from the cache. Does not know policies.
"""

import base64
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import dagger
from dagger import dag

from mnist_pipeline.app import image
from mnist_pipeline.containers import debian
from mnist_pipeline.containers.session import Session
from mnist_pipeline.containers.signing import KEY, OWNER, PUBLIC, SIGNING, TRUST, key_pair, tools
from mnist_pipeline.gates.attestations import TYPES
from mnist_pipeline.gates.release import PREFIX, Layout, absent, explained, layout

LIMIT_SECONDS = "300"
IMAGES, PULLED = "/images", "/tmp/pulled.tar"  # noqa: S108  of a container
AUTHENTICATION = "/auth/config.json"


class RegistryRefusedError(RuntimeError):
    """A registry, or the tool that talks to it, did not do what was asked; `said` is all of it."""

    def __init__(self, message: str, said: str = "") -> None:
        """Told in one sentence, with everything that was printed beside it."""
        super().__init__(message)
        self.said = said


class SignatureRefusedError(RegistryRefusedError):
    """What was to be verified is not there, or not signed with that key."""


def packed(session: Session, name: str) -> dagger.Directory:
    """The image as every stage had it, as an OCI layout, its layers in the form they travel in."""
    file = image(session, name).as_tarball(
        forced_compression=dagger.ImageLayerCompression.GZIP,
        media_types=dagger.ImageMediaTypes.OCI,
    )
    unpack = ["sh", "-c", "mkdir /layout && tar -xf /image.tar -C /layout"]
    return debian().with_mounted_file("/image.tar", file).with_exec(unpack).directory("/layout")


async def digests(packed_image: dagger.Directory) -> Layout:
    """The digests of a packed image's manifest and configuration."""
    index = await packed_image.file("index.json").contents()
    entries = json.loads(index)["manifests"]
    paths = {entry["digest"]: entry["digest"].replace(":", "/") for entry in entries}
    manifests = {
        digest: await packed_image.file(f"blobs/{path}").contents()
        for digest, path in paths.items()
    }
    return layout(index, manifests)


@dataclass(frozen=True)
class Trust:
    """Who must have signed: the other half of a key, or an identity and who vouches for it."""

    public: str = ""
    identity: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class Registry:
    """A registry with what is needed to talk to it."""

    address: str
    tools: dagger.Container
    plain: bool  # by HTTP, only inside the session or through a service that the caller hands over
    seal: tuple[str, ...] = ()  # cosign's options to sign
    trust: tuple[str, ...] = ()  # cosign's options to verify

    @classmethod
    async def opened(
        cls,
        session: Session,
        address: str,
        service: dagger.Service | None,
        username: str = "",
        password: dagger.Secret | None = None,
    ) -> "Registry":
        """A registry, reached directly or through a service, with credentials where there are."""
        container = tools(session)
        host = address.partition("/")[0]
        if service:
            container = container.with_service_binding(host.partition(":")[0], service)
        if password:
            pair = f"{username}:{await password.plaintext()}"
            entry = {"auth": base64.b64encode(pair.encode()).decode()}
            text = json.dumps({"auths": {host: entry}})
            secret = dag.set_secret(f"registry-{uuid4().hex}", text)
            container = (
                container.with_mounted_secret(AUTHENTICATION, secret, owner=OWNER)
                .with_env_variable("DOCKER_CONFIG", AUTHENTICATION.rpartition("/")[0])
                .with_env_variable("REGISTRY_AUTH_FILE", AUTHENTICATION)
            )
        return cls(address, container, bool(service))

    def repository(self, name: str) -> str:
        """Where an image is."""
        return f"{self.address}/{PREFIX}{name}"

    def at(self, name: str, digest: str) -> str:
        """An image by its digest."""
        return f"{self.repository(name)}@{digest}"

    def holding(self, name: str, packed_image: dagger.Directory) -> "Registry":
        """The same, with an image at hand to push."""
        container = self.tools.with_mounted_directory(f"{IMAGES}/{name}", packed_image)
        return replace(self, tools=container)

    def signing(self, key: dagger.Secret, password: dagger.Secret | None) -> "Registry":
        """The same, able to sign with a key, without any service."""
        container = self.tools.with_mounted_secret(KEY, key, owner=OWNER)
        container = (
            container.with_secret_variable("COSIGN_PASSWORD", password)
            if password
            else container.with_env_variable("COSIGN_PASSWORD", "")
        )
        seal = (f"--key={KEY}", f"--signing-config={SIGNING}", f"--trusted-root={TRUST}")
        return replace(self, tools=container, seal=seal)

    async def signing_once(self) -> "Registry":
        """The same, able to sign with a key that was made for it and that nobody keeps."""
        password = dag.set_secret(f"rehearsal-{uuid4().hex}", secrets.token_hex(16))
        made = await key_pair(self.tools, password).file("cosign.key").contents()  # locked
        return self.signing(dag.set_secret(f"rehearsal-{uuid4().hex}", made), password)

    def identified(self, token: dagger.Secret) -> "Registry":
        """The same, able to sign as the token's identity, by Sigstore's public services."""
        return replace(self, tools=self.tools.with_secret_variable("SIGSTORE_ID_TOKEN", token))

    def trusting(self, who: Trust) -> "Registry":
        """The same, able to verify what they signed."""
        if who.public:
            container = self.tools.with_new_file(PUBLIC, who.public)
            trust = (f"--key={PUBLIC}", "--insecure-ignore-tlog")
            return replace(self, tools=container, trust=trust)
        named = (
            f"--certificate-identity={who.identity}",
            f"--certificate-oidc-issuer={who.issuer}",
        )
        return replace(self, trust=named)

    async def ran(self, step: str, *command: str) -> dagger.Container:
        """Runs a command that is never answered from the cache; raises where it fails."""
        once = self.tools.with_env_variable("STEP", uuid4().hex)
        done = once.with_exec(["timeout", LIMIT_SECONDS, *command], expect=dagger.ReturnType.ANY)
        if await done.exit_code():
            said = await done.combined_output()
            raise RegistryRefusedError(explained(step, said), said)
        return done

    async def public(self) -> str:
        """The public half of the key that signs; raises where key and password do not fit."""
        step = "reading the key (--key, --key-password)"
        return await (await self.ran(step, "cosign", "public-key", "--key", KEY)).stdout()

    async def digest(self, name: str, tag: str) -> str:
        """The digest that a tag names now; empty where there is no such tag."""
        where = f"docker://{self.repository(name)}:{tag}"
        command = ["skopeo", "inspect", "--no-tags", "--format={{.Digest}}", *self.verifying()]
        try:
            asked = await self.ran(f"asking for the tag {tag} of {name}", *command, where)
        except RegistryRefusedError as error:
            if absent(error.said, self.repository(name), tag):
                return ""
            raise
        return (await asked.stdout()).strip()

    async def layout(self, name: str, digest: str) -> Layout:
        """The digests of an image that the registry holds, computed from what it hands out."""
        where = f"docker://{self.at(name, digest)}"
        command = ["skopeo", "inspect", "--no-tags", "--raw", *self.verifying()]
        manifest = await (await self.ran(f"fetching {name}", *command, where)).stdout()
        return layout(json.dumps({"manifests": [{"digest": digest}]}), {digest: manifest})

    async def push(self, name: str, digest: str) -> None:
        """Sends an image that is at hand; without a tag, so nobody finds it by chance."""
        source, target = f"oci:{IMAGES}/{name}", f"docker://{self.at(name, digest)}"
        await self.ran(f"pushing {name}", *self.copying("dest"), source, target)

    async def tag(self, name: str, digest: str, tag: str) -> None:
        """Gives an image a name; its layers are there already."""
        source, target = self.at(name, digest), f"{self.repository(name)}:{tag}"
        command = [*self.copying("src"), *self.verifying("dest")]
        step = f"tagging {name} as {tag}"
        await self.ran(step, *command, f"docker://{source}", f"docker://{target}")

    async def pull(self, name: str, digest: str) -> dagger.Container:
        """An image as the registry hands it out."""
        source, target = f"docker://{self.at(name, digest)}", f"oci-archive:{PULLED}"
        done = await self.ran(f"pulling {name}", *self.copying("src"), source, target)
        return dag.container().import_(done.file(PULLED))

    async def sign(self, name: str, digest: str) -> None:
        """Signs an image."""
        command = ["cosign", "sign", "--yes", *self.seal, *self.speaking()]
        await self.ran(f"signing {name}", *command, self.at(name, digest))

    async def attest(self, name: str, digest: str, kind: str, predicate: dict[str, Any]) -> None:
        """Signs a statement about an image and attaches it."""
        file = "/tmp/predicate.json"  # noqa: S108  of a container
        holding = self.tools.with_new_file(file, json.dumps(predicate), owner=OWNER)
        what = [f"--type={TYPES[kind]}", f"--predicate={file}"]
        command = ["cosign", "attest", "--yes", *self.seal, *what, *self.speaking()]
        step = f"attaching the {kind} of {name}"
        await replace(self, tools=holding).ran(step, *command, self.at(name, digest))

    async def verified(self, name: str, digest: str, kind: str) -> str:
        """What cosign prints of a signature, or of the statements of a kind, once verified.

        Raises:
            SignatureRefusedError: none is there that this key signed for this digest.
        """
        what = (
            ["verify"] if kind == "signature" else ["verify-attestation", f"--type={TYPES[kind]}"]
        )
        command = ["cosign", *what, *self.trust, *self.speaking()]
        step = f"verifying the {kind} of {name}"
        try:
            return await (await self.ran(step, *command, self.at(name, digest))).stdout()
        except RegistryRefusedError as error:
            raise SignatureRefusedError(str(error)) from error

    def copying(self, side: str) -> list[str]:
        """The command that copies an image as it is."""
        return ["skopeo", "copy", "--preserve-digests", "--retry-times=2", *self.verifying(side)]

    def verifying(self, side: str = "") -> list[str]:
        """Whether skopeo asks for TLS."""
        option = f"--{side}-tls-verify" if side else "--tls-verify"
        return [f"{option}={'false' if self.plain else 'true'}"]

    def speaking(self) -> list[str]:
        """Whether cosign may do without TLS."""
        return ["--allow-http-registry"] if self.plain else []
