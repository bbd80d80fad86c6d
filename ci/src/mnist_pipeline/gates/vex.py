"""Statements in OpenVEX that a vulnerability of a package does not affect what is scanned.

Contract: a statement names one vulnerability and the packages it is about, and says why by one of
OpenVEX's justifications and in words; what says less, something else, or the same twice is refused.
One that takes no finding out of any report is a fault itself. Does not know how a scanner applies
them.

    {
      "vulnerability": {"name": "CVE-2021-33503"},
      "products": [{"@id": "pkg:pypi/urllib3"}],  every version; one of them by @1.26.4 behind it
      "status": "not_affected",
      "justification": "vulnerable_code_not_in_execute_path",
      "impact_statement": "one sentence"
    }
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FILE = "ci/vex.openvex.json"
CONTEXT = "https://openvex.dev/ns/v0.2.0"
DOCUMENT = {"@context", "@id", "author", "timestamp", "version", "statements"}
STATEMENT = {"vulnerability", "products", "status", "justification", "impact_statement"}
NOT_AFFECTED = "not_affected"
JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
PRODUCT = re.compile(r"pkg:[a-z]+/[^\s@?#]+(@[^\s@?#]+)?")  # of every build and machine


class StatementsMalformedError(ValueError):
    """The file of statements does not say what it must."""


@dataclass(frozen=True)
class Suppressed:
    """A finding that a scanner kept out of its results, and what it says why."""

    kind: str
    rule: str
    product: str  # the package's URL; empty where it is in none
    status: str
    source: str


@dataclass(frozen=True)
class Statement:
    """That one vulnerability of one package does not affect us."""

    vulnerability: str
    product: str  # without a version every one of them
    justification: str
    impact: str

    def covers(self, found: Suppressed) -> bool:
        """Whether this is about that finding."""
        package = found.product.partition("?")[0]
        same = self.product in {package, package.rpartition("@")[0]}
        return same and self.vulnerability == found.rule

    def __str__(self) -> str:
        """What it is about."""
        return f"the statement on {self.vulnerability} in {self.product}"


def statements(text: str) -> list[Statement]:
    """Reads the file of statements, one for each package that they name."""
    try:
        document = json.loads(text)
    except ValueError as error:
        message = f"{FILE} cannot be read: {error}"
        raise StatementsMalformedError(message) from error
    with_fields(document, DOCUMENT, f"the document in {FILE}")
    version, entries = document["version"], document["statements"]
    if document["@context"] != CONTEXT or type(version) is not int or not is_list(entries):
        message = f"{FILE} has the @context {CONTEXT}, a whole number as version, and a list"
        raise StatementsMalformedError(message)
    for name in ("@id", "author"):
        filled(document, name, f"the document in {FILE}")
    timed(document["timestamp"])
    made = [statement for entry in entries for statement in read(entry)]
    said = [(each.vulnerability, each.product) for each in made]
    twice = [str(each) for each in made if said.count((each.vulnerability, each.product)) > 1]
    if twice:
        message = f"{FILE} has {twice[0]} more than once: keep the one that holds"
        raise StatementsMalformedError(message)
    return made


def read(entry: object) -> list[Statement]:
    """Reads one entry; every field must be there, filled, and of its kind."""
    fields = with_fields(entry, STATEMENT, f"a statement in {FILE}")
    about = with_fields(fields["vulnerability"], {"name"}, f"a vulnerability in {FILE}")
    name = filled(about, "name", f"a vulnerability in {FILE}")
    what = f"the statement on {name} in {FILE}"
    impact = filled(fields, "impact_statement", what)
    if fields["status"] != NOT_AFFECTED:
        message = f"{what} has the status {fields['status']!r}, not {NOT_AFFECTED!r}: mend what "
        raise StatementsMalformedError(f"{message}affects us, or accept it until a day")
    if fields["justification"] not in JUSTIFICATIONS:
        message = f"{what} has the justification {fields['justification']!r}: give one of "
        raise StatementsMalformedError(f"{message}{', '.join(JUSTIFICATIONS)}")
    if not is_list(fields["products"]) or not fields["products"]:
        message = f"{what} names no products: a list of packages, each as {{'@id': 'pkg:…'}}"
        raise StatementsMalformedError(message)
    named = [with_fields(each, {"@id"}, f"a product of {what}") for each in fields["products"]]
    products = [filled(each, "@id", f"a product of {what}") for each in named]
    wrong = [product for product in products if not PRODUCT.fullmatch(product)]
    if wrong:
        message = f"{what} is about {wrong[0]!r}: name a package as pkg:TYPE/NAME or with @VERSION"
        raise StatementsMalformedError(message)
    return [Statement(name, product, fields["justification"], impact) for product in products]


def is_list(value: object) -> bool:
    """Whether JSON has a list there."""
    return isinstance(value, list)


def with_fields(entry: object, names: Collection[str], what: str) -> dict[str, Any]:
    """An object that has these fields and no other."""
    if not isinstance(entry, dict):
        message = f"{what} is an object with the fields {sorted(names)}, not {entry!r}"
        raise StatementsMalformedError(message)
    if set(entry) != set(names):
        wrong = ", ".join(sorted(set(entry) ^ set(names)))
        message = f"{what} has exactly the fields {sorted(names)}; check: {wrong}"
        raise StatementsMalformedError(message)
    return entry


def filled(entry: dict[str, Any], name: str, what: str) -> str:
    """A field that must be a text and say something."""
    value = entry[name]
    if not isinstance(value, str) or not value.strip():
        message = f"{name} of {what} is a filled text, not {value!r}"
        raise StatementsMalformedError(message)
    return value


def timed(value: object) -> None:
    """Refuses what is no moment of a time zone."""
    try:
        zone = datetime.fromisoformat(str(value)).tzinfo
    except ValueError:
        zone = None
    if not zone:
        message = f"timestamp of {FILE} is a moment such as 2026-11-29T12:00:00Z, not {value!r}"
        raise StatementsMalformedError(message)


def unheard(known: Sequence[Statement], found: Sequence[Suppressed]) -> list[Statement]:
    """The statements that took none of these findings out."""
    return [each for each in known if not any(each.covers(finding) for finding in found)]
