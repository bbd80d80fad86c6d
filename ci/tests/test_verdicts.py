"""Verdicts, how they are combined, and how they are told."""

import json

import pytest

from mnist_pipeline.gates.verdicts import (
    StageResult,
    Verdict,
    advice,
    combined,
    green,
    merged,
    metrics,
    not_run,
    origin_of,
    passed,
    red,
    remarked,
    status_json,
    summary,
    table,
    telling,
    told,
)

GREEN = StageResult("lint", green(files=3), 2.04, "ran")
RED = StageResult("unit", red("one", "two"), 10.0, "cached")
REMARKED = StageResult(
    "scan", green(packages=9), 1.0, "ran", {"vulnerabilities": not_run("no database")}
)


def test_the_worst_part_decides() -> None:
    """One red part makes the whole red, whatever the others are."""
    whole = combined({"a": green(), "b": not_run("gone"), "c": red("wrong")})
    assert whole.status == "red"


def test_a_part_that_was_not_run_is_not_green() -> None:
    """Green and not run together are not run."""
    assert combined({"a": green(), "b": not_run("gone")}).status == "not run"


def test_nothing_is_not_green() -> None:
    """Judging no part at all is not run."""
    assert combined({}).status == "not run"


def test_the_reasons_of_the_worst_part_stand_first() -> None:
    """Every reason carries its part's name, those of the worst part first."""
    whole = combined({"a": not_run("gone"), "b": red("wrong")})
    assert whole.reasons == ("b: wrong", "a: gone")


def test_what_failed_is_looked_into() -> None:
    """The first part that failed and has something tells, and no green one in its place."""
    parts = [(green(), "a"), (red("early"), None), (not_run("late"), "c"), (red("wrong"), "d")]
    assert telling(parts) == "c"
    assert telling(parts[:2]) is None
    assert telling([(green(), None), (green(), "b")]) == "b"


def test_counts_are_summed() -> None:
    """What the parts counted under one name is added up."""
    assert combined({"a": green(tests=2), "b": green(tests=3)}).counts == {"tests": 5}


def test_remarks_of_one_name_become_one() -> None:
    """Nothing of several vanishes: the worst decides, each reason says its place, tries add up."""
    first, second = Verdict("green", ("tried again: a",), {"tries": 1}), not_run("unknown")
    whole = merged({"x": {"retried": first}, "y": {"retried": second, "other": red("z")}})
    assert whole["retried"] == Verdict("not run", ("y: unknown", "x: tried again: a"), {"tries": 1})
    assert whole["other"] == red("z")


def test_a_remark_is_added_beside_others_of_its_name() -> None:
    """A stage keeps what it has of that name, and a stage without a new one is as it was."""
    results = remarked([GREEN, REMARKED], "vulnerabilities", {"scan": red("odd")})
    assert results[0] == GREEN
    told = results[1].remarks["vulnerabilities"]
    assert told == red("evidence: odd", "stage: no database")


@pytest.mark.parametrize(
    ("starts", "origin"),
    [([9.0, 8.0], "cached"), ([9.0, 11.0], "ran"), ([], "-")],
)
def test_a_command_that_began_before_the_session_is_cached(
    starts: list[float], origin: str
) -> None:
    """Only a stage in which every command began earlier counts as cached."""
    assert origin_of(starts, session_started=10.0) == origin


def test_only_green_stages_pass() -> None:
    """Red, not run and nothing at all do not pass."""
    stopped = StageResult("scan", not_run("gone"), 0.1, "-")
    assert [passed([GREEN]), passed([GREEN, RED]), passed([stopped]), passed([])] == [
        True,
        False,
        False,
        False,
    ]


def test_the_table_is_aligned() -> None:
    """Every row has its columns below the header's."""
    header, *body = table([GREEN, RED]).splitlines()[2:]
    start = header.index("first reason")
    assert [row[start:] for row in body[:2]] == ["3 files", "one (and 1 more)"]


def test_the_table_shows_a_remark_below_its_stage() -> None:
    """A remark has a row of its own with its verdict and reason."""
    row = table([REMARKED]).splitlines()[2].split(maxsplit=3)
    assert row == ["vulnerabilities", "not", "run", "no database"]


def test_a_cached_red_stage_names_the_way_to_run_it_again() -> None:
    """The sentence below the table says --fresh where a cache answered red."""
    assert "--fresh" in table([GREEN, RED]).splitlines()[-1]


