"""Holds SARIF to the schema of its standard.

Contract: the schema is OASIS's own, as a Go module carries it whose checksum is committed; a report
that does not keep it is named with the first fault. Does not know which tool wrote a report.
"""

import dagger
from dagger import dag

from mnist_pipeline.containers import go, python_tools
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Session
from mnist_pipeline.gates import sarif

FOLDER = "ci/sarif"
MODULE = "github.com/owenrumney/go-sarif/v3@v3.3.1"  # nothing of it is compiled
PLACE = "pkg/report/v210/sarif/schema.go"  # in which the schema stands between backticks
CHECK = (
    "awk 'BEGIN { RS = \"`\" } NR == 2' /schema.go >/tmp/schema.json && check-jsonschema "
    f'--schemafile /tmp/schema.json --output-format json "$@" >{REPORTS}/said.json'
)


def schema(session: Session) -> dagger.File:
    """The schema of SARIF 2.1.0, in a file of Go."""
    modules = session.folder(FOLDER, include=["go.mod", "go.sum"])
    return go.carried(modules, MODULE, PLACE)


async def faults(session: Session, reports: dict[str, str]) -> dict[str, str]:
    """The first fault of each report that does not keep the standard, by its name.

    Raises:
        dagger.QueryError: the schema, or the program that reads it, cannot be had.
        ValueError: that program said nothing that can be read.
    """
    if not reports:
        return {}
    folder = dag.directory()
    files = {sarif.shelved(name): name for name in reports}
    for file, name in files.items():
        folder = folder.with_new_file(file, reports[name])
    tools = python_tools(session.file(f"{FOLDER}/requirements.lock"))
    container = (
        tools.with_mounted_file("/schema.go", schema(session))
        .with_mounted_directory("/sarif", folder)
        .with_workdir("/sarif")
    )
    recorder = await Recorder.around(session, container)
    answers = await recorder.run("check", ["sh", "-c", CHECK, "", *files]).answers()
    unfit = sarif.unfit(answers.text("said.json"), answers.log("check"))
    return {files[file]: fault for file, fault in unfit.items()}
