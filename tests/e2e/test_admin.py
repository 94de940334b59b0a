"""http_admin of the real binary: the requirement's paths under load, what openapi.json says, commands;
where it listens, and how."""

import http.client
import json
import os
import re
import ssl
import subprocess

from admin import RATE, TOKEN, AdminCase
from harness import Case, main
from process import wait_until

LEVELS = ["HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"]


class Admin(AdminCase):
    def test_paths_of_the_requirement_under_load(self):
        seen = self.document("/advanced/backpressure/status")
        # HEALTHY, unless the machine is too busy for that.
        self.assertEqual(seen["level_number"], LEVELS.index(seen["level"]))
        self.assertLess(abs(seen["ingestion_rate"] - RATE), 0.3 * RATE)
        self.assertLess(abs(seen["publish_rate"] - RATE), 0.3 * RATE)
        self.assertLess(abs(seen["rate_ratio"] - 1), 0.3)
        self.assertGreater(seen["latency"]["p95_ms"], 0)
        self.assertGreaterEqual(seen["latency"]["p99_ms"], seen["latency"]["p95_ms"])
        self.assertEqual(set(seen), {
            "level", "level_number", "cause", "ingestion_rate", "publish_rate", "rate_ratio",
            "latency", "pending", "dropped_total", "sinks"})
        self.assertEqual(set(seen["latency"]), {"avg_ms", "p95_ms", "p99_ms"})
        self.assertEqual(set(seen["sinks"]), {"redis"})
        measured = self.document("/advanced/backpressure/metrics")
        self.assertEqual(set(measured), {
            "time", "backpressure_level", "ticks_received_per_sec", "ticks_published_per_sec",
            "rate_ratio", "publish_latency", "pending_publishes", "dropped", "system", "errors"})
        self.assertLess(abs(measured["ticks_published_per_sec"] - RATE), 0.3 * RATE)
        self.assertLessEqual(measured["publish_latency"]["avg_ms"],
                             measured["publish_latency"]["p99_ms"])
        self.assertGreater(measured["system"]["memory_bytes"], 1 << 20)
        wait_until(lambda: self.document("/advanced/backpressure/metrics")["system"]["cpu_ratio_1s"]
                   > 0, 10, "it has used the processor for a second")
        self.assertEqual(measured["errors"]["failed_total"], 0)
        breakers = self.document("/advanced/backpressure/circuit-breaker")["breakers"]
        self.assertEqual([(each["name"], each["state"], each["bypassed"], each["refused_total"])
                          for each in breakers], [("circuit_breaker", "CLOSED", False, 0)])
        stats = self.document("/advanced/backpressure/publisher-stats")["publishers"][0]
        self.assertEqual(stats["name"], "redis")
        self.assertGreater(stats["published_total"], 0)
        self.assertEqual(stats["queue"]["records_max"], 10_000)
        self.assertLess(abs(stats["publish_rate"] - RATE), 0.3 * RATE)
        self.assertEqual((stats["failed_total"], stats["unknown_total"], stats["receivers"]),
                         (0, 0, 0))
        health = self.document("/health")
        self.assertEqual(health["status"], "ok")
        self.assertEqual(set(health["backpressure"]),
                         {"level", "ingestion_rate", "publish_rate", "pending"})
        for path in ("/livez", "/readyz", "/version", "/api/v1/pipeline", "/api/v1/stages",
                     "/api/v1/level", "/api/v1/ledger", "/api/v1/events", "/api/v1/commands"):
            self.assertTrue(self.document(path), path)
        status, page = self.ask("/")
        self.assertEqual(status, 200)
        self.assertIn("<title>Sluice</title>", page)

    def test_metrics_are_those_of_the_requirement_and_clean(self):
        status, text = self.ask("/metrics")
        self.assertEqual(status, 200)
        for name, kind in (("ticks_received_total", "counter"),
                           ("ticks_published_total", "counter"),
                           ("ticks_dropped_total", "counter"),
                           ("publish_latency_seconds", "histogram"),
                           ("pending_publishes", "gauge"), ("backpressure_level", "gauge"),
                           ("ingestion_rate_per_sec", "gauge"),
                           ("publish_rate_per_sec", "gauge"),
                           ("circuit_breaker_state", "gauge")):
            self.assertIn(f"# TYPE ticker_{name} {kind}\n", text)
        for bound in ("0.0001", "0.001", "0.01", "0.1", "1", "2.5"):
            self.assertIn(f'ticker_publish_latency_seconds_bucket{{le="{bound}"}}', text)
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                 capture_output=True, check=False)
        # The requirement's own names; it says "per_sec".
        complaints = [line for line in (checked.stdout + checked.stderr).splitlines()
                      if not line.startswith(("ticker_ingestion_rate_per_sec ",
                                              "ticker_publish_rate_per_sec "))]
        self.assertEqual(complaints, [])
        self.assertIn(checked.returncode, (0, 3))

    def test_the_server_is_what_openapi_says(self):
        paths = self.document("/openapi.json")["paths"]
        for path, methods in paths.items():
            for method, about in methods.items():
                with self.subTest(path=path, method=method):
                    if method == "get":
                        self.assert_documented(about, *self.whole(path + (
                            "?stage=redis" if path == "/api/v1/tap" else "")))
                    else:
                        self.assert_told_and_audited(path, about)
        commands = {f"/api/v1/{each['do']}": set(re.findall(r'"([a-z_]+)"', each["keys"]))
                    for each in self.document("/api/v1/commands")["commands"]}
        self.assertEqual(commands, {
            path: set(self.schema(methods["post"])["properties"])
            for path, methods in paths.items() if "post" in methods})

    def whole(self, path, method="GET", body=None, **headers):
        """Status and type of an answer, and what is in it."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request(method, path, body, headers)
            answer = client.getresponse()
            return answer.status, answer.headers.get_content_type(), answer.read().decode()
        finally:
            client.close()

    def schema(self, about):
        return about["requestBody"]["content"]["application/json"]["schema"]

    def assert_documented(self, about, status, kind, body):
        self.assertIn(str(status), about["responses"], body)
        self.assertIn(kind, about["responses"][str(status)]["content"])

    def assert_told_and_audited(self, path, about):
        schema = self.schema(about)
        keys = {name: "adaptive_sampler" if name == "stage" else schema["properties"][name]["enum"][0]
                for name in schema.get("required", [])}
        if "dry_run" in schema["properties"]:
            keys["dry_run"] = True
        right = {"Authorization": f"Bearer {TOKEN}"}
        for expected, body, headers in ((401, json.dumps(keys), {}), (400, "[]", right),
                                        (202, json.dumps(keys), right)):
            answer = self.whole(path, "POST", body, **headers)
            self.assertEqual(answer[0], expected, answer)
            self.assert_documented(about, *answer)
        number = json.loads(answer[2])["operation"]
        name = path.rsplit("/", 1)[1]
        told = [each["message"] for each in self.document("/api/v1/events")["events"]
                if each["kind"] == "admin"]
        self.assertRegex(told[-1], rf"^127\.0\.0\.1 port \d+: {name}: operation {number}$")

    def test_commands(self):
        self.assertEqual(self.ask("/api/v1/breaker")[0], 405)
        self.assertEqual(self.ask("/api/v1/breaker", "POST", "{}")[0], 401)
        self.assertEqual(self.tell("breaker", "guess", state="open")[0], 403)
        self.assertEqual(self.document("/advanced/backpressure/circuit-breaker")
                         ["breakers"][0]["state"], "CLOSED")
        status, body = self.tell("breaker", state="open")
        self.assertEqual(status, 202, body)
        number = json.loads(body)["operation"]
        done = wait_until(lambda: [
            each for each in self.document("/api/v1/operations")["operations"]
            if each["number"] == number and each["state"] == "done"], 10, "the operation ends")[0]
        self.assertEqual(done["result"], "every breaker: told open")
        wait_until(lambda: self.document("/advanced/backpressure/circuit-breaker")
                   ["breakers"][0]["state"] == "FORCED_OPEN", 10, "the breaker is open")
        # An open breaker is CRITICAL, and health degrades.
        wait_until(lambda: self.ask("/health")[0] == 503, 10, "health degrades")
        self.assertEqual(json.loads(self.ask("/health")[1])["status"], "degraded")
        self.assertEqual(self.tell("breaker", state="automatic")[0], 202)
        self.assertEqual(self.tell("level", level="OVERLOAD")[0], 202)
        wait_until(lambda: self.document("/api/v1/level")["level"] == "OVERLOAD", 10, "the level")
        self.assertIn("OVERLOAD: told so by an operator", self.cli("level", "seen").stdout)
        answer = self.cli("level", "seen", "automatic")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        wait_until(lambda: self.document("/api/v1/level")["level_cause"] !=
                   "told so by an operator", 10, "the signals say it again")
        self.assertEqual(self.tell("log-level", level="error")[0], 202)
        self.assertEqual(self.tell("breaker", state="ajar")[0], 202)
        wait_until(lambda: self.document("/api/v1/operations")["operations"][-1]["state"] ==
                   "failed", 10, "a command that cannot be done fails")
        events = self.cli("events", "seen").stdout
        self.assertRegex(events, r"admin admin: 127\.0\.0\.1 port \d+: breaker: operation 1")
        self.assertRegex(events, r"admin operation: 1 breaker: every breaker: told open")
        self.assertNotIn(TOKEN, events + self.service.log + self.ask("/api/v1/config")[1])


class Listening(Case):
    """Where it listens, and how."""

    def file(self, name, keys):
        return self.write(f"{name}.toml", f"""
