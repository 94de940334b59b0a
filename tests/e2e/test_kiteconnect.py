"""The official client (npm kiteconnect) and Sluice read the same sandbox and see the same values.

Where they differ it is on purpose, and each difference has a function below that undoes it:
  times_are_epochs         Sluice publishes unix seconds, the client makes Dates
  absent_times_are_absent  a time of 0 is left out, the client says null
  unsigned_quantities      quantities are unsigned, the client reads them as signed
  change_is_rounded        `change` has five decimals, the client does not round
  change_without_close     0, where the client divides by the close it does not have
  own_members              `seq` (and the weight `w`) are Sluice's
"""

import datetime
import decimal
import json

import npm
from harness import SOURCE, Case, main, wait_until
from process import SLOWNESS, Process, free_port

CLIENT = f"{SOURCE}/tests/e2e/kiteconnect"
QUANTITIES = ("last_traded_quantity", "volume_traded", "total_buy_quantity",
              "total_sell_quantity", "oi", "oi_day_high", "oi_day_low")
TIMES = ("last_trade_time", "exchange_timestamp")
SECONDS = 6
CHANGE = SECONDS // 2  # seconds after which the client asks for all in mode "full"


def times_are_epochs(tick):
    for name in TIMES:
        if isinstance(tick.get(name), str):
            moment = datetime.datetime.fromisoformat(tick[name].replace("Z", "+00:00"))
            tick[name] = moment.timestamp()


def absent_times_are_absent(tick):
    for name in TIMES:
        if name in tick and tick[name] is None:
            del tick[name]


def unsigned_quantities(tick):
    for name in QUANTITIES:
        if tick.get(name, 0) < 0:
            tick[name] += 1 << 32
    for side in tick.get("depth", {}).values():
        for entry in side:
            entry["quantity"] %= 1 << 32


def change_is_rounded(tick):
    close = tick.get("ohlc", {}).get("close")
    if not close or "change" not in tick:
        return
    last, before = decimal.Decimal(str(tick["last_price"])), decimal.Decimal(str(close))
    exact = ((last - before) * 100 / before).quantize(decimal.Decimal("0.00001"), decimal.ROUND_HALF_UP)
    assert abs(float(exact) - tick["change"]) < 1e-4, tick
    tick["change"] = float(exact)


def change_without_close(tick):
    if "change" in tick and tick.get("ohlc", {}).get("close") == 0:
        tick["change"] = 0


def own_members(tick):
    tick.pop("seq", None)
    tick.pop("w", None)


def parse(text):
    """JSON in which 392 and 392.0 are the same number."""
    return json.loads(text, parse_int=float)


def canonical(tick):
    return json.dumps(tick, sort_keys=True)


def as_published(tick):
    """The client's tick as Sluice would say it."""
    for undo in (times_are_epochs, absent_times_are_absent, unsigned_quantities,
                 change_is_rounded, change_without_close):
        undo(tick)
    return tick


class OfficialClient(Case):
    @classmethod
    def setUpClass(cls):
        cls.npm = npm.installed(CLIENT)

    def tokens(self, address):
        """Instruments of the sandbox, some of each kind."""
        server = self.redis()
        subscriber = self.subscriber(server)
        file = f"{SOURCE}/pipelines/ticker.toml"
        probe = self.sluice(file, "ticker", self.ticker_environment(address, server))
        wait_until(lambda: subscriber.count > 2000, 20, "the sandbox ticks")
        self.assert_ends_well(probe)
        kinds = {}
        for _, payload, _ in subscriber.messages:
            tick = json.loads(payload)
            kinds.setdefault(tick["tradable"], {})[tick["instrument_token"]] = True
        self.assertEqual(set(kinds), {True, False}, "indices and tradable instruments")
        return [*list(kinds[False])[:4], *list(kinds[True])[:40]]

    @staticmethod
    def ticker_environment(address, server):
        return {"KITE_URL": f"ws://{address}", "KITE_API_KEY": "sluice",
                "KITE_ACCESS_TOKEN": "token", "REDIS_URL": server.url}

    def pipeline(self, address, server, *token_lists):
        """A file with a source for each list of tokens, all into one Redis."""
        sources = [f"""
[[stage]]
name = "source{number}"
plugin = "kite_source"
url = "ws://{address}"
api_key = "sluice"
access_token = "token"
tokens = {json.dumps(tokens)}
""" for number, tokens in enumerate(token_lists)]
        names = json.dumps([f"source{number}" for number in range(len(sources))])
        return self.write("modes.toml", f"""
[pipeline]
name = "modes"
{"".join(sources)}
[[stage]]
plugin = "redis_sink"
from = {names}
url = "{server.url}"
queue = {{ max_delay = "0s" }}
""")

    def test_same_values(self):
        address = f"127.0.0.1:{free_port()}"
        sandbox = self.sluice(f"{SOURCE}/pipelines/market-simulator.toml", "market-simulator",
                              {"SANDBOX_LISTEN": address})
        modes = dict(zip(self.tokens(address), ["full", "quote", "ltp"] * 20))

        server = self.redis()
        subscriber = self.subscriber(server)
        # In the modes that the client has before it changes them, and in those it has then.
        before, after = ([f"{token}={mode}" for token, mode in modes.items()],
                         [f"{token}=full" for token in modes])
        service = self.sluice(self.pipeline(address, server, before, after), "modes")
        wait_until(lambda: subscriber.count, 10, "Sluice receives ticks")

        client = Process("kiteconnect", [
            "node", "watch.js", f"ws://{address}/", "official", "token",
            ",".join(f"{token}:{mode}" for token, mode in modes.items()), str(SECONDS),
            f"{CHANGE}:full"], self.folder, working=self.npm)
        self.addCleanup(client.kill)
        self.assertEqual(client.wait(SECONDS + 20), 0, client.log)
        self.assert_ends_well(service)
        self.assert_ends_well(sandbox)

        published = set()
        for _, payload, _ in subscriber.messages:
            tick = parse(payload)
            own_members(tick)
            published.add(canonical(tick))
        seen = [tick for line in client.log.splitlines() if line.startswith('{"event":"ticks"')
                for tick in parse(line)["ticks"]]
        self.assertGreater(len(seen), 100 / SLOWNESS)
        # Before the client's mode reached the sandbox it had the mode that comes with subscribing,
        # which Sluice did not publish to compare with.
        seen = [tick for tick in seen if tick["mode"] in (modes[tick["instrument_token"]], "full")]
        self.assertEqual({tick["mode"] for tick in seen}, {"full", "quote", "ltp"})
        self.assertEqual({tick["instrument_token"] for tick in seen if tick["mode"] == "full"},
                         set(modes), "every instrument's mode was changed")
        self.assertEqual({tick["tradable"] for tick in seen}, {True, False})
        for tick in seen:
            as_published(tick)
            if canonical(tick) not in published:
                near = [each for each in published
                        if parse(each)["instrument_token"] == tick["instrument_token"]]
                self.fail(f"the client saw\n{canonical(tick)}\nand Sluice published\n" +
                          "\n".join(near[-5:]))


if __name__ == "__main__":
    main()
