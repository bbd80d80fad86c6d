"""What the offline database of vulnerabilities is made of, and which database the user asks for.

Contract: a list of advisories that cannot be read raises, and so does a choice that is none. The
database says of itself where it comes from and what it does not know. Does not know how a scanner
reads it.
"""

import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date

from mnist_pipeline.gates.changelogs import Fix
from mnist_pipeline.gates.verdicts import Verdict

OFFICIAL, OFFLINE, NONE = "official", "offline", "none"
RELEASE = "debian 13"
SEVERITIES = ("low", "medium", "high", "critical")
DEBIAN = {
    "ID": "debian",
    "Name": "the changelogs of Debian's packages",
    "URL": "https://packages.debian.org/trixie/",
}
PYTHON = {
    "ID": "curated",
    "Name": "a short list of advisories, written by hand",
    "URL": "https://osv.dev/list?ecosystem=PyPI",
}
LIMITS = """\
It knows vulnerabilities that Debian has fixed in trixie and its security updates, of the packages
that the images have, and those of a short list for Python. It does not know what has no fix yet,
what a changelog fixes without naming it, nor anything of a package that is on neither list. Where a
changelog names a vulnerability without fixing it, that is taken for its fix. Severity of Debian's
is the urgency of the upload, and at least HIGH where the security team made it: no rating.
"""


class AdvisoriesMalformedError(ValueError):
    """The list of advisories, or the choice of a database, does not say what it must."""


@dataclass(frozen=True)
class Advisory:
    """In which versions of a Python package a vulnerability is."""

    id: str
    package: str
    vulnerable: tuple[str, ...]
    fixed: tuple[str, ...]
    severity: str
    title: str


@dataclass(frozen=True)
class Curated:
    """The list for Python, and the day on which it was last gone through."""

    checked: date
    advisories: tuple[Advisory, ...]


@dataclass(frozen=True)
class Choice:
    """The database that is asked for, and what is done where it cannot be had."""

    database: str  # official, offline, or the address of a mirror
    otherwise: str  # offline or none

    @property
    def name(self) -> str:
        """As reports call it."""
        return "official database" if self.database == OFFICIAL else f"mirror {self.database}"

    @property
    def options(self) -> list[str]:
        """What the scanner is told to download it by."""
        return [] if self.database == OFFICIAL else ["--db-repository", self.database]


def choice(toml: str) -> Choice:
    """Reads which database is asked for."""
    try:
        read = Choice(**tomllib.loads(toml))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        message = f"the choice of a vulnerability database cannot be read: {error}"
        raise AdvisoriesMalformedError(message) from error
    mirror = isinstance(read.database, str) and "/" in read.database
    if not mirror and read.database not in {OFFICIAL, OFFLINE}:
        message = f"database is {OFFICIAL}, {OFFLINE} or a mirror's address: {read.database!r}"
        raise AdvisoriesMalformedError(message)
    if read.otherwise not in {OFFLINE, NONE}:
        message = f"otherwise is {OFFLINE} or {NONE}, not {read.otherwise!r}"
        raise AdvisoriesMalformedError(message)
    return read


def curated(toml: str) -> Curated:
    """Reads the list for Python; every field must be there, filled, and of its kind."""
    try:
        table = tomllib.loads(toml)
        listed = tuple(advisory(entry) for entry in table["advisories"])
        checked = table["checked"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        message = f"the advisories for Python cannot be read: {error!r}"
        raise AdvisoriesMalformedError(message) from error
    if type(checked) is not date or not listed:
        message = "the advisories for Python have a date as `checked`, and are not none"
        raise AdvisoriesMalformedError(message)
    return Curated(checked, listed)


def advisory(entry: Mapping[str, object]) -> Advisory:
    """Reads one entry."""
    names = {field.name for field in fields(Advisory)}
    if set(entry) != names or not all(entry.values()):
        message = f"an advisory has exactly the fields {sorted(names)}, filled: {entry}"
        raise AdvisoriesMalformedError(message)
    texts = {name: str(value) for name, value in entry.items() if isinstance(value, str)}
    lists = {name: texts_of(value) for name, value in entry.items() if isinstance(value, list)}
    if set(lists) != {"vulnerable", "fixed"} or texts["severity"] not in SEVERITIES:
        message = f"an advisory has lists of versions, and one of {SEVERITIES}: {entry}"
        raise AdvisoriesMalformedError(message)
    return Advisory(**texts, **lists)  # type: ignore[arg-type]  # the names were compared above


def texts_of(values: Collection[object]) -> tuple[str, ...]:
    """Values that are texts all."""
    return tuple(str(value) for value in values)


def facts(fixes: Mapping[str, Mapping[str, Fix]], known: Curated) -> str:
    """All that is known, in JSON, for the program that writes the database."""
    debian = [
        {
            "ID": cve,
            "Package": source,
            "Severity": fix.severity,
            "Title": f"fixed by {source} {fix.version}, says Debian's changelog",
            "Link": f"https://security-tracker.debian.org/tracker/{cve}",
            "FixedVersion": fix.version,
        }
        for source, fixed in fixes.items()
        for cve, fix in sorted(fixed.items())
    ]
    python = [
        {
            "ID": entry.id,
            "Package": entry.package,
            "Severity": entry.severity.upper(),
            "Title": entry.title,
            "Link": f"https://osv.dev/vulnerability/{entry.id}",
            "VulnerableVersions": entry.vulnerable,
            "PatchedVersions": entry.fixed,
        }
        for entry in known.advisories
    ]
    buckets = [
        {"Name": RELEASE, "Source": DEBIAN, "Advisories": debian},
        {"Name": "pip::curated", "Source": PYTHON, "Advisories": python},
    ]
    return json.dumps(buckets, ensure_ascii=False)


def limited(database: Verdict, sources: int, missing: Collection[str], known: Curated) -> Verdict:
    """The verdict on the database that is made here, with what it knows and that it is all."""
    if not database.passed:
        return database
    number = len(known.advisories)
    of_python = f"{number} advisories for Python, nothing else"
    reasons = [f"{database.reasons[0]}: changelogs of {sources} sources, {of_python}"]
    reasons.append(f"the advisories for Python are of {known.checked}")
    if missing:
        reasons.append(f"no changelog could be had of {', '.join(sorted(missing))}")
    return Verdict("green", tuple(reasons))


def instead(made: Verdict, asked: Verdict) -> Verdict:
    """The verdict on a database that stands in for the one that was asked for."""
    first, second = (made, asked) if made.passed else (asked, made)
    return Verdict(made.status, (*first.reasons, *second.reasons))
