"""Tries a release: the images as a registry hands them out are started and asked.

Contract: every image must answer its readiness, and the backend must read a known digit; an answer
is never taken from the cache. The services are this trial's alone. Does not know the registry.
"""

from collections.abc import Mapping
from dataclasses import replace

import dagger

from mnist_pipeline.containers import python
from mnist_pipeline.containers.recorder import Recorder
from mnist_pipeline.containers.session import CommandUnansweredError, Session
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, red
from mnist_pipeline.services import (
    beside,
    logged,
    once_ready,
    with_logs,
    with_readiness,
)

VOLUME = "service-logs-trial"
PICTURE, DIGIT = ".github/seven.png", "7"
BACKEND = "http://backend:8000"
READY = {"backend": f"{BACKEND}/ready", "frontend": "http://frontend:8501/_stcore/health"}
PORTS = {"backend": 8000, "frontend": 8501}


async def tried(session: Session, pulled: Mapping[str, dagger.Container]) -> Verdict:
    """Starts the images and asks them."""
    anew = replace(session, fresh=True)
    backend, page = [
        (await logged(pulled[name], name, port, VOLUME)).with_env_variable(
            "TRIAL", str(session.started)
        )
        for name, port in PORTS.items()
    ]
    service = backend.as_service(use_entrypoint=True)
    container = (
        with_readiness(with_logs(python(), VOLUME))
        .with_new_file("/smoke.py", beside("smoke.py"))
        .with_file("/picture.png", session.file(PICTURE))
        .with_service_binding("backend", service)
        .with_service_binding(
            "frontend",
            page.with_service_binding("backend", service).as_service(use_entrypoint=True),
        )
    )
    ask = once_ready(READY, "python3", "/smoke.py", "/picture.png", DIGIT, BACKEND)
    try:
        answers = await (await Recorder.around(anew, container)).run("smoke", ask).answers()
    except CommandUnansweredError as error:
        return error.outcome.verdict
    if answers.exit_code("smoke"):
        return red(last_line(answers.log("smoke")))
    return green(services=len(PORTS))
