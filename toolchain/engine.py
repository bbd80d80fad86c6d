"""Starts, checks and stops the engine as a process in namespaces of its own.

The engine, its registry, its network and its mounts live and die with one process, whose number
and start time are kept in run/engine.json. What is left of an engine that died is a socket file
and empty control groups; both are cleared before the next start.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from toolchain.errors import EngineStartError, EngineVersionConflictError
from toolchain.settings import SOURCES, Settings
from toolchain.steps import CommandError, answer

FIRST_PORT = 5055
START_SECONDS = 60
STOP_SECONDS = 15
NEEDED = {"PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
NEEDED |= {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}  # in small letters, too
NAMESPACES = (
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"),
    *("--propagation", "private", "--"),
)
CONTROL_GROUPS = Path("/sys/fs/cgroup")
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PROGRAMS = {
    "engine": "usr/local/bin/engine",
    "init": "usr/local/bin/dagger-init",
    "dnsname": "usr/lib/cni/dnsname",
}


@dataclass(frozen=True)
class Running:
    """What is known of the engine that was started last."""

    pid: int
    started: str
    version: str
    key: str
    registry_port: int

    @property
    def registry(self) -> str:
        """The local registry's address as this machine sees it; the engine sees 127.0.0.1:5000."""
        return f"127.0.0.1:{self.registry_port}"


def running_engine(settings: Settings) -> Running | None:
    """Return the engine that is running, or None."""
    try:
        running = Running(**json.loads((settings.cache / "run" / "engine.json").read_text()))
    except (
        FileNotFoundError,
        ValueError,
        TypeError,
    ):  # none was started, or its record was cut off by a crash
        return None
    return running if running.started and _start_time(running.pid) == running.started else None


def is_ready(settings: Settings, running: Running) -> bool:
    """Tell whether the engine and its registry answer."""
    with closing(socket.socket(socket.AF_UNIX)) as link:
        link.settimeout(5)
        try:
            link.connect(str(settings.socket))
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://{running.registry}/v2/", timeout=5):
                return True
        except (OSError, urllib.error.URLError):
            return False


def start_engine(settings: Settings, key: str) -> Running:
    """Start the engine and wait until it answers; `key` says what it was made from.

    Raises:
        EngineVersionConflictError: an engine of another version runs from this cache folder.
        EngineStartError: it ended at once, or did not answer in time.
    """
    _refuse_other_version(settings)
    stop_engine(settings)
    _assemble(settings)
    port = _free_port()
    log = settings.folder("log") / "engine.log"
    boot = [_boot_script(), settings.cache / "machine", settings.cache, port]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*NAMESPACES, "sh", *map(str, boot)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd="/",
            env=own_environment(settings.environment),
        )
    version = settings.engine_version
    running = Running(process.pid, _start_time(process.pid), version, key, port)
    partial = settings.folder("run") / "engine.json.partial"
    partial.write_text(json.dumps(asdict(running)))
    partial.replace(settings.cache / "run" / "engine.json")
    _wait_until_ready(settings, running, process, log)
    return running


def own_environment(caller: dict[str, str]) -> dict[str, str]:
    """Return what an engine needs of its starter's environment, which may hold a user's secrets."""
    return {name: value for name, value in caller.items() if name.upper() in NEEDED}


def stop_engine(settings: Settings) -> bool:
    """Stop the engine, gently first, and clear what it left; return whether one was running."""
    running = running_engine(settings)
    if running:
        for child in _children(running.pid):
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _start_time(running.pid) == running.started and time.monotonic() < deadline:
            _reap(running.pid)
            time.sleep(0.1)
        if _start_time(running.pid) == running.started:
            _kill(running.pid)
    for pid in _strays(settings):
        _kill(pid)
    for name in ("engine.json", "engine.sock"):
        (settings.cache / "run" / name).unlink(missing_ok=True)
    for group in CONTROL_GROUPS.glob("*/buildkit"):
        _remove_groups(group)
    return running is not None


