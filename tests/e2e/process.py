"""Child processes with deadlines, and waiting that ends."""

import ctypes
import os
import signal
import socket
import subprocess
import time

# Sanitizers make the programs slower; the build says by how much.
SLOWNESS = float(os.environ.get("SLUICE_TEST_SLOWNESS", "1"))
SANITIZER = os.environ.get("SLUICE_TEST_SANITIZER", "")


def wait_until(condition, limit, what):
    """Polls until `condition` returns something true, and returns it. AssertionError after `limit`
    seconds (more under sanitizers)."""
    deadline = time.monotonic() + limit * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit * SLOWNESS:g} s: {what}; last: {value!r}")
        time.sleep(0.02)


def free_port():
    """A TCP port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_libc = ctypes.CDLL(None)


def _end_with_parent():
    """A test that is killed leaves no server behind: prctl(PR_SET_PDEATHSIG, SIGKILL)."""
    _libc.prctl(1, signal.SIGKILL)


class Process:
    """A child whose output goes to a file: <folder>/<name>.<n>.log."""

    def __init__(self, name, command, folder, environment=None, working=None):
        count = sum(entry.startswith(name + ".") for entry in os.listdir(folder))
        self.name = name
        self.log_path = os.path.join(folder, f"{name}.{count}.log")
        with open(self.log_path, "wb") as log:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=subprocess.STDOUT, env=environment,
                                           cwd=working or folder,
                                           preexec_fn=_end_with_parent)

    @property
    def pid(self):
        return self._child.pid

    @property
    def running(self):
        return self._child.poll() is None

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def signal(self, number):
        self._child.send_signal(number)

    def wait(self, limit):
        """The exit code; AssertionError with the log if it does not end in time."""
        try:
            return self._child.wait(limit * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {limit} s:\n{self.log}") from None

    def stop(self, limit=20):
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(limit)

    def kill(self):
        if self.running:
            self._child.kill()
        self._child.wait()
