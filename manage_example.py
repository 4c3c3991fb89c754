"""A small blog, and everything it takes to migrate its database: python manage_example.py db upgrade"""

import os
from datetime import datetime

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_migrate_script import Manager, Migrate, MigrateCommand

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "example")

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "sqlite:///" + os.path.join(EXAMPLE, "blog.db"))
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False

db = SQLAlchemy(app)
migrate = Migrate(app, db, directory=os.path.join(EXAMPLE, "migrations"))
manager = Manager(app)
manager.add_command("db", MigrateCommand)


follows = db.Table(
    "follows",
    db.Column("follower_id", db.Integer, db.ForeignKey("users.id"), primary_key=True),
    db.Column("followed_id", db.Integer, db.ForeignKey("users.id"), primary_key=True),
)


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64), nullable=False, index=True, unique=True)
    follows = db.relationship(
        "User", secondary=follows, primaryjoin=id == follows.c.follower_id, secondaryjoin=id == follows.c.followed_id
    )


class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)
    author_id = db.Column(db.Integer, db.ForeignKey("users.id"), nullable=False)
    title = db.Column(db.String(140), nullable=False)
    summary = db.Column(db.String(140), nullable=False)
    body = db.Column(db.Text, nullable=False)
    written = db.Column(db.DateTime, nullable=False, default=datetime.now)
    author = db.relationship("User")


class Comment(db.Model):
    __tablename__ = "comments"
    id = db.Column(db.Integer, primary_key=True)
    post_id = db.Column(db.Integer, db.ForeignKey("posts.id"), nullable=False)
    author_id = db.Column(db.Integer, db.ForeignKey("users.id"), nullable=False)
    body = db.Column(db.Text, nullable=False)
    post = db.relationship("Post")
    author = db.relationship("User")


@manager.command
def seed():
    "Write two users, a post and a comment into the database"
    ada, ben = User(name="ada"), User(name="ben")
    ben.follows.append(ada)
    post = Post(author=ada, title="Hello", summary="The first post.", body="The first post. More will follow.")
    db.session.add_all([ben, post, Comment(post=post, author=ben, body="Welcome!")])
    db.session.commit()
    print("The blog has a post by ada and a comment by ben.")


if __name__ == "__main__":
    manager.run()
