"""The shell that records commands, and the one that runs services."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mnist_pipeline import gates
from mnist_pipeline.gates.records import Record, record

PACKAGE = Path(gates.__file__).parents[1]
RECORDER = PACKAGE / "containers/recorder.sh"
LOGGED = PACKAGE / "logged.sh"


def recorded(
    folder: Path,
    shell: str,
    limit: str = "10",
    unsettled: str = "124",
    name: str = "it",
    when: str = "",
) -> int:
    """Record a command, and answer with the recorder's own exit code."""
    command = ["sh", str(RECORDER), str(folder), name, limit, unsettled, when, "sh", "-c", shell]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode  # noqa: S603  the recorder itself


def kept(folder: Path, name: str = "it") -> Record:
    """What was recorded."""
    return record((folder / f"{name}.record.json").read_text())


def test_an_answer_is_kept(tmp_path: Path) -> None:
    """A command that found faults has answered: the recorder ends well and keeps its code."""
    assert recorded(tmp_path, "echo out; echo err >&2; exit 3") == 0
    assert kept(tmp_path).exit_code == 3
    assert sorted((tmp_path / "it.log").read_text().split()) == ["err", "out"]


def test_the_time_of_a_run_is_kept(tmp_path: Path) -> None:
    """Start and end are those of the command, in seconds since the epoch."""
    before = time.time()
    recorded(tmp_path, "true")
    assert before <= kept(tmp_path).started <= kept(tmp_path).finished <= time.time()


@pytest.mark.parametrize(
    ("shell", "code"),
    [("sleep 60", 124), ("kill -9 $$", 137), ("kill -9 0", 137), ("exit 124", 124)],
)
def test_a_command_without_an_answer_leaves_what_it_had(
    tmp_path: Path, shell: str, code: int
) -> None:
    """A time-out or a kill, of all that the command started, too, ends the recorder well."""
    assert recorded(tmp_path, f"echo begun; {shell}", limit="0.2") == 0
    assert kept(tmp_path).exit_code == code
    assert (tmp_path / "it.log").read_text().startswith("begun\n")
    assert (tmp_path / "unanswered").read_text() == "it\n"


def test_a_time_out_can_be_an_answer(tmp_path: Path) -> None:
    """Where being unreachable is a finding, it is kept like any other."""
    assert recorded(tmp_path, "sleep 60", limit="0.2", unsettled="256") == 0
    assert kept(tmp_path).exit_code == 124
    assert not (tmp_path / "unanswered").exists()


def test_after_no_answer_only_evidence_is_kept(tmp_path: Path) -> None:
    """No further command is run, but for one that runs always."""
    recorded(tmp_path, "exit 124")
    assert recorded(tmp_path, "true", name="next") == 0
    assert recorded(tmp_path, "echo a line", name="logs", when="always") == 0
    assert not (tmp_path / "next.record.json").exists()
    assert kept(tmp_path, "logs").exit_code == 0
    assert (tmp_path / "logs.log").read_text() == "a line\n"


def test_short_of_memory_the_command_ends_first(tmp_path: Path) -> None:
    """The kernel is told so for the command alone, so the recorder is there to tell of it."""
    recorded(tmp_path, "cat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj")
    own = Path("/proc/self/oom_score_adj").read_text().strip()
    assert (tmp_path / "it.log").read_text().split() == ["1000", own]


def test_what_outlives_a_command_is_not_waited_for(tmp_path: Path) -> None:
    """A process that the command left behind holds neither log nor record back."""
    assert recorded(tmp_path, "setsid sleep 25 & echo done") == 0
    assert kept(tmp_path).finished - kept(tmp_path).started < 5
    assert (tmp_path / "it.log").read_text() == "done\n"


def test_a_record_is_json(tmp_path: Path) -> None:
    """Other programs can read it."""
    recorded(tmp_path, "true")
    fields = json.loads((tmp_path / "it.record.json").read_text())
    assert set(fields) == {"exit_code", "started", "finished"}


def test_a_service_that_ends_leaves_a_mark(tmp_path: Path) -> None:
    """Its log is in the folder, and its exit code beside it."""
    (tmp_path / "web.exit").write_text("9\n")
    command = ["sh", str(LOGGED), str(tmp_path), "web", "sh", "-c", "echo up; exit 3"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)  # noqa: S603  the service's shell itself
    assert done.returncode == 3
    assert (tmp_path / "web.exit").read_text() == "3\n"
    assert (tmp_path / "web.log").read_text() == "up\n"


def test_a_service_that_says_much_is_heard_at_first_only(tmp_path: Path) -> None:
    """The folder holds every line; after a hundred no more is printed, and the service goes on."""
    command = ["sh", str(LOGGED), str(tmp_path), "web", "sh", "-c", "seq 20000; exit 3"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)  # noqa: S603  the service's shell itself
    assert done.returncode == 3
    assert len((tmp_path / "web.log").read_text().splitlines()) == 20000
    assert done.stdout.splitlines() == [b"%d" % number for number in range(1, 101)]


def test_a_service_is_ended_with_its_shell(tmp_path: Path) -> None:
    """The signal that ends the shell reaches the service; an earlier mark is gone meanwhile."""
    (tmp_path / "web.exit").write_text("9\n")
    shell = "trap 'echo ended; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    command = ["sh", str(LOGGED), str(tmp_path), "web", "sh", "-c", shell]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as service:  # noqa: S603  the service's shell itself
        assert service.stdout is not None
        assert service.stdout.readline() == b"up\n"
        assert not (tmp_path / "web.exit").exists()
        service.send_signal(signal.SIGTERM)
        assert service.stdout.read() == b"ended\n"
    assert (tmp_path / "web.exit").is_file()
