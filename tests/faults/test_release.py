"""Tampers with releases, and looks whether each is refused for the right reason.

Contract: the pipeline is called as a user calls it, against a registry of this machine that is
handed over as a service. One release is made for all; each test has a copy of what the registry
holds. Dev and staging ask for two checks only, so that what is judged here is the release and not
the stages. Does not know how anything is signed.
"""

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from faults.canaries import GZIP, forms
from faults.conftest import LIMIT_SECONDS, ROOT, copied
from faults.project import NAMESPACE, Project, committed, git, refusal, told
from faults.registry import USER, Registry, digest_of
from faults.test_planted import append

pytestmark = [pytest.mark.timeout(2 * LIMIT_SECONDS), pytest.mark.rehearsed]
BACKEND = f"{NAMESPACE}/mnist-backend"
POLICY = "ci/release-policy.toml"
FEW = 'checks = ["lint", "scan"]'
CANARY = f"canary-{token_hex(16)}"  # the password of a key, and a part of a webhook


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A release on dev, of a tagged commit."""
    tree, keys = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("keys") / "pair"
    copied(tree)
    text = (tree / POLICY).read_text(encoding="utf-8")
    head, mark, tail = text.partition("[environments.production]")
    asked = re.sub(r"^checks = .*$", FEW, head, flags=re.MULTILINE)
    (tree / POLICY).write_text(asked + mark + tail, encoding="utf-8")
    committed(tree, "v1.2.2")
    git(tree, "commit", "-qm", "A tree to release", "--allow-empty")
    git(tree, "tag", "v1.2.3")
    (keys.parent / "password").write_text(CANARY, encoding="utf-8")
    project = Project(tree, keys, Registry())
    made = project.call(
        "signing-key", project.key_password, "export", f"--path={keys}", service=False
    )
    assert made.returncode == 0, made.stderr[-3000:]
    (tree / "release.json").touch()  # as a shell makes it for what publish prints
    decision = told(project.publish())
    assert (decision["version"], decision["changelog"]) == ("1.2.3", ["A tree to release"])
    return project


@pytest.fixture
def project(released: Project, tmp_path: Path) -> Iterator[Project]:
    """The same with a tree and a registry of the test's own."""
    registry, old = Registry(), released.registry
    registry.blobs = dict(old.blobs)
    registry.manifests, registry.tags = dict(old.manifests), dict(old.tags)
    shutil.copytree(released.tree, tmp_path / "tree", symlinks=True)
    yield Project(tmp_path / "tree", released.keys, registry, done=released.done)
    registry.shutdown()
    registry.server_close()


def planted(project: Project, change: Callable[[dict[str, Any]], None]) -> str:
    """The digest of a copy of the backend's manifest in which something is changed."""
    registry = project.registry
    kind, content = registry.manifests[BACKEND, registry.tags[BACKEND, "dev"]]
    manifest = json.loads(content)
    change(manifest)
    return registry.put(BACKEND, "dev", kind, json.dumps(manifest).encode())


def test_a_release_is_verified_and_promoted_by_digest(project: Project) -> None:
    """What was published verifies and scans, gets another tag, and nothing is pushed for it."""
    blobs = len(project.registry.blobs)
    tags = project.registry.tagged(BACKEND)
    assert {*tags} >= {"1.2.3", "dev"}
    assert told(project.verify())["verdict"] == "green"
    again = project.call("rescan", f"--image={project.address}/mnist-backend:dev")
    assert (again.returncode, ": green" in again.stdout) == (0, True), again.stderr[-3000:]
    told(project.promote("staging"))
    assert project.registry.tagged(BACKEND)["staging"] == tags["dev"]
    assert len(project.registry.blobs) == blobs


def test_a_tampered_image_is_refused(project: Project) -> None:
    """An image with another configuration under the old tag, and with the old one's statements."""

    def tamper(manifest: dict[str, Any]) -> None:
        text = project.registry.blobs[manifest["config"]["digest"]]
        config = json.loads(text)
        config["config"]["Env"] = [*config["config"]["Env"], "EVIL=1"]
        changed = json.dumps(config).encode()
        project.registry.blobs[digest_of(changed)] = changed
        manifest["config"] |= {"digest": digest_of(changed), "size": len(changed)}

    registry = project.registry
    old = registry.tags[BACKEND, "dev"]
    new = planted(project, tamper)
    attached = {tag: d for (_, tag), d in registry.tags.items() if tag == old.replace(":", "-")}
    assert attached, "the release has nothing attached"
    registry.tags |= {(BACKEND, new.replace(":", "-")): digest for digest in attached.values()}
    printed = refusal(project.verify())
    assert re.search(r"backend, signature: verifying the signature of backend failed", printed)


def test_an_unsigned_image_is_refused(project: Project) -> None:
    """An image that was pushed past the pipeline has no signature and no evidence."""
    registry = project.registry
    registry.tags = {key: d for key, d in registry.tags.items() if not key[1].startswith("sha256-")}
    printed = refusal(project.verify())
    assert "backend, signature: " in printed
    assert "backend, evidence: " in printed


def test_an_image_that_another_key_signed_is_refused(project: Project, tmp_path: Path) -> None:
    """A key pair of somebody else does not verify what ours signed."""
    call = (
        "signing-key",
        project.key_password,
        "export",
        f"--path={tmp_path}/other",
    )
    assert project.call(*call, service=False).returncode == 0
    other = Project(project.tree, tmp_path / "other", project.registry)
    assert "backend, signature: " in refusal(other.verify())


def test_stale_evidence_is_refused(project: Project) -> None:
    """Evidence that is older than the policy allows does not verify."""
    path = project.tree / POLICY
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("evidence_hours = 168", "evidence_hours = 0.0001"))
    assert re.search(r"backend, lint: its evidence is stale", refusal(project.verify()))


