"""Packaging of Flask-Migrate-Script."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (ROOT / "flask_migrate_script" / "__init__.py").read_text(), re.M)[1]

COMPLETION = ["argcomplete>=3"]
GRAPH = ["graphviz>=0.20"]
LINT = ["squawk-cli>=2"]
TEST = [
    *COMPLETION,
    *GRAPH,
    *LINT,
    "Flask-Migrate>=4.1",
    "PyMySQL",
    "aiomysql",
    "aiosqlite",
    "asyncpg",
    "docutils",
    "greenlet",
    "hypothesis",
    "psycopg2-binary",
    "psycopg[binary]",
    "pytest",
    "pytest-xdist>=3.2",
    "python-dotenv",
    "setuptools>=70.1",
]

setup(
    name="Flask-Migrate-Script",
    version=VERSION,
    description="Database migrations for Flask as python manage.py db, on every Flask from 0.12 to the newest.",
    long_description=(ROOT / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    license="MIT",
    packages=find_packages(include=["flask_migrate_script", "flask_migrate_script.*"]),
    package_data={"flask_migrate_script": ["py.typed", "templates/*/*"]},
    exclude_package_data={"": ["*.pyc"]},
    zip_safe=False,
    python_requires=">=3.9",
    install_requires=["Flask>=0.12", "Flask-SQLAlchemy>=2.3", "Flask-Script>=2.0.6", "alembic>=1.4.3"],
    extras_require={
        "completion": COMPLETION,
        "graph": GRAPH,
        "lint": LINT,
        "test": TEST,
        "dev": [*TEST, "build", "mypy", "ruff", "tox"],
    },
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Web Environment",
        "Framework :: Flask",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Database",
        "Typing :: Typed",
    ],
)
