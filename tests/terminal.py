"""A command on a pseudo-terminal, and what a person sees there."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time


class Terminal:
    """A command line on a terminal of its own, and its screen, without wrapping: a line may be longer than the screen.

    :param project: whose folder and environment it runs in.
    :param columns: how wide the terminal is.
    """

    def __init__(self, project, *words, columns=100, env=None):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=str(project.folder),
            env={**project.env, "FLASK_APP": "manage.py", "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that ^C reaches it
        )
        os.close(theirs)
        self.raw = b""
        self.lines, self.column, self.bottoms = [""], 0, set()

    def type(self, text):
        os.write(self._ours, text.encode())

    def until(self, pattern, seconds=120):
        """Read until the last line has what matches in it, and return that line.

        A clock may leave a second out where the machine is busy: it goes on for ever then, without what was expected.
        """
        end = time.monotonic() + seconds
        while not re.search(pattern, self.lines[-1]):
            assert self._read(), f"{pattern!r} never came: {self.lines} {self.raw}"
            if time.monotonic() > end:
                self.process.kill()
        return self.lines[-1]

    def end(self):
        """Read to the end and return the exit code and the screen."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(), "\n".join(line.rstrip() for line in self.lines)

    def _read(self, seconds=60):
        """Read a character; what says nothing for that long is stopped, so that its test ends."""
        if not select.select([self._ours], [], [], seconds)[0]:
            self.process.kill()
        try:
            read = os.read(self._ours, 1)
            while read and read[-1] & 0x80 and not _whole(read):
                read += os.read(self._ours, 1)
        except OSError:  # EIO: nobody has the terminal any more
            return False
        self.raw += read
        self._show(read.decode())
        return bool(read)

    def _show(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.lines.append("")
        else:
            line = self.lines[-1].ljust(self.column)
            self.lines[-1] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1
            self.bottoms.add(self.lines[-1])


def _whole(read):
    try:
        read.decode()
    except UnicodeDecodeError:
        return False
    return True
