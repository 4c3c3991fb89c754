"""A database server of a test's own, which may be stopped and started: where its programs are installed here."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time

import pytest


class OwnServer:
    """A server in a temporary folder, on a free port of 127.0.0.1. Use as a context manager; it begins stopped.

    :param kind: ``"postgresql"`` or ``"mysql"``.
    """

    def __init__(self, kind):
        self.commands = {"postgresql": PostgreSQL, "mysql": MariaDB}[kind]
        if not (hasattr(os, "geteuid") and os.geteuid() == 0):
            pytest.skip("only root can run a server as its own user")
        if not all(self.commands.programs()):
            pytest.skip(f"no programs of a {kind} server here")
        self.process = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = self.commands.url.format(port=self.port)

    def __enter__(self):
        # Not in TMPDIR: the server's user must be able to reach it.
        self.folder = tempfile.mkdtemp(dir="/var/tmp")
        self.env = {**os.environ, "TMPDIR": self.folder}
        shutil.chown(self.folder, self.commands.user)
        self.run(*self.commands.create(self.folder))
        return self

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.folder)

    def run(self, *command):
        subprocess.run(command, user=self.commands.user, check=True, capture_output=True, cwd=self.folder, env=self.env)

    def start(self, *options):
        """Start it, with more options of its command line, and return when it answers."""
        command = [*self.commands.serve(self.folder, self.port), *options]
        self.process = subprocess.Popen(
            command,
            user=self.commands.user,
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(600):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the server did not start")

    def stop(self):
        """Stop it, and return when it is gone."""
        if self.process:
            self.process.send_signal(self.commands.stop_signal)
            self.process.wait()
            self.process = None


class PostgreSQL:
    user = "postgres"
    url = "postgresql://postgres@127.0.0.1:{port}/postgres"
    stop_signal = 2  # SIGINT: sessions are ended, not waited for

    @staticmethod
    def programs():
        return [
            (sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}")) or [None])[-1] for name in ("initdb", "postgres")
        ]

    @classmethod
    def create(cls, folder):
        return [cls.programs()[0], "-D", f"{folder}/data", "-A", "trust", "-N"]

    @classmethod
    def serve(cls, folder, port):
        return [cls.programs()[1], "-D", f"{folder}/data", "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]


class MariaDB:
    user = "mysql"
    url = "mysql+pymysql://tester@127.0.0.1:{port}/test"
    stop_signal = 15

    @staticmethod
    def programs():
        return [shutil.which("mariadb-install-db"), shutil.which("mariadbd")]

    @classmethod
    def create(cls, folder):
        return [
            cls.programs()[0],
            "--no-defaults",
            f"--datadir={folder}/data",
            "--auth-root-authentication-method=normal",
        ]

    @classmethod
    def serve(cls, folder, port):
        with open(f"{folder}/start.sql", "w") as file:
            file.write(
                "CREATE DATABASE IF NOT EXISTS test;\nCREATE USER IF NOT EXISTS tester@'127.0.0.1';\n"
                "GRANT ALL ON *.* TO tester@'127.0.0.1';\n"
            )
        own = [f"--datadir={folder}/data", f"--socket={folder}/socket", f"--init-file={folder}/start.sql"]
        return [cls.programs()[1], "--no-defaults", *own, f"--port={port}", "--bind-address=127.0.0.1"]
