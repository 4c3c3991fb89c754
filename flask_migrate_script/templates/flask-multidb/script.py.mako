<%
    import re
    from flask import current_app

    db = current_app.extensions["migrate"].db
    binds = current_app.config.get("SQLALCHEMY_BINDS")
    if not binds and hasattr(db, "bind_names"):
        binds = db.bind_names()
    elif not binds and hasattr(db, "engines"):
        binds = [name for name in db.engines if name != "default"]
    binds = [name for name in binds or () if name]
    has_default = not hasattr(db, "engines") or None in db.engines or "default" in db.engines
    names = ([""] if has_default else []) + binds
%>"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
import re

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

# What Alembic knows this revision by, and where it stands among the others.
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade(engine_name):
    run("upgrade", engine_name)


def downgrade(engine_name):
    run("downgrade", engine_name)


def run(direction, engine_name):
    """Call the function below for a database; one that was added later than this revision has none here."""
    function = globals().get(direction + "_" + re.sub(r"\W", "_", engine_name))
    if function:
        function()
% for name in names:
<% suffix = re.sub(r"\W", "_", name) %>

def upgrade_${suffix}():
    ${context.get("%s_upgrades" % name, "pass")}


def downgrade_${suffix}():
    ${context.get("%s_downgrades" % name, "pass")}
% endfor
