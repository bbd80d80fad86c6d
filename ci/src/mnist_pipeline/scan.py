"""The stage that scans: both served images and the source, by Trivy.

Contract: reports first, verdicts after, by gates; a scanner that misses what is planted for it is
never green, nor is a statement of ours that suppresses nothing. The remark "vulnerabilities" names
the database that it goes by, and says "not run" and why where there is none, or where it knows
nothing of the old packages that are planted. The scanner sees no secret of the pipeline. Does not
know the running stack, nor where the database comes from.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import dagger
from dagger import dag

from mnist_pipeline.advisories import CACHE, QUIET, Given, Images, with_database
from mnist_pipeline.app import APPS, archived, image
from mnist_pipeline.containers import base, trivy
from mnist_pipeline.containers.recorder import REPORTS, Answers, Recorder
from mnist_pipeline.containers.session import Outcome, Session, as_one, joined, together
from mnist_pipeline.gates import vex
from mnist_pipeline.gates.accepted import Acceptance, acceptances
from mnist_pipeline.gates.trivy import (
    SOURCE,
    judge_canary,
    judge_image,
    judge_planted,
    judge_source,
    judge_statements,
    judge_vulnerabilities,
)
from mnist_pipeline.gates.verdicts import Verdict, combined

SCANNED = (*APPS, SOURCE)  # the targets that there are
STATEMENTS = Path(vex.FILE).name
SETTINGS = ("trivy.yaml", "trivy-secret.yaml", STATEMENTS)
OFFLINE = ("--offline-scan", "--skip-check-update", "--skip-db-update")
STATED = ("--show-suppressed", "--vex")  # and the file with the statements
# Assembled here so that no file of the source holds what the scanner looks for.
CANARY_KEY = f"-----BEGIN {'RSA PRIVATE'} KEY-----\n{'MIIEpAIBAAKCAQEA' * 8}\n" + (
    f"-----END {'RSA PRIVATE'} KEY-----\n"
)
FORBIDDEN = ("AGPL-3.0-only", "SSPL-1.0")  # of the second one only our own classification says so
CANARY_STATEMENT = {
    "vulnerability": {"name": "CVE-2021-33503"},
    "products": [{"@id": "pkg:pypi/urllib3@1.26.4"}],
    "status": vex.NOT_AFFECTED,
    "justification": "vulnerable_code_not_in_execute_path",
    "impact_statement": "This package is planted and never run.",
}
CANARY_STATEMENTS = json.dumps(
    {
        "@context": vex.CONTEXT,
        "@id": "https://mnist.example.org/vex/planted",
        "author": "The self-test",
        "timestamp": "2026-11-29T00:00:00Z",
        "version": 1,
        "statements": [CANARY_STATEMENT],
    }
)
CANARY = {
    "id_rsa": CANARY_KEY,
    "Dockerfile": "FROM debian:trixie-slim\nUSER root\n",
    "etc/debian_version": "13.0\n",
    "etc/os-release": 'ID=debian\nVERSION_ID="13"\n',
    "var/lib/dpkg/status": (
        "Package: openssl\nStatus: install ok installed\nVersion: 3.0.0-1\n"
        "Architecture: amd64\nMaintainer: Debian OpenSSL Team <openssl@packages.debian.org>\n\n"
    ),
    "requirements.txt": "urllib3==1.26.4\n",
    **{
        f"usr/lib/python3/dist-packages/planted{number}-1.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: planted{number}\nVersion: 1\nLicense: {licence}\n"
        )
        for number, licence in enumerate(FORBIDDEN)
    },
}
OLD_PACKAGES = ("openssl", "urllib3")  # every database knows vulnerabilities of these versions
BILLS = ("sbom.json", "sbom-spdx.json")  # CycloneDX and SPDX
Database = Callable[[Session, dagger.Container, Images], Awaitable[Given]]


class BillAbsentError(RuntimeError):
    """A scan came without a bill of materials."""


async def scan(session: Session) -> Outcome:
    """Secrets, misconfiguration, licences, bills of materials, and known vulnerabilities."""
    images = {name: image(session, name) for name in APPS}
    archives = {name: archived(container) for name, container in images.items()}
    scanning, database = await prepared(session, await trivy(archives.values()), images)
    parts = {name: scanning.of_image(name, file) for name, file in archives.items()}
    outcomes = await together(
        {**parts, SOURCE: scanning.of_source(), "self-test": scanning.of_canary()}
    )
    found = as_one({**outcomes, "vex": scanning.of_statements()})
    files = found.files.with_directory("database", database.files)
    reasons = "\n".join([*database.verdict.reasons, ""])
    files = files.with_new_file("database/database.txt", reasons)
    remark = scanning.vulnerable(database.verdict)
    return Outcome(found.verdict, files, found.origins, {"vulnerabilities": remark})


async def rescanned(session: Session, name: str, container: dagger.Container) -> Verdict:
    """The verdict on an image that was published, by what is known today; never green without."""
    file = archived(container)
    scanning, database = await prepared(session, await trivy([file]), {name: container})
    parts = {name: scanning.of_image(name, file), "self-test": scanning.of_canary()}
    found = await joined(parts)
    known = scanning.vulnerable(database.verdict)
    return combined({"image": found.verdict, "vulnerabilities": known})


async def source_by(session: Session, database: Database) -> Outcome:
    """The source alone, by a database of the caller's; never green without."""
    scanning, given = await prepared(session, await trivy(), {"base": base()}, database)
    found = await scanning.of_source()
    verdict = combined({SOURCE: found.verdict, "database": given.verdict})
    return replace(found, verdict=verdict)


