"""The scenarios: what is promised, what is done, and what must be so afterwards.

Contract: each leaves the host with a release that answers, for the next one. Does not know how they
are told.
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from rehearsal.stage import CHOICES, FIRST, Row, Said, Stage

BROKEN, UNFIT, REFUSED, HELD = 1, 3, 4, 5
Act = Callable[[Stage, Row], None]
SCENARIOS: dict[str, tuple[str, Act, bool]] = {}  # by name: what is promised, what is done, loaded
SHORT = ("first release", "good release", "does not start", "wrong answers", "replica killed")


def scenario(name: str, promised: str, *, loaded: bool = True) -> Callable[[Act], Act]:
    """Add a scenario."""

    def add(act: Act) -> Act:
        SCENARIOS[name] = (promised, act, loaded)
        return act

    return add


def page(url: str) -> tuple[int, dict[str, str]]:
    """How an address of the edge answers, without following it elsewhere."""

    class Stay(urllib.request.HTTPRedirectHandler):
        """Goes nowhere."""

        def redirect_request(self, *_: object) -> None:  # type: ignore[override]
            """Stay."""

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), Stay)
    try:
        with opener.open(url, timeout=10) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}


def refused(
    stage: Stage, row: Row, said: Said, answers: str, why: str, code: int = REFUSED
) -> None:
    """Hold that a release was refused for the right reason, and that the one before answers."""
    last = said.text.strip().splitlines()[-1] if said.text.strip() else "it said nothing"
    row.happened = f"exit code {said.code}: {last[:160]}"
    row.expect(said.code == code, f"exit code {said.code}, not {code}")
    row.expect(why in last, f"it does not say {why!r}")
    now = stage.answers()
    row.expect(now == answers, f"{now} answers, not {answers}")


@scenario(
    "first release", "an empty host gets everything it needs, and answers over TLS", loaded=False
)
def first(stage: Stage, row: Row) -> None:
    """Deploy to an empty host."""
    said = stage.deploy(FIRST)
    row.expect(said.code == 0, f"exit code {said.code}")
    row.expect(stage.answers() == "release-1", "release-1 does not answer")
    status, headers = page("https://production/")
    row.expect(status == 200, f"the page answers {status}")
    row.expect("max-age" in headers.get("strict-transport-security", ""), "there is no HSTS")
    code, redirect = page("http://production/")
    row.expect(code == 308, f"plain HTTP answers {code}")
    row.expect(redirect.get("location", "").startswith("https://"), "plain HTTP stays plain")
    ready, _ = page("https://production/ready")
    row.expect(ready == 200, f"the API answers {ready}")
    row.happened = f"page {status}, API {ready}, HTTP {code}"


@scenario("good release", "1 to 100 % without a failed request; a second deployer is sent away")
def good(stage: Stage, row: Row) -> None:
    """Deploy another release under load, while somebody else tries to."""
    running = stage.deploying("release-2")
    running.saw("boot ")
    second = stage.deploy("release-3")
    said = running.wait()
    row.expect(said.code == 0, f"exit code {said.code}")
    row.expect(second.code == HELD, f"the second deployer ended with {second.code}")
    row.expect("holds the lock" in second.text, "the second is not told who holds the lock")
    now = stage.answers()
    row.expect(now == "release-2", f"{now} answers")
    steps = said.event("shift").get("steps", [])
    shares = (
        [s["percent"] for s in steps if s["event"] == "step"] if isinstance(steps, list) else []
    )
    row.expect(shares == [1, 10, 50, 100], f"steps {shares}")
    row.happened = f"{now} answers after {shares} %; the second one ended with {second.code}"


@scenario("does not start", "it never gets a request; the old release answers on")
def unstarted(stage: Stage, row: Row) -> None:
    """Deploy a release whose process ends at once."""
    before = stage.answers()
    ends = ("python", "-c", "raise SystemExit('planted')")
    said = stage.deploy("unstarted", "", ends, "--boot-seconds=40")
    refused(stage, row, said, before, "does not start")


@scenario("wrong answers", "it never gets a request; the old release answers on")
def wrong(stage: Stage, row: Row) -> None:
    """Deploy a release that is healthy and reads every digit as the next one."""
    before = stage.answers()
    refused(stage, row, stage.deploy("wrong", "wrong"), before, "golden images")


@scenario("replica killed", "the other replicas answer what it had begun; it comes back")
def killed(stage: Stage, row: Row) -> None:
    """Kill a replica's process, as the kernel would."""
    form = "{{.State.Pid}} {{.Name}}"
    each = f"docker compose --profile green ps -q | xargs docker inspect --format '{form}'"
    pid, name = stage.shell(f"{each} | grep backend | head -n 1").split()
    time.sleep(3)
    stage.shell(f"kill -KILL {pid}")
    time.sleep(8)
    said = stage.shell(
        f"docker inspect --format '{{{{.State.Running}}}} {{{{.RestartCount}}}}' {name}"
    ).split()
    row.expect(said == ["true", "1"], f"it did not come back: {said}")
    row.happened = f"{name.strip('/')} was killed and started again"


@scenario("replica frozen", "requests that it keeps are answered by others")
def frozen(stage: Stage, row: Row) -> None:
    """Stop a replica's process without ending it."""
    name = stage.shell("docker ps --format '{{.Names}}' | grep backend | head -n 1").strip()
    time.sleep(2)
    stage.shell(f"docker pause {name}")
    time.sleep(10)
    stage.shell(f"docker unpause {name}")
    time.sleep(3)
    row.happened = f"{name} was frozen for 10 s"


