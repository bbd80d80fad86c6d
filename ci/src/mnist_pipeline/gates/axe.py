"""Judges whether axe-core really looked at the page.

Contract: green needs a result file with rules that passed; which violations are excused is decided
by the tests, whose exceptions file carries rule, element, reason and expiry. Does not know those.
"""

import json
from collections.abc import Mapping

from mnist_pipeline.gates.verdicts import Verdict, green, not_run


def judge(results: Mapping[str, str]) -> Verdict:
    """The verdict on axe's result files, by name; guards against an analysis that never was."""
    states = rules = 0
    for name, text in sorted(results.items()):
        try:
            report = json.loads(text)
            passes, violations = report["passes"], report["violations"]
            checked = len(passes) + len(violations)
        except (ValueError, KeyError, TypeError) as error:
            return not_run(f"{name} is not an axe result: {error!r}")
        if not checked:
            return not_run(f"{name}: axe applied no rule to the page")
        states, rules = states + 1, rules + checked
    if not states:
        return not_run("axe left no result")
    return green(**{"page states": states, "rules": rules})
