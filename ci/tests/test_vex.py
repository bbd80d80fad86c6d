"""Statements that a vulnerability does not affect us, and what is wrong with a file of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mnist_pipeline.gates.vex import (
    FILE,
    JUSTIFICATIONS,
    Statement,
    StatementsMalformedError,
    Suppressed,
    statements,
    unheard,
)

IMPACT = "The proxy that it is about is never configured."
STATEMENT: dict[str, Any] = {
    "vulnerability": {"name": "CVE-2026-0001"},
    "products": [{"@id": "pkg:pypi/x"}, {"@id": "pkg:deb/debian/x@1.2-3"}],
    "status": "not_affected",
    "justification": JUSTIFICATIONS[2],
    "impact_statement": IMPACT,
}
DOCUMENT: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://mnist.example.org/vex",
    "author": "somebody",
    "timestamp": "2026-11-29T00:00:00Z",
    "version": 1,
    "statements": [STATEMENT],
}


def suppressed(rule: str, product: str) -> Suppressed:
    """A vulnerability that the scanner left out because a statement says so."""
    return Suppressed("vulnerability", rule, product, "not_affected", "/vex.openvex.json")


def stating(**fields: object) -> str:
    """A document whose only statement has other fields."""
    return json.dumps({**DOCUMENT, "statements": [{**STATEMENT, **fields}]})


def test_a_document_is_one_statement_for_each_package() -> None:
    """Whatever it says holds for every package that it names."""
    said = statements(json.dumps(DOCUMENT))
    assert said == [
        Statement("CVE-2026-0001", "pkg:pypi/x", JUSTIFICATIONS[2], IMPACT),
        Statement("CVE-2026-0001", "pkg:deb/debian/x@1.2-3", JUSTIFICATIONS[2], IMPACT),
    ]


def test_the_document_of_this_repository_can_be_read() -> None:
    """What is passed to the scanner holds nothing that is refused."""
    own = Path(__file__).resolve().parents[1] / Path(FILE).name
    assert all(said.impact for said in statements(own.read_text(encoding="utf-8")))


@pytest.mark.parametrize("field", sorted(DOCUMENT))
def test_a_document_without_a_field_is_refused(field: str) -> None:
    """The error names what is missing."""
    rest = {name: value for name, value in DOCUMENT.items() if name != field}
    with pytest.raises(StatementsMalformedError, match=f"check: {field}"):
        statements(json.dumps(rest))


@pytest.mark.parametrize("field", sorted(STATEMENT))
def test_a_statement_without_a_field_is_refused(field: str) -> None:
    """Without a justification, say, or without words of what it comes to."""
    rest = {name: value for name, value in STATEMENT.items() if name != field}
    with pytest.raises(StatementsMalformedError, match=f"check: {field}"):
        statements(json.dumps({**DOCUMENT, "statements": [rest]}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        json.dumps({**DOCUMENT, "@context": "https://example.org"}),
        json.dumps({**DOCUMENT, "@id": ""}),
        json.dumps({**DOCUMENT, "author": " "}),
        json.dumps({**DOCUMENT, "timestamp": "today"}),
        json.dumps({**DOCUMENT, "timestamp": "2026-11-29T00:00:00"}),
        json.dumps({**DOCUMENT, "version": "1"}),
        json.dumps({**DOCUMENT, "statements": {}}),
        json.dumps({**DOCUMENT, "statements": ["CVE-2026-0001"]}),
        json.dumps({**DOCUMENT, "tooling": "by hand"}),
        stating(vulnerability="CVE-2026-0001"),
        stating(vulnerability={"name": ""}),
        stating(impact_statement=" "),
        stating(products=[]),
        stating(products={"@id": "pkg:pypi/x"}),
        stating(products=["pkg:pypi/x"]),
        stating(products=[{"@id": "x"}]),
        stating(products=[{"@id": "pkg:pypi"}]),
        stating(products=[{"@id": "pkg:deb/debian/x?arch=amd64"}]),
        stating(products=[{"@id": "pkg:pypi/x", "subcomponents": []}]),
    ],
)
def test_a_malformed_document_is_refused(text: str) -> None:
    """A field that is empty, unknown or of the wrong kind is an error."""
    with pytest.raises(StatementsMalformedError):
        statements(text)


@pytest.mark.parametrize("justification", ["", "it is fine", None])
def test_a_justification_that_openvex_does_not_know_is_refused(justification: str | None) -> None:
    """The error lists those that there are."""
    with pytest.raises(StatementsMalformedError, match=JUSTIFICATIONS[-1]):
        statements(stating(justification=justification))


def test_what_affects_us_is_not_stated() -> None:
    """The error shows the ways that there are."""
    with pytest.raises(StatementsMalformedError, match=r"'affected'.*accept it until a day"):
        statements(stating(status="affected"))


def test_the_same_is_not_said_twice() -> None:
    """Two statements on one vulnerability of one package may not tell the same thing."""
    with pytest.raises(StatementsMalformedError, match="pkg:pypi/x more than once"):
        statements(json.dumps({**DOCUMENT, "statements": [STATEMENT, STATEMENT]}))


@pytest.mark.parametrize(
    ("rule", "product", "covered"),
    [
        ("CVE-2026-0001", "pkg:pypi/x@1.0", [0]),
        ("CVE-2026-0001", "pkg:deb/debian/x@1.2-3?arch=amd64&distro=debian-13.1", [1]),
        ("CVE-2026-0001", "pkg:deb/debian/x@1.2-4?arch=amd64", []),
        ("CVE-2026-0001", "pkg:pypi/xy@1.0", []),
        ("CVE-2026-0001", "", []),
        ("CVE-2026-0002", "pkg:pypi/x@1.0", []),
    ],
)
def test_a_statement_covers_nothing_else(rule: str, product: str, covered: list[int]) -> None:
    """Vulnerability and package are those of the finding, and the version where one is named."""
    said = statements(json.dumps(DOCUMENT))
    left = unheard(said, [suppressed(rule, product)])
    assert left == [each for number, each in enumerate(said) if number not in covered]
