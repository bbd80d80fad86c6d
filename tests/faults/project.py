"""A copy of the tree that is released to a registry of this machine, as a user would do it.

Contract: the registry is handed over as a service, and every call is kept with what it printed.
Does not know what shall become of a call.
"""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.conftest import daggerw
from faults.registry import Registry

HOST, NAMESPACE = "registry.local", "digits"


@dataclass(frozen=True)
class Project:
    """A copy of the tree with a history and keys, a registry, and more for the environment."""

    tree: Path
    keys: Path
    registry: Registry
    environment: dict[str, str] = field(default_factory=dict)
    done: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    @property
    def key_password(self) -> str:
        """The option that hands over the password of the key."""
        return f"--key-password=file://{self.keys.parent}/password"

    @property
    def address(self) -> str:
        """The registry as the pipeline knows it."""
        return f"{HOST}:{self.registry.server_port}/{NAMESPACE}"

    def call(self, *arguments: str, service: bool = True) -> subprocess.CompletedProcess[str]:
        """Calls a function of the pipeline over the tree."""
        at = f"--registry-service=tcp://127.0.0.1:{self.registry.server_port}"
        call = ["call", f"--source={self.tree}", *arguments, *([at] if service else [])]
        done = daggerw(*call, environment=self.environment)
        self.done.append(done)
        return done

    def publish(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Publishes for dev."""
        key = [f"--key=file://{self.keys}/cosign.key", self.key_password]
        git = f"--git-dir={self.tree}/.git"
        return self.call("publish", "--env=dev", f"--registry={self.address}", git, *key, *more)

    def promote(self, to: str) -> subprocess.CompletedProcess[str]:
        """Promotes what is on dev."""
        public = f"--key={self.keys}/cosign.pub"
        return self.call(
            "promote", "--from=dev", f"--to={to}", f"--registry={self.address}", public
        )

    def verify(self, name: str = "mnist-backend:dev") -> subprocess.CompletedProcess[str]:
        """Verifies an image by the policy of dev."""
        public = f"--key={self.keys}/cosign.pub"
        return self.call("verify", f"--image={self.address}/{name}", "--env=dev", public)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The decision that a call printed."""
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def printed(done: subprocess.CompletedProcess[str]) -> str:
    """Everything that a call printed, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Everything that a call printed which ended badly."""
    text = printed(done)
    assert done.returncode == 1, f"exit code {done.returncode}, not 1:\n{text[-3000:]}"
    return text


def committed(tree: Path, version: str) -> Path:
    """Gives a copy of the tree a history of one commit, with the tag of a version."""
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "A tree to release")
    git(tree, "tag", version)
    return tree


def git(tree: Path, *arguments: str) -> None:
    """Runs git in a copy of the tree, under no one's name."""
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, capture_output=True)  # noqa: S607  the machine's own
