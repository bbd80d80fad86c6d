"""Steps: made once, remade when they must be, in order, with failures that say what to do."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from toolchain.errors import ChecksumMismatchError, StepFailedError
from toolchain.steps import Builder, Records, Step, Workshop

Make = Callable[[Workshop], None]


class Bench:
    """Builds steps in a folder and notes, in `made`, which of them ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []

    def step(
        self, name: str, *needs: str, inputs: tuple[str, ...] = (), run: Make | None = None
    ) -> Step:
        """Return a step that writes its name into one file, or does what `run` does."""
        output = self.folder / name
        return Step(
            name=name,
            title=f"make {name}",
            expected_seconds=7,
            inputs=inputs,
            outputs=() if run else (output,),
            run=partial(self._run, name, run or partial(put, output)),
            hint=f"look after {name}",
            needs=needs,
        )

    def build(self, *steps: Step) -> list[str]:
        """Carry out the steps and return the names of those that ran."""
        self.made.clear()
        environment = {"PATH": os.environ["PATH"]}
        records = Records(self.folder / "records")
        Builder(list(steps), records, self.folder / "log", environment).carry_out()
        return list(self.made)

    def _run(self, name: str, run: Make, workshop: Workshop) -> None:
        self.made.append(name)
        run(workshop)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench in an empty folder."""
    return Bench(tmp_path)


def put(path: Path, _: Workshop) -> None:
    """Write a file's own name into it."""
    path.write_text(path.name)


def shell(script: str, limit_seconds: int = 60) -> Make:
    """Return what runs a shell script as a command of a step."""
    return lambda shop: shop.command(["sh", "-c", script], limit_seconds=limit_seconds)


