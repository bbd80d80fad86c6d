"""Asks a running release for a prediction whose answer is known; runs inside a container.

    python smoke.py PICTURE DIGIT BACKEND_URL

Contract: standard library only. Exits with 0 where the digit is right, else with 1, and its last
line says what was answered. Does not wait for the service, and does not know how it was started.
"""

import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 10


def answered(picture: bytes, url: str) -> str:
    """The digit that the service reads in a PNG, or what it said instead."""
    body = json.dumps({"image": base64.b64encode(picture).decode()}).encode()
    request = urllib.request.Request(  # noqa: S310  the address is ours
        f"{url}/api/v1/predict", data=body, headers={"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            return str(json.load(response)["digit"])
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(300).decode(errors='replace')}"
    except (OSError, ValueError, KeyError) as error:
        return f"{error!r}"


def main(arguments: list[str]) -> int:
    """Asks once and compares."""
    path, digit, url = arguments
    found = answered(Path(path).read_bytes(), url)
    right = found == digit
    sys.stdout.write(f"{'right' if right else 'WRONG'}: {digit} was asked, answered: {found}\n")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
