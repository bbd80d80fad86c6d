"""What is to be released: the images as they were tested, and the evidence about them.

Contract: the images are the very ones that the stages of this call looked at, or that the engine
remembers having looked at; what the scanner was given and what will be pushed must have one
configuration, so evidence of another build is found out. An answer without a time is as old as can
be. Does not know registries or keys.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import dagger
from dagger import dag

from mnist_pipeline import stages
from mnist_pipeline.app import APPS
from mnist_pipeline.containers import debian
from mnist_pipeline.containers.session import Session
from mnist_pipeline.gates import release
from mnist_pipeline.gates.policy import Check, Evidence, Ruling
from mnist_pipeline.gates.records import record
from mnist_pipeline.gates.release import Layout, Origin
from mnist_pipeline.registry import digests, packed

SCAN = "scan"
REMARKS = {"vulnerabilities": SCAN, "advisories": "dependencies"}  # for which a policy may ask, too
CHECKS = (*stages.STAGES, *REMARKS)
HISTORY = ("HEAD", "objects", "refs", "packed-refs", "shallow")  # of a git folder, and no settings
SECONDS_OF_UNKNOWN = 0.0  # the beginning of time: an answer that does not say when it was made
GIT = {
    "commit": "rev-parse --verify HEAD",
    "shallow": "rev-parse --is-shallow-repository",
    "describe": "describe --tags --long --match='v[0-9]*' --always",
    "count": "rev-list --count HEAD",
    "status": "status --porcelain",
    "subject": "log -1 --format='%s'",
    "committed": "log -1 --format='%cI'",
    "changes": "log --format='%s' HEAD --not "  # and so in no earlier version
    "$(git tag --list 'v[0-9]*' --merged HEAD --no-contains HEAD) --",
}
GIT_SETTINGS = {  # the folder belongs to another user, which git asks about
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


@dataclass(frozen=True)
class Candidate:
    """Images with all that is known about them."""

    found: stages.Evidence
    evidence: Evidence
    sums: str  # every file that the stages left, with its sha256
    packed: dict[str, dagger.Directory]
    layouts: dict[str, Layout]
    sboms: dict[str, dict[str, Any]]
    same: Ruling  # whether what was scanned is what is here

    @property
    def session(self) -> Session:
        """The session in which it was found."""
        return self.found.session


async def origin(session: Session, git_dir: dagger.Directory) -> Origin:
    """What git says about the tree that is built."""
    container = (
        debian("git")
        .with_directory("/src", session.folder())
        .with_directory("/src/.git", git_dir)
        .with_workdir("/src")
    )
    for name, value in GIT_SETTINGS.items():
        container = container.with_env_variable(name, value)
    keep = "".join(f"git {command} >/answers/{name}\n" for name, command in GIT.items())
    done = container.with_directory("/answers", dag.directory()).with_exec(
        ["sh", "-ec", keep], expect=dagger.ReturnType.ANY
    )
    if await done.exit_code():
        raise release.HistoryUnusableError(release.unusable(await done.stderr()))
    answers = done.directory("/answers")
    return release.origin({name: await answers.file(name).contents() for name in GIT})


def history_of(git_dir: dagger.Directory) -> dagger.Directory:
    """A git folder as the stages take it: its commits, without settings."""
    return dag.directory().with_directory(".git", git_dir.filter(include=[*HISTORY]))


async def candidate(
    source: dagger.Directory,
    history: dagger.Directory,
    known: Origin,
    checks: Collection[str],
    *,
    fresh: bool,
) -> Candidate:
    """Runs the stages that the checks are of, or takes the engine's answers, and reads them."""
    wanted = {REMARKS.get(name, name) for name in (*checks, SCAN)}
    found = await stages.run(source, sorted(wanted), fresh=fresh, history=history)
    folder = Path(mkdtemp())
    await found.files.export(str(folder))
    judged: dict[str, Check] = {}
    for result in found.results:
        began = made(folder / result.stage)
        for name, verdict in {result.stage: result.verdict, **result.remarks}.items():
            judged[name] = Check(verdict.status, began, next(iter(verdict.reasons), ""))
    for name, stage in REMARKS.items():  # what was not remarked on ran, and counts in its stage
        if stage in judged:
            judged.setdefault(name, judged[stage])
    images = {name: packed(found.session, name) for name in APPS}
    layouts = {name: await digests(image) for name, image in images.items()}
    manifests = {name: layout.manifest for name, layout in layouts.items()}
    sums = release.sums(contents(folder))
    digest = sha256(sums.encode()).hexdigest()
    evidence = Evidence(
        judged, known.commit, known.version, known.clean, digest, manifests, known.committed
    )
    sboms = {name: loaded(folder / SCAN / name / "sbom.json") for name in APPS}
    return Candidate(found, evidence, sums, images, layouts, sboms, same(folder, layouts))


def made(folder: Path) -> float:
    """When the oldest recorded command of a stage began."""
    records = (record(path.read_text()) for path in folder.rglob("*.record.json"))
    return min((found.started for found in records), default=SECONDS_OF_UNKNOWN)


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder with its sha256."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def loaded(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the stage left none, which its verdict tells."""
    found = json.loads(path.read_text()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def same(folder: Path, layouts: dict[str, Layout]) -> Ruling:
    """Whether the scanner looked at the images that are here."""
    for name, layout in layouts.items():
        report = loaded(folder / SCAN / name / "trivy.json")
        scanned = report.get("Metadata", {}).get("ImageID", "no image")
        if scanned != layout.configuration:
            reason = f"{name} is {layout.configuration}, but the scanner looked at {scanned}"
            return Ruling("images", "refused", f"{reason}; run it anew with --fresh")
    return Ruling("images", "passed")
