"""Runs every gate against the faults planted for it, and tells which it caught.

Contract: a fault is planted in a copy of the source that nobody else sees, and only its gate is
run; a gate that stays green, is red for another reason or was red before, has missed it. A gate
without a planted fault fails, too. Does not know what the faults are; the gates that need the
running stack are proved by tests/faults.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import dagger

from mnist_pipeline import app, monitoring, scan, static, structure
from mnist_pipeline.advisories import with_offline
from mnist_pipeline.containers import debian
from mnist_pipeline.containers.session import Gate, Outcome, Session, attempt, joined, together
from mnist_pipeline.gates.selection import chosen
from mnist_pipeline.gates.verdicts import Verdict, shortened, told
from mnist_pipeline.mirror import with_mirrored
from mnist_pipeline.planted import PLANTED, Fault

HISTORY, ADVISORIES = "secrets/history", "dependencies/advisories"
PLACE = "planted"  # of the copies, beside the source's own
AUTHOR = ("-c", "user.name=planted", "-c", "user.email=planted@example.org")


def parts(stage: str, gates: Mapping[str, Gate]) -> dict[str, Gate]:
    """The gates of a stage by their full names."""
    return {f"{stage}/{name}": gate for name, gate in gates.items()}


async def prometheus(session: Session) -> Outcome:
    """The smallest image, held to what it must be."""
    return await structure.held(session, "prometheus")


async def unit(session: Session) -> Outcome:
    """The tests of the pipeline and of the tree, which need no image."""
    return await joined(app.tests_of_tree(session))


async def offline(session: Session) -> Outcome:
    """The source, scanned by the database that is made here."""
    return await scan.source_by(session, with_offline)


async def mirrored(session: Session) -> Outcome:
    """The source, scanned by a database that a mirror hands out."""
    return await scan.source_by(session, with_mirrored)


GATES: dict[str, Gate] = {
    **parts("lint", static.LINT),
    "types": app.types_of_pipeline,
    "unit": unit,
    **parts("dependencies", static.DEPENDENCIES),
    **parts("sast", static.SAST),
    **parts("secrets", static.SECRETS),
    "image-structure/prometheus": prometheus,
    "scan/offline": offline,
    "scan/mirror": mirrored,
    "monitoring/prometheus": monitoring.prometheus,
}


class FaultStaleError(ValueError):
    """A fault cannot be planted: what it replaces is not there, or not once."""


@dataclass(frozen=True)
class Proof:
    """What became of one fault."""

    fault: Fault
    result: str  # caught, missed or "cannot run here"
    reason: str

    @property
    def row(self) -> tuple[str, str, str, str]:
        """For the table."""
        return self.fault.gate, self.fault.what, self.result, shortened(self.reason, 90)


def changed(text: str, fault: Fault) -> str:
    """A file's text with the fault in it.

    Raises:
        FaultStaleError: the text to replace does not stand there once.
    """
    if not fault.old:
        return text + fault.new
    if text.count(fault.old) != 1:
        message = f"{fault.path} holds {fault.old!r} {text.count(fault.old)} times, not once"
        raise FaultStaleError(message)
    return text.replace(fault.old, fault.new)


def plant(session: Session, fault: Fault, place: str) -> Session:
    """The session over a copy of the source that has the fault; the files it shares are links."""
    shutil.copytree(session.place, place, copy_function=os.link)
    path = Path(place, fault.path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(changed(text, fault), encoding="utf-8")
    return replace(session, place=place)


def remembered(fault: Fault) -> dagger.Directory:
    """A history in which the fault was committed and taken away again."""
    git = ["git", *AUTHOR]
    return (
        debian("git")
        .with_workdir("/planted")
        .with_exec(["git", "init", "--quiet", "."])
        .with_new_file(f"/planted/{fault.path}", fault.new)
        .with_exec([*git, "add", "."])
        .with_exec([*git, "commit", "--quiet", "--message=planted"])
        .with_exec(["git", "rm", "--quiet", fault.path])
        .with_exec([*git, "commit", "--quiet", "--message=removed"])
        .directory("/planted")
        .filter(include=[".git"])
    )


async def clean(session: Session, gate: str) -> Outcome:
    """What a gate says of the source as it is: red without a fault proves nothing."""
    if gate == HISTORY:
        session = replace(session, history=remembered(Fault(gate, "nothing", "notes.txt", "-\n")))
    return await GATES[gate](session)


async def proved(session: Session, before: Verdict, fault: Fault, place: str) -> Proof:
    """Plants a fault and asks its gate, unless it was not green before."""
    if not before.passed:
        absent = fault.gate == ADVISORIES and before.status == "not run"
        result = "cannot run here" if absent else "missed"
        return Proof(fault, result, f"{before.status} without the fault: {told(before)}")
    if fault.committed:
        at = replace(session, history=remembered(fault))
    else:
        try:
            at = plant(session, fault, place)
        except FaultStaleError as error:
            return Proof(fault, "missed", str(error))
    verdict = (await attempt(GATES[fault.gate](at))).verdict
    caught = [r for r in verdict.reasons if re.search(fault.reason, r)]
    if verdict.status == "red" and caught:
        return Proof(fault, "caught", caught[0])
    return Proof(fault, "missed", f"{verdict.status}: {told(verdict)}")


async def prove(source: dagger.Directory, names: Sequence[str] | None) -> tuple[str, bool]:
    """Proves the gates of the selected stages; the table, and whether every fault was caught.

    Raises:
        StageUnknownError: no gate has such a name.
    """
    gates = chosen(names, GATES)
    session = await Session.opened(source)
    before = await together({gate: clean(session, gate) for gate in gates})
    faults = [fault for fault in PLANTED if fault.gate in gates]
    proofs: dict[int, Proof] = {}

    async def keep(number: int, fault: Fault) -> None:
        verdict = before[fault.gate].verdict
        proofs[number] = await proved(session, verdict, fault, f"{PLACE}-{number}")

    async with anyio.create_task_group() as group:
        for number, fault in enumerate(faults):
            group.start_soon(keep, number, fault)
    found = [proofs[number] for number in sorted(proofs)]
    bare = [gate for gate in gates if gate not in {fault.gate for fault in PLANTED}]
    return table(found, bare), not bare and all(proof.result != "missed" for proof in found)


def table(proofs: Sequence[Proof], bare: Sequence[str]) -> str:
    """Gate, fault, caught or not, and the reason that the gate gave."""
    rows = [("gate", "planted fault", "result", "what the gate said")]
    rows += [proof.row for proof in proofs]
    rows += [(gate, "-", "missed", "no fault is planted for this gate") for gate in bare]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    cells = [
        [*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]] for row in rows
    ]
    caught = sum(proof.result == "caught" for proof in proofs)
    absent = sum(proof.result == "cannot run here" for proof in proofs)
    sentence = f"{caught} of {len(proofs)} planted faults caught"
    sentence += f", {absent} cannot be tried here" if absent else ""
    return "\n".join([*("  ".join(row).rstrip() for row in cells), "", f"{sentence}."])
