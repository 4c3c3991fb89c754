"""fill the summaries of old posts

Revision ID: 106a6ecb6173
Revises: 38fee0f7660f
Create Date: 2026-11-20 11:18:03.417790

"""
from alembic import op
import sqlalchemy as sa


# What Alembic knows this revision by, and where it stands among the others.
revision = '106a6ecb6173'
down_revision = '38fee0f7660f'
branch_labels = None
depends_on = None

posts = sa.table("posts", sa.column("body", sa.Text), sa.column("summary", sa.String))


def upgrade():
    # In SQL, not through the models: those change, this revision stays. It also works with --sql.
    beginning = sa.func.substr(posts.c.body, 1, 140)
    op.execute(posts.update().where(posts.c.summary.is_(None)).values(summary=beginning))


def downgrade():
    # The column goes with the revision before.
    # migrate: allow irreversible
    pass
