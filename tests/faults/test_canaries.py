"""Hands a canary to whatever takes a secret, and looks for it wherever it may have been left.

Contract: each function is called as a user calls it, beside what this test starts or what refuses
at once, so that most calls end badly: errors must not tell secrets either. What cannot be looked
into is skipped by name. Does not know what a secret is for.
"""

import base64
import gzip
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import pytest

from faults.canaries import Canaries, holding, within
from faults.conftest import LIMIT_SECONDS, ROOT, copied, daggerw
from faults.listener import Listener
from faults.project import Project, committed, printed
from faults.registry import USER, Registry

pytestmark = pytest.mark.timeout(2 * LIMIT_SECONDS)
NOBODY = "127.0.0.1:9"  # refuses at once, in containers as well
IMAGES = "ci/src/mnist_pipeline/containers/__init__.py"  # the only names of images
MARK = f"mark-{token_hex(16)}"  # no secret: what must be found shows that the search finds
MADE = re.compile(r"\(unix://(.+)/run/engine\.sock\)")  # by the toolchain, and in which folder
STATE = ("engine", "log", "registry", "run")  # what such an engine keeps there
KINDS = {"clientdbs", "snapshots"}  # folders of its traces and of its layers
UNSEARCHED = "NOT SEARCHED: the layers, cache and traces of an engine that is not the toolchain's"
UNASKED = "asking for the tag dev of (backend|frontend) failed"


class Call(NamedTuple):
    """A call of a function, and how it ends once it has come as far as its secrets."""

    called: str
    arguments: tuple[str, ...]
    told: str = ""  # a pattern of what is printed
    code: int = 1
    service: bool = False  # whether the registry is handed over

    def came_as_far(self, done: subprocess.CompletedProcess[str]) -> bool:
        """Whether it ended so."""
        return done.returncode == self.code and bool(re.search(self.told, printed(done)))


@dataclass(frozen=True)
class Run:
    """What all calls shared, and what they left."""

    folder: Path
    project: Project
    canaries: Canaries
    listener: Listener
    engine: str  # as the client names it
    began: float = field(default_factory=time.time)
    done: list[tuple[Call, subprocess.CompletedProcess[str]]] = field(default_factory=list)

    @property
    def evidence(self) -> Path:
        """What was handed over about the stack."""
        return self.folder / "evidence"

    def texts(self) -> list[bytes]:
        """What the calls printed, as they did."""
        return [done.stdout.encode() + done.stderr.encode() for _, done in self.done]


def of_releases(run: Run) -> Iterator[Call]:
    """Calls that sign in to a registry, which has nothing and refuses what would be published."""
    option, project, pair = run.canaries.option, run.project, run.folder / "pair"
    made = (option("signing_key", "key_password"), "export", f"--path={run.folder}/other")
    yield Call("signing-key", made, code=0)
    locked = option("publish", "key_password")
    yield Call("signing-key", (locked, "export", f"--path={pair}"), code=0)
    user, at = f"--username={USER}", f"--registry={project.address}"
    publish = ("--env=dev", at, f"--git-dir={project.tree}/.git", user)
    publish += (option("publish", "password"),)
    key = option("publish", "key", "{}\n" + (pair / "cosign.key").read_text(encoding="utf-8"))
    yield Call("publish", (*publish, key, locked), UNASKED, service=True)
    token = (option("publish", "identity_token"), "--identity=a", "--issuer=b")
    yield Call("publish", (*publish, *token), UNASKED, service=True)
    release = ("--env=dev", at, f"--git-dir={project.tree}/.git", user)
    release += (option("release", "password"),)
    key = option("release", "key", "{}\n" + (pair / "cosign.key").read_text(encoding="utf-8"))
    wrong = option("release", "key_password")
    yield Call("release", (*release, key, wrong), "reading the key .* failed", service=True)
    token = (option("release", "identity_token"), "--identity=a", "--issuer=b")
    yield Call("release", (*release, *token), UNASKED, service=True)
    public, image = f"--key={pair}/cosign.pub", f"--image={project.address}/mnist-backend:dev"
    to = (user, option("promote", "password"), at, "--from=dev", "--to=staging", public)
    yield Call("promote", to, "has no tag 'dev' of", service=True)
    asked = (user, option("verify", "password"), image, public)
    yield Call("verify", asked, "the registry has no", service=True)
    asked = (user, option("rescan", "password"), image)
    yield Call("rescan", asked, "the registry has no", service=True)


