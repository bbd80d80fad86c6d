"""Makes the images that the engine needs before it can run a module, as OCI blobs.

The Go and Python SDK contents go to the engine's own content folder; `debian:trixie-slim` and
`aquasec/trivy` are pushed to the local registry, which the engine asks instead of Docker Hub.
"""

from __future__ import annotations

from pathlib import Path

from toolchain import oci
from toolchain.oci import SEARCH_PATH, Image, push_image, write_image, write_tar
from toolchain.programs import SDK_GO, go_environment, sdk_build_cache
from toolchain.registries import Registries
from toolchain.settings import SOURCES, TRIVY_VERSION, Settings
from toolchain.steps import Step, answer

BASE_IMAGE = "library/debian:trixie-slim"
TRIVY_IMAGE = f"aquasec/trivy:{TRIVY_VERSION}"
PROMISES_LABEL = "toolchain.promises"
SDKS = ("go", "python")
PYTHON_SDK_FILES = {
    "runtime/main.go": "main.go",
    "runtime/go.mod": "go.mod",
    "runtime/dagger.json": "dagger.json",
    "client/requirements.lock": "client/requirements.lock",
    "client/runtime.py": "client/runtime.py",
}
HINT = "run it again; if it fails again, `python3 -m toolchain purge` starts from nothing"


def contents_step(settings: Settings, registries: Registries) -> Step:
    """Return the step that writes the SDK contents and the base image as blobs."""
    sdk = SOURCES / "python_sdk"
    sources = tuple((sdk / name).read_text(encoding="utf-8") for name in PYTHON_SDK_FILES.values())
    digests = tuple(settings.cache / "digests" / name for name in (*SDKS, "base"))
    return Step(
        name="contents",
        title="pack Dagger's Go and Python SDKs and the base image",
        expected_seconds=8,
        inputs=(*sources, repr(sorted(registries.image_environment().items())), TRIVY_IMAGE),
        outputs=digests,
        run=lambda _: _write_contents(settings, registries),
        hint=HINT,
        needs=("dagger", "debian-base", "debian-machine"),
    )


def trivy_image_step(settings: Settings) -> Step:
    """Return the step that packs Trivy's image."""
    return Step(
        name="trivy-image",
        title=f"pack the image {TRIVY_IMAGE}",
        expected_seconds=3,
        inputs=(),
        outputs=(settings.cache / "digests" / "trivy",),
        run=lambda _: _write_trivy(settings),
        hint=HINT,
        needs=("trivy", "contents"),
    )


def push(settings: Settings, name: str, image: str, registry: str) -> None:
    """Push a packed image to the local registry; what is there already is not sent again.

    Raises:
        RegistryPushError: the registry did not take it.
    """
    digest = (settings.cache / "digests" / name).read_text()
    push_image(settings.cache / "images", digest, registry, image)


def is_pushed(settings: Settings, name: str, image: str, registry: str) -> bool:
    """Tell whether a packed image has been made and is in the local registry."""
    note = settings.cache / "digests" / name
    return note.exists() and oci.is_pushed(note.read_text(), registry, image)


def _write_contents(settings: Settings, registries: Registries) -> None:
    work = settings.folder("work")
    sdks = settings.folder("content") / "blobs"
    debian = settings.cache / "debian"
    empty = settings.folder("work/empty")
    go_root = Path(_go_root(settings))
    compiled = sdk_build_cache(settings)
    write_tar(
        {
            "usr/local/go": go_root,
            "usr/local/bin/codegen": settings.cache / "bin" / "codegen",
            "go/pkg/mod": empty,
            "root/.cache/go-build": empty,
            **{f"root/.cache/go-build/{place}": path for place, path in compiled.items()},
        },
        work / "go-sdk.tar",
    )
    path = f"/usr/local/go/bin:/go/bin:{SEARCH_PATH}"
    environment = {
        **registries.image_environment(),
        "PATH": path,
        "GOPATH": "/go",
        "GOTOOLCHAIN": "auto",
        **SDK_GO,
    }
    go_sdk = Image((debian / "machine.tar", work / "go-sdk.tar"), environment)
    write_tar(
        {inside: SOURCES / "python_sdk" / name for inside, name in PYTHON_SDK_FILES.items()},
        work / "python-sdk.tar",
    )
    base = Image(
        (debian / "base.tar",),
        environment=registries.image_environment(),
        labels={PROMISES_LABEL: TRIVY_IMAGE},
        command=("/bin/bash",),
    )
    _note(settings, "go", write_image(go_sdk, sdks))
    _note(settings, "python", write_image(Image((work / "python-sdk.tar",)), sdks))
    _note(settings, "base", write_image(base, settings.folder("images")))


def _write_trivy(settings: Settings) -> None:
    layer = settings.folder("work") / "trivy.tar"
    write_tar({"usr/local/bin/trivy": settings.cache / "bin" / "trivy"}, layer)
    image = Image((settings.cache / "debian" / "base.tar", layer), entrypoint=("trivy",))
    _note(settings, "trivy", write_image(image, settings.folder("images")))


def _note(settings: Settings, name: str, digest: str) -> None:
    partial = settings.folder("digests") / f"{name}.partial"
    partial.write_text(digest)
    partial.replace(settings.folder("digests") / name)


def _go_root(settings: Settings) -> str:
    """Return the root of the Go that the wrapper module selects; Go may have fetched it."""
    return answer(
        ["go", "env", "GOROOT"],
        folder=SOURCES / "go" / "dagger",
        environment={**settings.environment, **go_environment(settings)},
    ).strip()
