"""What Dockerfiles declare."""

import pytest

from mnist_pipeline.gates.dockerfile import judge_healthcheck

BASE = "FROM debian:trixie-slim AS base\n"
CHECK = 'HEALTHCHECK --interval=5s CMD ["true"]\n'


@pytest.mark.parametrize(
    ("dockerfile", "status"),
    [
        (f"{BASE}FROM base AS serving\n{CHECK}", "green"),
        (f"{BASE}{CHECK}FROM base AS serving\nRUN true\n", "green"),
        (f"{BASE}{CHECK}FROM base AS serving\nHEALTHCHECK NONE\n", "red"),
        (f"{BASE}FROM base AS test\n{CHECK}FROM base AS serving\n", "red"),
        (f"FROM --platform=linux/amd64 debian AS serving\n{CHECK}", "green"),
        (BASE, "not run"),
        ("", "not run"),
    ],
)
def test_a_target_needs_a_health_check(dockerfile: str, status: str) -> None:
    """The nearest declaration in the target's own line of stages counts."""
    assert judge_healthcheck(dockerfile, "serving").status == status
