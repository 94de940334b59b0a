"""Headless Chromium, driven by a script of tests/e2e/browser."""

import os
import shutil
import subprocess

import npm
from harness import SOURCE
from process import SLOWNESS

FOLDER = f"{SOURCE}/tests/e2e/browser"


class Browser:
    """A script of tests/e2e/browser. It prints what it wants to be done, and is told when it is."""

    def __init__(self, case, script, *arguments):
        chromium = shutil.which("chromium")
        case.assertIsNotNone(chromium, "packaging/install-deps --tests installs Chromium")
        self._case = case
        with open(os.path.join(case.folder, "browser.log"), "w", encoding="utf-8") as log:
            self._node = subprocess.Popen(
                ["node", script, *arguments], cwd=npm.installed(FOLDER),
                text=True, stderr=log, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=os.environ | {"CHROMIUM": chromium, "HOME": case.folder})
        for end in (self._node.stdin.close, self._node.stdout.close, self._node.wait,
                    self._node.kill):
            case.addCleanup(end)  # the last one first

    def wants(self, word):
        self._case.assertEqual(self._node.stdout.readline(), f"{word}\n")

    def has(self, answer="it is done"):
        self._node.stdin.write(f"{answer}\n")
        self._node.stdin.flush()

    def ended(self):
        self.wants("done")
        self._case.assertEqual(self._node.wait(20 * SLOWNESS), 0)
