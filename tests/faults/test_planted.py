"""Plants one fault at a time in a copy of the tree and looks which stage turns red.

Contract: each fault turns its own stage red, with a reason that names it. The pipeline is called
as a user calls it; the stages that need no running stack prove themselves in one call. Does not
know how a stage judges.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from faults.conftest import LIMIT_SECONDS, ROOT
from mnist_pipeline.planted import PLANTED

BACKEND = "apps/backend/src/mnist_backend"
PAGE = "apps/frontend/src/mnist_frontend"
pytestmark = pytest.mark.timeout(LIMIT_SECONDS + 60)  # a run of the pipeline each


@pytest.fixture
def failures(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, str]]:
    """Runs a stage over the copy and answers with its failed tests and what each of them said."""

    def run(stage: str) -> dict[str, str]:
        evidence = tmp_path_factory.mktemp("evidence")
        call = [ROOT / "daggerw", "--progress", "plain", "call", f"--source={tree}", "report"]
        command = [*call, "--stages", stage, "export", "--path", evidence]
        subprocess.run(command, cwd=ROOT, timeout=LIMIT_SECONDS, check=True, capture_output=True)
        status = json.loads((evidence / "status.json").read_text(encoding="utf-8"))
        assert status["stages"][stage]["status"] == "red", status
        cases = ElementTree.parse(evidence / stage / "junit.xml").iter("testcase")  # noqa: S314  ours
        faults = ((case, [*case.iter("failure"), *case.iter("error")]) for case in cases)
        return {
            case.get("name", ""): found[0].get("message", "") for case, found in faults if found
        }

    return run


def plant(tree: Path, name: str, old: str, new: str) -> None:
    """Replace the only occurrence of `old` in a file of the copy."""
    path = tree / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times, not once"
    path.write_text(text.replace(old, new), encoding="utf-8")


def append(tree: Path, name: str, text: str) -> None:
    """Put lines at the end of a file of the copy."""
    with (tree / name).open("a", encoding="utf-8") as stream:
        stream.write(text)


def assert_only_red(lines: dict[str, str], stage: str, reason: str) -> None:
    """Hold that one stage is red for the right reason and the others are green."""
    red = {name for name, line in lines.items() if not line.startswith("green")}
    assert red == {stage}, lines
    assert re.search(reason, lines[stage]), lines[stage]


def test_every_gate_that_only_reads_catches_its_faults() -> None:
    """The pipeline's own proof misses nothing, and a gate that cannot be tried here is named."""
    done = subprocess.run(
        [ROOT / "daggerw", "--progress", "plain", "call", "prove"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    told = re.search(
        r"^(\d+) of (\d+) planted faults caught(, 1 cannot be tried here)?\.$",
        done.stdout,
        re.MULTILINE,
    )
    assert told, done.stdout
    absent = 1 if told[3] else 0
    assert int(told[1]) + absent == int(told[2]) == len(PLANTED) >= 30


def test_every_stage_has_a_planted_fault() -> None:
    """A stage is proved by the pipeline's own faults or by one of this file."""
    stages = (ROOT / "ci/src/mnist_pipeline/stages.py").read_text(encoding="utf-8")
    table = re.search(r"^STAGES[^{]*\{(.*?)^\}", stages, re.MULTILINE | re.DOTALL)
    assert table
    named = set(re.findall(r'^ +"([\w-]+)":', table[1], re.MULTILINE))
    here = Path(__file__).read_text(encoding="utf-8")
    proved = {fault.gate.partition("/")[0] for fault in PLANTED}
    proved |= set(re.findall(r'(?:failures|verdicts)\("([\w-]+)"\)', here))
    assert named - proved == set()


def test_code_without_a_test_turns_unit_red(tree: Path, verdicts: Callable) -> None:
    """Coverage that falls below the floor of its part is told, though every test passes."""
    body = "".join(f"    value += {number}\n" for number in range(8))
    append(
        tree, f"{PAGE}/words.py", f"\n\ndef planted(value: int) -> int:\n{body}    return value\n"
    )
    assert_only_red(verdicts("unit"), "unit", "frontend is covered to 9[0-9.]+ %, below its floor")


def test_barriers_on_the_page_turn_accessibility_red(tree: Path, failures: Callable) -> None:
    """A field without a label, pale text and a wrong language are each found by their own test."""
    plant(
        tree,
        f"{PAGE}/app.py",
        'if __name__ == "__main__":\n    main()',
        'main()\nst.html("<input>")',
    )
    plant(
        tree,
        f"{PAGE}/panels.py",
        'SURE = "font-size',
        'SURE = "color:#999;background:#fff;font-size',
    )
    plant(tree, f"{PAGE}/pad.js", "documentElement.lang = language", 'documentElement.lang = "la"')
    found = failures("accessibility")
    assert ": label (" in found["test_the_page_has_no_unlisted_finding[empty]"]
    assert ": color-contrast (" in found["test_the_page_has_no_unlisted_finding[predicted]"]
    assert "test_the_document_is_in_the_language_of_its_words[en-US-en]" in found


def test_keyboard_trap_turns_accessibility_red(tree: Path, failures: Callable) -> None:
    """A pad that keeps the Tab key for itself is found by walking through the page."""
    free = "else return; // Tab goes on"
    plant(tree, f"{PAGE}/pad.js", free, free.replace("else", 'else if (event.key !== "Tab")'))
    assert "test_no_stop_holds_the_focus" in failures("accessibility")


def test_page_that_tells_others_and_hides_errors_turns_end_to_end_red(
    tree: Path, failures: Callable
) -> None:
    """A request to a foreign host and an error that is not shown are each found."""
    begin = "    this.root = root;\n"
    ask = '    new Image().src = "http://127.0.0.2:9/seen.png";\n'
    plant(tree, f"{PAGE}/pad.js", begin, begin + ask)
    plant(tree, f"{PAGE}/app.py", "    panels.show_failure(outcome, words)\n", "")
    found = failures("end-to-end")
    assert "test_no_request_leaves_for_a_foreign_host" in found
    assert "test_a_backend_that_is_away_is_told" in found


def test_private_key_in_the_source_turns_scan_red(tree: Path, verdicts: Callable) -> None:
    """A private key among the sources turns the stage scan red."""
    body = "\n".join("MIIEpAIBAAKCAQEA" + "q7T0wZkJ" * 6 for _ in range(12))
    kind = "RSA PRIVATE KEY"
    append(
        tree, "monitoring/planted.pem", f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"
    )
    assert_only_red(verdicts("scan"), "scan", "(?i)private.?key|secret")


def test_statement_that_suppresses_nothing_turns_scan_red(tree: Path, verdicts: Callable) -> None:
    """A vulnerability that nothing has any more needs nobody to say that it does not affect us."""
    statement = {
        "vulnerability": {"name": "CVE-2018-18074"},
        "products": [{"@id": "pkg:pypi/requests@2.19.0"}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        "impact_statement": "Nothing here asks another host.",
    }
    name, nothing = "ci/vex.openvex.json", '"statements": []'
    plant(tree, name, nothing, f'"statements": [{json.dumps(statement)}]')
    assert_only_red(verdicts("scan"), "scan", "CVE-2018-18074.* suppresses nothing")


def test_backend_that_answers_wrong_digits_turns_end_to_end_red(
    tree: Path, verdicts: Callable
) -> None:
    """A backend that answers with the digit before turns the stage end-to-end red."""
    answer = "new_id(),\n            seen.digit,"
    plant(tree, f"{BACKEND}/predicting.py", answer, f"{answer[:-1]} - 1 if seen.digit else 9,")
    assert_only_red(verdicts("end-to-end"), "end-to-end", "failed")


def test_backend_that_does_not_start_turns_end_to_end_red(tree: Path, verdicts: Callable) -> None:
    """A backend that ends at once is never taken for one that was tested."""
    guard = 'if __name__ == "__main__":\n'
    plant(tree, f"{BACKEND}/__main__.py", guard, f"{guard}    sys.exit(3)\n")
    assert_only_red(verdicts("end-to-end"), "end-to-end", "backend|exit code")


def test_backend_that_takes_a_number_too_many_turns_contract_red(
    tree: Path, verdicts: Callable
) -> None:
    """A backend that passes over a 785th number is not the one of its document."""
    read = 'np.frombuffer(image.as_buffer(of_type="d"))'
    plant(tree, f"{BACKEND}/predicting.py", read, f"{read}[:PIXELS]")
    assert_only_red(verdicts("contract"), "contract", "failed")


def test_model_that_learned_too_little_turns_model_red(tree: Path, verdicts: Callable) -> None:
    """A network of one epoch is not good enough to replace the one before."""
    plant(tree, "apps/backend/conf/base/parameters.yml", "epochs: 24", "epochs: 1")
    assert_only_red(verdicts("model"), "model", "needed")


def test_expression_that_no_test_looks_at_turns_monitoring_red(
    tree: Path, verdicts: Callable
) -> None:
    """A test of an alert that is taken away leaves mutants alive."""
    name = "monitoring/tests/watching_test.yml"
    at_the_median = "      - {<<: *missing, eval_time: 580m}  # 180 of the 361 samples are 1\n"
    plant(tree, name, at_the_median, "")
    assert_only_red(verdicts("monitoring"), "monitoring", "mutants survive")


def assert_found(found: dict[str, str], *reasons: str) -> None:
    """Hold that each fault was found by some test, which says so."""
    said = [f"{name}: {message}" for name, message in found.items()]
    for reason in reasons:
        assert any(re.search(reason, line, re.DOTALL) for line in said), (reason, said)


@pytest.mark.rehearsed
def test_empty_panel_and_lost_page_turn_observability_red(tree: Path, failures: Callable) -> None:
    """A panel that asks for a metric that nobody has is empty; a page routed to nobody is lost."""
    name = "monitoring/grafana/dashboards/resources.json"
    plant(tree, name, '"process_open_fds{', '"process_open_files{')
    route = """severity = "page"']\n      receiver: production-pages"""
    plant(tree, "monitoring/alertmanager.yml", route, route.replace("production-pages", "nobody"))
    found = failures("observability")
    assert_found(found, "Open files of each replica", "BudgetBurn is over.*arrive: not within")


@pytest.mark.rehearsed
def test_dropped_label_and_dead_receiver_turn_observability_red(
    tree: Path, failures: Callable
) -> None:
    """Without the route nothing can be counted for an objective; who refuses was told nothing."""
    plant(
        tree,
        f"{BACKEND}/metrics.py",
        '"Requests answered.", ("method", "route", "status")',
        '"Requests answered.", ("method", "path", "status")',
    )
    kept = "            RECEIVED.append(told)\n"
    refused = "            self.send_error(503)\n            return\n"
    plant(tree, "tests/observability/receiver.py", kept, refused)
    found = failures("observability")
    assert_found(found, "ErrorsBudgetBurn.* fire: not within", "test_a_page_reaches_slack")


@pytest.mark.rehearsed
def test_container_that_may_write_to_its_root_turns_deployment_red(
    tree: Path, verdicts: Callable
) -> None:
    """A writable root is found in the rendered files, and refused before a host is touched."""
    plant(tree, "deploy/compose/compose.yaml", "  read_only: true\n", "  read_only: false\n")
    assert_only_red(verdicts("deployment"), "deployment", "may write to its root|hardened")


@pytest.mark.rehearsed
def test_edge_that_does_not_try_again_turns_deployment_red(tree: Path, verdicts: Callable) -> None:
    """Without another try at the edge a killed replica costs requests, and that is red."""
    again = "    retry-on conn-failure empty-response response-timeout\n"
    plant(tree, "deploy/edge/haproxy.cfg", again, "    retry-on none\n")
    assert_only_red(verdicts("deployment"), "deployment", "requests failed")


@pytest.mark.rehearsed
def test_shift_that_passes_over_drift_turns_rehearsal_red(tree: Path, verdicts: Callable) -> None:
    """A release whose digits are another mix is deployed by a deployer that does not look."""
    limit = "drift: float = 0.25  #"
    plant(tree, "deploy/src/mnist_deploy/verdicts.py", limit, limit.replace("0.25", "25.0"))
    assert_only_red(verdicts("rehearsal"), "rehearsal", "drift: exit code 0")
