"""A pipeline with http_admin, and its paths asked over HTTP."""

import http.client
import json

from harness import Case

RATE = 5000
TOKEN = "open-sesame-of-this-test"


class AdminCase(Case):
    def setUp(self):
        self.server = self.redis()
        file = self.write("seen.toml", f"""
[pipeline]
name = "seen"

[[stage]]
plugin = "market_simulator"
rate = {RATE}
burst = 1

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

# What a busy machine is slow at is seen, and nothing is sampled for it.
[level]
mode = "monitor"
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
