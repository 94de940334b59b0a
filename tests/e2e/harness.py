"""What every end-to-end test starts from: the real binary, a folder, private servers, an end.

The environment names what is tested: SLUICE_BIN, SLUICE_PLUGIN_PATH, SLUICE_SOURCE (the
repository). Everything a test starts is stopped with it, and a failed test prints all logs.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from kite_feed import Feed, frame, full_packet
from process import SLOWNESS, Process, wait_until
from redis_client import Redis, Subscriber

BINARY = os.environ["SLUICE_BIN"]
SOURCE = os.environ["SLUICE_SOURCE"]
SINK = "redis"


class Status:
    """The answer of `sluice status NAME --format json`."""

    def __init__(self, document):
        self.document = document
        self.total = document["total"]
        self.imbalance = document["imbalance"]
        self.phase = document["phase"]

    def stage(self, name):
        return next(each for each in self.document["stages"] if each["name"] == name)

    def metric(self, stage, name):
        return self.stage(stage)["metrics"][name]

    @property
    def balanced(self):
        return self.imbalance == 0 and all(
            each["imbalance"] == 0 for each in self.document["stages"])


class Sluice(Process):
    """A running pipeline."""

    def __init__(self, case, name, file, environment, wrapper=()):
        self.pipeline = name
        self._case = case
        super().__init__(name, [*wrapper, BINARY, "run", file], case.folder,
                         case.environment | environment)

    def status(self):
        answer = self._case.cli("status", self.pipeline, "--format", "json")
        if answer.returncode != 0:
            return None
        return Status(json.loads(answer.stdout))

    def tell(self, do, **keys):
        """Tells it to do something over its control socket; the operation's row once it ended."""
        row = self.ask({"do": do, **keys})

        def ended():
            rows = self.ask({"get": "operations", "after": row["number"] - 1})["operations"]
            mine = next(each for each in rows if each["number"] == row["number"])
            return mine if mine["state"] in ("done", "failed") else None

        return row if row["state"] in ("done", "failed") else wait_until(ended, 60, f"{do} ends")

    def ask(self, request):
        """A document of the control socket."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(os.path.join(self._case.environment["SLUICE_RUN_DIR"],
                                         f"{self.pipeline}.sock"))
            control.sendall(json.dumps(request).encode() + b"\n")
            with control.makefile("rb") as reply:
                header = json.loads(reply.readline())
                self._case.assertTrue(header["ok"], header)
                return json.loads(reply.read())

    def await_status(self, condition, limit, what):
        """The first status of which `condition` holds."""

        def look():
            if not self.running:
                raise AssertionError(f"{self.name} ended:\n{self.log}")
            status = self.status()
            return status if status and condition(status) else None

        return wait_until(look, limit, what)

    def await_running(self):
        return self.await_status(lambda status: status.phase == "running", 20, "it runs")


class Ticking:
    """Sends a frame of one new tick of each token, over and over, in a thread of its own."""

    def __init__(self, feed, tokens, interval):
        self._feed, self._tokens, self._interval = feed, tokens, interval
        self._stopped = threading.Event()
        self._sending = threading.Lock()
        self._price = 100_000
        self.sent = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped.wait(self._interval):
            self._price += 5
            packets = [full_packet(token, self._price) for token in self._tokens]
            with self._sending:
                self.sent += len(packets) * self._feed.send(frame(packets))

    def held(self):
        """While entered it sends nothing."""
        return self._sending

    def stop(self):
        self._stopped.set()
        self._thread.join(10)


class Case(unittest.TestCase):
    def run(self, result=None):
        self.folder = tempfile.mkdtemp(prefix="sluice-e2e-")
        run_folder = os.path.join(self.folder, "run")
        os.mkdir(run_folder)
        self.environment = {
            name: os.environ[name]
            for name in os.environ
            if name in ("PATH", "HOME", "LANG", "SLUICE_PLUGIN_PATH") or name.endswith("_OPTIONS")
        } | {
            "SLUICE_RUN_DIR": run_folder,
            "ADMIN_LISTEN": "127.0.0.1:0",
            "KITE_INSTRUMENTS": f"{SOURCE}/pipelines/instruments.csv",
        }
        bad = len(result.failures) + len(result.errors)
        try:
            return super().run(result)
        finally:
            if len(result.failures) + len(result.errors) > bad:
                self._print_logs()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _print_logs(self):
        for name in sorted(os.listdir(self.folder)):
            if not name.endswith(".log"):
                continue
            with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as log:
                lines = log.readlines()
            print(f"---- {self.id()}: {name}, last 60 of {len(lines)} lines", file=sys.stderr)
            print("".join(lines[-60:]), file=sys.stderr)

    # Things to start; each is stopped at the end of the test.

    def redis(self):
        server = Redis(self.folder)
        self.addCleanup(server.close)
        return server

    def subscriber(self, redis, pattern="ticker:*", keep=True, persists=False):
        made = Subscriber(redis.port, pattern, keep, persists)
        self.addCleanup(made.close)
        return made

    def feed(self):
        made = Feed()
        self.addCleanup(made.close)
        return made

    def ticking(self, feed, tokens, interval=0.02):
        made = Ticking(feed, tokens, interval)
        self.addCleanup(made.stop)
        return made

    def sluice(self, file, name, environment=None, wrapper=()):
        """Starts a pipeline, in the hands of `wrapper` if there is one, and waits until it runs."""
        made = self.start(file, name, environment, wrapper)
        made.await_running()
        return made

    def start(self, file, name, environment=None, wrapper=()):
        made = Sluice(self, name, file, environment or {}, wrapper)
        self.addCleanup(made.kill)
        return made

    # Files and commands.

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def ticker(self, feed, redis, tokens, *, token="token", source="", sink="", pipeline="",
               between=""):
        """A file of kite_source to redis_sink; further keys as TOML lines, `between` as stages."""
        listed = ", ".join(f'"{token}"' for token in tokens)
        return self.write("ticker.toml", f"""
[pipeline]
name = "ticker"
{pipeline}

[[stage]]
plugin = "kite_source"
url = "{feed.url}"
api_key = "key"
access_token = "{token}"
{source}
tokens = [{listed}]
mode = "full"

{between}
[[stage]]
name = "{SINK}"
plugin = "redis_sink"
url = "{redis.url}"
{sink}
""")

    def cli(self, *arguments, environment=None, limit=30):
        """Runs a command of the CLI to its end."""
        return subprocess.run([BINARY, *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, cwd=self.folder, check=False,
                              env=self.environment | (environment or {}),
                              timeout=limit * SLOWNESS)

    # What every fault test ends with.

    def assert_flows(self, redis, limit=20):
        """Ticks reach a new subscriber."""
        subscriber = self.subscriber(redis)
        wait_until(lambda: subscriber.count >= 20, limit, "ticks reach a subscriber again")

    def assert_balanced(self, sluice):
        """The ledger adds up while it runs."""
        status = sluice.status()
        self.assertIsNotNone(status)
        self.assertTrue(status.balanced, json.dumps(status.document, indent=1))
        return status

    def assert_ends_well(self, sluice, code=0):
        """SIGTERM ends it with `code` and a final balance that adds up."""
        self.assertEqual(sluice.stop(), code, sluice.log)
        self.assertRegex(sluice.log, r"imbalance\W+0\b")


def main():
    """Runs a test file; a test that cannot run says so with exit code 77."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == len(result.skipped):
        sys.exit(77)


