"""The stages as a shell script over docker build and compose has them, to measure beside.

Contract: the script runs on a throw-away host with a real Docker, which keeps its images and caches
from one time to the next, as a user's machine does; nothing that comes before the script is timed.
Does not know what the script does.
"""

import dagger
from dagger import dag

from mnist_pipeline.containers import BASE, GATHERED, TRIVY, base, debian
from mnist_pipeline.containers.session import Session
from mnist_pipeline.deploy import HOST_PACKAGES, UNTRACED

SCRIPT = "tests/load/script/script.sh"
SECONDS = "/tmp/seconds.json"  # noqa: S108  of the container, which ends with the run
AUTHORITIES = "/usr/local/share/ca-certificates"
LIMIT_SECONDS = 5400
HOST = (
    f"set -e\n{UNTRACED}\n"
    + """\
dockerd --storage-driver=overlay2 >/var/log/dockerd.log 2>&1 &
up='until docker info >/dev/null 2>&1; do sleep 0.2; done'
timeout 60 sh -c "$up" || { cat /var/log/dockerd.log; exit 1; }
containers=$(docker ps --all --quiet)
[ -z "$containers" ] || docker rm --force $containers >/dev/null
if [ -n "$ANEW" ]; then
    docker system prune --all --force >/dev/null
    docker volume prune --all --force >/dev/null
fi
for archive in /images/*.tar; do
    name=$(cat "${archive%.tar}.name")
    docker tag "$(docker load --quiet --input "$archive" | sed 's/.*: *//')" "$name"
done
ended=0
timeout "$1" sh "$2" "$3" || ended=$?
kill %1 && wait
exit $ended
"""
)


def timed(session: Session, *, anew: bool, together: bool) -> dagger.File:
    """Runs the script over the source; the seconds of each of its stages, as JSON.

    Together: it builds all images at once, and runs as many tests at a time as the pipeline does.
    """
    volume, locked = dag.cache_volume("script-docker"), dagger.CacheSharingMode.LOCKED
    host = (
        debian(*HOST_PACKAGES, "docker-buildx", "ca-certificates")
        .with_new_file("/host.sh", HOST)
        .with_directory("/images", archives())
        .with_mounted_cache("/var/lib/docker", volume, sharing=locked)
        .with_directory("/src", session.folder())
        .with_directory("/src", session.history)
        .with_env_variable("ANEW", "yes" if anew else "")
        .with_env_variable("TOGETHER", "yes" if together else "")
        .with_env_variable("PIPELINE_FRESH", str(session.started))
    )
    command = ["bash", "/host.sh", str(LIMIT_SECONDS), f"/src/{SCRIPT}", SECONDS]
    return host.with_exec(command, insecure_root_capabilities=True).file(SECONDS)


def archives() -> dagger.Directory:
    """The images that a registry would give, as files beside the names that they have there."""
    media = dagger.ImageMediaTypes.DockerMediaTypes
    images = {BASE: trusting(base()), TRIVY: dag.container().from_(TRIVY)}
    folder = dag.directory()
    for number, (name, image) in enumerate(images.items()):
        folder = folder.with_file(f"{number}.tar", image.as_tarball(media_types=media))
        folder = folder.with_new_file(f"{number}.name", name)
    return folder


def trusting(container: dagger.Container) -> dagger.Container:
    """A container with the authorities that this engine gives to commands, for another daemon."""
    keep = (
        f"mkdir -p {AUTHORITIES} && cp -rL {AUTHORITIES} /kept && touch /kept.crt && "
        f"if [ -f {GATHERED} ]; then cp {GATHERED} /kept.crt; fi"
    )
    kept = container.with_exec(["sh", "-ec", keep])
    trusted = container.with_directory(AUTHORITIES, kept.directory("/kept"))
    return trusted.with_file(GATHERED, kept.file("/kept.crt"))
