"""Old manners: what revision scripts of SQLAlchemy 1 and of older Alembics say is understood while they run."""
