"""What the planted faults share: the mark of those that cost many minutes each."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known here, for no stage shall run anew when it changes."""
    config.addinivalue_line(
        "markers",
        "rehearsed: many faults, a whole rehearsal or a release each; `make faults` runs them, too",
    )
