"""Faults one after the other while ticks flow, and a judgement after each.

A fault is a function of the test's. Behind it ticks must flow again; then the feed rests until the
ledger does, and the history of what subscribers received is compared with what the ledger says
became of the ticks since the last time. The long form (SLUICE_LONG) goes through all faults of a
test several times, each time in another order. During every second fault a stage is exchanged.
"""

import collections
import json
import os
import random
import threading
import time
from typing import NamedTuple

from harness import SINK, Case, wait_until

LONG = os.environ.get("SLUICE_LONG") == "1"
TOKENS = [408065, 738561, 341249, 1270529, 779521]
CHANNELS = [f"tick:{token}" for token in TOKENS]
CHANNEL = "tick:{key}"
MARK = b"all before this has come"
PATTERN = "tick:*"
FLOW = 50  # ticks


class Account(NamedTuple):
    """Of a pipeline, from its start: ticks it was sent, and what the ledger says of them."""

    sent: int
    lost: int  # failed or dropped: no subscriber has them
    unknown: int  # some may have them
    resent: int = 0  # some may have them twice


class Row(NamedTuple):
    """What one fault brought about."""

    sent: int
    missing: int  # ticks that nobody received: gaps in the numbers
    lost: int
    unknown: int
    repeated: int
    late: int


class Reader:
    """What one reader received: messages in a list that grows."""

    def __init__(self, messages):
        self._messages, self._read = messages, 0
        self.seen, self.late = collections.defaultdict(set), collections.defaultdict(set)
        self.newest, self.replayed = collections.Counter(), collections.Counter()

    def in_order(self, channel, number):
        return number in self.seen[channel] and number not in self.late[channel]

    def unread(self):
        """(channel, number) of each message that has come since."""
        begin, self._read = self._read, len(self._messages)
        for channel, payload, _ in self._messages[begin:self._read]:
            if payload != MARK:
                yield channel, json.loads(payload)["seq"]


class History:
    """What readers received of CHANNELS, each a list of (channel, payload, time) that grows.

    The payload's `seq` numbers the ticks of a channel from 1. Where readers stand at copies of one
    Redis, a tick counts as received if one of them did; order is each reader's own. `replays`: a
    tick older than the newest may come, behind all older ones of its kind (a spool's promise).
    `late`: one that another reader received in order, or that is unknown, may come out of order
    (over a cluster's bus; from a master that was replaced and wakes up).
    """

    def __init__(self, replays=False, late=False):
        self._replays, self._may_be_late = replays, late
        self._readers = []
        self._seen = collections.defaultdict(set)
        self._repeated = 0
        self._judged = Row(*[0] * len(Row._fields))  # as of the last judgement, from the start

    def follow(self, messages):
        self._readers.append(Reader(messages))

    def received(self):
        """How many ticks, until now. AssertionError for one that is out of order."""
        for reader in self._readers:
            for channel, number in reader.unread():
                self._take(reader, channel, number)
                reader.seen[channel].add(number)
                self._seen[channel].add(number)
        return sum(map(len, self._seen.values()))

    def _take(self, reader, channel, number):
        if number > reader.newest[channel]:
            reader.newest[channel] = number
        elif number in reader.seen[channel]:
            self._repeated += 1
        elif self._replays and number > reader.replayed[channel]:
            reader.replayed[channel] = number
        elif self._may_be_late:
            reader.late[channel].add(number)
        else:
            raise AssertionError(f"{channel}: {number} came behind {reader.newest[channel]}")

    def _late(self):
        """How many ticks nobody received in order."""
        return sum(not any(each.in_order(channel, number) for each in self._readers)
                   for channel in CHANNELS
                   for number in set().union(*(each.late[channel] for each in self._readers)))

    def judge(self, account):
        """The Row since the last time. AssertionError if a tick came twice that was not sent again,
        came late and was not unknown, is missing and not counted, or counted as lost and received.
        """
        received = self.received()
        now = Row(account.sent, account.sent - received, account.lost, account.unknown,
                  self._repeated, self._late())
        row = Row(*(new - old for new, old in zip(now, self._judged)))
        self._judged = now
        if not row.lost <= row.missing <= row.lost + row.unknown:
            raise AssertionError(f"missing is not what was lost, and some of the unknown: {row}")
        if row.late > row.unknown:
            raise AssertionError(f"more came late than were unknown: {row}")
        if now.repeated > account.resent:
            raise AssertionError(f"{now.repeated} came twice, {account.resent} were sent again")
        return row


