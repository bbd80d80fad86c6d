"""Talks to HAProxy at its runtime socket: the weights of both colours, and what each has answered.

Contract: weights change in one exchange, for all replicas, without a reload; they are kept in a
file that the edge reads when it starts again. Does not know why traffic is shifted.
"""

import csv
import io
import socket
from collections.abc import Mapping
from pathlib import Path

from mnist_deploy.errors import CommandFailedError

FOLDER = Path("/run/edge")
SLOTS = 4  # as many servers of a colour the edge's configuration has
LIMIT_SECONDS = 3.0
UP = "UP"
COLOURS = ("blue", "green")
FAILURES = ("hrsp_5xx", "econ", "eresp", "wretr")  # one that another replica answered counts, too
ANSWERS = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx")


class Edge:
    """The edge, by the folder that its socket is in."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def ask(self, *commands: str) -> str:
        """Gives commands, all in one exchange, and returns what the edge says.

        Raises:
            CommandFailedError: it does not answer.
        """
        said = bytearray()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(LIMIT_SECONDS)
                line.connect(str(self._folder / "admin.sock"))
                line.sendall(";".join(commands).encode() + b"\n")
                while part := line.recv(65536):
                    said += part
        except OSError as error:
            raise CommandFailedError("the edge's socket", 1, str(error)) from error
        return said.decode()

    def weigh(self, weights: Mapping[str, int], *, pages: Mapping[str, int]) -> None:
        """Sets the weight of each colour's replicas, of the API and of the page.

        Raises:
            CommandFailedError: the edge refuses, or does not answer.
        """
        parts = {"api": weights, "pages": pages}
        commands = [
            f"set server {part}/{colour}-{slot} weight {each[colour]}"
            for part, each in parts.items()
            for colour in COLOURS
            for slot in range(1, SLOTS + 1)
        ]
        said = self.ask(*commands).strip()
        if said:
            raise CommandFailedError("setting the weights", 1, said)
        kept = self._folder / "weights.new"
        kept.write_text(f"{pages['blue']} {pages['green']}\n", encoding="utf-8")
        kept.replace(self._folder / "weights")

    def servers(self, part: str) -> list[dict[str, str]]:
        """What the edge tells of each server of a part, by the names of its own statistics."""
        text = self.ask(f"show stat {part} 4 -1").lstrip("# ")
        return [*csv.DictReader(io.StringIO(text))]


def colour_of(server: Mapping[str, str]) -> str:
    """The colour that a server belongs to."""
    return server["svname"].partition("-")[0]


def up(servers: list[dict[str, str]], colour: str) -> int:
    """How many replicas of a colour answer."""
    return sum(colour_of(s) == colour and s["status"].startswith(UP) for s in servers)


def counted(server: Mapping[str, str]) -> tuple[int, int]:
    """How many requests a server answered, and how many it failed."""
    answered = sum(int(server.get(name) or 0) for name in ANSWERS)
    return answered, sum(int(server.get(name) or 0) for name in FAILURES)
