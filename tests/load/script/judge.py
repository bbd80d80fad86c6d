"""Judges what needs more than an exit code, by the pipeline's own rules; raises where it is red.

    judge.py facts FOLDER LIST FILE   what changelogs tell of vulnerabilities, for the database
    judge.py structure FOLDER         what was read of each image's archive, as NAME.json there
    judge.py model FOLDER             the card of a training, and what lies beside it
    judge.py migrations FOLDER        the sources of the revisions
    judge.py textfiles FOLDER         writes what a pipeline and releases leave for an exporter
    judge.py rehearsal FILE           what deployments came to

Runs at the root of the tree.
"""

import gzip
import json
import sys
import time
from pathlib import Path

from mnist_pipeline.gates import (
    advisories,
    changelogs,
    dockerfile,
    ledger,
    migrations,
    model,
    rehearsal,
    structure,
    verdicts,
)
from mnist_pipeline.gates.verdicts import Verdict, combined


class RedError(RuntimeError):
    """A judgement is not green; the message is its reasons."""


def main(what: str, *paths: Path) -> Verdict | None:
    """Judge one kind of thing."""
    if what == "facts":
        folder, known, output = paths
        found = {
            path.stem: gzip.decompress(path.read_bytes()).decode(errors="replace")
            for path in folder.glob("*.gz")
        }
        fixes, curated = changelogs.all_fixes(found), advisories.curated(known.read_text())
        output.write_text(advisories.facts(fixes, curated))
        return None
    (path,) = paths
    if what == "structure":
        return combined({file.stem: of_image(file) for file in sorted(path.glob("*.json"))})
    if what == "textfiles":
        return textfiles(path)
    if what == "model":
        texts = {file.name: file.read_text(errors="replace") for file in path.iterdir()}
        replaced = Path("apps/backend/replaced.json").read_text()
        return model.judge(texts["card.json"], replaced, texts)
    if what == "migrations":
        return migrations.judge({file.name: file.read_text() for file in path.glob("*.py")})
    return rehearsal.judge(path.read_text(), 0, "")


def textfiles(folder: Path) -> None:
    """Write the same examples as the stage observability has."""
    from mnist_pipeline import observability  # noqa: PLC0415  it needs Dagger's client

    folder.mkdir(exist_ok=True)
    pipeline = verdicts.metrics(observability.EXAMPLE, time.time())
    (folder / "pipeline.prom").write_text(pipeline)
    now = observability.RELEASED + 3 * observability.HOUR
    (folder / "delivery.prom").write_text(ledger.prometheus(observability.LEDGER, now))


def of_image(file: Path) -> Verdict:
    """The verdict on an image, whose base may name the registries of the machine that made it."""
    from mnist_pipeline.app import FOLDERS, TARGETS  # noqa: PLC0415  they need Dagger's client
    from mnist_pipeline.structure import IMAGES  # noqa: PLC0415

    name, read = file.stem, json.loads(file.read_text())
    variables = read["config"].get("Env") or []
    read["config"]["Env"] = [
        each for each in variables if each.partition("=")[0] not in structure.REGISTRIES
    ]
    known = structure.sizes(Path(structure.SIZES).read_text())
    judged = {"image": structure.judge(json.dumps(read), IMAGES[name], known[name])}
    if IMAGES[name].serves:
        declared = Path(FOLDERS[name], "Dockerfile").read_text()
        judged["Dockerfile"] = dockerfile.judge_healthcheck(declared, TARGETS[name])
    return combined(judged)


if __name__ == "__main__":
    verdict = main(sys.argv[1], *map(Path, sys.argv[2:]))
    if verdict and not verdict.passed:
        raise RedError("\n".join(verdict.reasons))
