"""Programs compiled from Go modules whose checksums are committed.

Contract: what a module's go.sum does not name is refused; a program is compiled once for the same
go.mod, and one at a time, for all share the compiler's cache. Does not know what a program does.
"""

import dagger
from dagger import dag

from mnist_pipeline.containers import python

CACHE = "/var/cache/go"
INLINED = "-gcflags=all=-dwarf=false"
SMALL = f"{INLINED} -l"  # of a program that runs for seconds inlining gains less than it takes
SETTINGS = {
    "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
    "GOTOOLCHAIN": "local",
    "GOMODCACHE": f"{CACHE}/mod",
    "GOCACHE": f"{CACHE}/build",
    "CGO_ENABLED": "0",
    "GOGC": "off",  # a compiler lives for seconds: collecting its garbage is a quarter of its work
    "GOMEMLIMIT": "2GiB",
}


def beside_modules(
    modules: dagger.Directory, toolchain: str = SETTINGS["GOTOOLCHAIN"]
) -> dagger.Container:
    """Debian's Go, upon the layer that has authorities, in the folder of a go.mod and go.sum."""
    container = python("golang-go")
    for name, value in {**SETTINGS, "GOTOOLCHAIN": toolchain}.items():
        container = container.with_env_variable(name, value)
    cached = container.with_mounted_cache(
        CACHE, dag.cache_volume("go"), sharing=dagger.CacheSharingMode.LOCKED
    )
    return cached.with_mounted_directory("/src", modules).with_workdir("/src")


def carried(modules: dagger.Directory, module: str, path: str) -> dagger.File:
    """A file that a module, named with its version, carries; nothing of it is compiled."""
    folder = f"{SETTINGS['GOMODCACHE']}/{module}"
    keep = f"go mod download {module} && cp {folder}/{path} /usr/local/lib/carried"
    done = beside_modules(modules).with_exec(["sh", "-ec", keep])
    return done.file("/usr/local/lib/carried")


def compiled(
    modules: dagger.Directory,
    package: str,
    ldflags: str = "-s -w",
    toolchain: str = SETTINGS["GOTOOLCHAIN"],
    flags: str = SMALL,
) -> dagger.File:
    """A program, compiled from the folder of its go.mod and go.sum.

    With the toolchain "auto", a newer Go that go.mod names is had as Go itself has it: as a module
    that the checksum database knows. A program that is itself measured is INLINED.
    """
    build = ["go", "build", flags, "-ldflags", ldflags, "-o", "/usr/local/bin/program", package]
    done = beside_modules(modules, toolchain).with_exec(build)
    return done.file("/usr/local/bin/program")
