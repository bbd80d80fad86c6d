"""A server's processes: started on one processor, weighed, paused, and ended with all they started.

Contract: Linux's /proc only. What `Started` starts is a session of its own; `end` leaves none of
its processes. A paused server takes no processor time from the one that is measured.
Does not know: HTTP, or which server it is.
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
END_SECONDS = 20.0
POLL_SECONDS = 0.05
STATE, PARENT, SESSION, TIMES = 0, 1, 3, slice(11, 15)  # fields of a stat, after the name


def fields(stat: str) -> list[str]:
    """Return the fields of a process's stat that come after its name, which may hold anything."""
    return stat.rpartition(")")[2].split()


def stats() -> dict[int, list[str]]:
    """Return the fields of every process that lives."""
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            found[int(path.parent.name)] = fields(path.read_text())
    return {pid: stat for pid, stat in found.items() if stat[STATE] not in "ZX"}


def family(root: int, known: dict[int, list[str]]) -> list[int]:
    """Return a process, its session, and whatever descends from either."""
    found = {pid for pid, stat in known.items() if pid == root or stat[SESSION] == str(root)}
    grown = True
    while grown:
        children = {p for p, stat in known.items() if int(stat[PARENT]) in found}
        grown = not children <= found
        found |= children
    return sorted(found)


def cpu_seconds(stat: Sequence[str]) -> float:
    """Return the processor time of a process and of the children that it has waited for."""
    return sum(map(int, stat[TIMES])) / TICKS_PER_SECOND


def pages(rollup: str) -> tuple[int, int]:
    """Return the bytes that a process has alone, and those that it shares with any other."""
    rows = [line.split() for line in rollup.splitlines()]
    sizes = {row[0]: int(row[1]) * 1024 for row in rows if row[0].endswith(":")}
    alone = sizes["Private_Clean:"] + sizes["Private_Dirty:"]
    return alone, sizes["Rss:"] - alone


class Started:
    """A running server."""

    def __init__(self, command: Sequence[str], folder: Path, processor: int, log: Path) -> None:
        """Start it on one processor."""
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(processor), *command],
                cwd=folder,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self._log = log
        self._seen: set[int] = set()

    def pids(self) -> list[int]:
        """Return its processes."""
        found = family(self._process.pid, stats())
        self._seen |= {*found}
        return found

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes so far."""
        known = stats()
        return sum(cpu_seconds(known[pid]) for pid in family(self._process.pid, known))

    def memory_bytes(self) -> int:
        """Return the memory of all its processes: what each has alone, and once what they share.

        Other servers share libraries too, so that a proportional share would depend on how many
        of them stand beside this one.
        """
        rollups = [(PROC / str(pid) / "smaps_rollup").read_text() for pid in self.pids()]
        alone, shared = zip(*map(pages, rollups), strict=True)
        return sum(alone) + max(shared)

    def require_life(self) -> None:
        """See that it has not ended.

        Raises:
            ChildProcessError: it has; the message holds the end of its log.
        """
        code = self._process.poll()
        if code is not None:
            message = f"a server ended with exit code {code}:\n{self.tail()}"
            raise ChildProcessError(message)

    def tail(self) -> str:
        """Return the end of what it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])

    def pause(self) -> None:
        """Stop all its processes where they are."""
        self._signal(signal.SIGSTOP, self.pids())

    def resume(self) -> None:
        """Let all its processes go on."""
        self._signal(signal.SIGCONT, self.pids())

    def end(self) -> None:
        """End it, kindly first."""
        self.resume()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        until = time.monotonic() + END_SECONDS
        while (left := [*({*stats()} & self._seen)]) and time.monotonic() < until:
            self._signal(signal.SIGKILL, left)
            self._process.poll()
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _signal(number: signal.Signals, pids: Sequence[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
