"""The sandbox misbehaves on command; the ticker gets over it by itself."""

import json
import os
import types
import urllib.request

from harness import SOURCE, Case, main, wait_until
from process import free_port

TOKENS = [256265, 260105, 408065, 738561, 341249]


# Whatever proxy the environment names.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sandbox(Case):
    def setUp(self):
        self.server = self.redis()
        self.address = f"127.0.0.1:{free_port()}"
        self.sandbox = self.sluice(f"{SOURCE}/pipelines/market-simulator.toml", "market-simulator",
                                   {"SANDBOX_LISTEN": self.address})
        self.token_file = self.write("token", "first")
        sandbox = types.SimpleNamespace(url=f"ws://{self.address}")
        file = self.ticker(sandbox, self.server, TOKENS, token=f"${{file:{self.token_file}}}")
        self.service = self.sluice(file, "ticker")
        self.assert_flows(self.server)

    def post(self, path, document):
        request = urllib.request.Request(f"http://{self.address}{path}",
                                         json.dumps(document).encode(), method="POST")
        with LOOPBACK.open(request, timeout=5) as answer:
            return json.load(answer)

    def dials(self):
        with LOOPBACK.open(f"http://{self.address}/status", timeout=5) as answer:
            return json.load(answer)["accepted"]

    def finish(self):
        self.assert_flows(self.server)
        self.assert_balanced(self.service)
        self.assert_balanced(self.sandbox)
        self.assert_ends_well(self.service)
        self.assert_ends_well(self.sandbox)

    def test_cut(self):
        before = self.dials()
        self.post("/misbehave", {"mode": "cut"})
        self.post("/misbehave", {"mode": "none"})
        wait_until(lambda: self.dials() > before, 15, "it dials again")
        self.finish()

    def test_silence(self):
        before = self.dials()
        self.post("/misbehave", {"mode": "silence", "seconds": 8})
        wait_until(lambda: self.dials() > before, 20, "it dials again")
        self.finish()

    def test_malformed(self):
        self.post("/misbehave", {"mode": "malformed", "seconds": 2})
        self.service.await_status(lambda now: now.total["dropped"]["malformed"] > 0, 10,
                                  "damage is counted")
        self.finish()

    def test_token_renewed(self):
        self.post("/token", {"token": "second"})
        self.post("/misbehave", {"mode": "cut"})
        self.post("/misbehave", {"mode": "none"})
        wait_until(lambda: "token_refused" in self.service.log, 15, "it is refused")
        os.replace(self.write("token.new", "second"), self.token_file)
        self.finish()

    def test_order_update(self):
        subscriber = self.subscriber(self.server, "*")
        self.post("/order", {"order_id": "1", "status": "COMPLETE", "instrument_token": 408065})
        wait_until(lambda: any(b'"COMPLETE"' in payload for _, payload, _ in subscriber.messages),
                   10, "the order update is published")
        self.finish()


if __name__ == "__main__":
    main()
