"""What is built from the checkout: everything the package needs at run time, and nothing else in the wheel."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IN_SOURCES = ["README.rst", "CHANGES.rst", "LICENSE", "manage_example.py", "tox.ini", "tests/conftest.py"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build an sdist from a copy of the checkout, and the wheel from what is in the sdist, as an installer does."""
    folder = tmp_path_factory.mktemp("built")
    unwanted = shutil.ignore_patterns(".git", ".tox", "venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
    shutil.copytree(str(ROOT), str(folder / "checkout"), ignore=unwanted)
    backend("build_sdist", folder, folder / "checkout")
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(str(sdist)) as archive:
        names = archive.getnames()
        archive.extractall(str(folder / "unpacked"))
    (source,) = (folder / "unpacked").iterdir()
    backend("build_wheel", folder, source)
    (wheel,) = folder.glob("*.whl")
    return [name.partition("/")[2] for name in names], zipfile.ZipFile(str(wheel))


def backend(hook, into, source):
    """Call the build backend that pyproject.toml names."""
    program = f"from setuptools import build_meta; build_meta.{hook}({str(into)!r})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=str(source), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode()


def test_the_wheel_is_the_package_and_nothing_else(built):
    _, wheel = built
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = ROOT / "flask_migrate_script"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert shipped == {path.relative_to(ROOT).as_posix() for path in files}
    assert {"flask_migrate_script/py.typed", "flask_migrate_script/templates/flask-multidb/alembic.ini.mako"} <= shipped


def test_the_sdist_has_what_it_takes_to_test_it(built):
    names, _ = built
    assert {*IN_SOURCES, "flask_migrate_script/templates/flask/env.py", "flask_migrate_script/py.typed"} <= set(names)
    assert {path.relative_to(ROOT).as_posix() for path in ROOT.glob("example/migrations/versions/*.py")} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".db"))]


def test_the_metadata(built):
    _, wheel = built
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_string(wheel.read(name).decode())
    assert (metadata["Name"], metadata["Requires-Python"]) == ("Flask-Migrate-Script", ">=3.9")
    assert {"completion", "test", "dev"} <= set(metadata.get_all("Provides-Extra"))
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert sorted(required) == ["Flask-SQLAlchemy>=2.3", "Flask-Script>=2.0.6", "Flask>=0.12", "alembic>=1.4.3"]
    code = f"import flask_migrate_script as package; assert package.__version__ == {metadata['Version']!r}"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert metadata.get_payload().startswith("Flask-Migrate-Script\n====")
