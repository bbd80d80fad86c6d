"""Writes a model's card for people, in Markdown.

Contract: pure, made from the card alone: what it says is what card.json says. Does not know the
picture beside it but by its name.
"""

from mnist_backend.artefact import Card, Evaluation
from mnist_backend.model import DIGITS

PICTURE = "model-card.png"


def written(card: Card) -> str:
    """Return the card as Markdown."""
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(card.libraries.items()))
    parts = [
        f"# Model {card.model_version}",
        "Recognises one handwritten digit in a 28x28 grey picture; made to be asked about drawings "
        "by mouse, pen or finger. Whoever writes otherwise, or something else than a digit, gets "
        "an answer too: a wrong one.",
        f"![Confusion, calibration and the worst mistakes]({PICTURE})",
        "## How well it does",
        table(card),
        "Intervals are Wilson's, at 95 %. The calibration error (ECE, 15 bins) is how far its "
        "probabilities are from the truth, on average. Drawings are made by a program from "
        "strokes, in several hands and widths; none is trained on.",
        "## Of which digits",
        by_digit(card),
        "Where it errs most: " + (mistakes(card.drawings) or "nowhere, in these drawings") + ".",
        "## How it came to be",
        "\n".join(
            [
                f"- trained on: {card.data}",
                f"- parameters: {', '.join(f'{k}={v}' for k, v in card.configuration.items())}",
                f"- pictures: mean {card.mean:.4f}, standard deviation {card.deviation:.4f}",
                f"- libraries: {libraries}",
                f"- SHA-256 of data: `{card.data_sha256}`",
                f"- SHA-256 of code: `{card.code_sha256}`",
                f"- SHA-256 of the network: `{card.files.network}`",
                f"- SHA-256 of the weights: `{card.files.weights}`",
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def table(card: Card) -> str:
    """Return a row a set of pictures."""
    rows = ["| never seen in training | pictures | accuracy | interval | calibration error |"]
    rows.append("|---|---:|---:|---:|---:|")
    for name, found in ((f"held-out {card.source}", card.held_out), ("drawings", card.drawings)):
        low, high = (f"{100 * end:.2f}" for end in found.interval)
        rows.append(
            f"| {name} | {found.count} | {100 * found.accuracy:.2f} % | {low} to {high} % "
            f"| {found.calibration_error:.3f} |"
        )
    return "\n".join(rows)


def by_digit(card: Card) -> str:
    """Return a column a digit."""
    digits = range(DIGITS)
    rows = [f"| | {' | '.join(map(str, digits))} |", "|---|" + "---:|" * DIGITS]
    for name, found in ((f"held-out {card.source}", card.held_out), ("drawings", card.drawings)):
        cells = " | ".join(f"{100 * ratio:.1f}" for ratio in found.by_digit)
        rows.append(f"| {name}, % | {cells} |")
    return "\n".join(rows)


def mistakes(found: Evaluation, most: int = 3) -> str:
    """Return the pairs of digits that are taken for each other most often."""
    pairs = sorted(
        ((n, true, seen) for true, row in enumerate(found.confusion) for seen, n in enumerate(row)),
        key=lambda pair: -pair[0],
    )
    told = [f"{true} read as {seen} ({n} times)" for n, true, seen in pairs if n and true != seen]
    return ", ".join(told[:most])
