"""Rules and routes in which time runs faster."""

from pathlib import Path

import pytest
import yaml

from monitoring.compression import compress, shorter

SPANS = [
    ("increase(a_total[1h])", "increase(a_total[30000ms])"),
    ("  for: 5m", "  for: 2500ms"),
    ("  interval: 30s\n", "  interval: 250ms\n"),
    ("- interval: 30s", "- interval: 250ms"),
    ("  repeat_interval: 1d", "  repeat_interval: 720000ms"),
    ("record: objective:bad:ratio5m", "record: objective:bad:ratio5m"),
    ("expr: objective:events:increase6h >= 360", "expr: objective:events:increase6h >= 360"),
    ("    window: 1h", "    window: 1h"),
    ("summary: within 30d, 6 times", "summary: within 30d, 6 times"),
]


@pytest.mark.parametrize(("text", "expected"), SPANS)
def test_spans_alone_become_shorter(text: str, expected: str) -> None:
    """Spans are divided; names, labels, numbers and words stay."""
    assert shorter(text, 120) == expected


def test_a_copy_has_the_same_rules(folder: Path, tmp_path: Path) -> None:
    """Every rule is there under its name, in an order that is the same."""
    compress(folder, tmp_path, 120)
    for path in sorted((folder / "rules").iterdir()):
        texts = (p.read_text(encoding="utf-8") for p in (path, tmp_path / "rules" / path.name))
        before, after = (
            [
                rule.get("alert") or rule["record"]
                for g in yaml.safe_load(t)["groups"]
                for rule in g["rules"]
            ]
            for t in texts
        )
        assert before == after