STOPPED = StageResult("scan", not_run("no image"), 0.1, "-")


def test_the_table_begins_with_what_to_do() -> None:
    """Each stage that is not green has a line before the table, with commands to copy."""
    first, second, empty, header, *_ = table([GREEN, RED, STOPPED]).splitlines()
    assert first == (
        "unit (red): Repair the reason (to look around: "
        "`./daggerw call debug --stage unit terminal`), "
        "then `./daggerw call test --stages unit --fresh`."
    )
    assert second.startswith("scan (not run): Nothing was judged: repair what kept it from running")
    assert [empty, header.split()[0]] == ["", "stage"]


def test_the_summary_begins_with_what_to_do() -> None:
    """Below its title stands a line for each stage that is not green, with its folder."""
    title, _, first, empty, header, *_ = summary([GREEN, RED], 1.0).splitlines()
    assert title.startswith("# Not green")
    assert first.startswith("- unit (red): Repair the reason (more in `unit/`; to look around: ")
    assert [empty, header[:7]] == ["", "| stage"]


def test_a_green_table_has_nothing_to_do() -> None:
    """Table and summary of green stages begin with their header."""
    assert table([GREEN]).startswith("stage")
    assert summary([GREEN], 1.0).splitlines()[2].startswith("| stage")


def test_what_is_not_run_by_test_names_its_own_command() -> None:
    """A stack that runs elsewhere is asked by its script, and no stage of that name is opened."""
    elsewhere = StageResult("contract", red("one"), 1.0, "ran", again="scripts/test-integration.sh")
    told = advice(elsewhere, beside=True)
    assert told == "Repair the reason (more in `contract/`), then `scripts/test-integration.sh`"


def test_a_long_reason_is_shortened_to_one_line() -> None:
    """The table's reason has no line break and a bounded length."""
    text = told(red("word \n" * 100, "second"))
    assert "\n" not in text
    assert text.endswith("… (and 1 more)")


def test_status_says_whether_all_passed() -> None:
    """The machine's file carries the verdict of each stage and of all."""
    status = json.loads(status_json([GREEN, RED], started=0.0, seconds=12.34))
    assert status["passed"] is False
    assert status["stages"]["unit"]["reasons"] == ["one", "two"]
    assert status["stages"]["lint"] == {
        "status": "green",
        "counts": {"files": 3},
        "seconds": 2.0,
        "origin": "ran",
    }
    assert status["started"] == "1970-01-01T00:00:00+00:00"


def test_status_is_loud_about_what_was_not_scanned() -> None:
    """A remark stands at the top of the machine's file with status and reason."""
    status = json.loads(status_json([REMARKED], started=0.0, seconds=1.0))
    assert status["passed"] is True
    assert status["vulnerabilities"]["status"] == "not run"
    assert status["vulnerabilities"]["reason"] == "no database"


def test_remarks_of_several_stages_are_kept_apart_and_told_together() -> None:
    """What one stage remarks does not vanish beside another's remark of the same name."""
    both = [
        StageResult(name, green(), 1.0, "ran", {"retried": Verdict("green", (f"again {name}",))})
        for name in ("accessibility", "end-to-end")
    ]
    status = json.loads(status_json(both, started=0.0, seconds=1.0))
    assert status["retried"]["reasons"] == [
        "accessibility: again accessibility",
        "end-to-end: again end-to-end",
    ]
    for name, stage in status["stages"].items():
        assert stage["remarks"] == {
            "retried": {"status": "green", "reason": f"again {name}", "reasons": [f"again {name}"]}
        }


def test_the_summary_is_a_markdown_table() -> None:
    """A bar within a reason does not break the table's cells."""
    odd = StageResult("lint", Verdict("red", ("a|b",)), 1.0, "ran")
    assert "| lint | red | 1.0 | ran | a\\|b |" in summary([odd], 1.0)


def test_prometheus_reads_what_every_stage_came_to() -> None:
    """Passed and duration stand under the stage's name, the beginning stands alone."""
    lines = [line for line in metrics([GREEN, RED], 1.7e9).splitlines() if line[0] != "#"]
    assert lines == [
        "pipeline_started_timestamp_seconds 1700000000",
        'pipeline_stage_passed{stage="lint"} 1',
        'pipeline_stage_passed{stage="unit"} 0',
        'pipeline_stage_duration_seconds{stage="lint"} 2.0',
        'pipeline_stage_duration_seconds{stage="unit"} 10.0',
    ]
