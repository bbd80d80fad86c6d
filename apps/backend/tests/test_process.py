"""A real process: how it ends, and how many it answers at once."""

import asyncio
import json
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from .artefacts import BUILT_MODELS
from .postgres import until
from .processes import Process, bare_environment, serving
from .valkey import free_port

PREDICT = "/api/v1/predict"
BLANK = json.dumps({"image": [0.0] * 784}).encode()
JSON = {"content-type": "application/json"}
CONNECTIONS = 1_000
LONG_SECONDS = 120


def rows(folder: Path) -> int:
    """Count the predictions that were written down."""
    with sqlite3.connect(folder / "state" / "predictions.sqlite3") as file:
        (count,) = file.execute("SELECT count(*) FROM predictions").fetchone()
    file.close()
    return int(count)


def half_sent(process: Process) -> socket.socket:
    """Begin a prediction and stop in the middle of its body."""
    connection = socket.create_connection(("127.0.0.1", process.port))
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    connection.sendall(f"{head}content-length: {len(BLANK)}\r\n\r\n".encode() + BLANK[:100])
    return connection


def answer_of(connection: socket.socket) -> str:
    """Read what comes until the server closes."""
    connection.settimeout(LONG_SECONDS)
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    connection.close()
    return b"".join(parts).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_drains(tmp_path: Path, number: signal.Signals) -> None:
    """Not ready at once, answering all the same, then 0 with everything written down."""
    with serving(tmp_path, models_dir=BUILT_MODELS, drain_seconds=3) as process:
        answered = 0
        with process.client() as client:
            for _ in range(20):
                answered += client.post(PREDICT, content=BLANK, headers=JSON).status_code == 200
            begun = half_sent(process)
            process.process.send_signal(number)
            assert until(lambda: client.get("/ready").status_code == 503)
            late = client.post(PREDICT, content=BLANK, headers=JSON)
            assert late.status_code == 200
            assert late.headers["connection"] == "close"
            answered += 1
        time.sleep(0.1)
        begun.sendall(BLANK[100:])
        assert answer_of(begun).startswith("HTTP/1.1 200")
        answered += 1
        assert process.ended() == 0
        assert "Traceback" not in process.log.read_text()
    assert rows(tmp_path) == answered == 22


def test_a_second_signal_ends_the_wait(tmp_path: Path) -> None:
    """Told twice, a server does not drain for as long as it was set to."""
    with serving(tmp_path, models_dir=BUILT_MODELS, drain_seconds=300) as process:
        with process.client() as client:
            process.process.send_signal(signal.SIGTERM)
            assert until(lambda: client.get("/ready").status_code == 503)
        process.process.send_signal(signal.SIGTERM)
        assert process.ended() == 0


def test_a_thousand_connections_are_all_answered(tmp_path: Path) -> None:
    """Opened at once and then used at once, each of them gets its answer."""
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(BLANK)}\r\nconnection: close\r\n\r\n".encode() + BLANK

    async def one(port: int, opened: asyncio.Semaphore, all_open: asyncio.Event) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.release()
        await all_open.wait()
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer

    async def all_at_once(port: int) -> list[bytes]:
        opened, all_open = asyncio.Semaphore(0), asyncio.Event()
        async with asyncio.timeout(LONG_SECONDS), asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(port, opened, all_open)) for _ in range(CONNECTIONS)]
            for _ in tasks:
                await opened.acquire()
            all_open.set()
        return [task.result() for task in tasks]

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * CONNECTIONS), most))
    with serving(tmp_path, models_dir=BUILT_MODELS, rate_limit="") as process:
        answers = asyncio.run(all_at_once(process.port))
        assert len(answers) == CONNECTIONS
        assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
        process.process.terminate()
        assert process.ended() == 0
    assert rows(tmp_path) == CONNECTIONS


def test_slow_bodies_do_not_stand_in_the_way(tmp_path: Path) -> None:
    """Fifty bodies that never end are given up with 408, and others are answered meanwhile."""
    with serving(tmp_path, models_dir=BUILT_MODELS, body_seconds=1) as process:
        slow = [half_sent(process) for _ in range(50)]
        with process.client() as client:
            for _ in range(20):
                assert client.post(PREDICT, content=BLANK, headers=JSON).status_code == 200
        assert all(answer_of(each).startswith("HTTP/1.1 408") for each in slow)


def test_metrics_are_on_a_port_of_their_own(tmp_path: Path) -> None:
    """The port of the API knows no page of metrics, and the other one has it."""
    with serving(tmp_path, models_dir=BUILT_MODELS) as process:
        with process.client() as client:
            assert client.get("/metrics").status_code == 404
            client.post(PREDICT, content=BLANK, headers=JSON)
            assert until(lambda: "recording_written_total 1.0" in process.metrics())
        page = process.metrics()
        assert 'status="200"' in page
        assert "# TYPE recording_dropped_total counter" in page
        assert "# TYPE recording_queue_length gauge" in page


def test_a_killed_server_leaves_whole_rows(tmp_path: Path) -> None:
    """After kill -9 under load the next server serves at once, with every row complete."""
    stopped = threading.Event()
    with serving(tmp_path, models_dir=BUILT_MODELS, rate_limit="") as process:

        def ask() -> None:
            with process.client() as client, suppress(httpx2.TransportError):
                while not stopped.is_set():
                    client.post(PREDICT, content=BLANK, headers=JSON)

        asking = threading.Thread(target=ask)
        asking.start()
        assert until(lambda: "recording_written_total 0.0" not in process.metrics())
        process.process.kill()
        stopped.set()
        asking.join()
    assert process.ended() == -signal.SIGKILL
    with serving(tmp_path, models_dir=BUILT_MODELS) as process:
        assert process.process.poll() is None
    with sqlite3.connect(tmp_path / "state" / "predictions.sqlite3") as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        halves = "length(id) != 32 OR json_array_length(probabilities) != 10"
        assert file.execute(f"SELECT count(*) FROM predictions WHERE {halves}").fetchone() == (0,)  # noqa: S608  fixed above
    file.close()
    assert rows(tmp_path) > 0


def run(**settings: object) -> subprocess.CompletedProcess[str]:
    """Start a server that shall not come up."""
    environment = {f"MNIST_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "mnist_backend"],
        env=bare_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_SECONDS,
    )


def test_a_setting_that_cannot_be_used_ends_the_start() -> None:
    """Exit code 2 and one line that names the variable, without a trace or a secret."""
    done = run(state_dir="/nowhere", database_url="mysql://me:s3cr3t@b/c")
    assert done.returncode == 2
    assert done.stderr.startswith("MNIST_DATABASE_URL: the address of the")
    assert done.stderr.count("\n") == 1
    assert "s3cr3t" not in done.stderr + done.stdout


def test_a_port_that_is_taken_ends_the_start(tmp_path: Path) -> None:
    """Both ports are named when somebody else listens there, and the exit code is not 0."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        free = {"host": "127.0.0.1", "state_dir": tmp_path, "models_dir": tmp_path}
        done = run(port=free_port(), metrics_port=port, **free)
        assert (done.returncode, f"MNIST_METRICS_PORT: {port} " in done.stderr) == (2, True)
        done = run(port=port, metrics_port=free_port(), **free)
        assert done.returncode == 3
        assert "address already in use" in done.stdout
