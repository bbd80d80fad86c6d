"""LitServe with the network of the working directory, as its documentation shows, logs off.

    python -m load.serving.litserve_server PORT

Contract: one worker, no batching, answers POST /predict. Does not know: what is measured.
"""

import sys
from pathlib import Path
from typing import Any

import litserve

from load.serving.recognise import Recogniser


class Digits(litserve.LitAPI):
    """The steps that LitServe asks for."""

    def setup(self, device: str) -> None:  # noqa: ARG002  the signature is LitServe's
        """Load the network in the worker."""
        self.recogniser = Recogniser(Path.cwd())

    def decode_request(self, request: dict[str, Any]) -> list[float]:
        """Return the numbers of a request."""
        image: list[float] = request["image"]
        return image

    def predict(self, x: list[float]) -> dict[str, object]:
        """Recognise the digit."""
        return self.recogniser.recognise(x)

    def encode_response(self, output: dict[str, object]) -> dict[str, object]:
        """Return the answer as it is."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Digits(), accelerator="cpu", devices=1, workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
