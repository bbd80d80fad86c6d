"""What can go wrong, each with the exit code that tells it apart.

Contract: a message names what is wrong, the rule, and the way out; it never repeats a secret.
"""


class DeployError(Exception):
    """Something that ends a command with an exit code of its own."""

    exit_code = 1


class UsageInvalidError(DeployError):
    """An argument cannot be used."""

    exit_code = 2


class PreflightRefusedError(DeployError):
    """The host, the configuration or the release is not fit to begin; nothing was touched."""

    exit_code = 3


class ReleaseRefusedError(DeployError):
    """The release did not do in the dark, or under traffic; the old one answers."""

    exit_code = 4


class LockHeldError(DeployError):
    """Somebody else is deploying to the host."""

    exit_code = 5


class HostUnreachableError(DeployError):
    """The host cannot be reached, or is not who it should be."""

    exit_code = 6


class AuditBrokenError(DeployError):
    """The audit trail was changed after it was written."""

    exit_code = 7


class CommandFailedError(DeployError):
    """A command on the host failed."""

    def __init__(self, what: str, exit_code: int, said: str) -> None:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        self.last = lines[-1] if lines else "it said nothing"
        super().__init__(f"{what} ended with {exit_code}: {self.last}")
        self.code = exit_code