def of_stacks(run: Run) -> Iterator[Call]:
    """Calls about what runs somewhere: nobody is there, or the listener, or it ends at once."""
    option, known = run.canaries.option, run.folder / "known_hosts"
    known.write_text("[127.0.0.1]:9 ssh-ed25519 AAAA\n", encoding="utf-8")
    page = (option("up", "page_key"), option("up", "grafana_password"), f"--grafana={ending()}")
    yield Call("up", (*page, "start"), r"\(aliased as grafana\): ")
    host = ("--env=staging", f"--host=ship@{NOBODY}", f"--known-hosts={known}")
    host += (option("deploy", "ssh_key"),)
    image = (f"--images=backend={NOBODY}/digits/mnist-backend:dev", f"--username={USER}")
    image += (option("deploy", "password"), f"--key={run.folder}/pair/cosign.pub")
    yield Call("deploy", (*host, *image), UNASKED)
    shown = (option("deploy", "certificate"), option("deploy", "grafana_password"))
    shown += (*chats(run, "deploy"), "--action=rollback")
    yield Call("deploy", (*host, *shown), "rollback ended with 6")
    stack = f"--backend-url=http://{run.listener.address}", f"--here=tcp://{run.listener.address}"
    keys = option("integration", "keys", "{}-first", "{}-second", "{}-admin")
    into = ("--timeout=120", "export", f"--path={run.evidence}")
    yield Call("integration", (*stack, keys, *into), code=0)
    report = (f"--report={run.evidence}/status.json", f"--link=https://example.org/{MARK}")
    told = r"slack: NOT delivered(.|\n)*teams: NOT delivered"
    yield Call("notify", (*report, *chats(run, "notify")), told, code=0)


def ending() -> str:
    """An image that ends at once: in Grafana's place, where it starts once all others answer."""
    text = (ROOT / IMAGES).read_text(encoding="utf-8")
    found = re.search(r'^TRIVY = "(.+)"$', text, re.MULTILINE)
    assert found, f"{IMAGES} names no scanner"
    return found[1]


