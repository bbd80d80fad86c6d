"""Programs compiled from Go modules whose checksums are committed.

Contract: what a module's go.sum does not name is refused; the compiler's cache is shared by all
programs, and a program is compiled once for the same go.mod. Does not know what a program does.
"""

import dagger
from dagger import dag

CACHE = "/var/cache/go"
SETTINGS = {
    "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
    "GOTOOLCHAIN": "local",
    "GOMODCACHE": f"{CACHE}/mod",
    "GOCACHE": f"{CACHE}/build",
    "CGO_ENABLED": "0",
}


def compiled(
    container: dagger.Container,
    modules: dagger.Directory,
    package: str,
    ldflags: str = "-s -w",
    toolchain: str = SETTINGS["GOTOOLCHAIN"],
) -> dagger.File:
    """A program, compiled in a container that has Go, from the folder of its go.mod and go.sum.

    With the toolchain "auto", a newer Go that go.mod names is had as Go itself has it: as a module
    that the checksum database knows.
    """
    for name, value in {**SETTINGS, "GOTOOLCHAIN": toolchain}.items():
        container = container.with_env_variable(name, value)
    return (
        container.with_mounted_cache(CACHE, dag.cache_volume("go-load"))
        .with_mounted_directory("/src", modules)
        .with_workdir("/src")
        .with_exec(["go", "build", "-ldflags", ldflags, "-o", "/usr/local/bin/program", package])
        .file("/usr/local/bin/program")
    )
