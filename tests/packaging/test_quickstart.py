"""packaging/quickstart does what the README shows, and leaves nothing behind."""

import contextlib
import os
import pathlib
import re
import signal

from harness import SOURCE, Case, main
from process import Process, wait_until

BUILD = os.environ["SLUICE_BUILD"]
# Instead of one more build: the one that is tested.
CMAKE = f"""#!/bin/sh
[ "$1" != --build ] || ln -s "{BUILD}" "$2"
"""


def shape(line):
    """A line whatever its numbers, units, paths and level."""
    line = re.sub(r"\b(HEALTHY|WARNING|CRITICAL|OVERLOAD)\b", "LEVEL", line)
    return re.sub(r"\S*[\d/]\S*( [um]?s\b)?", "#", " ".join(line.split()))


class Quickstart(Case):
    def begin(self, *arguments):
        """In a checkout of its own, but for the build."""
        for name in ("packaging", "pipelines"):
            os.symlink(f"{SOURCE}/{name}", f"{self.folder}/{name}")
        os.mkdir(f"{self.folder}/tools")
        os.mkdir(f"{self.folder}/temporary")
        os.chmod(self.write("tools/cmake", CMAKE), 0o755)
        made = Process("quickstart", [f"{self.folder}/packaging/quickstart", *arguments],
                       self.folder, {
            "HOME": self.folder, "TMPDIR": f"{self.folder}/temporary",
            "PATH": f"{self.folder}/tools:{os.environ['PATH']}"})
        self.addCleanup(self.end)
        return made

    def of_it(self):
        """It and the processes that it started: their commands by their ids."""
        mark = f"{self.folder}/temporary".encode()
        found = {}
        for each in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (each / "cmdline").read_bytes()
                # redis-server writes its title over its environment.
                if mark in command + (each / "environ").read_bytes():
                    found[int(each.name)] = command
            except OSError:  # it has ended, or is another user's
                pass
        return found

    def end(self):
        for pid in self.of_it():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def assert_ended_well(self, running):
        self.assertEqual(running.wait(60), 0, running.log)
        self.assertRegex(running.log, r"(?m)^ *= imbalance +0$")
        self.assertRegex(running.log, r"(?m)^ +ticker:(futures|options|equity|underlying):\d+  {")
        self.assertEqual(self.of_it(), {})
        self.assertEqual(os.listdir(f"{self.folder}/temporary"), [])

    def test_once(self):
        running = self.begin("--once", "3")
        self.assert_ended_well(running)
        printed = {shape(line) for line in running.log.splitlines()}
        with open(f"{SOURCE}/README.md", encoding="utf-8") as readme:
            shown = re.search(r"(?m)^```\n(quickstart: (?:.*\n)*?)```$", readme.read())[1]
        lines = [line for line in shown.splitlines()
                 # Ticks differ, and the ledger says what was dropped only if something was.
                 if not re.match(r"\.\.\.$| +(ticker|ledger):", line)]
        self.assertGreater(len(lines), 10)
        for line in lines:
            self.assertIn(shape(line), printed, running.log)

    def test_interrupted(self):
        running = self.begin()
        wait_until(lambda: "  ticker:" in running.log, 60, "it shows ticks")
        self.assertGreaterEqual(len(self.of_it()), 4)
        running.signal(signal.SIGINT)
        self.assert_ended_well(running)


if __name__ == "__main__":
    main()
