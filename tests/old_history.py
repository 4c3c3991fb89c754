"""A history of 40 revisions as they were written from 2014 to 2019, for SQLAlchemy 0.9 to 1.3, on three databases.

``write`` makes its files, each with the header that Alembic gave it then; ``dump`` reads all that is in a database.
"""

import re
import textwrap

import sqlalchemy as sa

HEADER = '''"""{message}

Revision ID: {revision}
Revises: {down}
Create Date: {date} 11:04:52.{micro}

"""

# revision identifiers, used by Alembic.
revision = '{revision}'
down_revision = {down!r}

{imports}


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''

IMPORTS = "from alembic import op\nimport sqlalchemy as sa"


def revision(message, upgrade, downgrade="pass", imports=""):
    return message, upgrade, downgrade, f"{IMPORTS}\n{imports}".strip()


USERS_OF_LATER = """
from sqlalchemy.sql import table, column

users = table('users', column('id', sa.Integer), column('email', sa.String), column('login', sa.String),
              column('points', sa.Integer), column('level', sa.Integer), column('active', sa.Boolean))
"""

REVISIONS = [
    revision(
        "initial",
        """
        op.create_table('users',
            sa.Column('id', sa.Integer(), nullable=False),
            sa.Column('email', sa.String(length=80), nullable=True),
            sa.Column('login', sa.String(length=40), nullable=True),
            sa.Column('points', sa.Integer(), nullable=True),
            sa.PrimaryKeyConstraint('id')
        )
        op.create_table('posts',
            sa.Column('id', sa.Integer(), nullable=False),
            sa.Column('user_id', sa.Integer(), nullable=True),
            sa.Column('title', sa.Unicode(length=60), nullable=True),
            sa.Column('body', sa.UnicodeText(), nullable=True),
            sa.Column('published', sa.Boolean(), nullable=True),
            sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='fk_posts_user'),
            sa.PrimaryKeyConstraint('id')
        )
        """,
        "op.drop_table('posts')\nop.drop_table('users')",
    ),
    revision(
        "the first users",
        """
        connection = op.get_bind()
        connection.execute("INSERT INTO users (id, email, login, points) VALUES (1, 'Ann@Example.org', 'ann', 199)")
        connection.execute(users.insert(), id=2, email='bo@example.org', login='bo', points=50)
        connection.execute(users.insert(),
                           {'id': 3, 'email': 'cy@example.org', 'login': 'cy', 'points': 7},
                           {'id': 4, 'email': None, 'login': 'di', 'points': None})
        """,
        "op.get_bind().execute('DELETE FROM users')",
        "users = sa.table('users', *[sa.column(name) for name in ('id', 'email', 'login', 'points')])",
    ),
    revision(
        "an active flag",
        """
        op.add_column('users', sa.Column('active', sa.Boolean(), nullable=True))
        op.get_bind().execute(users.update().values(active=True))
        """,
        "with op.batch_alter_table('users') as batch_op:\n    batch_op.drop_column('active')",
        "users = sa.table('users', sa.column('active', sa.Boolean))",
    ),
    revision(
        "lower case emails",
        """
        connection = op.get_bind()
        for row in connection.execute(sa.select([users.c.id, users.c.email])).fetchall():
            if row['email']:
                connection.execute(users.update(users.c.id == row['id']).values(email=row['email'].lower()))
        """,
        imports=USERS_OF_LATER,
    ),
    revision(
        "index the emails",
        "op.create_index('ix_users_email', 'users', ['email'], unique=True)",
        "op.drop_index('ix_users_email', 'users')",
    ),
    revision(
        "levels",
        """
        op.add_column('users', sa.Column('level', sa.Integer(), nullable=True))
        level = case([(users.c.points > 100, 3), (users.c.points > 10, 2)], else_=1)
        op.execute(users.update().values(level=level))
        """,
        "with op.batch_alter_table('users') as batch_op:\n    batch_op.drop_column('level')",
        USERS_OF_LATER + "from sqlalchemy import case",
    ),
    revision(
        "a post for everybody",
        """
        bind = op.get_bind()
        session = Session(bind=bind)
        for (user_id, login) in session.execute("SELECT id, login FROM users ORDER BY id").fetchall():
            session.execute("INSERT INTO posts (id, user_id, title) VALUES (:id, :user_id, :title)",
                            {'id': user_id * 10, 'user_id': user_id, 'title': u'by ' + login})
        session.commit()
        """,
        "op.execute('DELETE FROM posts')",
        "from sqlalchemy.orm import Session",
    ),
    revision(
        "models of its own",
        """
        session = sessionmaker(bind=op.get_bind())()
        for post in session.query(Post).order_by(Post.id):
            post.body = u'nothing yet' if session.query(Post).get(post.id) is post else u'?'
            post.published = post.user_id != 2
        session.add(Post(id=50, user_id=1, title=u'news'))
        session.commit()
        """,
        "op.get_bind().execute(Post.__table__.delete(Post.__table__.c.id == 50))",
        """
        from sqlalchemy.ext.declarative import declarative_base
        from sqlalchemy.orm import sessionmaker

        Base = declarative_base()


        class Post(Base):
            __tablename__ = 'posts'
            id = sa.Column(sa.Integer, primary_key=True)
            user_id = sa.Column(sa.Integer)
            title = sa.Column(sa.Unicode(60))
            body = sa.Column(sa.UnicodeText)
            published = sa.Column(sa.Boolean)
        """,
    ),
    revision(
        "tags",
        """
        op.create_table('tags',
            sa.Column('id', sa.Integer(), nullable=False),
            sa.Column('name', sa.String(length=30), nullable=False),
            sa.Column('kind', sa.Enum('topic', 'place', name='tag_kind', native_enum=False), nullable=True),
            sa.PrimaryKeyConstraint('id'),
            sa.UniqueConstraint('name', name='uq_tags_name')
        )
        """,
        "op.drop_table('tags')",
    ),
    revision(
        "some tags",
        """
        meta = sa.MetaData(bind=op.get_bind())
        meta.reflect(only=['tags'])
        tags = meta.tables['tags']
        op.bulk_insert(tags, [{'id': 1, 'name': 'flask', 'kind': 'topic'}, {'id': 2, 'name': 'Graz', 'kind': 'place'}])
        tags.insert().execute(id=3, name='sql', kind='topic')
        """,
        "op.execute('DELETE FROM tags')",
    ),
    revision(
        "tags of posts",
        """
        meta = sa.MetaData(op.get_bind())
        posts = sa.Table('posts', meta, autoload=True)
        tags = sa.Table('tags', meta, autoload=True)
        op.create_table('post_tags',
            sa.Column('post_id', sa.Integer(), nullable=False),
            sa.Column('tag_id', sa.Integer(), nullable=False),
            sa.ForeignKeyConstraint(['post_id'], ['posts.id'], name='fk_post_tags_post'),
            sa.ForeignKeyConstraint(['tag_id'], ['tags.id'], name='fk_post_tags_tag'),
            sa.PrimaryKeyConstraint('post_id', 'tag_id')
        )
        post_tags = sa.Table('post_tags', meta, autoload=True)
        for post in posts.select(posts.c.id < 30).order_by(posts.c.id).execute().fetchall():
            post_tags.insert().values(post_id=post[posts.c.id], tag_id=1).execute()
        """,
        "op.drop_table('post_tags')",
    ),
    revision(
        "half the points",
        "op.execute(users.update().where(users.c.points != None).values(points=users.c.points / 2))",
        imports=USERS_OF_LATER,
    ),
    revision(
        "a share of them",
        """
        op.add_column('users', sa.Column('share', sa.Integer(), nullable=True))
        connection = op.get_bind()
        found = connection.execute(sa.select([users.c.id, (users.c.points * 10) / 7]).order_by(users.c.id)).fetchall()
        for user_id, share in found:
            if share is not None:
                connection.execute("UPDATE users SET share = %d WHERE id = %d" % (int(share), user_id))
        """,
        "with op.batch_alter_table('users') as batch_op:\n    batch_op.drop_column('share')",
        USERS_OF_LATER,
    ),
    revision(
        "an enum, added",
        """
        op.add_column('posts', sa.Column('state', sa.Enum('draft', 'live', name='post_state', native_enum=False)))
        op.execute("UPDATE posts SET state = 'live'")
        """,
        "with op.batch_alter_table('posts') as batch_op:\n    batch_op.drop_column('state')",
    ),
    revision(
        "settings",
        """
        op.create_table('settings',
            sa.Column('name', sa.String(30), primary_key=True),
            sa.Column('value', sa.Text),
            sa.Column('shown', sa.Boolean, nullable=False, server_default=sa.sql.expression.false()),
            sa.Column('locked', sa.Boolean(name='ck_settings_locked'))
        )
        statement = sa.text("INSERT INTO settings (name, value) VALUES (:name, :value)")
        op.get_bind().execute(statement, name='theme', value='a:b%c')
        op.get_bind().execute(statement, {'name': 'size', 'value': '10'}, {'name': 'lang', 'value': 'de'})
        """,
        "op.drop_table('settings')",
    ),
    revision(
        "where is it shown",
        """
        engine = op.get_bind()
        settings = sa.sql.table('settings', sa.sql.column('name'), sa.sql.column('shown', sa.Boolean))
        with engine.begin() as transaction:
            engine.execute(settings.update(settings.c.name.in_(['theme', 'size']), {'shown': True}))
        """,
    ),
    revision(
        "no lock in settings",
        """
        if op.get_bind().dialect.name == 'mysql':
            op.drop_constraint('ck_settings_locked', 'settings', type_='check')
        if op.get_bind().dialect.name != 'sqlite':
            with op.batch_alter_table('settings', schema=None) as batch_op:
                batch_op.drop_column('locked')
        """,
    ),
    revision(
        "unique logins",
        """
        with op.batch_alter_table('users') as batch_op:
            batch_op.create_unique_constraint('uq_users_login', ['login'])
        """,
    ),
    revision(
        "comments",
        """
        op.create_table('comments',
            sa.Column('id', sa.Integer(), nullable=False),
            sa.Column('post', sa.Integer(), nullable=True),
            sa.Column('words', sa.Text(), nullable=True),
            sa.Column('made', sa.DateTime(), nullable=True),
            sa.PrimaryKeyConstraint('id')
        )
        if op.get_bind().dialect.name != 'sqlite':
            op.create_foreign_key(name='fk_comments_post', source='comments', referent='posts',
                                  local_cols=['post'], remote_cols=['id'], ondelete='CASCADE')
        """,
        "op.drop_table('comments')",
    ),
    revision(
        "two comments",
        """
        comments = sa.Table('comments', sa.MetaData(), autoload=True, autoload_with=op.get_bind())
        when = datetime(2016, 2, 29, 12, 30)
        op.get_bind().execute(comments.insert(), dict(id=1, post=10, words=u'nice', made=when),
                              dict(id=2, post=20, words=u'\\xe4h', made=None))
        """,
        imports="from datetime import datetime",
    ),
    revision(
        "an index for comments",
        "op.create_index(name='ix_comments_made', table_name='comments', columns=['made'])",
        "op.drop_index(name='ix_comments_made', tablename='comments')",
    ),
    revision(
        "rename the words",
        """
        with op.batch_alter_table('comments') as batch_op:
            batch_op.alter_column('words', new_column_name='content', existing_type=sa.Text())
        """,
    ),
    revision(
        "the longest comment",
        """
        conn = op.get_bind()
        comments = sa.table('comments', sa.column('id'), sa.column('content'))
        longest = select([comments.c.content], order_by=[sa.func.length(comments.c.content).desc()], limit=1)
        value = conn.scalar(longest)
        conn.execute("INSERT INTO settings (name, value) VALUES ('longest', '%s')" % value)
        """,
        imports="from sqlalchemy.sql import select",
    ),
    revision(
        "a table for roles",
        """
        roles = op.create_table('roles',
            sa.Column('id', sa.Integer, primary_key=True),
            sa.Column('name', sa.String(20), nullable=False, unique=True),
            sa.Column('admin', sa.Boolean, default=False)
        )
        op.bulk_insert(roles, [{'id': 1, 'name': 'reader', 'admin': False}, {'id': 2, 'name': 'chief', 'admin': True}])
        """,
        "op.drop_table('roles')",
    ),
    revision(
        "everybody has a role",
        """
        op.add_column('users', sa.Column('role_id', sa.Integer(), nullable=True))
        bind = op.get_bind()
        metadata = sa.MetaData(bind=bind)
        metadata.reflect()
        users, roles = metadata.tables['users'], metadata.tables['roles']
        names = dict(bind.execute(sa.select([roles.c.name, roles.c.id])).fetchall())
        for user in users.select().execute().fetchall():
            role = 'chief' if user['login'] == 'ann' else 'reader'
            users.update(users.c.id == user[users.c.id]).values(role_id=names[role]).execute()
        """,
        "with op.batch_alter_table('users') as batch_op:\n    batch_op.drop_column('role_id')",
    ),
    revision(
        "a role is needed",
        """
        with op.batch_alter_table('users') as batch_op:
            batch_op.alter_column('role_id', existing_type=sa.Integer(), nullable=False)
            batch_op.create_foreign_key('fk_users_role', 'roles', ['role_id'], ['id'])
        """,
        """
        with op.batch_alter_table('users') as batch_op:
            batch_op.drop_constraint('fk_users_role', type_='foreignkey')
        """,
    ),
    revision(
        "numbers of posts",
        """
        op.add_column('users', sa.Column('posts_count', sa.Integer(), server_default='0'))
        posts = sa.table('posts', sa.column('id'), sa.column('user_id'))
        users = sa.table('users', sa.column('id'), sa.column('posts_count'))
        count = sa.select([sa.func.count(posts.c.id)]).where(posts.c.user_id == users.c.id).as_scalar()
        op.get_bind().execute(users.update().values(posts_count=count))
        """,
    ),
    revision(
        "keys of rows",
        """
        result = op.get_bind().execute("SELECT id, login FROM users WHERE id = 1")
        row = result.fetchone()
        assert row.keys() == ['id', 'login'] and dict(row) == {'id': 1, 'login': 'ann'}, row
        assert 'login' in row and row.has_key('id') and row.items() == [('id', 1), ('login', 'ann')]
        assert (row.id, row[1], row['login'], len(row)) == (1, 'ann', 'ann', 2)
        """,
    ),
    revision(
        "shorter titles",
        """
        with op.batch_alter_table('posts') as batch_op:
            batch_op.alter_column('title', type_=sa.Unicode(50), existing_type=sa.Unicode(60))
        """,
    ),
    revision(
        "a flag in a batch",
        """
        with op.batch_alter_table('comments') as batch_op:
            batch_op.add_column(sa.Column('hidden', sa.Boolean(), nullable=True))
        """,
    ),
    revision(
        "scores",
        """
        op.create_table('scores',
            sa.Column('user_id', sa.Integer, sa.ForeignKey('users.id', name='fk_scores_user'), primary_key=True),
            sa.Column('average', sa.Numeric(6, 2)),
            sa.Column('best', sa.Float)
        )
        connection = op.get_bind()
        half = sa.select([users.c.id, users.c.points, users.c.points / 4]).where(users.c.points > 0)
        for row in connection.execute(half.order_by(users.c.id)):
            found = dict(zip(['user_id', 'average', 'best'], [row[0], int(row[2]), row['points']]))
            connection.execute(scores.insert().values(**found))
        """,
        "op.drop_table('scores')",
        USERS_OF_LATER + "scores = table('scores', column('user_id'), column('average'), column('best'))",
    ),
    revision(
        "sizes of users",
        """
        op.add_column('users', sa.Column('size', sa.String(5)))
        size = sa.case([(users.c.points > 50, sa.literal_column("'big'"))], else_='small')
        op.execute(sa.update(users, users.c.points != None).values({'size': size}))
        """,
        imports="""
        users = sa.Table('users', sa.MetaData(), sa.Column('id', sa.Integer), sa.Column('points', sa.Integer),
                         sa.Column('size', sa.String))
        """,
    ),
    revision(
        "sessions of the application's kind",
        """
        Session = sessionmaker()
        session = Session(bind=op.get_bind())
        rows = session.execute(sa.select([sa.column('id'), sa.column('login')]).select_from(sa.table('users'))
                               .order_by(sa.column('id')))
        logins = [row['login'] for row in rows]
        session.execute("INSERT INTO settings (name, value) VALUES ('logins', :logins)", {'logins': ','.join(logins)})
        session.flush()
        session.commit()
        """,
        imports="from sqlalchemy.orm import sessionmaker",
    ),
    revision(
        "a transaction of its own",
        """
        connection = op.get_bind()
        trans = connection.begin()
        try:
            connection.execute("UPDATE settings SET value = '12' WHERE name = 'size'")
            trans.commit()
        except:
            trans.rollback()
            raise
        """,
    ),
    revision(
        "who is there",
        """
        connection = op.get_bind()
        inspector = Inspector.from_engine(connection)
        tables = [name for name in inspector.get_table_names() if not name.startswith('alembic')]
        if 'nobody' not in tables:
            connection.execute(sa.text("UPDATE settings SET value = :value WHERE name = :name"),
                               name='lang', value='%d tables' % len(tables))
        """,
        imports="from sqlalchemy.engine.reflection import Inspector",
    ),
    revision(
        "no more sizes",
        """
        with op.batch_alter_table('users') as batch_op:
            batch_op.drop_column('size')
        """,
    ),
    revision(
        "exists",
        """
        posts = sa.table('posts', sa.column('user_id'))
        users = sa.table('users', sa.column('id'), sa.column('level'))
        writes = sa.exists([posts.c.user_id]).where(posts.c.user_id == users.c.id)
        op.get_bind().execute(users.update().where(~writes).values(level=0))
        """,
    ),
    revision(
        "parts of a whole",
        """
        op.get_bind().execute(users.update(users.c.points > 60, values={users.c.level: 1000 / users.c.points}))
        """,
        imports=USERS_OF_LATER,
    ),
    revision(
        "clean up",
        """
        bind = op.get_bind()
        bind.execute(sa.table('comments', sa.column('id')).delete(sa.column('id') == 2))
        op.get_bind().execute("DELETE FROM settings WHERE name = 'longest'")
        """,
    ),
    revision(
        "how many",
        """
        rows = op.get_bind().execute(sa.select([sa.func.count()]).select_from(sa.table('posts'))).fetchall()
        op.get_bind().execute("INSERT INTO settings (name, value) VALUES ('posts', '%d')" % rows[0][0])
        """,
        "op.execute(\"DELETE FROM settings WHERE name = 'posts'\")",
    ),
    revision(
        "the last one",
        """
        settings = sa.table('settings', sa.column('name'), sa.column('value'))
        op.get_bind().execute(settings.update().where(settings.c.name == sa.bindparam('which')), which='posts',
                              value='none')
        """,
    ),
]


def write(project):
    """Write the history into a project's migrations folder."""
    down = None
    for number, (message, upgrade, downgrade, imports) in enumerate(REVISIONS):
        name = f"{number + 1:02d}{abs(hash_of(message)):010x}"[:12]
        text = HEADER.format(
            message=message,
            revision=name,
            down=down,
            date=f"{2014 + number // 7}-{number % 7 + 3:02d}-17",
            micro=f"{number:06d}",
            imports=_flush(imports),
            upgrade=textwrap.indent(_flush(upgrade), "    "),
            downgrade=textwrap.indent(_flush(downgrade), "    "),
        )
        project.write(f"migrations/versions/{name}_{message.replace(' ', '_').replace(chr(39), '')}.py", text)
        down = name
    return down


def hash_of(text):
    return sum(ord(letter) * 31**place for place, letter in enumerate(text)) % 16**10


def _flush(text):
    """Return a text without its margin, line by line: the first ones may have none."""
    lines = text.strip("\n").splitlines()
    indented = [line for line in lines if line.startswith("        ")]
    return "\n".join(line[8:] if line in indented and _is_margin(lines) else line for line in lines).strip()


def _is_margin(lines):
    return all(not line or line.startswith("        ") for line in lines if not line.startswith(("from", "import")))


QUERIES = {
    "sqlite": ["SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%' ORDER BY name"],
    "postgresql": [
        "SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,"
        " is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name NOT LIKE 'alembic%' ORDER BY table_name, ordinal_position",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    ],
    "mysql": [],
}


def dump(database):
    """Return all that is in a database, as text: what makes its tables, and their rows."""
    lines = []
    with database.engine().connect() as connection:
        for query in QUERIES[database.kind]:
            lines += [repr(tuple(row)) for row in connection.execute(sa.text(query))]
        for name in database.tables():
            if database.kind == "mysql":
                lines.append(connection.execute(sa.text(f"SHOW CREATE TABLE {name}")).fetchone()[1])
            rows = connection.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1, 2")).fetchall()
            lines += [f"{name}: {tuple(row)!r}" for row in rows]
    text = "\n".join(" ".join(line.split()).replace("\\n", " ").replace("\\t", " ") for line in lines) + "\n"
    return text if database.kind != "sqlite" else "".join(map(_order_constraints, text.splitlines(True)))


_CONSTRAINTS = ("CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN")


def _order_constraints(line):
    """Return a table of SQLite's with its constraints sorted and once each: Alembics differ in that."""
    head, opening, body = line.partition(" (")
    if "CREATE TABLE" not in head:
        return line
    body = body.rpartition(")")[0].rpartition(")")[0]
    clauses, depth, part = [], 0, ""
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            clauses.append(part)
            part = ""
        else:
            part += character
    clauses = [re.sub(r"DEFAULT \((\w+)\)", r"DEFAULT \1", " ".join(one.split())) for one in [*clauses, part]]
    constraints = {one for one in clauses if one.startswith(_CONSTRAINTS)}
    return f"{head}{opening}{', '.join([*(one for one in clauses if one not in constraints), *sorted(constraints)])}\n"
