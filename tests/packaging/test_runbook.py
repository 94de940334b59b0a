"""Every command of packaging/RUNBOOK.md does something, on a running ticker; every alert is in it."""

import os
import pathlib
import re
import subprocess

from harness import BINARY, SOURCE, Case, main
from process import SLOWNESS

RUNBOOK = pathlib.Path(SOURCE, "packaging/RUNBOOK.md")
RULES = pathlib.Path(SOURCE, "packaging/prometheus/sluice.rules.yml")
PIPELINE = f"{SOURCE}/pipelines/ticker.toml"
TOKENS = [256265, 260105, 408065, 738561]
# What they show may be nothing, which is then good news.
MAY_BE_SILENT = ("grep -v ' 0$'", "slowlog", "grep -i -e breaker", "sluice check ", "client list")


def blocks(kind):
    text = RUNBOOK.read_text(encoding="utf-8")
    found = re.findall(rf"^```sh{kind}\n(.*?)^```$", text, re.M | re.S)
    return [line for block in found for line in block.splitlines() if line.strip()]


class Runbook(Case):
    def setUp(self):
        server, feed = self.redis(), self.feed()
        token = self.write("kite_token", "yesterday's")
        self.variables = {
            "KITE_URL": feed.url, "KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "today's",
            "REDIS_URL": server.url, "PIPELINE": PIPELINE, "TOKEN_FILE": token}
        self.ticker_ = self.sluice(PIPELINE, "ticker", self.variables)
        self.ticking(feed, TOKENS)
        self.assert_flows(server)

    def shell(self, command):
        path = f"{os.path.dirname(BINARY)}:{os.environ['PATH']}"
        return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder,
                              env=self.environment | self.variables | {"PATH": path},
                              capture_output=True, text=True, check=False, timeout=30 * SLOWNESS)

    def test_each_command(self):
        commands = blocks("")
        self.assertGreater(len(commands), 30)
        for command in commands:
            with self.subTest(command=command):
                done = self.shell(command)
                silent = any(one in command for one in MAY_BE_SILENT)
                allowed = (0, 1) if silent and "grep" in command else (0,)  # 1: grep found nothing
                self.assertIn(done.returncode, allowed, done.stderr)
                self.assertTrue(done.stdout.strip() or silent or ">" in command, "it shows nothing")
                self.assertNotRegex(done.stdout + done.stderr,
                                    r"(?im)^\(?err|command not found|no such|is not running")
        self.assertEqual(pathlib.Path(self.variables["TOKEN_FILE"]).read_text("utf-8"), "today's")
        # What was done to it is over, as the runbook says.
        self.ticker_.await_status(lambda status: status.document["level"] == "HEALTHY", 30,
                                  "it is HEALTHY again")
        self.assert_balanced(self.ticker_)


class Words(Case):
    def test_every_alert_has_a_section(self):
        text = RUNBOOK.read_text(encoding="utf-8")
        alerts = set(re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8")))
        table = text.split("The commands are for")[0]
        self.assertEqual(set(re.findall(r"`((?:Ticker|Sluice)\w+)`", table)), alerts)
        headings = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-")
                    for one in re.findall(r"^## (.+)$", text, re.M)}
        self.assertLessEqual(set(re.findall(r"\(#([\w-]+)\)", text)), headings)

    def test_what_systemd_is_asked_is_of_the_unit(self):
        """It is not run here: that takes a machine that systemd runs."""
        asked = blocks(" host")
        self.assertGreater(len(asked), 2)
        for command in asked:
            self.assertRegex(command, r"^(journalctl -u|systemctl (status|restart|reload)) "
                             r"sluice@ticker( -n \d+)?$")


if __name__ == "__main__":
    main()
