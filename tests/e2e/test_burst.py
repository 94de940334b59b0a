"""The largest legal frame, four times a second on each of three sockets."""

import threading
import time

from harness import SINK, Case, frame, full_packet, main, wait_until

SOCKETS, PER_SOCKET, SECONDS = 3, 3000, 8
TOKENS = [(10_000 + i) << 8 | 1 for i in range(SOCKETS * PER_SOCKET)]


class Burst(Case):
    def test_nine_thousand_instruments_four_times_a_second(self):
        server = self.redis()
        kite = self.feed()
        subscriber = self.subscriber(server, keep=False)
        service = self.sluice(self.ticker(kite, server, TOKENS), "ticker")
        wait_until(lambda: kite.subscribed() == len(TOKENS), 30, "all are subscribed")
        self.assertEqual([len(each.tokens) for each in kite.live], [PER_SOCKET] * SOCKETS)

        frames = {each: frame([full_packet(token, 100_000) for token in each.tokens])
                  for each in kite.live}
        self.assertEqual({len(body) for body in frames.values()}, {2 + 3000 * 186})
        sent = [0] * SOCKETS

        def blast(number, connection, body):
            due = time.monotonic()
            for _ in range(SECONDS * 4):
                sent[number] += PER_SOCKET * connection.send(body)
                due += 0.25
                time.sleep(max(0, due - time.monotonic()))

        senders = [threading.Thread(target=blast, args=(number, *pair))
                   for number, pair in enumerate(frames.items())]
        for each in senders:
            each.start()
        while any(each.is_alive() for each in senders):
            self.assert_balanced(service)
            time.sleep(1)

        self.assertEqual(sum(sent), SOCKETS * PER_SOCKET * SECONDS * 4, "no socket was cut")
        status = service.await_status(
            lambda now: now.total["created"] == sum(sent) and now.document["held"] == 0, 20,
            "every tick is read, and published or dropped by policy")
        self.assertTrue(status.balanced)
        for cause in ("failed", "unknown"):
            self.assertEqual(status.total[cause], 0)
        for reason, count in status.total["dropped"].items():
            if reason not in ("overflow", "expired"):
                self.assertEqual(count, 0, reason)
        published = status.stage(SINK)["count"]["published"]
        wait_until(lambda: subscriber.count >= published, 20, "the subscriber has it all")
        self.assertEqual(subscriber.count, published)
        self.assertGreater(published, sum(sent) / 2)
        self.assertEqual(len(kite.dials), SOCKETS, "no reconnect")

        self.ticking(kite, TOKENS[:5])
        self.assert_flows(server)
        self.assert_ends_well(service)


if __name__ == "__main__":
    main()
