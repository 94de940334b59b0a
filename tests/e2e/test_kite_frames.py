"""Frames recorded from the real ticker, served to kite_source, come out of Redis as known.

Reads the folder that $SLUICE_KITE_FRAMES names; without it, this says so and is skipped.
"""

import json
import os
import unittest

from harness import Case, main, wait_until
from kite_feed import TEXT

FOLDER = os.environ.get("SLUICE_KITE_FRAMES")
INFY, TATAMOTORS = 408065, 884737


@unittest.skipUnless(FOLDER, "SLUICE_KITE_FRAMES names no folder of recorded frames")
class RecordedFrames(Case):
    def read(self, name):
        with open(os.path.join(FOLDER, name), "rb") as file:
            return file.read()

    def setUp(self):
        self.server = self.redis()
        self.kite = self.feed()
        self.service = self.sluice(self.ticker(self.kite, self.server, [INFY, TATAMOTORS]),
                                   "ticker")
        wait_until(lambda: self.kite.subscribed() == 2, 10, "it subscribed")
        self.received = self.subscriber(self.server, "*")

    def tick(self, name):
        before = self.received.count
        self.kite.send(self.read(name))
        wait_until(lambda: self.received.count > before, 5, f"{name} comes out")
        return json.loads(self.received.messages[before][1])

    def assert_tick(self, tick, expected):
        for key, value in expected.items():
            self.assertEqual(tick[key], value, key)

    def test_quote(self):
        self.assert_tick(self.tick("mocks_quote_44.frame.bin"), {
            "instrument_token": INFY, "mode": "quote", "tradable": True, "last_price": 1573.15,
            "last_traded_quantity": 1, "average_traded_price": 1570.33,
            "volume_traded": 1175986, "total_buy_quantity": 256511,
            "total_sell_quantity": 360503, "change": 0.34124,
            "ohlc": {"open": 1569.15, "high": 1575, "low": 1561.05, "close": 1567.80}})

    def test_ltp(self):
        tick = self.tick("js_ltpMode_binary.frame.bin")
        self.assert_tick(tick, {"instrument_token": TATAMOTORS, "mode": "ltp", "tradable": True})
        self.assertNotIn("ohlc", tick)

    def test_full_after_close(self):
        tick = self.tick("js_fullMode_binary.frame.bin")
        self.assert_tick(tick, {
            "instrument_token": TATAMOTORS, "mode": "full", "last_price": 392.95,
            "volume_traded": 22261032, "last_trade_time": 1655375264,
            "exchange_timestamp": 1655378328, "change": -5.10746})
        empty = {"quantity": 0, "price": 0, "orders": 0}
        self.assertEqual(tick["depth"]["buy"],
                         [{"quantity": 5617, "price": 392.95, "orders": 30}] + [empty] * 4)
        self.assertEqual(tick["depth"]["sell"], [empty] * 5)

    def test_texts(self):
        for name in ("observed_instruments_meta.json", "observed_app_code.json"):
            self.kite.send(self.read(name), TEXT)
        update = json.loads(self.read("postback.json"))
        self.kite.send(json.dumps({"type": "order", "data": update}).encode(), TEXT)
        wait_until(lambda: self.received.count, 5, "the order update comes out")
        published = json.loads(self.received.messages[0][1])
        for key, value in update.items():
            self.assertEqual(published[key], value, key)
        self.assert_balanced(self.service)
        self.assertEqual(len(self.kite.dials), 1)


if __name__ == "__main__":
    main()
