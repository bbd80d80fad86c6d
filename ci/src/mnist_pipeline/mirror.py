"""A mirror of the database of vulnerabilities: what is made here, in a registry of this call.

Contract: the scanner asks it as it would ask the mirror that a user names, and nothing stands in
for what it does not hand out. The registry holds the database from its start, under a name that is
made of it, so that no volume answers which another day filled. Does not know what is scanned.
"""

from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import dagger
from dagger import dag

from mnist_pipeline.advisories import DATABASE, Given, Images, with_download, with_offline
from mnist_pipeline.containers.session import Session
from mnist_pipeline.containers.signing import (
    REHEARSAL,
    REHEARSAL_FILE,
    rehearsal_registry,
    serving,
)
from mnist_pipeline.gates.advisories import NONE, Choice
from mnist_pipeline.gates.mirror import INDEX, layout

PUSH_SECONDS = 60
PLAIN = ("TRIVY_INSECURE", "true")  # by HTTP: the registry is one of this call
HOST = REHEARSAL.partition(":")[0]


async def with_mirrored(session: Session, scanner: dagger.Container, images: Images) -> Given:
    """The scanner with the database that is made here, as a mirror hands it out."""
    _, made = await with_offline(session, scanner, images)
    if not made.verdict.passed or not made.container:
        return scanner, made
    copy = Path(mkdtemp())
    await made.container.directory(DATABASE).export(str(copy))
    artifact = layout({path.name: path.read_bytes() for path in copy.iterdir()})
    repository = f"{sha256(artifact[INDEX]).hexdigest()[:16]}/trivy-db:2"
    mirror = holding(as_folder(artifact), repository)
    asking = scanner.with_service_binding(HOST, mirror).with_env_variable(*PLAIN)
    return await with_download(session, asking, Choice(f"{REHEARSAL}/{repository}", NONE))


def holding(artifact: dagger.Directory, repository: str) -> dagger.Service:
    """A registry that has an artifact from its start, so that it may end and begin again."""
    target = f"docker://{REHEARSAL.replace(HOST, 'localhost')}/{repository}"
    copy = f"skopeo copy --preserve-digests --dest-tls-verify=false oci:/artifact {target}"
    serve = f"docker-registry serve {REHEARSAL_FILE}"
    push = f"{serve} & until {copy}; do sleep 0.5; done; kill $!; wait"  # it starts to listen late
    command = ["timeout", str(PUSH_SECONDS), "sh", "-c", push]
    registry = rehearsal_registry("skopeo").with_mounted_directory("/artifact", artifact)
    return serving(registry.with_exec(command).without_mount("/artifact"))


def as_folder(files: dict[str, bytes]) -> dagger.Directory:
    """Files, by their paths, as a folder that is known by its content."""
    place = Path(uuid4().hex)
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return dag.current_module().workdir(str(place))