def test_red_evidence_is_refused_before_anything_is_pushed(project: Project) -> None:
    """A tree with a fault of style is not released, and the registry stays as it was."""
    append(project.tree, "scripts/bench.py", "import calendar\n")
    manifests = dict(project.registry.manifests)
    assert re.search(r"lint: red: .*(F401|E402)", refusal(project.publish()))
    assert project.registry.manifests == manifests


def test_an_environment_that_asks_for_more_is_refused(project: Project) -> None:
    """Production asks for checks that the evidence does not have."""
    printed = refusal(project.promote("production"))
    assert "backend, end-to-end: it is not in the evidence" in printed
    assert "production" not in project.registry.tagged(BACKEND)


def test_a_tag_of_another_image_is_not_moved(project: Project) -> None:
    """The version's tag names another image, so the release is refused as a whole."""
    registry = project.registry
    registry.tags[BACKEND, "1.2.3"] = other = registry.tags["digits/mnist-frontend", "dev"]
    registry.manifests[BACKEND, other] = registry.manifests["digits/mnist-frontend", other]
    assert "the tag 1.2.3 of backend names sha256:" in refusal(project.publish())
    assert registry.tags[BACKEND, "1.2.3"] == other


def test_wrong_credentials_are_told(project: Project) -> None:
    """A registry that asks for a password refuses a wrong one at once, and the way out is told."""
    project.registry.password = "right"  # noqa: S105  of a registry that only this test knows
    (project.tree.parent / "password").write_text("wrong", encoding="utf-8")
    wrong = f"--password=file://{project.tree.parent}/password"
    credentials = (f"--username={USER}", wrong)
    printed = refusal(project.publish(*credentials))
    assert "check --username, --password" in printed
    assert "stage lint" not in printed


def test_a_release_that_failed_half_way_can_be_run_again(project: Project) -> None:
    """A registry that is full leaves no tag; the same call completes once there is room."""
    registry = project.registry
    registry.manifests, registry.tags = {}, {}
    registry.refusing = r"PUT /v2/digits/mnist-frontend/manifests/"
    assert "pushing frontend failed" in refusal(project.publish())
    assert registry.tagged(BACKEND) == {}
    registry.refusing = ""
    assert told(project.publish())["verdict"] == "green"
    assert {*registry.tagged(BACKEND)} >= {"1.2.3", "dev"}


def test_no_secret_is_in_what_was_printed_or_pushed(project: Project, tmp_path: Path) -> None:
    """The canary signs and notifies, and is in no log, no layer, no statement and no report."""
    [released, *_] = [each for each in project.done if "publish" in each.args]
    (tmp_path / "release.json").write_text(released.stdout, encoding="utf-8")
    (tmp_path / "webhook").write_text(f"http://127.0.0.1:9/{CANARY}", encoding="utf-8")
    report, chat = f"--report={tmp_path}/release.json", f"--slack=file://{tmp_path}/webhook"
    told_to_nobody = project.call("notify", report, chat, service=False)
    assert "slack: NOT delivered" in told_to_nobody.stdout
    kept = [each.stdout.encode() + each.stderr.encode() for each in project.done]
    kept += [content for _, content in project.registry.manifests.values()]
    for blob in project.registry.blobs.values():
        kept.append(gzip.decompress(blob) if blob.startswith(GZIP) else blob)
    key = (project.keys / "cosign.key").read_bytes().splitlines()[1]
    assert any(b"sha256:" in text for text in kept)
    for form in (*forms(CANARY.encode()), *forms(key)):
        assert not [text[:200] for text in kept if form in text]


def test_a_rehearsal_of_production_ends_in_a_verified_image(tmp_path: Path) -> None:
    """Every stage is green, and what a registry handed back is signed, verified and tried."""
    copy = tmp_path / "tree"
    subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)  # noqa: S607  the machine's own
    rehearsal = Project(copy, tmp_path, Registry())
    done = rehearsal.call(
        "publish", "--env=production", "--dry-run", f"--git-dir={copy}/.git", service=False
    )
    decision = told(done)
    assert decision["verdict"] == "green"
    assert {"signature", "provenance", "sbom", "end-to-end"} <= {
        ruling["check"] for ruling in decision["rulings"]["backend"]
    }
    assert decision["rulings"]["all"] == [{"check": "trial", "outcome": "passed", "reason": ""}]


def test_a_refused_release_hands_over_what_it_was_refused_by(
    project: Project, tmp_path: Path
) -> None:
    """Decision and evidence are there, and the sums of the evidence are what would be signed."""
    append(project.tree, "scripts/bench.py", "import calendar\n")
    key = (f"--key=file://{project.keys}/cosign.key", project.key_password)
    at = f"--registry-service=tcp://127.0.0.1:{project.registry.server_port}"
    call = ("release", "--env=dev", f"--registry={project.address}", at, *key)
    history, kept = f"--git-dir={project.tree}/.git", tmp_path / "kept"
    done = project.call(*call, history, "export", f"--path={kept}", service=False)
    assert done.returncode == 0, done.stderr[-3000:]
    decision = json.loads((kept / "release.json").read_text(encoding="utf-8"))
    assert decision["verdict"] == "red"
    assert [reason for reason in decision["reasons"] if reason.startswith("lint: red: ")]
    sums = (kept / "SHA256SUMS").read_bytes()
    assert decision["evidence"] == digest_of(sums)
    checked = ["sha256sum", "--check", "--quiet", kept / "SHA256SUMS"]
    subprocess.run(checked, cwd=kept / "evidence", check=True)
    assert (kept / "evidence" / "index.html").is_file()