@scenario("replica stopped", "what it had begun is ended, the others answer the rest")
def stopped(stage: Stage, row: Row) -> None:
    """Stop a replica as an operator does, and start it again."""
    name = stage.shell("docker ps --format '{{.Names}}' | grep backend | head -n 1").strip()
    stage.shell(f"docker stop {name} && docker start {name}")
    healthy = f"docker inspect --format '{{{{.State.Health.Status}}}}' {name} | grep -q ^healthy"
    stage.shell(f'timeout 60 sh -c "until {healthy}; do sleep 1; done"')
    row.happened = f"{name} was stopped and started again"


@scenario("crashes under load", "it never gets a request; the old release answers on")
def crashing(stage: Stage, row: Row) -> None:
    """Deploy a release whose process ends after some requests."""
    before = stage.answers()
    refused(stage, row, stage.deploy("crash", "crash"), before, "requests failed")


@scenario("slow under load", "it never gets a request; the old release answers on")
def slow(stage: Stage, row: Row) -> None:
    """Deploy a release that takes 6 s."""
    before = stage.answers()
    refused(stage, row, stage.deploy("slow", "slow"), before, "p95")


@scenario("1 % errors", "it never gets a request; the old release answers on")
def erring(stage: Stage, row: Row) -> None:
    """Deploy a release that answers each hundredth request with 500."""
    before = stage.answers()
    refused(stage, row, stage.deploy("errors", "errors"), before, "requests failed")


@scenario("errors under traffic only", "found within 15 s of the second error, back within 2 s")
def hidden(stage: Stage, row: Row) -> None:
    """Deploy a release that does well in the dark and fails each request of visitors."""
    before = stage.answers()
    said = stage.deploy("hidden", "hidden")
    refused(stage, row, said, before, "under traffic")
    row.allowed = 20  # visitors meet what only visitors can meet, a few of them
    steps = said.event("shift").get("steps", [])
    events = steps if isinstance(steps, list) else []
    at = {str(e["event"]): e for e in events}
    if {"weighed", "rolled back"} <= {*at}:
        row.detected_seconds = float(at["rolled back"]["at"]) - float(at["weighed"]["at"])
        row.back_seconds = float(at["rolled back"]["seconds"])
    row.expect(row.back_seconds is not None, "traffic was not given back")


@scenario("drift", "no deployment: its digits are another mix than those beside it")
def drifting(stage: Stage, row: Row) -> None:
    """Deploy a release that reads every other digit of its visitors as a one, without an error."""
    before = stage.answers()
    steps = ("--steps", "50:20,100:5")  # as long as it takes to have 200 digits on either side
    refused(stage, row, stage.deploy("drift", "drift", (), *steps), before, "another mix")


@scenario("disk full", "refused before anything is touched; it says how much is free")
def full(stage: Stage, row: Row) -> None:
    """Deploy to a folder on a disk that has too little room."""
    before = stage.answers()
    stage.shell(
        "cd .. && mkdir full && mount -t tmpfs -o size=64m full full && cp -a mnist/. full && "
        "mount --bind full mnist"
    )
    try:
        said = stage.deploy("full")
    finally:
        stage.shell("cd .. && umount mnist && umount full && rmdir full")
    refused(stage, row, said, before, "of disk are free", UNFIT)


@scenario("registry away", "not deployed; what answered answers on")
def unreachable(stage: Stage, row: Row) -> None:
    """Deploy an image that has to be pulled from a registry that does not answer."""
    before = stage.answers()
    absent = f"backend=localhost:9/mnist-backend@sha256:{'0' * 64}"
    (stage.release("unreachable") / "backend.tar").unlink()
    said = stage.deploy("unreachable", "", (), "--image", absent)
    refused(stage, row, said, before, "localhost:9", BROKEN)


@scenario("deployer killed", "what answered answers on; the next deployment puts things right")
def interrupted(stage: Stage, row: Row) -> None:
    """Kill the deployer in each of its steps, and while it shifts; then deploy again."""
    before = stage.answers()
    for moment in ("preflight ...", "ship ...", "boot ", "gate ", "shift to", "percent 10"):
        running = stage.deploying("interrupted")
        row.expect(running.saw(moment), f"it never came to {moment!r}")
        running.process.kill()
        running.wait()
        stage.run("unlock")
        now = stage.answers()
        row.expect(now == before, f"killed in {moment!r}, {now} answers, not {before}")
    said = stage.deploy("after")
    row.expect(said.code == 0, f"exit code {said.code}")
    row.expect("putting that right" in said.text, "it did not see what was left")
    row.expect(stage.answers() == "after", "the next release does not answer")
    row.happened = f"killed six times; the next deployment ended with {said.code}"


@scenario("SSH cut", "the shift goes on beside the edge, and the deployer finds it again")
def cut(stage: Stage, row: Row) -> None:
    """Break every SSH connection while traffic is shifted."""
    running = stage.deploying("cut")
    row.expect(running.saw("percent 10"), "it never came to shift")
    stage.shell("nohup sh -c 'sleep 0.5; pkill -KILL -f ^sshd-session' >/dev/null 2>&1 &")
    said = running.wait()
    row.expect(said.code == 0, f"exit code {said.code}")
    row.expect(stage.answers() == "cut", "the release does not answer")
    row.happened = f"the deployment ended with {said.code}"


@scenario("rollback", "the release before answers again, and no request fails")
def back(stage: Stage, row: Row) -> None:
    """Go back to the release before."""
    history = json.loads(stage.shell("cat state.json"))["history"]
    said = stage.run("rollback", *CHOICES, "--steps", "10:3,100:3")
    row.expect(said.code == 0, f"exit code {said.code}")
    now, before = stage.answers(), history[-2]["name"]
    row.expect(now == before, f"{now} answers, not {before}")
    row.happened = f"{now} answers"
