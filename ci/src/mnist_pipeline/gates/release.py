"""How a release is named, what is in an image's layout, and what a registry's refusal means.

Contract: the version follows from git alone; a commit that has no version tag gets a pre-release
of the next patch. Tags of a version and a commit never move, the environment's does. Does not know
how images are pushed, signed or judged.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

PREFIX = "mnist-"  # of the repository of an image
COMMIT_DIGITS = 12
MOST_CHANGES = 200  # that are told of a release; where there is no version yet, all commits are new
DESCRIBED = re.compile(r"v(\d+)\.(\d+)\.(\d+)((?:-[0-9A-Za-z.]+)*)-(\d+)-g([0-9a-f]+)")
ADDRESS = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*")
REFERENCE = re.compile(r"(?P<repository>[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9._-]+)+)(?P<end>[:@]\S+)?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
FOREIGN = re.compile(r"https?://[^\s\"]+")
ABSENT = re.compile(r"\b(manifest|name) unknown\b|name not known|\b404\b|not found", re.IGNORECASE)
REFUSALS = (  # what a client of a registry, or of what signs without a key, prints, and what to do
    (
        r"sigstore\.dev",
        "to sign without a key the network must lead to Sigstore; give --key where it does not",
    ),
    (
        r"unauthorized|authentication required|denied|\b401\b|\b403\b",
        "check --username, --password",
    ),
    (r"no such host|refused|timed? ?out|unreachable|no route", "check --registry and the network"),
    (r"x509|certificate|server gave HTTP response", "the registry's TLS is not what was expected"),
    (r"toomanyrequests|\b429\b", "the registry limits requests: wait, then run it again"),
    (r"no space|\b507\b|quota", "the registry is full"),
)


class HistoryUnusableError(ValueError):
    """The git folder does not tell the version of the tree."""


class RegistryAddressError(ValueError):
    """What should be a registry, or an image in one, is not."""


class LayoutMalformedError(ValueError):
    """A file that should be an OCI image is not one."""


@dataclass(frozen=True)
class Origin:
    """What git says about the source tree."""

    commit: str
    version: str
    clean: bool
    subject: str = ""  # the first line of the commit's message
    committed: str = ""  # when, in ISO 8601
    changes: tuple[str, ...] = ()  # what the version before did not have, the newest first


@dataclass(frozen=True)
class Layout:
    """An image as it is pushed, by the digests of its manifest and its configuration."""

    manifest: str
    configuration: str


def origin(answers: Mapping[str, str]) -> Origin:
    """Reads what git answered to the commands of `candidate.GIT`, each by its name.

    Raises:
        HistoryUnusableError: the folder is no repository, or holds only part of the history.
    """
    commit = answers["commit"].strip()
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        raise HistoryUnusableError(unusable(commit))
    if answers["shallow"].strip() == "true":
        message = (
            "the clone is shallow, so the version cannot be told: run `git fetch --unshallow "
            "--tags`, or check out with fetch-depth: 0"
        )
        raise HistoryUnusableError(message)
    clean = not answers["status"].strip()
    version = version_of(answers["describe"].strip(), int(answers["count"]), commit, clean=clean)
    subject, committed = answers["subject"].strip(), answers["committed"].strip()
    return Origin(commit, version, clean, subject, committed, changes(answers["changes"]))


def changes(subjects: str) -> tuple[str, ...]:
    """The first lines of commits' messages; where they are too many, how many more there are."""
    told = [line.strip() for line in subjects.split("\n") if line.strip()]
    more = len(told) - MOST_CHANGES
    return (*told[:MOST_CHANGES], *([f"and {more} more"] if more > 0 else ()))


def unusable(said: str) -> str:
    """Why a git folder tells nothing, in git's words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"--git-dir is no git folder with a commit: {lines[0] if lines else 'it is empty'}"


def version_of(described: str, count: int, commit: str, *, clean: bool) -> str:
    """A semantic version that fits into a tag: no build metadata, no `v`."""
    found = DESCRIBED.fullmatch(described)
    end = f"g{commit[:COMMIT_DIGITS]}" + ("" if clean else ".dirty")
    if not found:
        return f"0.0.0-dev.{count}.{end}"
    major, minor, patch, pre, ahead = found[1], found[2], found[3], found[4], int(found[5])
    if ahead == 0 and clean:
        return f"{major}.{minor}.{patch}{pre}"
    base = f"{major}.{minor}.{patch}{pre}." if pre else f"{major}.{minor}.{int(patch) + 1}-"
    return f"{base}dev.{ahead}.{end}"


def fixed_tags(known: Origin) -> list[str]:
    """Tags that never move: the version's and the commit's; a changed tree has no commit."""
    commit = [f"commit-{known.commit[:COMMIT_DIGITS]}"] if known.clean else []
    return [known.version, *commit]


def address(registry: str) -> str:
    """A registry's address with its namespace; raises where it is not one."""
    plain = registry.removesuffix("/")
    if not ADDRESS.fullmatch(plain):
        message = (
            f"--registry takes HOST[:PORT][/NAMESPACE] in small letters, for example "
            f"registry.example.org/digits, not {registry!r}"
        )
        raise RegistryAddressError(message)
    return plain


def reference(image: str) -> tuple[str, str, str]:
    """The registry, the name and the tag or digest of an image; raises where one is missing."""
    found = REFERENCE.fullmatch(image)
    registry, _, name = (found["repository"] if found else "").rpartition("/")
    if not found or not name.startswith(PREFIX) or not found["end"]:
        message = (
            f"an image is HOST[:PORT]/NAMESPACE/{PREFIX}NAME with :TAG or @sha256:DIGEST, "
            f"not {image!r}"
        )
        raise RegistryAddressError(message)
    return registry, name.removeprefix(PREFIX), found["end"]


def layout(index: str, manifests: Mapping[str, str]) -> Layout:
    """Reads an OCI layout that holds one image: its index, and manifests by digest."""
    try:
        (entry,) = json.loads(index)["manifests"]
        digest = entry["digest"]
        text = manifests[digest]
        configuration = json.loads(text)["config"]["digest"]
    except (ValueError, KeyError, TypeError) as error:
        message = f"the image's file is no OCI layout of one image: {error!r}"
        raise LayoutMalformedError(message) from error
    if digest != f"sha256:{sha256(text.encode()).hexdigest()}":
        message = f"the manifest of the image's file does not have its digest {digest}"
        raise LayoutMalformedError(message)
    return Layout(digest, configuration)


def sums(digests: Mapping[str, str]) -> str:
    """Every file with its digest, as `sha256sum --check` reads it."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def absent(said: str, repository: str, tag: str) -> bool:
    """Whether a client's words mean that there is no such tag, whatever those two spell."""
    words = FOREIGN.sub("", said).replace(repository, "").replace(tag, "")
    return bool(ABSENT.search(words))


def explained(step: str, said: str) -> str:
    """What a client of the registry said, as one sentence with the way out, without addresses."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"(?i)error|fatal|denied|refused", line)]
    last = (telling or lines or ["it printed nothing"])[-1]
    hints = [hint for pattern, hint in REFUSALS if re.search(f"(?i){pattern}", said)]
    hint = f"; {hints[0]}" if hints else ""
    return f"{step} failed: {FOREIGN.sub('an address', last)[:300]}{hint}"
