"""Compiles Dagger and Trivy from Go modules whose checksums are committed beside this file.

go.sum holds the checksum of every module, so each build verifies what the proxy hands out. One
line of Dagger's client is changed after that: REDRAWS.
Modules, build cache and binaries stay in the cache folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from toolchain.settings import SOURCES, TRIVY_VERSION, Settings
from toolchain.steps import CommandError, Step, Workshop, answer

DAGGER = "github.com/dagger/dagger"
DAGGER_PROGRAMS = ("codegen", "dagger", "dnsname", "engine", "init")
# For each redraw of its plain progress the client walks all that a run has told, twenty times a
# second: in a long run that is a sixth of a processor. It redraws twice a second here.
REDRAWN = "dagql/idtui/frontend_plain.go"
REDRAWS = ("time.NewTicker(50 * time.Millisecond)", "time.NewTicker(500 * time.Millisecond)")
TRIVY = "github.com/aquasecurity/trivy"
# What every SDK runtime is built on.
SDK_PACKAGES = ("dagger.io/dagger", "dagger.io/dagger/telemetry")
COMPILED = "-trimpath -gcflags=all=-dwarf=false"  # no debugger will look into these programs
# Trivy runs once and waits for files: it is not worth what inlining all its libraries takes.
TRIVY_COMPILED = "-gcflags=all=-dwarf=false -l"
# A compiler lives for seconds: collecting its garbage is a quarter of its work.
HASTE = {"GOGC": "off", "GOMEMLIMIT": "2GiB"}
SDK_GO = {"CGO_ENABLED": "0", "GOFLAGS": COMPILED}  # builds that may use what was compiled here
HINT = "run it again, it goes on where it stopped; if it fails again, check `go env GOPROXY`"


def dagger_step(settings: Settings) -> Step:
    """Return the step that compiles the client, the engine and what the engine starts."""
    wrapper = SOURCES / "go" / "dagger"
    version = settings.engine_version
    flags = " ".join(f"-X {DAGGER}/engine.{name}={version}" for name in ("Version", "Tag"))
    bin_folder = settings.cache / "bin"
    return Step(
        name="dagger",
        title=f"compile the Dagger client and engine {version} from Go modules",
        expected_seconds=240,
        inputs=(*_wrapper_inputs(wrapper), flags, COMPILED, *REDRAWS),
        outputs=tuple(bin_folder / name for name in DAGGER_PROGRAMS),
        run=lambda shop: _build(
            shop,
            settings,
            wrapper,
            flags,
            [
                *("-modfile", _changed_modules(shop, settings, wrapper)),
                *(f"{DAGGER}/cmd/{name}" for name in DAGGER_PROGRAMS),
            ],
        ),
        hint=HINT,
    )


def trivy_step(settings: Settings) -> Step:
    """Return the step that compiles Trivy, which is long and runs beside other work."""
    wrapper = SOURCES / "go" / "trivy"
    flags = f"-X {TRIVY}/pkg/version/app.ver={TRIVY_VERSION}"
    return Step(
        name="trivy",
        title=f"compile Trivy {TRIVY_VERSION} from Go modules",
        expected_seconds=420,
        inputs=(*_wrapper_inputs(wrapper), flags, COMPILED, TRIVY_COMPILED),
        outputs=(settings.cache / "bin" / "trivy",),
        run=lambda shop: _build(
            shop, settings, wrapper, flags, [TRIVY_COMPILED, f"{TRIVY}/cmd/trivy"], "jsonv2"
        ),
        hint=HINT,
    )


def go_environment(settings: Settings) -> dict[str, str]:
    """Return the variables under which Go builds here, in folders of its own."""
    return {
        "GOPATH": str(settings.cache / "go"),
        "GOMODCACHE": str(settings.cache / "go" / "pkg" / "mod"),
        "GOCACHE": str(settings.cache / "go" / "build"),
        "GOFLAGS": f"-mod=readonly -modcacherw -buildvcs=false {COMPILED}",
        "GOTOOLCHAIN": "auto",
        "GOTELEMETRY": "off",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        **HASTE,
    }


def sdk_build_cache(settings: Settings) -> dict[str, Path]:
    """Return the part of Go's build cache that an SDK runtime needs, by place in the cache.

    The engine compiles the runtimes in a container; what it shares with the engine itself, nearly
    all of it, has just been compiled here. An entry is a content and the notes that lead to it.
    """
    cache = settings.cache / "go" / "build"
    listed = answer(
        ["go", "list", "-export", "-deps", "-f", "{{.Export}}", *SDK_PACKAGES],
        folder=SOURCES / "go" / "dagger",
        environment={**settings.environment, **go_environment(settings)},
    )
    contents = {Path(line).name.removesuffix("-d"): Path(line) for line in listed.split()}
    notes = (path for path in cache.glob("*/*-a") if contents.keys() & {*path.read_text().split()})
    return {str(path.relative_to(cache)): path for path in (*contents.values(), *notes)}


def _build(
    shop: Workshop,
    settings: Settings,
    wrapper: Path,
    flags: str,
    arguments: Sequence[str | Path],
    experiment: str = "",
) -> None:
    partial = settings.folder("work") / wrapper.name
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "tmp").mkdir(parents=True)
    target = partial / "bin"
    target.mkdir()
    shop.command(
        ["go", "build", "-ldflags", f"-s -w {flags}", "-o", f"{target}/", *arguments],
        folder=wrapper,
        environment={
            **go_environment(settings),
            "GOEXPERIMENT": experiment,
            "GOTMPDIR": str(partial / "tmp"),
        },
    )
    for program in sorted(target.iterdir()):
        program.replace(settings.folder("bin") / program.name)


def _changed_modules(shop: Workshop, settings: Settings, wrapper: Path) -> Path:
    """Return a go.mod like the wrapper's, but for one of Dagger's sources, which is changed."""
    environment = {**settings.environment, **go_environment(settings)}
    shop.command(["go", "mod", "download", DAGGER], folder=wrapper, environment=environment)
    module = answer(
        ["go", "list", "-m", "-f", "{{.Dir}}", DAGGER], folder=wrapper, environment=environment
    )
    folder = settings.folder("work") / "redrawn"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(module.strip(), folder / "dagger", copy_function=os.link)
    source = folder / "dagger" / REDRAWN
    slow = redrawn_less(source.read_text(encoding="utf-8"))
    source.unlink()  # it is one file with what Go has downloaded
    source.write_text(slow, encoding="utf-8")
    shutil.copy(wrapper / "go.sum", folder)
    modules = (wrapper / "go.mod").read_text(encoding="utf-8")
    (folder / "go.mod").write_text(f"{modules}\nreplace {DAGGER} => {folder / 'dagger'}\n")
    return folder / "go.mod"


def redrawn_less(source: str) -> str:
    """Return the client's plain progress with a slower clock.

    Raises:
        CommandError: the source does not have that clock, so this is another Dagger.
    """
    slow = source.replace(*REDRAWS)
    if slow == source:
        message = f"{REDRAWN} has no {REDRAWS[0]}: see how this Dagger's client redraws"
        raise CommandError(message)
    return slow


def _wrapper_inputs(wrapper: Path) -> tuple[str, ...]:
    files = (path for path in sorted(wrapper.rglob("*")) if path.is_file())
    return tuple(path.read_text(encoding="utf-8") for path in files)
