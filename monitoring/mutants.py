"""Changes one number, span or comparison of the rules at a time; the tests must notice each.

Contract: a mutant is a rule that differs in one place, and is killed if one of promtool's tests
fails on it; prints "killed K of N mutants" and every survivor. A rule is tried with the rules it is
connected with and the questions that are asked after them, which must hold without a change: so it
takes minutes instead of hours. Does not know what a rule means.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitoring.objectives import seconds

Rule = dict[str, Any]

NAME = re.compile(r"[A-Za-z_:][\w:]*")
TRIED = "tried_test.yml"
PASSED, FAILED = 0, 1  # promtool's exit codes where tests hold, and where one does not
LIMIT_SECONDS = 600
GO = {"GOMAXPROCS": "1", "GOGC": "400"}  # many run at once, none of them long
TOKENS = re.compile(  # a text is left alone, and a constant of which only being there matters
    r"""(?P<text>"[^"]*"|'[^']*')
    |(?P<constant>vector\(1\))
    |\[(?P<span>\d+[smhd])\]
    |(?P<comparison>>=|<=|==|!=|>|<)
    |(?P<matcher>=~|=)
    |(?P<word>\b(?:and|unless|or)\b)
    |(?<![\w:.])(?P<number>\d+(?:\.\d+)?)(?![\w:.])""",
    re.VERBOSE,
)
OTHERS = {  # a comparison with its boundary moved, and turned round
    ">": (">=", "<="),
    ">=": (">", "<"),
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    "==": ("!=",),
    "!=": ("=",),  # stands in matchers only
    "=": ("!=",),
    "=~": ("!~",),
    "and": ("or",),
    "or": ("and",),
    "unless": ("and",),
}
LIMITS = (0.98, 1.02)  # what a number in an alert is multiplied by
FACTORS = (0.5, 2.0)  # what a span, and a number in a recording rule, is multiplied by
BESIDE = 0.02  # what is added to nothing, and taken from it


class PromtoolFailedError(RuntimeError):
    """Promtool gave no verdict, or one that says nothing of mutants."""


@dataclass(frozen=True)
class Mutant:
    """A rule that differs in one place."""

    kind: str
    change: str
    rule: Rule


def values(number: float, *, alerts: bool) -> list[str]:
    """Other numbers, near enough to be mistaken."""
    near = [number * f for f in (LIMITS if alerts else FACTORS)]
    return [f"({v:.12g})" for v in (near if number else [-BESIDE, BESIDE])]


def replacements(token: re.Match[str], *, alerts: bool) -> list[str]:
    """What a part of an expression could be instead."""
    if token["span"]:
        return [f"[{int(seconds(token['span']) * f)}s]" for f in FACTORS]
    if token["number"]:
        return values(float(token[0]), alerts=alerts)
    return list(OTHERS.get(token[0], ()))


def changes(rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    """Every other form of a rule: what kind of part was changed, how, and the rule."""
    expression = rule["expr"]
    for token in TOKENS.finditer(expression):
        before, after = expression[: token.start()], expression[token.end() :]
        for new in replacements(token, alerts="alert" in rule):
            changed = {**rule, "expr": f"{before}{new}{after}"}
            yield str(token.lastgroup), f"{token[0]} became {new} in {expression}", changed
    if "for" in rule:
        for factor in FACTORS:
            hold = f"{int(seconds(rule['for']) * factor)}s"
            yield "span", f"for: {rule['for']} became {hold}", {**rule, "for": hold}


def title_of(rule: Rule) -> str:
    """A rule in words, with which the names of its own tests begin."""
    labels = {k: v for k, v in rule.get("labels", {}).items() if k != "severity"}
    return " ".join([rule.get("alert") or rule["record"], *labels.values()])


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Every mutant of a rule."""
    for kind, told, changed in changes(rule):
        yield Mutant(kind, f"{title_of(rule)}: {told}", changed)


def mentions(rule: Rule, names: set[str]) -> bool:
    """Whether an expression holds one of some names."""
    return bool(names & {*NAME.findall(rule["expr"])})


def related(rules: list[Rule], rule: Rule) -> list[Rule]:
    """A rule, whatever is worked out of it, and whatever that needs; in the order of the file.

    Of an alert it is those of its name, for tests ask by name.
    """
    if "alert" in rule:
        return [other for other in rules if other.get("alert") == rule["alert"]]
    names = {rule["record"]}
    for other in rules:  # what stands further down is worked out of what stands above
        names |= {other["record"]} if mentions(other, names) else set()
    for other in reversed(rules):
        if other["record"] in names:
            names |= {r["record"] for r in rules if mentions(other, {r["record"]})}
    return [other for other in rules if other["record"] in names]


def questions(test: Rule, rule: Rule, names: set[str]) -> Rule:
    """A test with only those questions that a rule can answer wrongly."""
    alerts = [q for q in test.get("alert_rule_test", ()) if q["alertname"] == rule.get("alert")]
    values = [q for q in test.get("promql_expr_test", ()) if names & {*NAME.findall(q["expr"])}]
    kept: Rule = {key: test[key] for key in ("name", "interval", "input_series") if key in test}
    return {**kept, "alert_rule_test": alerts, "promql_expr_test": values}


