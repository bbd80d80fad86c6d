"""What the other tests left behind: their keys stand nowhere, neither in logs nor in evidence.

Contract: run when everything else is done, with the services' logs among the reports.
"""

from pathlib import Path

import pytest

NAMES = ("first", "second", "admin")


@pytest.fixture
def evidence(reports: Path) -> list[Path]:
    """Return every file of the reports."""
    return [path for path in sorted(reports.rglob("*")) if path.is_file()]


def test_the_log_of_the_service_is_among_the_evidence(evidence: list[Path]) -> None:
    """It holds the requests of those who had keys, so that there was something to leak."""
    (log,) = [path for path in evidence if path.parts[-2:] == ("services", "backend.log")]
    requests = log.read_text(errors="replace").count('"route": "/api/v1/predict"')
    assert requests > 1000, f"{log} of {log.stat().st_size} bytes holds {requests} requests"


@pytest.mark.parametrize("name", NAMES)
def test_no_key_is_in_the_evidence(evidence: list[Path], keys: dict[str, str], name: str) -> None:
    """Neither the key nor the half of it that is secret stands in any file."""
    secret = keys[name].split("_", 2)[2].encode()
    assert len(secret) >= 20
    assert [str(path) for path in evidence if secret in path.read_bytes()] == []
