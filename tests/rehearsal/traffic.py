"""Requests at the edge, at a steady rate whatever becomes of them, by vegeta.

Contract: a request that was not answered with 200 has failed; nothing is tried again. Does not know
what happens meanwhile.
"""

import base64
import json
import signal
import subprocess
import time
from pathlib import Path

RATE = 30
LIMIT_SECONDS = 1500  # it stops by itself, whatever becomes of its rehearsal
PREDICT = "https://production/api/v1/predict"
GOLDEN = Path("/app/golden.json")


class Load:
    """An attack that runs until it is stopped, or its time is over."""

    def __init__(self, folder: Path, key: str) -> None:
        """Begin to send."""
        images = json.loads(GOLDEN.read_text())["images"]
        lines = []
        for image in images:
            body = base64.b64encode(json.dumps({"image": image["png"]}).encode()).decode()
            header = {"X-API-Key": [key], "Content-Type": ["application/json"]}
            target = {"method": "POST", "url": PREDICT, "header": header, "body": body}
            lines.append(json.dumps(target))
        targets = folder / "targets.jsonl"
        targets.write_text("\n".join(lines))
        self.results = folder / "results.bin"
        command = ["vegeta", "attack", "-format=json", f"-targets={targets}", f"-rate={RATE}"]
        command += [
            f"-duration={LIMIT_SECONDS}s",
            "-insecure",
            "-timeout=30s",
            f"-output={self.results}",
        ]
        self._process = subprocess.Popen(command)
        time.sleep(2)

    def stop(self) -> dict[str, object]:
        """End sending; return what came of it."""
        time.sleep(1)
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)
        command = ["vegeta", "report", "-type=json", str(self.results)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        report = json.loads(done.stdout)
        codes = {code: int(number) for code, number in report["status_codes"].items()}
        return {
            "sent": int(report["requests"]),
            "failed": int(report["requests"]) - codes.get("200", 0),
            "errors": report.get("errors") or [],
            "p95_seconds": report["latencies"]["95th"] / 1e9,
            "longest_seconds": report["latencies"]["max"] / 1e9,
        }
