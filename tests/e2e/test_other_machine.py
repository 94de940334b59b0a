"""http_admin asked from another machine's address: in a network of this test's own, whose only
address that is not loopback's is 192.0.2.1 (of those that RFC 5737 leaves to documentation)."""

import http.client
import os
import subprocess
import sys

import browser
import npm
from harness import Case, main

ADDRESS = "192.0.2.1:8080"
TOKEN = "open-sesame-of-this-test"


class OtherMachine(Case):
    def setUp(self):
        self.service = self.sluice(self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = 1000

[[stage]]
plugin = "null"

[[service]]
plugin = "http_admin"
listen = "{ADDRESS}"
token = "{TOKEN}"
"""), "seen")

    def ask(self, path, **headers):
        client = http.client.HTTPConnection(ADDRESS, timeout=10)
        try:
            client.request("GET", path, headers=headers)
            return client.getresponse().status
        finally:
            client.close()

    def test_reads_what_is_open_and_with_the_token_the_rest(self):
        for path in ("/", "/metrics", "/health", "/advanced/backpressure/status"):
            self.assertEqual(self.ask(path), 200, path)
        for path in ("/api/v1/stages", "/api/v1/config", "/api/v1/tap?stage=null"):
            self.assertEqual(self.ask(path), 401, path)
            self.assertEqual(self.ask(path, Authorization="Bearer guess"), 403, path)
            self.assertEqual(self.ask(path, Authorization=f"Bearer {TOKEN}"), 200, path)
        self.assertEqual(self.ask("/metrics", Host="192.0.2.2:8080"), 421)
        self.assertIn("other machines may connect, and without TLS others may read the token",
                      self.service.log)

    def test_dashboard_asks_for_the_token(self):
        browser.Browser(self, "other_machine.js", ADDRESS, TOKEN).ended()
        self.assertNotIn(TOKEN, self.service.log)
        self.assertNotIn(TOKEN.encode().hex(), self.service.log)


def enter_own_network():
    """Runs this file again in one. Exit code 77 where the system does not give one."""
    if "SLUICE_OWN_NETWORK" not in os.environ:
        if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
            print("skipped: unshare -rn is not allowed here")
            sys.exit(77)
        npm.installed(browser.FOLDER)  # nothing is to be had from in there
        os.environ["SLUICE_OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "-rn", sys.executable, "-B", os.path.abspath(__file__)])
    for words in ("link set lo up", "addr add 192.0.2.1/32 dev lo"):
        subprocess.run(["ip", *words.split()], check=True)


if __name__ == "__main__":
    enter_own_network()
    main()
