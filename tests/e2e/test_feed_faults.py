"""The feed is cut, falls silent, refuses the token, sends damaged frames."""

import json
import os
import struct
import time

from harness import Case, frame, full_packet, main, wait_until
from kite_feed import TEXT

TOKENS = [408065, 738561, 341249]


class FeedFaults(Case):
    def setUp(self):
        self.server = self.redis()
        self.kite = self.feed()

    def begin(self, **settings):
        file = self.ticker(self.kite, self.server, TOKENS, **settings)
        self.service = self.sluice(file, "ticker")

    def await_subscribed(self, limit=15):
        wait_until(lambda: self.kite.subscribed() == len(TOKENS), limit, "it subscribed")

    def test_cut(self):
        self.begin()
        self.await_subscribed()
        self.ticking(self.kite, TOKENS)
        self.assert_flows(self.server)
        for _ in range(3):
            self.kite.cut()
            self.await_subscribed()
            self.assert_flows(self.server)
        self.assert_balanced(self.service)
        self.assertIn("gap", self.service.log)
        self.assert_ends_well(self.service)

    def test_silence_is_noticed(self):
        self.begin()
        self.await_subscribed()
        first = self.kite.live[0]
        began = time.monotonic()
        first.send = lambda *_: True  # connected, and not a byte comes any more
        wait_until(lambda: len(self.kite.dials) == 2, 12, "it dials again")
        self.assertGreater(time.monotonic() - began, 4)
        self.await_subscribed()
        self.ticking(self.kite, TOKENS)
        self.assert_flows(self.server)
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)

    def test_token_refused_then_renewed(self):
        token_file = self.write("token", "yesterday\n")
        self.kite.token = "today"
        self.begin(token=f"${{file:{token_file}}}")
        wait_until(lambda: self.kite.dials, 10, "it dials")
        time.sleep(4)
        self.assertEqual(self.kite.dials, ["yesterday"], "a refused token is not tried again")
        self.assertTrue(self.service.running)
        os.replace(self.write("token.new", "today\n"), token_file)
        self.await_subscribed()
        self.assertEqual(self.kite.dials[-1], "today")
        self.ticking(self.kite, TOKENS)
        self.assert_flows(self.server)
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)
        for secret in ("yesterday", "today"):
            self.assertNotIn(secret, self.service.log, "a token in the log")

    def test_token_of_a_redis_key(self):
        keeper = self.redis()
        keeper.command("ACL", "SETUSER", "reader", "on", ">p}w%", "~kite:*", "+get", "+select")
        place = f"127.0.0.1:{keeper.port}/3/kite:token"
        self.kite.token = "today"
        self.begin(token=f"${{redis:redis://reader:p%7Dw%25@{place}}}")
        wait_until(lambda: f"redis://{place}: there is no such key" in self.service.log, 10,
                   "it says that there is no token")
        self.assertEqual(self.kite.dials, [])

        def put(token):
            keeper.command("EVAL", "redis.call('SELECT', 3) redis.call('SET', KEYS[1], ARGV[1])",
                           1, "kite:token", token)

        put("yesterday")
        wait_until(lambda: self.kite.dials, 10, "it dials")
        time.sleep(4)
        self.assertEqual(self.kite.dials, ["yesterday"], "a refused token is not tried again")
        put("today\n")
        self.await_subscribed()
        keeper.pause()
        self.kite.cut()
        self.await_subscribed()
        self.assertEqual(self.kite.dials, ["yesterday", "today", "today"])
        wait_until(lambda: "secret_unreachable" in self.service.log, 10, "it says what it lost")
        keeper.resume()
        wait_until(lambda: "secret_reachable" in self.service.log, 10, "it says that it is back")
        self.ticking(self.kite, TOKENS)
        self.assert_flows(self.server)
        self.assert_balanced(self.service)
        self.assert_ends_well(self.service)
        for secret in ("yesterday", "today", "p}w", "p%7Dw"):
            self.assertNotIn(secret, self.service.log, "a secret in the log")

    def test_too_many_connections_is_not_hammered(self):
        self.kite.refuse = 429
        self.begin()
        wait_until(lambda: self.kite.dials, 10, "it dials")
        time.sleep(4)
        self.assertEqual(len(self.kite.dials), 1, "a 429 is waited out")
        self.assert_ends_well(self.service)

    def test_malformed_request_ends_it(self):
        self.kite.refuse = 400
        file = self.ticker(self.kite, self.server, TOKENS)
        service = self.start(file, "ticker")
        self.assertEqual(service.wait(20), 1, service.log)
        self.assertIn("every connection was refused for good, with HTTP 400", service.log)
        self.assertEqual(len(self.kite.dials), 1, "a 400 is not tried again")
        self.assertRegex(service.log, r"imbalance\W+0\b")

    def test_damaged_frames(self):
        self.begin()
        self.await_subscribed()
        subscriber = self.subscriber(self.server)
        good = [full_packet(token, 150_000 + i) for i, token in enumerate(TOKENS)]
        whole = frame(good)
        prefix = [struct.pack(">H", len(packet)) + packet for packet in good]
        unknown = struct.pack(">H", 16) + b"\x11" * 16
        bodies = [
            (whole[:-10], 2),  # cut short in the last packet
            (struct.pack(">H", 9) + whole[2:], 3),  # says nine packets, holds three
            (struct.pack(">H", 3) + prefix[0] + unknown + prefix[1], 2),  # unknown length: skipped
            (struct.pack(">H", 0xFFFF), 0),
            (b"\x00\x01\xff\xff", 0),
            (b"\x00\x01", 0),
            (whole + b"trailing", 3),
            (b"", 0),
        ]
        kept = 0
        for body, survivors in bodies:
            self.kite.send(body)
            kept += survivors
        self.kite.send(b"{not json", TEXT)
        self.kite.send(json.dumps({"type": "error", "data": "x" * 300}).encode(), TEXT)
        self.kite.send(whole)
        kept += 3
        wait_until(lambda: subscriber.count >= kept, 10, f"the {kept} good packets come out")
        time.sleep(0.3)
        self.assertEqual(subscriber.count, kept)
        status = self.assert_balanced(self.service)
        self.assertEqual(status.total["dropped"]["malformed"], 8)
        self.assertEqual(len(self.kite.dials), 1, "the connection stayed")
        self.ticking(self.kite, TOKENS)
        self.assert_flows(self.server)
        self.assert_ends_well(self.service)


if __name__ == "__main__":
    main()
