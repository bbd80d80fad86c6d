"""A migration expands, or is told."""

import pytest

from mnist_pipeline.gates.migrations import judge


def upgrade(*lines: str) -> dict[str, str]:
    """A revision whose upgrade does something."""
    return {"one.py": "def upgrade():\n" + "".join(f"    {line}\n" for line in lines)}


def test_what_only_adds_is_green() -> None:
    """New tables, indexes and columns that may be left out harm no code that does not know them."""
    verdict = judge(
        upgrade(
            'op.create_table("a", sa.Column("id", sa.Integer()))',
            'op.create_index("i", "a", ["id"])',
            'op.add_column("a", sa.Column("b", sa.Text(), nullable=True))',
            'op.add_column("a", sa.Column("c", sa.Text(), server_default="", nullable=False))',
        )
    )
    assert verdict.passed
    assert verdict.counts == {"migrations": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('op.drop_column("a", "b")', "drop_column"),
        ('op.drop_table("a")', "drop_table"),
        ('op.alter_column("a", "b", nullable=False)', "alter_column"),
        ('op.rename_table("a", "b")', "rename_table"),
        ('op.execute("DELETE FROM a")', "execute"),
        ('op.add_column("a", sa.Column("b", sa.Text(), nullable=False))', "add_column without"),
        ('op.add_column("a", sa.Column("b", sa.Text()))', "add_column without"),
        ('op.create_index("i", "a", ["id"], unique=True)', "unique index"),
    ],
)
def test_what_takes_away_is_red(line: str, reason: str) -> None:
    """The file, its line and what it does are told."""
    verdict = judge(upgrade(line))
    assert verdict.status == "red"
    assert verdict.reasons[0].startswith("one.py:2: ")
    assert reason in verdict.reasons[0]


@pytest.mark.parametrize("revisions", [{}, {"one.py": "def ("}, {"one.py": "x = 1"}])
def test_what_cannot_be_read_is_not_run(revisions: dict[str, str]) -> None:
    """No migrations, no upgrade, or no Python: nothing was judged."""
    assert judge(revisions).status == "not run"
