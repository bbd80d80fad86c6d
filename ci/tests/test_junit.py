"""Verdicts on test runs."""

from mnist_pipeline.gates.junit import judge

GOOD = '<testsuites><testsuite><testcase classname="t" name="a"/></testsuite></testsuites>'
FAILED = (
    '<testsuites><testsuite><testcase classname="t" name="a">'
    '<failure message="assert 1 == 2&#10;more">x</failure></testcase></testsuite></testsuites>'
)
ERROR = '<testsuite><testcase name="t"><error message="collection failure"/></testcase></testsuite>'
SKIPPED = '<testsuite><testcase name="t"><skipped message="no net"/></testcase></testsuite>'


def test_tests_that_pass_are_green() -> None:
    """One test that passed and exit code 0 are green."""
    verdict = judge(GOOD, 0, "1 passed", may_skip=False)
    assert (verdict.status, verdict.counts) == ("green", {"tests": 1})


def test_a_failed_test_is_red_with_its_message() -> None:
    """The reason says how many failed, which, and the first line of why."""
    verdict = judge(FAILED, 1, "", may_skip=True)
    assert verdict.status == "red"
    assert verdict.reasons == ("1 of 1 failed: a: assert 1 == 2",)


def test_a_failed_test_is_red_whatever_the_exit_code() -> None:
    """Exit code 0 does not excuse a failure in the report."""
    assert judge(FAILED, 0, "", may_skip=True).status == "red"


def test_an_error_while_collecting_is_red() -> None:
    """A test file that cannot be imported is a fault, not an absence."""
    assert judge(ERROR, 2, "", may_skip=True).status == "red"


def test_passed_tests_with_a_bad_exit_code_are_red() -> None:
    """A bound on coverage that is missed fails the run though every test passed."""
    verdict = judge(GOOD, 1, "FAIL Required test coverage of 90% not reached\n", may_skip=True)
    assert verdict.status == "red"
    assert "coverage" in verdict.reasons[0]


def test_no_test_is_not_run() -> None:
    """A run without a single test judges nothing."""
    assert judge("<testsuites/>", 5, "no tests ran", may_skip=True).status == "not run"


def test_only_skipped_tests_are_not_run() -> None:
    """Where skipping is allowed, at least one test must have run."""
    assert judge(SKIPPED, 0, "1 skipped", may_skip=True).status == "not run"


def test_a_skipped_test_is_red_where_none_may_be() -> None:
    """Against a running stack nothing is skipped."""
    both = f"<testsuites>{GOOD}{SKIPPED}</testsuites>"
    assert judge(both, 0, "", may_skip=False).status == "red"


def test_a_skipped_test_is_counted() -> None:
    """A skipped test is told apart from those that ran."""
    both = f"<testsuites>{GOOD}{SKIPPED}</testsuites>"
    assert judge(both, 0, "", may_skip=True).counts == {"tests": 1, "skipped": 1}


def test_a_missing_report_is_not_run() -> None:
    """Without a report the reason is the last line of the log."""
    verdict = judge("", 4, "ERROR: file not found: x\n\n", may_skip=True)
    assert verdict.status == "not run"
    assert verdict.reasons[0].endswith("ERROR: file not found: x")


def test_a_truncated_report_is_not_run() -> None:
    """A report that ends in the middle is no report."""
    assert judge(GOOD[:40], 0, "1 passed", may_skip=True).status == "not run"
