"""What can go wrong on the way to a model, each with what to do about it.

Contract: every expected failure of a training is a `BackendError`. Does not know who catches it.
"""

from mnist_backend.errors import BackendError


class IdxMalformedError(BackendError):
    """A file is not the IDX file that it should be."""

    slug = "idx-malformed"
    title = "The file is not the IDX file it should be"


class MirrorsExhaustedError(BackendError):
    """No mirror gave the file that is wanted."""

    slug = "mirrors-exhausted"
    title = "No mirror gave the data"