[pipeline]
name = "{name}"

[[stage]]
plugin = "market_simulator"

[[stage]]
plugin = "null"

[[service]]
name = "admin"
plugin = "http_admin"
{keys}
""")

    def port_of(self, service):
        return int(service.await_status(lambda seen: seen.metric("admin", "port") > 0, 20,
                                        "it listens").metric("admin", "port"))

    def refused(self, name, keys):
        """The log of a pipeline that does not start."""
        service = self.start(self.file(name, keys), name)
        self.assertEqual(service.wait(20), 1, service.log)
        return service.log

    def test_two_pipelines_do_not_share_a_port(self):
        first = self.sluice(self.file("first", 'listen = "127.0.0.1:0"'), "first")
        port = self.port_of(first)
        log = self.refused("second", f'listen = "127.0.0.1:{port}"')
        self.assertIn(f"listen: cannot listen on 127.0.0.1:{port}: Address already in use; another "
                      "pipeline's http_admin or another program listens there: give this one "
                      'another "listen" or "port"', log.replace('\\"', '"'))
        self.assertIn("ADMIN_LISTEN=", log)
        self.assert_balanced(first)
        self.assert_ends_well(first)

    def certificate(self, name):
        files = [os.path.join(self.folder, f"{name}.{what}.pem") for what in ("certificate", "key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0],
                        "-keyout", files[1]], check=True, capture_output=True)
        return files

    def test_tls(self):
        certificate, key = self.certificate("own")
        service = self.sluice(self.file("safe", f"""listen = "127.0.0.1:0"
