"""The stage that holds images to what they must be, by their own configuration and layers.

Contract: what is read is the archive of the image as it is shipped, and not what a scanner makes of
it; the health check is read from the Dockerfile, for the engine's format does not carry it. Does
not know how an image is built or what its packages are.
"""

from dataclasses import replace
from pathlib import Path

from dagger import dag

from mnist_pipeline.app import FOLDERS, TARGETS, tarball
from mnist_pipeline.containers import python
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates import dockerfile
from mnist_pipeline.gates.structure import SIZES, Expected, judge, sizes, trend
from mnist_pipeline.gates.verdicts import combined, not_run

SERVE = ("python", "-m", "mnist_backend")
PAGE = ("streamlit", "run", "src/mnist_frontend/app.py")
IMAGES = {
    "backend": Expected(SERVE, frozenset({8000, 9100})),
    "backend-torch": Expected(SERVE, frozenset({8000, 9100})),
    "frontend": Expected(PAGE, frozenset({8501})),
    "prometheus": Expected(("prometheus",), frozenset({9090})),
    "alertmanager": Expected(("prometheus-alertmanager",), frozenset({9093})),
    "probe": Expected(("prometheus-blackbox-exporter",), frozenset({9115})),
    "edge": Expected(("sh", "/etc/haproxy/start.sh"), frozenset({8000, 8080, 8404, 8443})),
    "postgresql": Expected(("sh", "/usr/local/lib/postgresql.sh"), frozenset({5432})),
    "deployer": Expected(("python3", "-m", "mnist_deploy"), frozenset(), serves=False),
    "postgres-exporter": Expected(("prometheus-postgres-exporter",), frozenset()),
    "node-exporter": Expected(("prometheus-node-exporter",), frozenset()),
    "process-exporter": Expected(("prometheus-process-exporter",), frozenset()),
}
READ = f'python3 /layers.py /image.tar >"{REPORTS}/$0.json"'


async def image_structure(session: Session) -> Outcome:
    """Structure: user, command, ports, health check, rights, secrets and size of every image."""
    read: dict[str, int] = {}

    async def kept(name: str) -> Outcome:
        outcome = await held(session, name)
        read[name] = outcome.verdict.counts.get("megabytes", 0)
        return outcome

    outcome = await joined({name: kept(name) for name in FOLDERS})
    now = {name: read[name] for name in FOLDERS if read.get(name)}
    told = trend(sizes(session.text(SIZES)), now)
    return replace(outcome, files=outcome.files.with_new_file("sizes.md", told))


async def held(session: Session, name: str) -> Outcome:
    """One image, held to what it must be."""
    known = sizes(session.text(SIZES))
    if name not in IMAGES or name not in known:
        message = f"it is not said what the image must be: see IMAGES, and {SIZES}"
        return Outcome(not_run(message), dag.directory())
    program = Path(__file__).with_name("layers.py").read_text(encoding="utf-8")
    reader = python().with_new_file("/layers.py", program)
    reader = reader.with_mounted_file("/image.tar", tarball(session, name))
    recorder = await Recorder.around(session, reader)
    answers = await recorder.run("read", ["sh", "-c", READ, name]).answers()
    declared = session.text(f"{FOLDERS[name]}/Dockerfile")
    verdicts = {"image": judge(answers.text(f"{name}.json"), IMAGES[name], known[name])}
    if IMAGES[name].serves:
        verdicts["Dockerfile"] = dockerfile.judge_healthcheck(declared, TARGETS[name])
    return answers.judged(combined(verdicts))
