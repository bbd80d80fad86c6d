"""What the deployer leaves in the service's folder on a host, beside what it is given."""

import os
from pathlib import Path

from near import Near

from mnist_deploy import lock
from mnist_deploy.release import PARTS, WATCHING, Release, State
from mnist_deploy.site import Site

RELEASE = Release("one", dict.fromkeys((*PARTS, *WATCHING), "sha256:" + "a" * 64))


def test_the_exporter_may_read_what_is_left_in_metrics(tmp_path: Path) -> None:
    """Another user than the folder's owner enters it, whatever the host's mask is."""
    host = Near(tmp_path)
    before = os.umask(0o077)
    try:
        with lock.held(host, "me"):
            Site(host, "production", print, watched=True).configure(State(), RELEASE)
    finally:
        os.umask(before)
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o755