tls_certificate = "{certificate}"
tls_key = "{key}"
"""), "safe")
        port = self.port_of(service)

        def ask(trusted):
            client = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=10, context=ssl.create_default_context(cafile=trusted))
            try:
                client.request("GET", "/livez")
                return client.getresponse().status
            finally:
                client.close()

        self.assertEqual(ask(certificate), 200)
        with self.assertRaises(ssl.SSLCertVerificationError):
            ask(self.certificate("other")[0])
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(plain.close)
        with self.assertRaises((http.client.HTTPException, ConnectionError)):
            plain.request("GET", "/livez")
            plain.getresponse()
        self.assertEqual(ask(certificate), 200, "it goes on")
        self.assert_ends_well(service)

    def test_tls_files_that_cannot_be_used_are_named(self):
        certificate, key = self.certificate("own")
        other = self.certificate("other")[1]
        for files, why in (((certificate, "/nowhere/key.pem"),
                            "tls_key: cannot use /nowhere/key.pem: "),
                           ((key, key), f"tls_certificate: cannot use {key}: "),
                           ((certificate, other), f"tls_key: cannot use {other}: ")):
            log = self.refused("unsafe", f"""listen = "127.0.0.1:0"
tls_certificate = "{files[0]}"
tls_key = "{files[1]}"
""")
            self.assertIn(why, log)
            self.assertNotIn("PRIVATE KEY", log)


if __name__ == "__main__":
    main()