def test_a_step_is_made_once(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """A step that is done is not made again, and nothing is said about it."""
    assert bench.build(bench.step("a")) == ["a"]
    capfd.readouterr()
    assert bench.build(bench.step("a")) == []
    assert capfd.readouterr() == ("", "")


def test_a_step_is_remade_when_its_inputs_change(bench: Bench) -> None:
    """Other inputs make a step anew, and the step beside it stays."""
    bench.build(bench.step("a", inputs=("1",)), bench.step("b"))
    assert bench.build(bench.step("a", inputs=("2",)), bench.step("b")) == ["a"]


def test_a_step_is_remade_when_one_that_it_needs_changes(bench: Bench) -> None:
    """The inputs of a needed step count as one's own, through any number of steps."""

    def chain(text: str) -> list[Step]:
        return [bench.step("a", inputs=(text,)), bench.step("b", "a"), bench.step("c", "b")]

    bench.build(*chain("1"))
    assert bench.build(*chain("2")) == ["a", "b", "c"]


def test_a_step_is_remade_when_its_output_is_gone(bench: Bench) -> None:
    """A record alone does not make a step done."""
    bench.build(bench.step("a"), bench.step("b"))
    (bench.folder / "b").unlink()
    assert bench.build(bench.step("a"), bench.step("b")) == ["b"]


def test_a_record_that_was_cut_off_counts_as_none(bench: Bench) -> None:
    """A record that cannot be read leads to a step made anew, not to a traceback."""
    bench.build(bench.step("a"))
    (bench.folder / "records" / "a.json").write_text('{"key": "')
    assert bench.build(bench.step("a")) == ["a"]


def test_a_step_that_failed_half_way_is_not_done_under_its_former_inputs(bench: Bench) -> None:
    """What a failed step of new inputs overwrote is made anew when the old inputs come back."""

    def fail(_: Workshop) -> None:
        (bench.folder / "a").write_text("half of the new")
        raise OSError("the disk is full")

    old = bench.step("a", inputs=("old",))
    bench.build(old)
    with pytest.raises(StepFailedError):
        bench.build(bench.step("a", inputs=("new",), run=fail))
    assert bench.build(old) == ["a"]
    assert (bench.folder / "a").read_text() == "a"


def test_steps_come_after_what_they_need(bench: Bench) -> None:
    """A step starts when all it needs is made, however long that takes."""

    def slow(_: Workshop) -> None:
        time.sleep(0.2)
        bench.made.append("a is whole")

    made = bench.build(bench.step("a", run=slow), bench.step("b", "a"), bench.step("c", "a", "b"))
    assert made == ["a", "a is whole", "b", "c"]


def test_steps_that_need_nothing_run_side_by_side(bench: Bench) -> None:
    """Two steps without needs are under way at the same time."""
    meet = "touch {0}; for i in $(seq 200); do [ -e {1} ] && exit 0; sleep 0.02; done; exit 1"
    first, second = bench.folder / "first", bench.folder / "second"
    a = bench.step("a", run=shell(meet.format(first, second)))
    b = bench.step("b", run=shell(meet.format(second, first)))
    assert sorted(bench.build(a, b)) == ["a", "b"]


def test_a_failure_says_what_was_done_and_what_to_try(bench: Bench) -> None:
    """The message has the step's title, the command, the end of its log, the log's path, a hint."""
    with pytest.raises(StepFailedError) as failure:
        bench.build(bench.step("a", run=shell("seq 100; echo no space left; exit 3")))
    text = str(failure.value)
    log = bench.folder / "log" / "a.log"
    expected = ("make a", "`sh` ended with exit code 3", "\n    100\n    no space left", str(log))
    assert [part for part in (*expected, "look after a") if part not in text] == []
    assert "\n    50\n" not in text
    assert "\n50\n" in log.read_text()


def test_a_program_that_is_not_there_is_a_failure_of_the_step(bench: Bench) -> None:
    """A missing program is reported as the step's failure and named."""
    with pytest.raises(StepFailedError, match="no-such-program"):
        bench.build(bench.step("a", run=lambda shop: shop.command(["no-such-program"])))


@pytest.mark.parametrize(
    "line",
    [
        "verifying example.org/x@v1.0.0: checksum mismatch",
        "E: Failed to fetch http://mirror/x.deb  Hash Sum mismatch",
        "W: GPG error: InRelease: the following signatures were invalid: BADSIG 1",
        "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
    ],
)
def test_a_checksum_mismatch_is_an_error_of_its_own(bench: Bench, line: str) -> None:
    """Go's, apt's and pip's words for a wrong checksum lead to one error that cites them."""
    with pytest.raises(ChecksumMismatchError) as failure:
        bench.build(bench.step("a", run=shell(f"echo '{line}'; exit 1")))
    assert line in failure.value.message.splitlines()[0]
    assert "run it again" not in failure.value.hint


def test_a_failure_stops_the_commands_of_other_steps(bench: Bench) -> None:
    """The run ends soon after the first failure, and its error is the one that is raised."""
    long = bench.step("a", run=shell("exec sleep 30"))
    since = time.monotonic()
    with pytest.raises(StepFailedError, match="look after b"):
        bench.build(long, bench.step("b", run=shell("sleep 0.2; exit 1")))
    assert time.monotonic() - since < 10


def test_a_failure_lets_no_other_step_begin_a_new_command(bench: Bench) -> None:
    """A step that was between two commands when another failed does not start its next one."""
    begun = bench.folder / "begun"

    def between(shop: Workshop) -> None:
        assert shop.stopped.wait(30)
        shop.command(["touch", begun])

    with pytest.raises(StepFailedError, match="look after b"):
        bench.build(bench.step("a", run=between), bench.step("b", run=shell("exit 1")))
    assert not begun.exists()


def test_what_needs_a_failed_step_does_not_run(bench: Bench) -> None:
    """A step whose need failed is never started."""
    with pytest.raises(StepFailedError):
        bench.build(bench.step("a", run=shell("exit 1")), bench.step("b", "a"))
    assert bench.made == ["a"]
    assert not (bench.folder / "b").exists()


def test_a_command_over_its_limit_is_ended(bench: Bench) -> None:
    """A command that does not end in time is killed and named with its limit."""
    since = time.monotonic()
    script = f"echo $$ > {bench.folder}/pid; exec sleep 30"
    with pytest.raises(StepFailedError, match="`sh` did not end in 1 s"):
        bench.build(bench.step("a", run=shell(script, limit_seconds=1)))
    assert time.monotonic() - since < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int((bench.folder / "pid").read_text()), 0)


@pytest.mark.host
def test_a_command_gets_its_environment_and_no_input(bench: Bench) -> None:
    """A command sees the step's variables over the builder's, and an empty standard input."""

    def ask(shop: Workshop) -> None:
        values = {"A": "1", "B": "2"}
        shop.command(["sh", "-c", 'cat; echo "$A and $B"'], environment=values, limit_seconds=5)

    bench.build(bench.step("a", run=ask))
    assert (bench.folder / "log" / "a.log").read_text().splitlines()[1:] == ["1 and 2"]


def test_the_seconds_of_last_time_are_expected_next_time(bench: Bench) -> None:
    """A step's own record, not the usual seconds, says how long it takes on this machine."""
    step = bench.step("a")
    records = Records(bench.folder / "records")
    assert records.expected_seconds(step) == 7
    records.write(step, "key", 41.6)
    assert records.expected_seconds(step) == 42
