"""A real server of Kubernetes' API with a real etcd behind it, for as long as the tests run.

Contract: nothing but the API runs, so objects are checked and stored and no container ever starts.
Does not know what is deployed.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

KUBERNETES = Path(os.environ.get("KUBERNETES", "/k8s"))
REPORTS = Path(os.environ.get("REPORTS_DIR", "/reports"))
READY_SECONDS = 120
TOKEN = "of-this-run-alone"  # noqa: S105  the server is reached from this container alone
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]


class Answer(NamedTuple):
    """What kubectl came to."""

    code: int
    text: str


class Cluster:
    """The server, asked by kubectl."""

    def __init__(self, folder: Path) -> None:
        """Know where its certificate is."""
        self.options = ["--server=https://127.0.0.1:6443", f"--token={TOKEN}"]
        self.options += [f"--certificate-authority={folder}/server.crt"]

    def kubectl(self, *arguments: str, given: str | None = None) -> Answer:
        """Ask, with a manifest on standard input where there is one."""
        command = ["kubectl", *self.options, *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        return Answer(done.returncode, done.stdout + done.stderr)

    def good(self, *arguments: str, given: str | None = None) -> str:
        """Ask for what must not fail."""
        answer = self.kubectl(*arguments, given=given)
        assert answer.code == 0, answer.text
        return answer.text


def rendered(overlay: str) -> str:
    """An overlay, as kubectl builds it."""
    command = ["kubectl", "kustomize", str(KUBERNETES / overlay)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start etcd and the server, and stop them at the end."""
    folder = tmp_path_factory.mktemp("cluster")
    names = ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", f"{folder}/server.key", "-out", f"{folder}/server.crt"]
    subprocess.run([*CERTIFICATE, *names, *files], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    programs = {
        "etcd": ["etcd", f"--data-dir={folder}/etcd"],
        "kube-apiserver": [
            "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",  # its accounts are made by a controller
            "--service-account-issuer=https://cluster.invalid",
            f"--service-account-key-file={folder}/server.crt",
            f"--service-account-signing-key-file={folder}/server.key",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--tls-cert-file={folder}/server.crt",
            f"--tls-private-key-file={folder}/server.key",
            f"--token-auth-file={folder}/tokens.csv",
        ],
    }
    with ExitStack() as stack:
        for name, command in programs.items():
            log = stack.enter_context((REPORTS / f"{name}.log").open("wb"))
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            stack.callback(process.wait)
            stack.callback(process.kill)
        server = Cluster(folder)
        deadline = time.monotonic() + READY_SECONDS
        while (answer := server.kubectl("get", "--raw=/readyz")).code:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.5)
        yield server