def chats(run: Run, called: str) -> tuple[str, ...]:
    """The options that hand over webhooks of nobody."""
    address = f"http://{NOBODY}/{{}}"
    return tuple(run.canaries.option(called, chat, address) for chat in ("slack", "teams"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Calls every function that takes a secret, in some minutes once images and tools are made."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "tree").mkdir()
    tree = committed(copied(folder / "tree"), "v1.2.3")
    client = daggerw("version")  # so that no engine is started by a call that has secrets
    assert client.returncode == 0, client.stderr[-3000:]
    canaries, listener, registry = Canaries(), Listener(), Registry()
    canaries.environment |= listener.environment
    project = Project(tree, folder / "pair", registry, canaries.environment)
    run = Run(folder, project, canaries, listener, client.stdout)
    for calls in (of_releases, of_stacks):
        for call in calls(run):
            registry.password = canaries.known.get((call.called, "password"), "")
            releasing = call.called in {"publish", "release"}
            registry.refusing = "/v2/.+/manifests/" if releasing else ""
            done = project.call(call.called, *call.arguments, service=call.service)
            run.done.append((call, done))
    return run


@pytest.mark.rehearsed
def test_every_canary_came_to_where_it_is_used(run: Run) -> None:
    """No call ended before it had its secrets, and each argument had a canary of its own."""
    short = [(call, done) for call, done in run.done if not call.came_as_far(done)]
    told = [(call.called, done.returncode, printed(done)[-3000:]) for call, done in short]
    assert told == []
    assert run.canaries.given == run.canaries.known.keys()
    key = run.canaries.known["integration", "keys"]
    assert f"{key}-first" in run.listener.keys


@pytest.mark.rehearsed
def test_no_canary_is_printed(run: Run) -> None:
    """What was told at the terminal, of errors too, holds none."""
    assert any(b"NOT delivered" in text for text in run.texts())
    assert within(run.texts(), run.canaries.named()) == []


@pytest.mark.rehearsed
def test_no_canary_is_handed_over(run: Run) -> None:
    """Neither the evidence of failed tests, nor a key pair, nor a registry holds one."""
    assert (run.evidence / "contract" / "junit.xml").is_file()
    places = [run.evidence, run.folder / "pair", run.folder / "other"]
    assert holding(places, 0, run.canaries.named()) == {}
    registry = run.project.registry
    pushed = [*registry.uploads.values(), *registry.blobs.values()]
    pushed += [content for _, content in registry.manifests.values()]
    assert within(pushed, run.canaries.named()) == []


@pytest.mark.rehearsed
def test_no_canary_is_traced(run: Run) -> None:
    """Traces and logs, as the client tells them to whoever collects them, hold none."""
    assert within(run.listener.told, {"mark": MARK}) == ["mark"]
    assert within(run.listener.told, run.canaries.named()) == []


@pytest.mark.rehearsed
def test_the_engine_keeps_no_canary(run: Run) -> None:
    """No layer, record of the cache, database of traces or log of the engine holds one."""
    made = MADE.search(run.engine)
    if not made:
        pytest.skip(UNSEARCHED)
    places = [Path(made[1], name) for name in STATE]
    found = holding(places, run.began, {"mark": MARK, **run.canaries.named()})
    marked = [path for path, names in found.items() if "mark" in names]
    assert {part for path in marked for part in path.parts} >= KINDS, marked
    assert {path: names for path, names in found.items() if names != ["mark"]} == {}


def coded(before: int) -> Callable[[bytes], bytes]:
    """Base64 of a secret behind so many other bytes."""
    return lambda secret: base64.b64encode(bytes(before) + secret + b".")


def packed(secret: bytes) -> bytes:
    """A secret in a layer, as gzip packs it."""
    return gzip.compress(b"a layer with " + secret)


@pytest.mark.parametrize("left", [b"\0%s\n".__mod__, *map(coded, range(4)), packed])
def test_a_canary_is_found_however_it_was_left(
    tmp_path: Path, left: Callable[[bytes], bytes]
) -> None:
    """The search tells which secret lies in which file, and passes over what is older."""
    secrets = {"this": f"canary-{token_hex(16)}", "other": f"canary-{token_hex(16)}"}
    began, blob = time.time() - 1, tmp_path / "blobs" / "sha256" / "a"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(left(secrets["this"].encode()))
    (tmp_path / "clean").write_bytes(left(b"canary of nobody"))
    assert holding([tmp_path], began, secrets) == {blob: ["this"]}
    assert holding([tmp_path], began + 3600, secrets) == {}
    assert within([b"", blob.read_bytes()], secrets) == ["this"]


def test_a_search_that_cannot_read_fails(tmp_path: Path) -> None:
    """What the search itself is refused is told, and is no clean answer."""
    with pytest.raises(AssertionError, match="find: "):
        holding([tmp_path], float("nan"), {"this": "a"})


def test_canaries_travel_in_the_environment_alone() -> None:
    """An option names variables, each of which has the canary of the argument in its text."""
    canaries = Canaries()
    option = canaries.option("integration", "keys", "{}-first", "{}-second")
    canary = canaries.known["integration", "keys"]
    assert option == "--keys=env://CANARY_INTEGRATION_KEYS_0,env://CANARY_INTEGRATION_KEYS_1"
    assert [*canaries.environment.values()] == [f"{canary}-first", f"{canary}-second"]
    assert canaries.given == {("integration", "keys")}
    assert len({*canaries.known.values()}) == len(canaries.known) > 10
