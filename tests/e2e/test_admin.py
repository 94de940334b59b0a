"""http_admin of the real binary: the requirement's paths under load, commands, hostile clients."""

import http.client
import json
import os
import random
import select
import socket
import ssl
import subprocess
import time

from harness import Case, main
from process import SANITIZER, SLOWNESS, wait_until

RATE = 5000
LEVELS = ["HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"]
TOKEN = "open-sesame-of-this-test"


class Admin(Case):
    def setUp(self):
        self.server = self.redis()
        file = self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = {RATE}

[[stage]]
plugin = "adaptive_sampler"

[[stage]]
plugin = "circuit_breaker"

[[stage]]
name = "redis"
plugin = "redis_sink"
url = "{self.server.url}"

[[service]]
plugin = "backpressure_monitor"

[[service]]
name = "admin"
plugin = "http_admin"
token = "${{ADMIN_TOKEN}}"
request_limit = "1s"
""")
        self.service = self.sluice(file, "seen", {"ADMIN_TOKEN": TOKEN, "PROMETHEUS_PORT": "0"})
        status = self.service.await_status(
            lambda seen: seen.metric("admin", "port") > 0
            and abs(seen.document["published_per_s"] - RATE) < 0.2 * RATE,
            20, "it listens, and publishes at the market's rate")
        self.port = int(status.metric("admin", "port"))

    def ask(self, path, method="GET", body=None, **headers):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request(method, path, body, headers)
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        finally:
            client.close()

    def document(self, path, expected=200):
        status, body = self.ask(path)
        self.assertEqual(status, expected, body)
        return json.loads(body)

    def tell(self, command, token=TOKEN, **keys):
        return self.ask(f"/api/v1/{command}", "POST", json.dumps(keys),
                        Authorization=f"Bearer {token}")

    def test_paths_of_the_requirement_under_load(self):
        seen = self.document("/advanced/backpressure/status")
        # HEALTHY, unless the machine is too busy for that.
        self.assertEqual(seen["level_number"], LEVELS.index(seen["level"]))
        self.assertLess(abs(seen["ingestion_rate"] - RATE), 0.3 * RATE)
        self.assertLess(abs(seen["publish_rate"] - RATE), 0.3 * RATE)
        self.assertLess(abs(seen["rate_ratio"] - 1), 0.3)
        self.assertGreater(seen["latency"]["p95_ms"], 0)
        self.assertGreaterEqual(seen["latency"]["p99_ms"], seen["latency"]["p95_ms"])
        self.assertIn("pending", seen)
        measured = self.document("/advanced/backpressure/metrics")
        self.assertGreater(measured["system"]["memory_bytes"], 1 << 20)
        self.assertEqual(measured["errors"]["failed_total"], 0)
        breakers = self.document("/advanced/backpressure/circuit-breaker")["breakers"]
        self.assertEqual([each["state"] for each in breakers], ["CLOSED"])
        stats = self.document("/advanced/backpressure/publisher-stats")["publishers"][0]
        self.assertEqual(stats["name"], "redis")
        self.assertGreater(stats["published_total"], 0)
        self.assertEqual(stats["queue"]["records_max"], 10_000)
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

    def test_a_thousand_scrapes_cost_no_tick(self):
        before = self.service.status()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        for _ in range(1000):
            client.request("GET", "/metrics")
            answer = client.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        client.close()
        after = self.assert_balanced(self.service)
        if not SANITIZER:  # slowed by one, what has no time for both is sampled
            self.assertEqual(after.total["dropped"], before.total["dropped"])
        self.assertEqual(after.total["failed"] + after.total["unknown"], 0)
        self.assertGreater(after.total["published"], before.total["published"])

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

    def test_hostile_clients(self):
        before = self.service.status().metric("backpressure_monitor", "memory_bytes")
        crowd = []
        for i in range(1000):
            each = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            each.setblocking(False)
            try:
                each.send((b"GET / HTTP/1.1\r\nHost: x", b"", b"POST /api/v1/level HTTP/1.1\r\n"
                           b"Content-Length: 999999999\r\n\r\n")[i % 3])
            except OSError:
                pass  # it was displaced already
            crowd.append(each)
        began = time.monotonic()
        self.assertEqual(self.ask("/livez")[0], 200)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.ask("/", Host="evil.example")[0], 421)
        self.assertEqual(self.ask("/../../etc/passwd")[0], 404)
        self.assertEqual(self.ask("/%2e%2e/etc/passwd")[0], 404)
        wait_until(lambda: self.service.status().metric("admin", "connections") <= 2, 20,
                   "all are cut in time")
        for each in crowd:
            each.close()
        after = self.assert_balanced(self.service)
        if not SANITIZER:  # a sanitizer keeps what was freed
            self.assertLess(after.metric("backpressure_monitor", "memory_bytes") - before, 32 << 20)
        self.assertEqual(after.total["failed"] + after.total["unknown"], 0)
        self.assert_ends_well(self.service)

    def test_fuzzed_requests_are_served_or_refused_in_time(self):
        seed = int(os.environ.get("SLUICE_TEST_SEED") or random.randrange(2**32))
        print(f"SLUICE_TEST_SEED={seed}")
        chance = random.Random(seed)
        head = f"Host: 127.0.0.1:{self.port}\r\n".encode()
        token = f"Authorization: Bearer {TOKEN}\r\n".encode()
        templates = (
            b"GET /metrics HTTP/1.1\r\n" + head + b"\r\n",
            b"GET /api/v1/events?after=3 HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n",
            b"GET /api/v1/tap?stage=redis&every=5 HTTP/1.1\r\n" + head + b"\r\n",
            b"POST /api/v1/level HTTP/1.1\r\n" + head + token
            + b'Content-Length: 21\r\n\r\n{"level":"automatic"}',
            b"POST /api/v1/level HTTP/1.1\r\n" + head + token
            + b'Transfer-Encoding: chunked\r\n\r\n15\r\n{"level":"automatic"}\r\n0\r\n\r\n',
            b"GET /api/v1/live HTTP/1.1\r\n" + head + b"Upgrade: websocket\r\nConnection: Upgrade"
            b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")

        def damaged():
            text = bytearray(chance.choice(templates))
            for _ in range(chance.randrange(6)):
                at = chance.randrange(len(text) + 1)
                what = chance.randrange(4)
                if what == 0:
                    text[at:at + 1] = bytes([chance.randrange(256)])
                elif what == 1:
                    del text[at:at + chance.randrange(1, 40)]
                elif what == 2:
                    text[at:at] = text[at // 2:at] * chance.randrange(1, 50)
                else:
                    text[at:at] = chance.choice((b"\r\n", b"\0", b": ", b"%00", b"../", b"-1"))
            return bytes(text)

        before = self.service.status().metric("backpressure_monitor", "memory_bytes")
        statuses = {}
        for _ in range(5):
            asked = {}
            for _ in range(40):
                each = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                asked[each] = damaged()
                try:
                    each.sendall(asked[each])
                    if chance.random() < 0.5:
                        each.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it was refused already
            # request_limit is 1 s.
            deadline = time.monotonic() + 5 * SLOWNESS
            while asked:
                ready = select.select(list(asked), [], [], max(0, deadline - time.monotonic()))[0]
                self.assertTrue(ready, f"neither served nor refused in time: {[*asked.values()]}")
                for each in ready:
                    request = asked.pop(each)
                    try:
                        reply = each.recv(65536)
                    except ConnectionError:
                        reply = b""
                    each.close()
                    status = int(reply.split(b" ")[1]) if reply else 0
                    self.assertTrue(not reply or reply.startswith(b"HTTP/1.1 "), (request, reply))
                    self.assertNotEqual(status, 500, (request, reply))
                    statuses[status] = statuses.get(status, 0) + 1
        # Of each kind some: served, refused, cut.
        self.assertTrue(statuses.get(200) and statuses.get(400) and statuses.get(0), statuses)
        self.assertEqual(self.ask("/livez")[0], 200)
        after = self.assert_balanced(self.service)
        if not SANITIZER:
            self.assertLess(after.metric("backpressure_monitor", "memory_bytes") - before, 32 << 20)
        self.assert_ends_well(self.service)


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
