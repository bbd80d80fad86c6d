"""The tables to which all revisions lead, as statements are made of them.

Contract: a database that `migrations.upgrade` has moved holds exactly these; a test compares both.
Does not know: how they came to be so, or who asks for what.
"""

import sqlalchemy as sa


def _checked(table: str, **conditions: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(c, name=f"ck_{table}_{name}") for name, c in conditions.items()]


TABLES = sa.MetaData()
predictions = sa.Table(
    "predictions",
    TABLES,
    sa.Column("id", sa.String(32), nullable=False),
    sa.Column("created", sa.Double, nullable=False, index=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("variant", sa.String(16), nullable=False),
    sa.Column("shadow", sa.Boolean, nullable=False),
    sa.Column("digit", sa.SmallInteger, nullable=False),
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("probabilities", sa.JSON, nullable=False),
    sa.Column("ink", sa.Double, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("image", sa.LargeBinary, nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    *_checked(
        "predictions",
        id="length(id) = 32",
        created="created BETWEEN 0 AND 1e11",
        owner="length(owner) <= 255",
        model_version="length(model_version) BETWEEN 1 AND 255",
        variant="variant IN ('champion', 'challenger')",
        digit="digit BETWEEN 0 AND 9",
        confidence="confidence BETWEEN 0 AND 1",
        probabilities="json_array_length(probabilities) = 10",
        ink="ink BETWEEN 0 AND 1",
        seconds="seconds BETWEEN 0 AND 86400",
        image="length(image) = 784",
    ),
)
feedback = sa.Table(
    "feedback",
    TABLES,
    sa.Column("prediction_id", sa.String(32), nullable=False),
    sa.Column("digit", sa.SmallInteger, nullable=False),
    sa.Column("created", sa.Double, nullable=False, index=True),
    sa.PrimaryKeyConstraint("prediction_id", name="pk_feedback"),
    sa.ForeignKeyConstraint(
        ["prediction_id"],
        ["predictions.id"],
        name="fk_feedback_prediction_id",
        ondelete="CASCADE",
    ),
    *_checked("feedback", digit="digit BETWEEN 0 AND 9", created="created BETWEEN 0 AND 1e11"),
)
