"""Posts a message to a webhook; runs inside a container.

    python deliver.py MESSAGE.json ADDRESS-FILE

Contract: standard library only. The address is a secret: it is read from a file and stands in no
output. Tries again where the receiver is busy or broken. Exits with 0 where it was taken, else with
1, and its last line says why. Does not know what the message says.
"""

import http.client
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 10
PAUSES_SECONDS = (1.0, 3.0)  # before the second and the third try
BUSY = 429
BROKEN = 500


def posted(message: bytes, url: str) -> tuple[str, bool]:
    """Why a message was not taken, empty where it was, and whether to try again."""
    try:
        request = urllib.request.Request(  # noqa: S310  checked below
            url, data=message, headers={"content-type": "application/json"}
        )
        if request.type not in {"http", "https"}:
            return "the address does not begin with https://", False
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310  checked
            return "", False
    except urllib.error.HTTPError as error:
        return f"the receiver answered {error.code}", error.code == BUSY or error.code >= BROKEN
    except OSError as error:
        cause = getattr(error, "reason", error)
        return f"the receiver cannot be reached: {type(cause).__name__}", True
    except (http.client.InvalidURL, ValueError):
        return "the address is no URL", False
    except http.client.HTTPException as error:
        return f"the receiver does not speak HTTP: {type(error).__name__}", True


def main(arguments: list[str], pauses: tuple[float, ...] = PAUSES_SECONDS) -> int:
    """Posts once, and again after each pause while that makes sense."""
    message = Path(arguments[0]).read_bytes()
    url = Path(arguments[1]).read_text(encoding="utf-8").strip()
    fault, again = posted(message, url)
    for pause in pauses:
        if not again:
            break
        time.sleep(pause)
        fault, again = posted(message, url)
    sys.stdout.write(f"NOT delivered: {fault}\n" if fault else "delivered\n")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
