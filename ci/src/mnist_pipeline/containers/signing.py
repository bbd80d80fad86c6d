"""The containers of releases: what carries, signs and verifies images, and a registry to rehearse.

Contract: cosign is compiled from Go modules whose checksums are committed, and runs as a user
without rights. Keys never lie unlocked in a layer. Does not know registries or images.
"""

from uuid import uuid4

import dagger
from dagger import dag

from mnist_pipeline.containers import debian, go
from mnist_pipeline.containers.session import Session

COSIGN = "github.com/sigstore/cosign/v3/cmd/cosign"
OWNER = "65534:65534"
KEY, PUBLIC, SIGNING, TRUST = "/keys/cosign.key", "/keys/cosign.pub", "/signing.json", "/trust.json"
# No transparency log and no certificates: a key alone signs, where no such service can be reached.
SIGNING_CONFIG = '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}'
TRUSTED_ROOT = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
REHEARSAL = "registry.local:5000"  # how the session's own registry is bound
REHEARSAL_FILE = "/etc/rehearsal.yml"
REHEARSAL_CONFIG = """\
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: /srv}}
http: {addr: ":5000"}
"""


def cosign(session: Session) -> dagger.File:
    """The signing tool, compiled from Go modules whose checksums are committed."""
    return go.compiled(session.folder("ci/cosign"), COSIGN, toolchain="auto")


def tools(session: Session) -> dagger.Container:
    """What carries, signs and verifies images, as a user without rights."""
    return (
        debian("ca-certificates", "skopeo")
        .with_file("/usr/local/bin/cosign", cosign(session), permissions=0o755)
        .with_new_file(SIGNING, SIGNING_CONFIG)
        .with_new_file(TRUST, TRUSTED_ROOT)
        .with_directory("/keys", dag.directory(), owner=OWNER)
        .with_env_variable("HOME", "/tmp")  # noqa: S108  the user has no other folder
        .with_user(OWNER)
    )


def rehearsal_registry(*packages: str) -> dagger.Container:
    """A registry by plain HTTP, and packages beside it; it keeps in /srv what is pushed."""
    container = debian("docker-registry", *packages)
    return container.with_new_file(REHEARSAL_FILE, REHEARSAL_CONFIG).with_exposed_port(5000)


def serving(registry: dagger.Container) -> dagger.Service:
    """A registry, as others reach it."""
    return registry.as_service(args=["docker-registry", "serve", REHEARSAL_FILE])


def rehearsal_service(session: Session) -> dagger.Service:
    """An empty registry for this call alone, by plain HTTP."""
    return serving(rehearsal_registry().with_env_variable("REHEARSAL", f"{session.started}"))


def key_pair(container: dagger.Container, password: dagger.Secret) -> dagger.Directory:
    """A new pair, cosign.key and cosign.pub; the private one is locked by the password."""
    command = ["cosign", "generate-key-pair", f"--output-key-prefix={KEY.removesuffix('.key')}"]
    return (
        container.with_secret_variable("COSIGN_PASSWORD", password)
        .with_env_variable("STEP", uuid4().hex)
        .with_exec(command)
        .directory(KEY.rpartition("/")[0])
    )
