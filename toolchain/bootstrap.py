"""Makes the toolchain from package registries and has its engine running.

What is needed before the engine can start is made first and waited for; Trivy is compiled in the
background at the lowest priority, and its image appears in the local registry when it is ready.
A new engine makes the module's runtime here and not in the user's first call.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from toolchain.contents import (
    BASE_IMAGE,
    TRIVY_IMAGE,
    contents_step,
    is_pushed,
    push,
    trivy_image_step,
)
from toolchain.debian import debian_steps
from toolchain.engine import Running, is_ready, running_engine, start_engine, stop_engine
from toolchain.errors import SurroundingsUnsupportedError
from toolchain.lock import held, holder, is_held
from toolchain.programs import dagger_step, trivy_step
from toolchain.progress import say
from toolchain.registries import read_registries, require_answers
from toolchain.settings import PROJECT, RUNNER_HOST, SOURCES, Settings
from toolchain.steps import Builder, CommandError, Records, Step, Workshop
from toolchain.surroundings import registries_problems

SOURCE_SUFFIXES = (".py", ".sh", ".toml", ".yml", ".go", ".mod", ".sum", ".lock")


def prepare(settings: Settings) -> Path:
    """Have the engine running and return the Dagger client that goes with it.

    Raises:
        ToolchainError: this machine lacks something, or a step failed.
    """
    if settings.engine_version != settings.pinned:
        raise SurroundingsUnsupportedError(
            f"TOOLCHAIN_ENGINE asks for {settings.engine_version}; from package registries only "
            f"{settings.pinned} is made, whose checksums are committed.",
            "unset it, or run where Docker or Podman can have the vendor's",
        )
    for problem in registries_problems(settings):
        raise problem
    client = settings.cache / "bin" / "dagger"
    if not _is_whole(settings):
        with held(settings.cache / "lock", say):
            _make_and_start(settings)
    _compile_trivy_beside(settings)
    loading = _builder(settings, [_module_step(settings, client)])
    if loading.pending():
        with held(settings.cache / "lock", say):
            loading.carry_out()
    return client


def make_trivy(settings: Settings) -> None:
    """Compile Trivy, pack its image and push it; what `prepare` starts in the background."""
    with held(settings.cache / "trivy.lock", say):
        sources = _fingerprint(settings)  # they may be edited while it is compiled
        os.setpriority(os.PRIO_PROCESS, 0, 19)
        steps = [*_engine_steps(settings), trivy_step(settings), trivy_image_step(settings)]
        _builder(settings, steps).carry_out()
        running = running_engine(settings)
        if running:
            push(settings, "trivy", TRIVY_IMAGE, running.registry)
            _pushed(settings).write_text(sources)


def stop(settings: Settings) -> bool:
    """Stop the engine and the compilation of Trivy; return whether anything was running."""
    stopped_trivy = _stop_trivy(settings)
    return stop_engine(settings) or stopped_trivy


def purge(settings: Settings) -> None:
    """Stop everything and remove the cache folder, so that nothing is left."""
    stop(settings)
    if settings.cache.exists():
        with held(settings.cache / "lock", say):
            stop(settings)
            shutil.rmtree(settings.cache)


def _make_and_start(settings: Settings) -> None:
    if _is_whole(settings):
        return  # made by the run that this one waited for
    builder = _builder(settings, _engine_steps(settings))
    if builder.pending():
        require_answers(read_registries(settings))
        builder.carry_out()
    running = _right_engine(settings)
    if not running:
        say(f"starting the engine {settings.engine_version}")
        running = start_engine(settings, _fingerprint(settings))
    push(settings, "base", BASE_IMAGE, running.registry)


def _right_engine(settings: Settings) -> Running | None:
    """Return the engine that runs, if it is made from these sources and answers."""
    running = running_engine(settings)
    right = running and running.key == _fingerprint(settings) and is_ready(settings, running)
    return running if right else None


def _is_whole(settings: Settings) -> bool:
    """Tell whether the engine runs and has the base image, which it is given after its start."""
    running = _right_engine(settings)
    return running is not None and is_pushed(settings, "base", BASE_IMAGE, running.registry)


def _engine_steps(settings: Settings) -> list[Step]:
    registries = read_registries(settings)
    return [
        *debian_steps(settings, registries),
        dagger_step(settings),
        contents_step(settings, registries),
    ]


def _module_step(settings: Settings, client: Path) -> Step:
    """Return the step that has a new engine load the module, its SDK's packages with it."""
    loaded = settings.cache / "engine" / "module-loaded"  # goes when the engine's state goes
    return Step(
        name="module",
        title="load the module into the new engine: its SDK and the packages of both",
        expected_seconds=75,
        inputs=(settings.engine_version,),
        outputs=(loaded,),
        run=lambda shop: _load_module(shop, settings, client, loaded),
        hint="look into the log; `./daggerw functions` does the same once more",
    )


def _load_module(shop: Workshop, settings: Settings, client: Path, loaded: Path) -> None:
    def load() -> None:
        shop.command(
            [client, "--progress", "plain", "functions"],
            folder=PROJECT,
            environment={RUNNER_HOST: settings.address, "DAGGER_NO_NAG": "1"},
            useful=lambda: running_engine(settings) is not None,  # else it would wait for ever
        )

    try:
        load()
    except CommandError:
        # Where a run was killed while the engine made the runtime for it, the engine answers the
        # next one with what became of that: the second of them is answered for itself.
        load()
    loaded.touch()


def _builder(settings: Settings, steps: list[Step]) -> Builder:
    return Builder(
        steps, Records(settings.cache / "records"), settings.cache / "log", settings.environment
    )


def _fingerprint(settings: Settings) -> str:
    """Return the hash of what the toolchain is made from, quickly: no client is asked."""
    digest = hashlib.sha256(settings.engine_version.encode())
    for path in sorted(SOURCES.rglob("*")):
        place = path.relative_to(SOURCES)
        if path.is_file() and path.suffix in SOURCE_SUFFIXES and place.parts[0] != "tests":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _compile_trivy_beside(settings: Settings) -> None:
    done = _pushed(settings)
    if done.exists() and done.read_text() == _fingerprint(settings):
        return
    if is_held(settings.cache / "trivy.lock"):
        return
    if _builder(settings, [trivy_step(settings)]).pending():  # else it is only pushed
        say("compiling Trivy in the background; the stage `scan` waits for it")
    log = settings.folder("log") / "trivy-background.log"
    with log.open("wb") as stream:
        subprocess.Popen(
            [sys.executable, "-m", "toolchain", "trivy"],
            cwd=PROJECT,
            env=settings.environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def _pushed(settings: Settings) -> Path:
    return settings.folder("records") / "trivy.pushed"


def _stop_trivy(settings: Settings) -> bool:
    lock = settings.cache / "trivy.lock"
    stopped = False
    while is_held(lock):
        pid = holder(lock)
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended by itself
            if pid and b"toolchain" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                stopped = True
        time.sleep(0.05)
    return stopped
