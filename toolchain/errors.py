"""The toolchain's errors: what went wrong, and the way out. One place turns them into an exit code.

Every error carries a message that names the value and the rule, and a hint that says what to do.
"""

from __future__ import annotations


class ToolchainError(Exception):
    """Base of all errors raised on purpose; the program ends with `exit_code`."""

    exit_code = 70

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  what to do: {self.hint}"


class SurroundingsUnsupportedError(ToolchainError):
    """This machine lacks what no step can make: root, Go, apt, a supported architecture."""

    exit_code = 71


class DiskFullError(ToolchainError):
    """There is less free disk than the toolchain needs."""

    exit_code = 72


class RegistryUnreachableError(ToolchainError):
    """A package registry named by the machine's own configuration did not answer."""

    exit_code = 73


class ChecksumMismatchError(ToolchainError):
    """Something that was downloaded is not what this project pinned."""

    exit_code = 74


class StepFailedError(ToolchainError):
    """A step failed; the message carries the last lines of its log and the log's path."""

    exit_code = 75


class EngineVersionConflictError(ToolchainError):
    """An engine of another version than the pinned one is already there."""

    exit_code = 76


class EngineStartError(ToolchainError):
    """The engine was started and did not become ready."""

    exit_code = 77


class RegistryPushError(ToolchainError):
    """The local registry did not take an image."""

    exit_code = 78

    def __init__(self, name: str, registry: str, reason: str) -> None:
        super().__init__(
            f"The local registry {registry} did not take the image {name}: {reason}",
            "run `python3 -m toolchain stop`, then the same command again",
        )
