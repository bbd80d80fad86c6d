"""Reads what Debian's changelogs tell of vulnerabilities: which version of a source fixed which.

Contract: a vulnerability is fixed by the highest version whose entry names it, which is the safe
side; a version that the archive never had, for it was rebuilt or taken back, is replaced by the one
that it had. Changelogs know no severity: it is the urgency of the upload, and at least "high" where
the security team made it. What an entry names without fixing it is misread, and what has no fix
yet is not known. Does not know where changelogs come from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HEAD = re.compile(r"^(\S+) \((\S+)\) ([^;\n]+);.*?urgency=(\w+)", re.MULTILINE | re.IGNORECASE)
CVE = re.compile(r"\bCVE-\d{4}-\d{4,}\b", re.IGNORECASE)
PARTS = re.compile(r"(\D*)(\d*)")
SEVERITIES = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
GRAVE = {"emergency", "critical"}
REBUILT = "~deb"  # 1.2-3~deb13u1 is 1.2-3, built again for a release


class ChangelogMalformedError(ValueError):
    """What should be a changelog of a source package is not one."""


@dataclass(frozen=True)
class Entry:
    """One version of a source package, and the vulnerabilities that its entry names."""

    version: str
    severity: str
    names: frozenset[str]


@dataclass(frozen=True)
class Fix:
    """The version from which on a vulnerability is gone, and how grave it was taken to be."""

    version: str
    severity: str


def entries(source: str, changelog: str) -> Iterator[Entry]:
    """The entries of a source package, newest first; of other packages' names it once had, none."""
    heads = list(HEAD.finditer(changelog))
    ends = [*(head.start() for head in heads[1:]), len(changelog)]
    for head, end in zip(heads, ends, strict=False):
        name, version, distribution, urgency = head.groups()
        if name == source:
            named = CVE.findall(changelog, head.end(), end)
            severity = severity_of(distribution, urgency.lower())
            yield Entry(version, severity, frozenset(cve.upper() for cve in named))


def severity_of(distribution: str, urgency: str) -> str:
    """How grave an upload was taken to be; an urgency that is not known is none."""
    if urgency in GRAVE:
        return "CRITICAL"
    if any(suite.endswith("-security") for suite in distribution.split()):
        return "HIGH"
    return SEVERITIES.get(urgency, "UNKNOWN")


def fixes(source: str, changelog: str) -> dict[str, Fix]:
    """What the newest package's changelog tells, by vulnerability.

    Raises:
        ChangelogMalformedError: no entry is of that source package.
    """
    known = list(entries(source, changelog))
    if not known:
        message = f"the changelog of {source} has no entry of it"
        raise ChangelogMalformedError(message)
    newest = known[0].version
    found: dict[str, Fix] = {}
    above = newest
    for entry in known:
        version = above if above.startswith(entry.version + REBUILT) else entry.version
        version = min(version, newest, key=ordering)
        for cve in entry.names:
            if cve not in found or ordering(version) > ordering(found[cve].version):
                found[cve] = Fix(version, entry.severity)
        above = entry.version
    return found


def ordering(version: str) -> tuple[int, object, object]:
    """By which versions of Debian's packages are sorted, as its policy says."""
    epoch, _, rest = version.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch or 0), parts(upstream), parts(revision)


def parts(text: str) -> list[tuple[list[int], int]]:
    """A text as pairs of signs and number, which are compared one after the other."""
    return [([*map(rank, letters), 0], int(digits or 0)) for letters, digits in PARTS.findall(text)]


def rank(letter: str) -> int:
    """Where a sign stands: a tilde before the end, which is 0, and letters before all others."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def all_fixes(changelogs: Mapping[str, str]) -> dict[str, dict[str, Fix]]:
    """What the changelogs tell, by source package."""
    return {source: fixes(source, text) for source, text in sorted(changelogs.items())}
