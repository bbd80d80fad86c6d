"""Predictions and feedback.

Contract: run by Alembic alone. Never changed once it is released; the next change is a revision of
its own. Does not know: today's tables, which a test compares with where all revisions lead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # budget: two whole tables, which never change again
    """Create both tables."""
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("variant", sa.String(16), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("digit", sa.SmallInteger(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("ink", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
        sa.CheckConstraint("length(id) = 32", name="ck_predictions_id"),
        sa.CheckConstraint("created BETWEEN 0 AND 1e11", name="ck_predictions_created"),
        sa.CheckConstraint("length(owner) <= 255", name="ck_predictions_owner"),
        sa.CheckConstraint(
            "length(model_version) BETWEEN 1 AND 255", name="ck_predictions_model_version"
        ),
        sa.CheckConstraint("variant IN ('champion', 'challenger')", name="ck_predictions_variant"),
        sa.CheckConstraint("digit BETWEEN 0 AND 9", name="ck_predictions_digit"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="ck_predictions_confidence"),
        sa.CheckConstraint(
            "json_array_length(probabilities) = 10", name="ck_predictions_probabilities"
        ),
        sa.CheckConstraint("ink BETWEEN 0 AND 1", name="ck_predictions_ink"),
        sa.CheckConstraint("seconds BETWEEN 0 AND 86400", name="ck_predictions_seconds"),
        sa.CheckConstraint("length(image) = 784", name="ck_predictions_image"),
    )
    op.create_index("ix_predictions_created", "predictions", ["created"])
    op.create_table(
        "feedback",
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("digit", sa.SmallInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_feedback"),
        sa.ForeignKeyConstraint(
            ["prediction_id"],
            ["predictions.id"],
            name="fk_feedback_prediction_id",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("digit BETWEEN 0 AND 9", name="ck_feedback_digit"),
        sa.CheckConstraint("created BETWEEN 0 AND 1e11", name="ck_feedback_created"),
    )
    op.create_index("ix_feedback_created", "feedback", ["created"])


def downgrade() -> None:
    """Drop both tables, with all they hold."""
    op.drop_table("feedback")
    op.drop_table("predictions")
