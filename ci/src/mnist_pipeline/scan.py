"""The stage that scans: both served images and the source, by Trivy.

Contract: reports first, verdicts after, by gates; a scanner that misses what is planted for it is
never green. The remark "vulnerabilities" names the database that it goes by, and says "not run" and
why where there is none, or where it knows nothing of the old packages that are planted. The scanner
sees no secret of the pipeline. Does not know the running stack, nor where the database comes from.
"""

from collections.abc import Collection
from datetime import date

import dagger
from dagger import dag

from mnist_pipeline.advisories import CACHE, QUIET, with_database
from mnist_pipeline.app import APPS, tarball
from mnist_pipeline.containers import trivy
from mnist_pipeline.containers.recorder import REPORTS, Answers, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates.accepted import Acceptance, acceptances
from mnist_pipeline.gates.trivy import (
    judge_canary,
    judge_image,
    judge_planted,
    judge_source,
    judge_vulnerabilities,
)
from mnist_pipeline.gates.verdicts import Verdict, combined

SETTINGS = ("trivy.yaml", "trivy-secret.yaml")
OFFLINE = ("--offline-scan", "--skip-check-update", "--skip-db-update")
# Assembled here so that no file of the source holds what the scanner looks for.
CANARY_KEY = f"-----BEGIN {'RSA PRIVATE'} KEY-----\n{'MIIEpAIBAAKCAQEA' * 8}\n" + (
    f"-----END {'RSA PRIVATE'} KEY-----\n"
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
}
OLD_PACKAGES = ("openssl", "urllib3")  # every database knows vulnerabilities of these versions
BILLS = ("sbom.json", "sbom-spdx.json")  # CycloneDX and SPDX


class BillAbsentError(RuntimeError):
    """A scan came without a bill of materials."""


async def scan(session: Session) -> Outcome:
    """Secrets, misconfiguration, licences, bills of materials, and known vulnerabilities."""
    images = {name: tarball(session, name) for name in APPS}
    scanning, database = await prepared(session, images.values())
    parts = {name: scanning.of_image(name, file) for name, file in images.items()}
    found = await joined(
        {**parts, "source": scanning.of_source(), "self-test": scanning.of_canary()}
    )
    files = found.files.with_directory("database", database.files)
    reasons = "\n".join([*database.verdict.reasons, ""])
    files = files.with_new_file("database/database.txt", reasons)
    remark = scanning.vulnerable(database.verdict)
    return Outcome(found.verdict, files, found.origins, {"vulnerabilities": remark})


async def rescanned(session: Session, name: str, file: dagger.File) -> Verdict:
    """The verdict on an image that was published, by what is known today; never green without."""
    scanning, database = await prepared(session, [file])
    parts = {name: scanning.of_image(name, file), "self-test": scanning.of_canary()}
    found = await joined(parts)
    known = scanning.vulnerable(database.verdict)
    return combined({"image": found.verdict, "vulnerabilities": known})


async def prepared(session: Session, images: Collection[dagger.File]) -> tuple["Scanning", Outcome]:
    """The scanner with its settings, and its database; the images are made in the meantime."""
    scanner = await trivy(images)
    for name in SETTINGS:
        scanner = scanner.with_file(f"/{name}", session.file(f"ci/{name}"))
    accepted = acceptances(session.text("ci/accepted-findings.toml"))
    scanner, database = await with_database(session, scanner)
    known = database.verdict.passed
    return Scanning(session, scanner, accepted, session.day, vulnerabilities=known), database


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
        self.canary = ""  # the report on what is planted

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
        planted = judge_planted(self.canary, OLD_PACKAGES)
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
        answers = await self.scanned(container, "source", "fs", *options)
        text, known = self.reports["source"], self.vulnerabilities
        return answers.judged(judge_source(text, self.accepted, self.today, vulnerabilities=known))

    async def of_canary(self) -> Outcome:
        """Scans planted faults: a scanner that misses them is blind."""
        planted = self.scanner
        for path, content in CANARY.items():
            planted = planted.with_new_file(f"/src/{path}", content)
        scanners = "--scanners=secret,misconfig" + (",vuln" if self.vulnerabilities else "")
        output = ("--format=json", f"--output={REPORTS}/trivy.json")
        command = ["trivy", "fs", scanners, *output, *QUIET, *OFFLINE, "/src"]
        answers = (
            await (await Recorder.around(self.session, planted)).run("scan", command).answers()
        )
        self.canary = answers.text("trivy.json")
        return answers.judged(judge_canary(self.canary))
