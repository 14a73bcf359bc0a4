"""The base of tests that share one server: each ends with nothing left, the last with a stop in order."""
import unittest

from .server import Server


class ServerCase(unittest.TestCase):
    flags, allowed = ("--cooldown-ms", "0"), None
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags, allowed=cls.allowed)

    @classmethod
    def tearDownClass(cls):
        try:
            if cls.server.process.poll() is None:
                cls.server.stop()
        finally:
            cls.server.clear()

    def tearDown(self):
        failed = self._outcome.result.failures + self._outcome.result.errors
        if any(test is self for test, _ in failed):
            print(self.server.log()[-4000:])
            return
        code = self.server.process.poll()
        self.assertIsNone(code, f"the server ended with {code}\n{self.server.log()}")
        self.server.nothing_left()