def _refuse_other_version(settings: Settings) -> None:
    current = running_engine(settings)
    if current and current.version != settings.engine_version:
        raise EngineVersionConflictError(
            f"An engine {current.version} (process {current.pid}) is on {settings.socket}; "
            f"this project pins {settings.engine_version}.",
            "run `python3 -m toolchain stop`, or use another cache folder with XDG_CACHE_HOME",
        )


def _wait_until_ready(
    settings: Settings, running: Running, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if is_ready(settings, running):
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    what = "ended at once" if process.poll() is not None else f"did not answer in {START_SECONDS} s"
    logs = [log, *sorted((settings.cache / "run").glob("*.log"))]
    tails = "\n".join(f"  {path}:\n{tail(path)}" for path in logs if path.exists())
    stop_engine(settings)
    raise EngineStartError(
        f"The engine {what}. The last lines of its logs:\n{tails}",
        "run it again; if it fails again, `python3 -m toolchain purge` starts from nothing",
    )


def _assemble(settings: Settings) -> None:
    """Make the engine's root file system anew, with this machine's certificates."""
    root = settings.cache / "machine"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    archive = settings.cache / "debian" / "machine.tar"
    try:
        answer(["tar", "-xf", archive, "-C", root])
    except CommandError as error:
        raise EngineStartError(
            f"The engine's root file system could not be unpacked from {archive}: {error}",
            "look whether the disk is full; `python3 -m toolchain purge` starts from nothing",
        ) from error
    for program, place in PROGRAMS.items():
        shutil.copy2(settings.cache / "bin" / program, root / place)
    (root / "usr/local/bin/runc").symlink_to("/usr/sbin/runc")
    shutil.copytree(SOURCES / "machine", root / "etc/toolchain")
    shutil.copytree(settings.cache / "digests", root / "etc/toolchain/digests")
    if CERTIFICATES.is_dir():
        shutil.copytree(CERTIFICATES, root / "usr/local/share/ca-certificates", dirs_exist_ok=True)
    for place in ("var/lib/dagger", "srv/registry", "usr/local/share/dagger/content"):
        (root / place).mkdir(parents=True, exist_ok=True)
    for name in ("run", "engine", "registry", "content"):
        settings.folder(name)


def _free_port() -> int:
    for port in (FIRST_PORT, 0):
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EngineStartError("No port of this machine's loopback is free.", "end what holds them")


def _start_time(pid: int) -> str:
    """Return the boot and the clock tick in which a process started; empty if it is gone."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    if status[0] in "ZX":
        return ""
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {status[19]}"


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _boot_script() -> Path:
    return SOURCES / "machine" / "boot.sh"


def _strays(settings: Settings) -> list[int]:
    """Return engines of this cache folder that no record names: their starter was killed."""
    mark = f"\0sh\0{_boot_script()}\0{settings.cache / 'machine'}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # it ended while this was looking
            continue
        if words.startswith(b"unshare\0") and mark in words:
            found.append(int(process.name))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself in the meantime, which is what was wanted


def _kill(pid: int) -> None:
    """End a process for good and wait until it has gone, and its mounts with it."""
    started = _start_time(pid)
    _signal(pid, signal.SIGKILL)
    while started and _start_time(pid) == started:
        time.sleep(0.02)
    _reap(pid)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # another run of the launcher started it


def _remove_groups(group: Path) -> None:
    """Remove the empty control groups at and below `group`; others are another engine's."""
    folders = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
    for folder in (*folders, group):
        if not (folder / "cgroup.procs").read_text().strip() and not any(
            p.is_dir() for p in folder.iterdir()
        ):
            folder.rmdir()


def tail(path: Path, lines: int = 8) -> str:
    """Return the last lines of a log, indented."""
    return "\n".join(
        f"    {line}" for line in path.read_text(errors="replace").splitlines()[-lines:]
    )
