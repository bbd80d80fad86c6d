"""BentoML with the network of the working directory, as its documentation shows, access log off.

    bentoml serve load.serving.bentoml_service:Digits

Contract: one worker, no batching, answers POST /predict. Does not know: what is measured.
"""

from pathlib import Path
from typing import Any

import bentoml

from load.serving.recognise import Recogniser


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Digits:
    """The service that BentoML asks for."""

    def __init__(self) -> None:
        """Load the network in the worker."""
        self.recogniser = Recogniser(Path.cwd())

    @bentoml.api
    async def predict(self, image: list[float]) -> dict[str, Any]:
        """Recognise the digit; on the event loop, for a thread would cost more than the network."""
        return self.recogniser.recognise(image)
