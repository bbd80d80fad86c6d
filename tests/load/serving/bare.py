"""The least that a server in Python can do, twice: read a body and answer, or recognise as well.

    python -m load.serving.bare noop|recognise PORT

Contract: a bare ASGI application under uvicorn; `noop` answers a constant, `recognise` the digit in
the body, with no check, key, limit, metric, record or log. Does not know: what is measured.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import simdjson
import uvicorn
from numpy.typing import NDArray

from load.serving.recognise import Recogniser

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = Callable[[bytes], bytes]

NOTHING = msgspec.json.encode({"digit": 0, "probabilities": [0.1] * 10})


def numbers(body: bytes) -> NDArray[np.float64]:
    """Return the 784 numbers of a body, the quickest way that is known here; nothing is checked."""
    image: Any = simdjson.Parser().parse(body)["image"]
    return np.frombuffer(image.as_buffer(of_type="d"))


def application(answer: Answer) -> Callable[..., Awaitable[None]]:
    """Return the ASGI application that answers every request with a function of its body."""

    async def app(_: dict[str, Any], receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        content = answer(body)
        length = str(len(content)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


def recognising(recogniser: Recogniser) -> Answer:
    """Return what answers a body with the digit in it."""
    encode = msgspec.json.Encoder().encode
    return lambda body: encode(recogniser.recognise(numbers(body)))


def main(what: str, port: str) -> None:
    """Serve until told to stop."""
    answer = recognising(Recogniser(Path.cwd())) if what == "recognise" else lambda _: NOTHING
    app = application(answer)
    options: dict[str, Any] = {"access_log": False, "log_level": "warning", "lifespan": "off"}
    uvicorn.run(app, host="127.0.0.1", port=int(port), **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
