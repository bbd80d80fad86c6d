"""The database of vulnerabilities that the scanner is given: official, a mirror's, or made here.

Contract: the verdict is green where there is a database, and its first reason says which one, of
which day, and what it does not know. A database is asked for, and made, once a day; the one that is
made here knows the packages of the images that it is made for. Does not know what is scanned.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import dagger
from dagger import dag

from mnist_pipeline.containers import base, go
from mnist_pipeline.containers.recorder import REPORTS, Answers, Recorder
from mnist_pipeline.containers.session import Outcome, Session, attempt
from mnist_pipeline.gates import advisories, changelogs
from mnist_pipeline.gates.advisories import Choice
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.trivy import judge_database
from mnist_pipeline.gates.verdicts import not_run

CACHE = "/trivy"
DATABASE = f"{CACHE}/db"
QUIET = ("--quiet", "--skip-version-check", "--disable-telemetry", "--cache-dir", CACHE)
CHOICE = "ci/vulnerabilities.toml"
PROGRAM = "ci/advisories"
LIST = f"{PROGRAM}/python.toml"
FACTS = "facts.json"
DOWNLOAD_SECONDS = 180
CHANGELOGS_SECONDS = 600
UNSETTLED = 256  # no answer is an answer, too: then there is no database today
Images = Mapping[str, dagger.Container]  # by name
Given = tuple[dagger.Container, Outcome]  # the scanner, and what became of its database
STATE = f"if test -f {DATABASE}/metadata.json; then cp {DATABASE}/metadata.json {REPORTS}; fi"


async def with_database(session: Session, scanner: dagger.Container, images: Images) -> Given:
    """The scanner with today's database, or without one and the reason why."""
    choice = advisories.choice(session.text(CHOICE))
    if choice.database == advisories.OFFLINE:
        return await with_offline(session, scanner, images)
    asked, outcome = await with_download(session, scanner, choice)
    if outcome.verdict.passed or choice.otherwise == advisories.NONE:
        return asked, outcome
    made, instead = await with_offline(session, scanner, images)
    files = instead.files.with_directory("asked", outcome.files)
    verdict = advisories.instead(instead.verdict, outcome.verdict)
    return made, Outcome(verdict, files, outcome.origins | instead.origins)


async def with_download(session: Session, scanner: dagger.Container, choice: Choice) -> Given:
    """The scanner with the database that is asked for; the last one where none comes."""
    volume = dag.cache_volume(f"trivy-database-{choice.database.replace('/', '-')}")
    asking = daily(session, scanner).with_mounted_cache(DATABASE, volume)
    download = ["trivy", "image", "--download-db-only", *QUIET[1:], *choice.options]
    answers = await (
        (await Recorder.around(session, asking))
        .run("download", download, DOWNLOAD_SECONDS, UNSETTLED)
        .run("keep", ["sh", "-c", STATE])
        .answers()
    )
    state, reason = answers.text("metadata.json"), last_line(answers.log("download"))
    verdict = judge_database(choice.name, state, reason, session.day)
    # The file tells the engine of what it cannot see: what is in the volume.
    scanner = scanner.with_new_file("/database.json", state).with_mounted_cache(DATABASE, volume)
    return scanner, answers.judged(verdict)


async def with_offline(session: Session, scanner: dagger.Container, images: Images) -> Given:
    """The scanner with the database that is made here."""
    outcome = await attempt(offline(session, scanner, images))
    if outcome.verdict.passed and outcome.container:
        scanner = scanner.with_directory(DATABASE, outcome.container.directory(DATABASE))
    return scanner, outcome


async def offline(session: Session, scanner: dagger.Container, images: Images) -> Outcome:
    """A database of what Debian's changelogs and the list for Python tell."""
    known = advisories.curated(session.text(LIST))
    gathered = await changelogs_of(session, images)
    found = {path.stem: unpacked(path) for path in gathered.copies.glob("changelogs/*.gz")}
    files = gathered.files.without_directory("changelogs")
    if gathered.exit_code("changelogs") or not found:
        reason = last_line(gathered.log("changelogs"))
        return Outcome(not_run(f"no changelog could be had: {reason}"), files)
    facts = advisories.facts(changelogs.all_fixes(found), known)
    written = await written_by_trivy(session, scanner, facts)
    state, reason = written.text("metadata.json"), last_line(written.log("write"))
    missing = gathered.text("changelogs/missing").split()
    verdict = judge_database("offline database", state, reason, session.day)
    verdict = advisories.limited(verdict, len(found), missing, known)
    files = files.with_directory("written", written.files)
    files = files.with_new_file("limits.txt", advisories.LIMITS)
    origins = frozenset({gathered.origin, written.origin})
    return Outcome(verdict, files, origins, container=written.container)


async def changelogs_of(session: Session, images: Images) -> Answers:
    """The changelogs of every source package in the images, of its newest version."""
    container = base().with_directory(REPORTS, dag.directory())
    for name, image in images.items():
        status = await image.file("/var/lib/dpkg/status").contents()
        container = container.with_file(f"/status/{name}/status", as_file(f"{name}.status", status))
    script = Path(__file__).with_name("changelogs.sh").read_text()
    container = container.with_new_file("/changelogs.sh", script)
    command = ["sh", "/changelogs.sh", "/status", f"{REPORTS}/changelogs"]
    recorder = await Recorder.around(session, daily(session, container))
    return await recorder.run("changelogs", command, CHANGELOGS_SECONDS, UNSETTLED).answers()


async def written_by_trivy(session: Session, scanner: dagger.Container, facts: str) -> Answers:
    """The database, written by the library that the scanner reads it with."""
    modules = session.folder(PROGRAM, include=["go.mod", "go.sum", "main.go"])
    program = go.compiled(modules, ".")
    container = scanner.with_file("/usr/local/bin/advisories", program, permissions=0o755)
    container = container.with_file(f"{REPORTS}/{FACTS}", as_file(FACTS, facts))
    write = ["advisories", f"{REPORTS}/{FACTS}", DATABASE]
    recorder = await Recorder.around(session, daily(session, container))
    return await recorder.run("write", write).run("keep", ["sh", "-c", STATE]).answers()


def as_file(name: str, text: str) -> dagger.File:
    """A text that is too long for an argument of a call, as a file that is known by its content."""
    place = Path(uuid4().hex, name)  # for another part of the call may write the like meanwhile
    place.parent.mkdir()
    place.write_text(text, encoding="utf-8")
    return dag.current_module().workdir_file(str(place))


def daily(session: Session, container: dagger.Container) -> dagger.Container:
    """A container whose commands the engine does not remember from another day."""
    return container.with_env_variable("DATABASE_DAY", session.day.isoformat())


def unpacked(path: Path) -> str:
    """A changelog, read; some old names in them are in no known encoding."""
    return gzip.decompress(path.read_bytes()).decode(errors="replace")