@dataclass(frozen=True)
class Trial:
    """What is tried of one rule: the rules around it, and the tests that ask after them."""

    file: str
    rule: Rule
    around: list[Rule]
    tests: list[Rule]  # documents of one test each, the rule's own first

    @classmethod
    def of(cls, file: str, rules: list[Rule], rule: Rule, documents: list[Rule]) -> "Trial":
        """Chooses what concerns a rule."""
        around = related(rules, rule)
        names = {r["record"] for r in around if "record" in r}
        chosen = []
        for document in documents:
            if f"../rules/{file}" in document["rule_files"]:
                files = document["rule_files"] if "alert" in rule else [f"../rules/{file}"]
                asked = (questions(test, rule, names) for test in document["tests"])
                chosen += [
                    {**document, "rule_files": files, "tests": [test]}
                    for test in asked
                    if test["alert_rule_test"] or test["promql_expr_test"]
                ]
        title = title_of(rule)
        chosen.sort(key=lambda document: not document["tests"][0].get("name", "").startswith(title))
        return cls(file, rule, around, chosen)

    def survivors(self, promtool: str, folder: Path, changed: list[Rule]) -> list[int]:
        """Which of some rules pass every test in the rule's place; the first failure is enough."""
        alive = [*range(len(changed))]
        with tempfile.TemporaryDirectory() as place:
            for document in self.tests:
                for number in alive:
                    self.lay(Path(place) / str(number), folder, changed[number], document)
                holding = hold(promtool, Path(place), alive) if alive else []
                alive = [number for number, holds in zip(alive, holding, strict=True) if holds]
        return alive

    def lay(self, copy: Path, folder: Path, changed: Rule, document: Rule) -> None:
        """Lay out one test beside the rules, this one changed."""
        rules = [changed if r is self.rule else r for r in self.around]
        if not copy.exists():
            (copy / "tests").mkdir(parents=True)
            (copy / "rules").mkdir()
            for path in (folder / "rules").iterdir():
                (copy / "rules" / path.name).symlink_to(path)
            (copy / "rules" / self.file).unlink()
            group = {"groups": [{"name": "tried", "rules": rules}]}
            (copy / "rules" / self.file).write_text(json.dumps(group), encoding="utf-8")
        (copy / "tests" / TRIED).write_text(json.dumps(document), encoding="utf-8")


def hold(promtool: str, folder: Path, numbers: list[int]) -> list[bool]:
    """Whether promtool finds that each of some tests holds; asked at once, for it begins slowly.

    Raises:
        PromtoolFailedError: it gives no verdict on one of them.
    """
    names = [f"{number}/tests/{TRIED}" for number in numbers]
    done = subprocess.run(  # noqa: S603  the program that the caller names
        [promtool, "test", "rules", *names],
        cwd=folder,
        env=GO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    told = re.findall(r"^Unit Testing: +(\S+)\n +(SUCCESS|FAILED:)", done.stdout, re.MULTILINE)
    if done.returncode not in {PASSED, FAILED} or [name for name, _ in told] != names:
        message = f"promtool ended with {done.returncode}: {done.stdout[-1000:]}"
        raise PromtoolFailedError(message)
    return [verdict == "SUCCESS" for _, verdict in told]


def trials(folder: Path) -> list[Trial]:
    """Every rule of a folder with what concerns it."""
    paths = sorted(folder.glob("tests/*_test.yml"))
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    found = []
    for path in sorted(folder.glob("rules/*.rules.yml")):
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        found += [Trial.of(path.name, rules, rule, documents) for rule in rules]
    return found


def tried(promtool: str, folder: Path, trial: Trial) -> list[tuple[Mutant, bool]]:
    """Every mutant of a rule, and whether it was killed.

    Raises:
        PromtoolFailedError: the tests do not hold for the rule as it is.
    """
    if not trial.survivors(promtool, folder, [trial.rule]):
        message = f"{trial.file}: the tests do not hold for {trial.rule} as it is"
        raise PromtoolFailedError(message)
    made = [*mutants(trial.rule)]
    alive = {*trial.survivors(promtool, folder, [mutant.rule for mutant in made])}
    return [(mutant, number not in alive) for number, mutant in enumerate(made)]


def told(promtool: str, folder: Path, trial: Trial) -> list[tuple[Mutant, bool]]:
    """The same, and a line for whoever waits."""
    done = tried(promtool, folder, trial)
    killed = sum(killed for _, killed in done)
    sys.stdout.write(f"{title_of(trial.rule)}: {killed} of {len(done)}\n")
    sys.stdout.flush()
    return done


def main(folder: Path, promtool: str) -> int:
    """Makes and tries every mutant of every rule; 1 where one survives."""
    promtool = shutil.which(promtool) or promtool
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            done = [*pool.map(lambda trial: told(promtool, folder, trial), trials(folder))]
        except PromtoolFailedError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    results = [pair for pairs in done for pair in pairs]
    survivors = [mutant for mutant, killed in results if not killed]
    for mutant in survivors:
        sys.stdout.write(f"SURVIVED {mutant.change}\n")
    kinds = Counter(mutant.kind for mutant, _ in results)
    sys.stdout.write(", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) + "\n")
    sys.stdout.write(f"killed {len(results) - len(survivors)} of {len(results)} mutants\n")
    return 1 if survivors or not results else 0
