"""What judges the nemesis suites sees what they would be blind without."""

import json
import unittest

from harness import main
from nemesis import CHANNELS, PATTERN, Account, History, Nemesis


class Checker(unittest.TestCase):
    def history(self, *numbers, **keys):
        made = History(**keys)
        made.follow([(CHANNELS[0], json.dumps({"seq": number}).encode(), 0) for number in numbers])
        return made

    def test_what_is_well(self):
        self.assertEqual(self.history(1, 2, 5).judge(Account(5, 1, 1))[:2], (5, 2))
        self.assertEqual(self.history(1, 2, 5).judge(Account(5, 0, 7)).missing, 2)
        self.history(1, 2, 2, 3).judge(Account(3, 0, 0, resent=1))
        self.history(1, 4, 2, 5, 3, replays=True).judge(Account(5, 0, 0))
        copies = self.history(1, 2)
        copies.follow([(CHANNELS[0], b'{"seq": 2}', 0), (CHANNELS[0], b'{"seq": 3}', 0)])
        copies.judge(Account(3, 0, 0))

    def test_a_loss_that_nobody_counted(self):
        with self.assertRaisesRegex(AssertionError, "missing"):
            self.history(1, 2, 4).judge(Account(4, 0, 0))

    def test_a_loss_that_nobody_counted_is_not_hidden_by_an_earlier_unknown(self):
        history = self.history(1, 2, 3)
        history.judge(Account(3, 0, 2))  # those it may have been have come
        with self.assertRaisesRegex(AssertionError, "missing"):
            history.judge(Account(4, 0, 2))

    def test_what_is_counted_as_lost_and_comes(self):
        with self.assertRaisesRegex(AssertionError, "missing"):
            self.history(1, 2, 3).judge(Account(3, 1, 5))

    def test_what_comes_twice(self):
        with self.assertRaisesRegex(AssertionError, "twice"):
            self.history(1, 2, 2, 3).judge(Account(3, 0, 0))
        with self.assertRaisesRegex(AssertionError, "twice"):
            self.history(1, 3, 2, 2, replays=True).judge(Account(3, 0, 0))

    def test_order(self):
        with self.assertRaisesRegex(AssertionError, "2 came behind 3"):
            self.history(1, 3, 2).judge(Account(3, 0, 0))
        with self.assertRaisesRegex(AssertionError, "2 came behind 5"):
            self.history(1, 4, 3, 5, 2, replays=True).judge(Account(5, 0, 0))
        self.history(1, 3, 2, late=True).judge(Account(3, 0, 1))
        with self.assertRaisesRegex(AssertionError, "late"):
            self.history(1, 3, 2, late=True).judge(Account(3, 0, 0))


class Blind(Nemesis):
    """A real loss that nobody counts: for a while nobody subscribes."""

    def test_it_is_seen(self):
        server = self.redis()
        first = self.subscriber(server, PATTERN)
        self.begin(server, [first])
        first.close()
        self.await_count("published", 20)
        second = self.subscriber(server, PATTERN)
        self.history.follow(second.messages)
        self.await_flow("a new subscriber")
        self.await_readers = lambda: self.await_mark([server], [second])
        with self.ticks.held(), self.assertRaisesRegex(AssertionError, "missing=[1-9].* lost=0"):
            self.judge()


if __name__ == "__main__":
    main()
