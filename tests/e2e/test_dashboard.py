"""The dashboard of the real binary, driven in headless Chromium."""

import os
import shutil
import subprocess

import npm
from harness import SOURCE, Case, main
from process import SLOWNESS, free_port

TOKEN = "open-sesame-of-this-test"


class Dashboard(Case):
    @classmethod
    def setUpClass(cls):
        cls.npm = npm.installed(f"{SOURCE}/tests/e2e/dashboard")

    def test_states_and_controls(self):
        server = self.redis()
        address = f"127.0.0.1:{free_port()}"
        file = self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = 2000

[[stage]]
plugin = "adaptive_sampler"
mode = "fixed"

[[stage]]
plugin = "circuit_breaker"

[[stage]]
name = "redis"
plugin = "redis_sink"
url = "{server.url}"

[[service]]
plugin = "http_admin"
listen = "{address}"
token = "{TOKEN}"

[level]
hold = "200ms"
""")
        service = self.sluice(file, "seen")
        chromium = shutil.which("chromium")
        self.assertIsNotNone(chromium, "packaging/install-deps --tests installs Chromium")
        with open(os.path.join(self.folder, "browser.log"), "w", encoding="utf-8") as log:
            browser = subprocess.Popen(
                ["node", "drive.js", address, TOKEN], cwd=self.npm, text=True, stderr=log,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=os.environ | {"CHROMIUM": chromium, "HOME": self.folder})
        for end in (browser.stdin.close, browser.stdout.close, browser.wait, browser.kill):
            self.addCleanup(end)  # the last one first
        self.assertEqual(browser.stdout.readline(), "stop\n")
        self.assert_balanced(service)
        service.stop()
        browser.stdin.write("stopped\n")
        browser.stdin.flush()
        self.assertEqual(browser.stdout.readline(), "start\n")
        self.sluice(file, "seen")
        browser.stdin.write("started\n")
        browser.stdin.flush()
        self.assertEqual(browser.stdout.readline(), "done\n")
        self.assertEqual(browser.wait(20 * SLOWNESS), 0)


if __name__ == "__main__":
    main()
