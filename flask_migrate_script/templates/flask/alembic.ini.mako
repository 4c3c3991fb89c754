# Alembic's settings for this repository. The database comes from the Flask application, not from here.

[alembic]
# How a new revision's file is named; these values and %%(year)d, %%(month).2d, %%(day).2d can stand in it.
# file_template = %%(rev)s_%%(slug)s

# Folders with revisions, where there are several, separated by spaces. The default is versions/ beside this file.
# version_locations = %(here)s/versions %(here)s/other
path_separator = space

# true runs env.py for `revision` without --autogenerate too.
# revision_environment = false

# What is logged while a command runs.
[loggers]
keys = root,sqlalchemy,alembic,flask_migrate

[handlers]
keys = stderr

[formatters]
keys = short

[logger_root]
level = WARNING
handlers = stderr

[logger_sqlalchemy]
level = WARNING
handlers =
qualname = sqlalchemy.engine

[logger_alembic]
level = INFO
handlers =
qualname = alembic

[logger_flask_migrate]
level = INFO
handlers =
qualname = flask_migrate

[handler_stderr]
class = StreamHandler
args = (sys.stderr,)
formatter = short

[formatter_short]
format = %(levelname)-5.5s [%(name)s] %(message)s