class Nemesis(Case):
    exchanged = (SINK,)  # stages that may be

    def setUp(self):
        seed = int(os.environ.get("SLUICE_SEED") or random.randrange(1 << 32))
        print(f"\nseed {seed}")
        self.seed, self.random = seed, random.Random(seed)

    def begin(self, at, readers, *, sink="", between="", wrapper=(), **promises):
        """Ticks flow into the Redis of `at.url` and to `readers`; `promises` as of History."""
        self.history = History(**promises)
        for each in readers:
            self.history.follow(each.messages)
        self.kite = self.feed()
        file = self.ticker(self.kite, at, TOKENS, sink=f'channel = "{CHANNEL}"\n{sink}',
                           between=between)
        self.service = self.sluice(file, "ticker", wrapper=wrapper)
        wait_until(lambda: self.kite.subscribed() == len(TOKENS), 10, "it subscribed")
        self.ticks = self.ticking(self.kite, TOKENS, 0.01)
        self.await_flow("the start")

    def go_through(self, faults, rounds):
        """Each of `faults`, functions by name, so often (once in the short form)."""
        rows = {name: [] for name in faults}
        swapped = set()
        for number in range(rounds if LONG else 1):
            swapped = (set(faults) - swapped if number % 2 else
                       set(self.random.sample(list(faults), (len(faults) + 1) // 2)))
            for name in self.random.sample(list(faults), len(faults)):
                rows[name].append(self.strike(name, faults[name], name in swapped))
        self.ticks.stop()
        self.assert_ends_well(self.service)
        self.print_table(rows)

    def strike(self, name, fault, swaps):
        """(seconds until ticks flow again, Row, the swap's state)."""
        swap = Swap(self.service, self.random.choice(self.exchanged), self.random.random() / 2)
        begun = time.monotonic()
        if swaps:
            swap.start()
        try:
            fault()
            self.await_flow(name)
            took = time.monotonic() - begun
            if swaps:
                swap.join()
                self.assertTrue(swap.row["state"] == "done" or
                                "was not ready within" in swap.row.get("result", ""), swap.row)
            with self.ticks.held():
                return took, self.judge(), swap.row["state"]
        except AssertionError as why:
            raise AssertionError(f"{name}, {'with' if swaps else 'without'} a swap: {why}") from None

    def judge(self):
        self.await_rest()
        return self.history.judge(self.account(self.service.status()))

    def await_rest(self):
        """Until nothing is on its way any more; the feed must be held."""
        self.service.await_status(self.at_rest, 20, "every tick is accounted for")
        self.await_readers()

    def at_rest(self, status):
        return (status.balanced and status.document["held"] == 0
                and status.total["created"] == self.ticks.sent)

    def account(self, status):
        total = status.total
        return Account(self.ticks.sent, total["failed"] + sum(total["dropped"].values()),
                       total["unknown"])

    def await_readers(self):
        """Until all that Redis has published is received."""
        raise NotImplementedError

    @staticmethod
    def await_mark(servers, readers, words=("PUBLISH", "tick:mark")):
        """Until a message that is published now has come to each of the readers."""
        begun = [len(each.messages) for each in readers]

        def come():
            for each in servers:
                each.command(*words, MARK)
            return all(MARK in [payload for _, payload, _ in each.messages[begin:]]
                       for each, begin in zip(readers, begun))

        wait_until(come, 10, "the readers have all there is")

    def await_flow(self, what):
        before = self.history.received()
        wait_until(lambda: self.history.received() >= before + FLOW, 20,
                   f"ticks flow after {what}")

    def await_count(self, name, grown=1):
        """Until a number of the ledger's has grown."""
        before = self.service.status().total[name]
        self.service.await_status(lambda now: now.total[name] >= before + grown, 10,
                                  f"{name} grows")

    def print_table(self, rows):
        """tests/run shows these lines, from "faults of" to "swaps:"."""
        print(f"{f'faults of {type(self).__name__}':<44} {'times':>5} {'longest s':>9} {'ticks':>7} "
              f"{'missing':>7} {'lost':>6} {'unknown':>7} {'twice':>5} {'late':>5} {'swaps':>7}")
        for name, each in rows.items():
            times, judged, swaps = zip(*each)
            sums = Row(*map(sum, zip(*judged)))
            done, refused = swaps.count("done"), swaps.count("failed")
            print(f"{name:<44} {len(each):>5} {max(times):>9.2f} {sums.sent:>7} {sums.missing:>7} "
                  f"{sums.lost:>6} {sums.unknown:>7} {sums.repeated:>5} {sums.late:>5} "
                  f"{f'{done}+{refused}':>7}")
        print("swaps: done + refused, the new one not being ready in time", flush=True)


class Swap(threading.Thread):
    """Exchanges a stage for another of its kind a little later."""

    def __init__(self, service, stage, delay):
        super().__init__(daemon=True)
        self._service, self._stage, self._delay = service, stage, delay
        self.row = {"state": "none"}

    def run(self):
        time.sleep(self._delay)
        self.row = self._service.tell("swap", stage=self._stage)
