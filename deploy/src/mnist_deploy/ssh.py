"""A host that is reached over SSH: commands, files, and a folder of its own there.

Contract: the host's key must be among the known ones; all commands share one connection, which is
made anew where it broke. What changes the host names the lock's token, and is refused there once
the lock is another's. Secrets travel on standard input only, and the copy of the key that ssh is
given goes when the host is closed. Does not know what is deployed.
"""

import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mnist_deploy.errors import (
    CommandFailedError,
    HostUnreachableError,
    LockHeldError,
    UsageInvalidError,
)

LIMIT_SECONDS = 120
TRIES = 4
UNREACHABLE = 255
LOST = 97  # the lock is another's
ADDRESS = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+)(:(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Address:
    """Where a host is, and how it is entered."""

    user: str
    host: str
    port: int
    key: Path
    known_hosts: Path

    @classmethod
    def of(cls, text: str, key: Path, known_hosts: Path) -> "Address":
        """Reads user@host or user@host:port.

        Raises:
            UsageInvalidError: it is neither, or a file is missing.
        """
        match = ADDRESS.fullmatch(text)
        if not match:
            message = f"--host {text!r} is not user@host or user@host:port"
            raise UsageInvalidError(message)
        for name, path in {"--key": key, "--known-hosts": known_hosts}.items():
            if not path.is_file() or not path.stat().st_size:
                message = f"{name} {path} is no file, or empty"
                raise UsageInvalidError(message)
        return cls(match["user"], match["host"], int(match["port"] or 22), key, known_hosts)


class Host:
    """The host, and the folder on it in which everything of the service lies."""

    def __init__(self, address: Address, folder: str) -> None:
        self.address, self.folder = address, folder
        self.token = ""  # of the lock, while it is held
        self._kept = tempfile.TemporaryDirectory(prefix="deploy-")
        self._control = Path(self._kept.name) / "line"
        key = self._control.with_name("key")
        key.touch(mode=0o600)
        key.write_bytes(address.key.read_bytes())
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "ControlMaster": "auto",
            "ControlPath": str(self._control),
            "ControlPersist": "60",
            "IdentitiesOnly": "yes",
            "ServerAliveInterval": "3",
            "ServerAliveCountMax": "3",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(address.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
        }
        pairs = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        port = ["-p", str(address.port)]
        self._ssh = ["ssh", *pairs, "-i", str(key), *port, f"{address.user}@{address.host}"]

    def read(self, script: str, *, limit_seconds: float = LIMIT_SECONDS) -> str:
        """Runs a script that changes nothing, in the folder; tries again where the line broke.

        Raises:
            CommandFailedError, HostUnreachableError: it failed, or the host cannot be reached.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return self._run(script, None, limit_seconds)
            except HostUnreachableError:
                if attempt == TRIES:
                    raise
                time.sleep(attempt)
        raise AssertionError  # the last attempt returns or raises

    def change(
        self,
        script: str,
        *,
        content: bytes | None = None,
        alone: str = "",
        limit_seconds: float = LIMIT_SECONDS,
    ) -> str:
        """Runs a script that may be run twice, under the lock, with content on standard input.

        What is to run alone, by a name, waits for its former run to end, which a line that broke
        did not end; the lock may have become another's meanwhile.

        Raises:
            CommandFailedError, HostUnreachableError: it failed, or the host cannot be reached.
            LockHeldError: the lock is another's by now.
        """
        ours = f'[ "$(cat lock/token 2>/dev/null)" = {self.token} ] || exit {LOST}; '
        waiting = f"exec 8>.{alone}.alone; flock 8; {ours}" if alone else ""
        guarded = f"{ours}{waiting}{script}"
        for attempt in range(1, TRIES + 1):
            try:
                return self._run(guarded, content, limit_seconds)
            except HostUnreachableError:
                if attempt == TRIES:
                    raise
                time.sleep(attempt)
            except CommandFailedError as error:
                if error.code == LOST:
                    message = "the lock was taken over by another deployer; nothing more was done"
                    raise LockHeldError(message) from error
                raise
        raise AssertionError  # the last attempt returns or raises

    def stream(self, script: str, write: Callable[[IO[bytes]], None]) -> None:
        """Runs a script and writes its standard input piece by piece.

        Raises:
            CommandFailedError, HostUnreachableError: it failed, or the host cannot be reached.
        """
        command = [*self._ssh, self._line(script)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise AssertionError  # both are pipes
            try:
                write(process.stdin)
                process.stdin.close()
            except BrokenPipeError:
                process.kill()  # what it said tells why
            said = process.stdout.read().decode(errors="replace")
        self._judge(script, process.returncode, said)

    def put(self, name: str, content: bytes, mode: str = "0644") -> None:
        """Writes a file whole or not at all; its content never stands in a command."""
        quoted = shlex.quote(name)
        self.change(
            f"umask 077; mkdir -p $(dirname {quoted}) && cat >{quoted}.new && "
            f"[ $(wc -c <{quoted}.new) -eq {len(content)} ] && "  # a line that broke ends it early
            f"chmod {mode} {quoted}.new && mv {quoted}.new {quoted}",
            content=content,
        )

    def get(self, name: str) -> str:
        """A file's content; empty where there is none."""
        return self.read(f"cat {shlex.quote(name)} 2>/dev/null || true")

    def close(self) -> None:
        """Ends the connection, and removes the copy of the key."""
        command = [*self._ssh[:-1], "-O", "exit", self._ssh[-1]]
        try:
            subprocess.run(command, capture_output=True, check=False)
        finally:
            self._kept.cleanup()

    def _line(self, script: str) -> str:
        folder = shlex.quote(self.folder)
        whole = f"mkdir -p {folder} && chmod 700 {folder} && cd {folder} || exit 1; {script}"
        return f"sh -c {shlex.quote(whole)}"

    def _run(self, script: str, content: bytes | None, limit_seconds: float) -> str:
        try:
            done = subprocess.run(
                [*self._ssh, self._line(script)],
                input=content,
                stdin=subprocess.DEVNULL if content is None else None,
                capture_output=True,
                timeout=limit_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailedError(named(script), 124, f"no end in {limit_seconds} s") from error
        said = done.stdout.decode(errors="replace")
        self._judge(script, done.returncode, done.stderr.decode(errors="replace") or said)
        return said

    def _judge(self, script: str, code: int, said: str) -> None:
        if code == UNREACHABLE:
            place = f"{self.address.user}@{self.address.host}:{self.address.port}"
            lines = [*filter(None, map(str.strip, said.splitlines()))]
            message = f"{place} cannot be reached, or is not who it should be: " + (
                lines[-1] if lines else "the line broke"
            )
            raise HostUnreachableError(message)
        if code:
            raise CommandFailedError(named(script), code, said)


def named(script: str) -> str:
    """A script in a few words, for a message."""
    text = " ".join(script.rpartition("exit 97; ")[2].split())
    return text if len(text) <= 70 else f"{text[:69]}…"  # noqa: PLR2004
