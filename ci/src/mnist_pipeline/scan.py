"""The stage that scans: both served images and the source, by Trivy.

Contract: reports first, verdicts after, by gates; a scanner that misses what is planted for it is
never green. Vulnerabilities are judged where a database can be had; where not, the remark
"vulnerabilities" says "not run" and why. The scanner sees no secret of the pipeline. Does not know
the running stack.
"""

from datetime import UTC, date, datetime

import dagger
from dagger import dag

from mnist_pipeline.app import APPS, tarball
from mnist_pipeline.containers import trivy
from mnist_pipeline.containers.recorder import REPORTS, Answers, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates.accepted import Acceptance, acceptances
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.trivy import (
    judge_canary,
    judge_database,
    judge_image,
    judge_source,
    judge_vulnerabilities,
)
from mnist_pipeline.gates.verdicts import Verdict

SETTINGS = ("trivy.yaml", "trivy-secret.yaml")
CACHE = "/trivy"
DATABASE = f"{CACHE}/db"
DATABASE_LIMIT_SECONDS = 180
QUIET = ("--quiet", "--skip-version-check", "--disable-telemetry", "--cache-dir", CACHE)
OFFLINE = ("--offline-scan", "--skip-check-update", "--skip-db-update")
# Assembled here so that no file of the source holds what the scanner looks for.
CANARY_KEY = f"-----BEGIN {'RSA PRIVATE'} KEY-----\n{'MIIEpAIBAAKCAQEA' * 8}\n" + (
    f"-----END {'RSA PRIVATE'} KEY-----\n"
)
CANARY_DOCKERFILE = "FROM debian:trixie-slim\nUSER root\n"


async def scan(session: Session) -> Outcome:
    """Secrets, misconfiguration, licences, bills of materials, and known vulnerabilities."""
    scanner = await trivy([tarball(session, name) for name in APPS])
    for name in SETTINGS:
        scanner = scanner.with_file(f"/{name}", session.file(f"ci/{name}"))
    accepted = acceptances(session.text("ci/accepted-findings.toml"))
    today = datetime.fromtimestamp(session.started, tz=UTC).date()
    files, scanner, database = await with_database(session, scanner, today)
    scanning = Scanning(session, scanner, accepted, today, vulnerabilities=database.passed)
    parts = {name: scanning.of_image(name) for name in APPS}
    found = await joined(
        {**parts, "source": scanning.of_source(), "self-test": scanning.of_canary()}
    )
    remark = judge_vulnerabilities(database, scanning.reports, accepted, today)
    files = found.files.with_directory("database", files)
    return Outcome(found.verdict, files, found.origins, {"vulnerabilities": remark})


async def with_database(
    session: Session, scanner: dagger.Container, today: date
) -> tuple[dagger.Directory, dagger.Container, Verdict]:
    """The scanner with today's vulnerability database, or without one and the reason why."""
    volume = dag.cache_volume("trivy-database")
    asking = scanner.with_mounted_cache(DATABASE, volume)
    asking = asking.with_env_variable("DATABASE_DAY", today.isoformat())
    download = ["trivy", "image", "--download-db-only", *QUIET[1:]]
    metadata = f"{REPORTS}/metadata.json"
    keep = f"if test -f {DATABASE}/metadata.json; then cp {DATABASE}/metadata.json {metadata}; fi"
    answers = await (
        (await Recorder.around(session, asking))
        .run("download", download, DATABASE_LIMIT_SECONDS, unsettled=256)
        .run("keep", ["sh", "-c", keep])
        .answers()
    )
    state = answers.text("metadata.json")
    verdict = judge_database(state, last_line(answers.log("download")), today)
    scanner = scanner.with_new_file("/database.json", state).with_mounted_cache(DATABASE, volume)
    return answers.files, scanner, verdict


class Scanning:
    """The scanner, set up, with the findings that are accepted."""

    def __init__(
        self,
        session: Session,
        scanner: dagger.Container,
        accepted: list[Acceptance],
        today: date,
        *,
        vulnerabilities: bool,
    ) -> None:
        self.session = session
        self.scanner = scanner
        self.accepted = accepted
        self.vulnerabilities = vulnerabilities
        self.today = today
        self.reports: dict[str, str] = {}  # by target, as they come in

    async def scanned(self, container: dagger.Container, name: str, *command: str) -> Answers:
        """A scan, then its report in the other formats."""
        scanners = "secret,misconfig,license" + (",vuln" if self.vulnerabilities else "")
        report = f"{REPORTS}/trivy.json"
        kind, *options = command
        settings = ("--config=/trivy.yaml", "--format=json", f"--output={report}", *QUIET, *OFFLINE)
        convert = ("trivy", "convert", "--quiet")
        recorder = await Recorder.around(self.session, container)
        answers = await (
            recorder.run("scan", ["trivy", kind, f"--scanners={scanners}", *settings, *options])
            .run("sarif", [*convert, "--format=sarif", f"--output={REPORTS}/{name}.sarif", report])
            .run("sbom", [*convert, "--format=cyclonedx", f"--output={REPORTS}/sbom.json", report])
            .answers()
        )
        self.reports[name] = answers.text("trivy.json")
        return answers

    async def of_image(self, name: str) -> Outcome:
        """Scans an image as it is shipped; layers seen before are remembered."""
        cache = dag.cache_volume(f"trivy-{name}")
        container = self.scanner.with_mounted_cache(f"{CACHE}/fanal", cache)
        container = container.with_mounted_file("/image.tar", tarball(self.session, name))
        options = ("--input=/image.tar", "--image-config-scanners=misconfig,secret")
        answers = await self.scanned(container, name, "image", *options)
        text, known = self.reports[name], self.vulnerabilities
        verdict = judge_image(text, name, self.accepted, self.today, vulnerabilities=known)
        return answers.judged(verdict)

    async def of_source(self) -> Outcome:
        """Scans every file of the source."""
        container = self.scanner.with_mounted_directory("/src", self.session.folder())
        locks = "--file-patterns=pip:requirements[^/]*\\.lock"
        options = (locks, "--secret-config=/trivy-secret.yaml", "/src")
        answers = await self.scanned(container, "source", "fs", *options)
        text, known = self.reports["source"], self.vulnerabilities
        return answers.judged(judge_source(text, self.accepted, self.today, vulnerabilities=known))

    async def of_canary(self) -> Outcome:
        """Scans planted faults: a scanner that misses them is blind."""
        planted = self.scanner.with_new_file("/src/id_rsa", CANARY_KEY)
        planted = planted.with_new_file("/src/Dockerfile", CANARY_DOCKERFILE)
        output = ("--format=json", f"--output={REPORTS}/trivy.json")
        command = ["trivy", "fs", "--scanners=secret,misconfig", *output, *QUIET, *OFFLINE, "/src"]
        answers = (
            await (await Recorder.around(self.session, planted)).run("scan", command).answers()
        )
        return answers.judged(judge_canary(answers.text("trivy.json")))
