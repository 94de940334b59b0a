#!/usr/bin/python3
"""subscriber.py [--url redis://127.0.0.1:6379] [--pattern 'ticker:*'] [--seconds N]

How to read ticks so that Redis does not cut you and you know what you missed. Replace
`process_batch`. Needs Debian's python3-redis. Prints a line of figures, in JSON, each second:

  ticks    received
  batches  handed to process_batch
  missed   by the gaps in `seq`: each tick of an instrument has the number after the one before,
           whether it was published or not. What was missed was sampled or shed on the way (`w`, the
           weight, then says how many ticks one stands for), or lost between Redis and here.
  restarts how often an instrument's numbers began anew: the ticker was started again
  merged   ticks that gave way to a newer one of their instrument, because process_batch was slow
"""

import argparse
import collections
import json
import sys
import threading
import time

import redis

BATCH_INTERVAL = 0.1  # seconds between two batches
BATCH_MAX = 10_000    # ticks in a batch; above, only each instrument's newest is kept
RETRY_MAX = 5         # seconds between two attempts to connect


def process_batch(ticks):
    """Yours: what to do with ticks, [(channel, tick), ...] in the order in which they came."""


class Gaps:
    """What is missing between two numbers of one channel."""

    def __init__(self):
        self._last = {}
        self.missed = 0
        self.restarts = 0

    def see(self, channel, seq):
        last = self._last.get(channel)
        self._last[channel] = seq
        if last is None:
            return
        if seq <= last:
            self.restarts += 1
        else:
            self.missed += seq - last - 1


class Batches:
    """Gathers ticks while the last batch is worked on; bounded: when it is full, an instrument's
    newest tick takes the place of its older ones."""

    def __init__(self):
        self._lock = threading.Lock()
        self._ticks = []
        self.merged = 0

    def add(self, channel, tick):
        with self._lock:
            self._ticks.append((channel, tick))
            if len(self._ticks) > BATCH_MAX:
                newest = list(collections.OrderedDict(self._ticks).items())
                self.merged += len(self._ticks) - len(newest)
                self._ticks = newest[-BATCH_MAX:]

    def take(self):
        with self._lock:
            taken, self._ticks = self._ticks, []
        return taken


class Subscriber:
    def __init__(self, url, pattern):
        self._url, self._pattern = url, pattern
        self._stopped = threading.Event()
        self.gaps, self.batches = Gaps(), Batches()
        self.ticks = 0
        self.handed = 0

    def stop(self):
        self._stopped.set()

    def read(self):
        """Reads, and nothing else: a reader that works between two messages is cut."""
        pause = 0.1
        while not self._stopped.is_set():
            try:
                with redis.from_url(self._url, socket_timeout=5, health_check_interval=30) as client:
                    subscription = client.pubsub(ignore_subscribe_messages=True)
                    subscription.psubscribe(self._pattern)
                    while not self._stopped.is_set():
                        message = subscription.get_message(timeout=0.2)
                        pause = 0.1
                        if message is not None:
                            self._take(message["channel"].decode(), message["data"])
            except (redis.ConnectionError, redis.TimeoutError) as lost:
                print(f"subscriber: {lost}; again in {pause:g} s", file=sys.stderr, flush=True)
                self._stopped.wait(pause)
                pause = min(2 * pause, RETRY_MAX)

    def _take(self, channel, payload):
        tick = json.loads(payload)
        self.ticks += 1
        if "seq" in tick:
            self.gaps.see(channel, tick["seq"])
        self.batches.add(channel, tick)

    def work(self):
        while not self._stopped.wait(BATCH_INTERVAL):
            if ticks := self.batches.take():
                process_batch(ticks)
                self.handed += 1

    def figures(self):
        return {"ticks": self.ticks, "batches": self.handed, "missed": self.gaps.missed,
                "restarts": self.gaps.restarts, "merged": self.batches.merged}


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", default="redis://127.0.0.1:6379")
    options.add_argument("--pattern", default="ticker:*")
    options.add_argument("--seconds", type=float, default=float("inf"))
    given = options.parse_args()
    subscriber = Subscriber(given.url, given.pattern)
    threads = [threading.Thread(target=each) for each in (subscriber.read, subscriber.work)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + given.seconds
    try:
        while time.monotonic() < end:
            time.sleep(min(1, max(0, end - time.monotonic())))
            print(json.dumps(subscriber.figures()), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        subscriber.stop()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
