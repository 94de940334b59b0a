"""The rules and who is told: by promtool and amtool, on metrics that the real binary has; and the
webhook that restarts Redis."""

import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

from harness import SOURCE, Case, main, wait_until
from process import Process, free_port

PACKAGING = pathlib.Path(SOURCE, "packaging")
RULES = PACKAGING / "prometheus/sluice.rules.yml"
CASES = pathlib.Path(__file__).parent / "rules/alerts.test.yml"
ALERTMANAGER = PACKAGING / "alertmanager/alertmanager.yml"
DASHBOARD = PACKAGING / "grafana/ticker.json"

# Whatever proxy the environment names.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))

METRIC = re.compile(r"\b(?:ticker|sluice)_[a-z0-9_]+\b(?!\")")
# There only while a plugin contributes one that is not HEALTHY.
SIGNALS = {"sluice_signal_level"}


def tool(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stderr + done.stdout


def alerts():
    return re.findall(r"^ +- alert: (\w+)$", RULES.read_text(encoding="utf-8"), re.M)


def expressions():
    """Of the rules and of the dashboard, with Grafana's variables replaced by what it would put."""
    found = re.findall(r"^ +expr: (.+)$", RULES.read_text(encoding="utf-8"), re.M)
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            found.append(target["expr"].replace("$instance", ".*")
                         .replace("$__rate_interval", "1m"))
    return found


class Rules(Case):
    def test_prometheus_takes_them(self):
        code, said = tool("promtool", "check", "config", PACKAGING / "prometheus/prometheus.yml")
        self.assertEqual(code, 0, said)
        self.assertIn(f"{len(alerts())} rules found", said)

    def test_each_fires_when_it_should_and_only_then(self):
        cases = CASES.read_text(encoding="utf-8").replace("RULES", str(RULES))
        code, said = tool("promtool", "test", "rules", self.write("cases.yml", cases))
        self.assertEqual(code, 0, said)

    def test_each_has_both_cases(self):
        cases = re.split(r"^  - name: ", CASES.read_text(encoding="utf-8"), flags=re.M)[1:]
        fires = {re.search(r"alertname: (\w+)", one)[1] for one in cases if "exp_labels" in one}
        quiet = {re.search(r"alertname: (\w+)", one)[1] for one in cases
                 if "exp_alerts: []" in one}
        self.assertEqual(fires, set(alerts()))
        self.assertEqual(quiet, set(alerts()))

    def test_prometheus_parses_the_dashboards_expressions(self):
        rules = "groups:\n  - name: dashboard\n    rules:\n" + "".join(
            f"      - {{record: 'one:{number}', expr: '{expression}'}}\n"
            for number, expression in enumerate(expressions()))
        code, said = tool("promtool", "check", "rules", self.write("dashboard.yml", rules))
        self.assertEqual(code, 0, said)

    def test_the_binary_has_every_metric(self):
        named = {name for one in expressions() for name in METRIC.findall(one)}
        self.assertGreater(len(named), 20)
        server, feed = self.redis(), self.feed()
        service = self.sluice(f"{SOURCE}/pipelines/ticker.toml", "ticker", {
            "KITE_URL": feed.url, "KITE_API_KEY": "key", "KITE_ACCESS_TOKEN": "token",
            "REDIS_URL": server.url})
        self.ticking(feed, [408065])
        self.assert_flows(server)
        text = self.cli("status", service.pipeline, "--format", "prometheus").stdout
        had = set(re.findall(r"^([a-z0-9_]+)(?:\{|\s)", text, re.M))
        self.assertEqual(named - had - SIGNALS, set())


class Told(Case):
    def receivers(self, *labels):
        code, said = tool("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}",
                          *labels)
        self.assertEqual(code, 0, said)
        return said.strip().splitlines()[-1].split(",")

    def test_alertmanager_takes_it(self):
        code, said = tool("amtool", "check-config", ALERTMANAGER)
        self.assertEqual(code, 0, said)

    def test_who_hears_of_what(self):
        self.assertEqual(self.receivers("alertname=TickerHighDropRate", "severity=warning"),
                         ["chat"])
        self.assertEqual(self.receivers("alertname=SluiceDown", "severity=critical"),
                         ["pager", "chat"])
        self.assertEqual(
            self.receivers("alertname=SluiceFeedSilent", "severity=critical", "hours=market"),
            ["pager", "chat"])
        opened = ("alertname=TickerCircuitBreakerOpen", "severity=critical")
        self.assertEqual(self.receivers(*opened, "forced=no"), ["restart-redis", "pager", "chat"])
        self.assertEqual(self.receivers(*opened, "forced=yes"), ["pager", "chat"])

    def test_alerts_it_names_exist(self):
        named = re.findall(r"alertname (?:=|=~) \"?([\w|.*()]+)", ALERTMANAGER.read_text("utf-8"))
        self.assertGreater(len(named), 5)
        for pattern in named:
            with self.subTest(pattern=pattern):
                self.assertTrue(any(re.fullmatch(pattern, one) for one in alerts()))


class Webhook(Case):
    def setUp(self):
        self.port = free_port()
        self.done = os.path.join(self.folder, "restarted")
        process = Process("restart-redis", [
            "/usr/bin/python3", str(PACKAGING / "alertmanager/restart-redis"),
            "--token-file", self.write("token", "secret\n"), "--listen", f"127.0.0.1:{self.port}",
            "--pause", "60", "touch", self.done], self.folder)
        self.addCleanup(process.kill)
        wait_until(lambda: "listens" in process.log, 10, "it listens")

    def post(self, path="/restart", token="secret"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", b'{"status":"firing"}', method="POST",
            headers={"Authorization": f"Bearer {token}"})
        try:
            with LOOPBACK.open(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    def test_restarts_once_for_who_has_the_token(self):
        self.assertEqual(self.post(token="guess"), 401)
        self.assertEqual(self.post(path="/"), 404)
        self.assertFalse(os.path.exists(self.done))
        self.assertEqual(self.post(), 202)
        self.assertTrue(os.path.exists(self.done))
        os.unlink(self.done)
        self.assertEqual(self.post(), 429)
        self.assertFalse(os.path.exists(self.done))


if __name__ == "__main__":
    main()