async def prepared(
    session: Session,
    scanner: dagger.Container,
    images: Images,
    database: Database = with_database,
) -> tuple["Scanning", Outcome]:
    """The scanner with its settings, and its database, made for the images where it is made."""
    for name in SETTINGS:
        scanner = scanner.with_file(f"/{name}", session.file(f"ci/{name}"))
    accepted = acceptances(session.text("ci/accepted-findings.toml"), SCANNED)
    stated = vex.statements(session.text(vex.FILE))
    scanner, given = await database(session, scanner, images)
    known = given.verdict.passed
    return Scanning(session, scanner, accepted, stated, vulnerabilities=known), given


class Scanning:
    """The scanner, set up, with the findings that are accepted, or stated not to affect us."""

    def __init__(
        self,
        session: Session,
        scanner: dagger.Container,
        accepted: list[Acceptance],
        stated: list[vex.Statement],
        *,
        vulnerabilities: bool,
    ) -> None:
        self.session = session
        self.scanner = scanner
        self.accepted = accepted
        self.stated = stated
        self.vulnerabilities = vulnerabilities
        self.today = session.day
        self.reports: dict[str, str] = {}  # by target, as they come in
        self.canary = ""  # the report on what is planted

    async def scanned(self, container: dagger.Container, name: str, *command: str) -> Answers:
        """A scan, then its report in the other formats."""
        scanners = "secret,misconfig,license" + (",vuln" if self.vulnerabilities else "")
        report = f"{REPORTS}/trivy.json"
        kind, *options = command
        settings = ("--config=/trivy.yaml", *STATED, f"/{STATEMENTS}", *QUIET, *OFFLINE)
        scanning = (f"--scanners={scanners}", "--format=json", f"--output={report}", *settings)
        convert = ("trivy", "convert", "--quiet")
        recorder = await Recorder.around(self.session, container)
        answers = await (
            recorder.run("scan", ["trivy", kind, *scanning, *options])
            .run("sarif", [*convert, "--format=sarif", f"--output={REPORTS}/{name}.sarif", report])
            .run("sbom", [*convert, "--format=cyclonedx", f"--output={REPORTS}/sbom.json", report])
            .run(
                "spdx",
                [*convert, "--format=spdx-json", f"--output={REPORTS}/sbom-spdx.json", report],
            )
            .answers()
        )
        absent = [bill for bill in BILLS if not answers.text(bill)]
        if absent and answers.text("trivy.json"):
            message = f"Trivy made no {' and no '.join(absent)} of {name}"
            raise BillAbsentError(message)
        self.reports[name] = answers.text("trivy.json")
        return answers

    def vulnerable(self, database: Verdict) -> Verdict:
        """The verdict on vulnerabilities alone, once everything was scanned."""
        planted = judge_planted(self.canary, OLD_PACKAGES, vex.statements(CANARY_STATEMENTS))
        return judge_vulnerabilities(database, planted, self.reports, self.accepted, self.today)

    async def of_image(self, name: str, file: dagger.File) -> Outcome:
        """Scans an image as it is shipped; layers seen before are remembered."""
        cache = dag.cache_volume(f"trivy-{name}")
        container = self.scanner.with_mounted_cache(f"{CACHE}/fanal", cache)
        container = container.with_mounted_file("/image.tar", file)
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
        answers = await self.scanned(container, SOURCE, "fs", *options)
        text, known = self.reports[SOURCE], self.vulnerabilities
        return answers.judged(judge_source(text, self.accepted, self.today, vulnerabilities=known))

    def of_statements(self) -> Outcome:
        """Judges the statements, once everything was scanned: one that nobody needs is a fault."""
        known = self.vulnerabilities
        verdict = judge_statements(self.stated, self.reports, SCANNED, vulnerabilities=known)
        return Outcome(verdict, self.session.folder("ci", include=[STATEMENTS]))

    async def of_canary(self) -> Outcome:
        """Scans planted faults: a scanner that misses them is blind."""
        planted = self.scanner.with_new_file("/planted.openvex.json", CANARY_STATEMENTS)
        for path, content in CANARY.items():
            planted = planted.with_new_file(f"/src/{path}", content)
        settings = ("--format=json", *QUIET, *OFFLINE)
        scanners = "--scanners=secret,misconfig" + (",vuln" if self.vulnerabilities else "")
        stated = (*STATED, "/planted.openvex.json", f"--output={REPORTS}/trivy.json")
        classified = ("--config=/trivy.yaml", f"--output={REPORTS}/licences.json")
        recorder = await Recorder.around(self.session, planted)
        answers = await (
            recorder.run("scan", ["trivy", "fs", scanners, *settings, *stated, "/src"])
            # The only way without an image by which packages that are installed are looked at.
            .run(
                "licences",
                ["trivy", "rootfs", "--scanners=license", *settings, *classified, "/src"],
            )
            .answers()
        )
        self.canary = answers.text("trivy.json")
        return answers.judged(judge_canary(self.canary, answers.text("licences.json"), FORBIDDEN))
