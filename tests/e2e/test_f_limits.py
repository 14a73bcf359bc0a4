#!/usr/bin/env python3
"""Crowds, crowds that misbehave, and the end of the day: what is bounded, and that nothing is left."""
import os, select, socket, struct, threading, time, unittest

from lib import seed
from lib.client import Client, encode
from lib.raw_http import RawHttp, connect
from lib.server import PATIENCE_S, Server, run, until
from lib.websocket import BINARY, PING, Closed, WebSocket, frame

FREE = ("--cooldown-ms", "0", "--requests-per-second", "0")
SUBSCRIBE = frame(BINARY, encode({"type": "subscribe", "board": "main"}))
HANDSHAKE = (b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
RESET = struct.pack("ii", 1, 0)


def reset(s):
    """Ends with RST instead of FIN."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


class Full(unittest.TestCase):
    def enter(self, server):
        try:
            return Client(server)
        except ConnectionRefusedError as refused:
            self.assertEqual(refused.args[0].status, 503)

    def test_the_51st_is_told_and_after_one_leaves_there_is_room(self):
        with Server("--clients-max", "50", "--workers", "2") as server:
            clients = [until("room", lambda: self.enter(server)) for _ in range(50)]
            for _ in range(5):
                with server.http() as http:
                    answer = http.ask("GET", "/boards")
                    self.assertEqual((answer.status, answer.error), (503, "full"))
                    self.assertIn("server is full", answer.json()["error"]["message"])
                    self.assertGreaterEqual(int(answer["retry-after"]), 1)
                    http.at_end()
                with self.assertRaises(ConnectionRefusedError) as refused:
                    WebSocket(server.address)
                self.assertEqual(refused.exception.args[0].status, 503)
            self.assertEqual(clients[0].subscribe()["type"], "subscribed", "those inside are not disturbed")
            clients.pop().close()
            clients.append(until("room", lambda: self.enter(server)))
            self.assertIsNone(self.enter(server), "for one")
            for client in clients:
                client.socket.close()

            again = [until("room", lambda: self.enter(server)) for _ in range(50)]
            self.assertIsNone(self.enter(server))
            for client in again:
                client.socket.close()
            until("room", lambda: server.ask("GET", "/healthz").status == 200)

    def test_whoever_is_inside_can_ask_whether_the_server_is_full(self):
        with Server("--clients-max", "10") as server, server.http() as page:
            self.assertEqual(page.ask("GET", "/ws").status, 426)
            clients = [until("room", lambda: self.enter(server)) for _ in range(9)]
            for _ in range(3):
                answer = page.ask("GET", "/ws")
                self.assertEqual((answer.status, answer.error), (503, "full"))
                self.assertGreaterEqual(int(answer["retry-after"]), 1)
            self.assertEqual(page.ask("GET", "/boards").status, 200)
            clients.pop().close()
            until("room", lambda: page.ask("GET", "/ws").status == 426)
            for client in clients:
                client.close()

    def test_a_browser_that_finds_the_server_full_comes_again_by_itself(self):
        with Server("--clients-max", "10") as server:
            clients = [until("room", lambda: self.enter(server)) for _ in range(10)]
            answer = server.ask("GET", "/")
            self.assertEqual(answer.status, 503)
            self.assertIn(int(answer["refresh"]), range(5, 10))
            for client in clients:
                client.close()

    def test_all_may_come_by_one_of_several_listeners(self):
        with Server("--clients-max", "50", "--workers", "2", listen=("127.0.0.1:0",) * 4) as server:
            for address in server.addresses:
                clients = []
                for _ in range(50):
                    clients.append(until("room", lambda: self.enter(server)))
                self.assertIsNone(self.enter(server))
                for client in clients:
                    client.close()
                server.addresses.append(server.addresses.pop(0))

    def test_a_storm_on_a_full_server_is_answered(self):
        with Server("--clients-max", "10", "--workers", "2") as server:
            clients = [until("room", lambda: self.enter(server)) for _ in range(10)]
            crowd = [connect(server.address) for _ in range(300)]
            for s in crowd:
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            said = []
            for s in crowd:
                said.append(s.recv(4096)[:13])
                s.close()
            self.assertEqual(said, [b"HTTP/1.1 503 "] * 300)
            for client in clients:
                self.assertEqual(client.subscribe()["type"], "subscribed")
                client.close()


class Churn(unittest.TestCase):
    def behave(self, server, kind):
        """One short life of a client."""
        s = connect(server.address)
        if kind == 1:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        elif kind == 2:
            s.sendall(b"GET /boards/main/bitmap HTTP/1.1\r\nHost: x\r\n\r\n")
        elif kind == 3:
            s.sendall(b"GET /boards/main/bit")
        elif kind == 4:
            s.sendall(HANDSHAKE)
        elif kind == 5:
            s.sendall(HANDSHAKE + SUBSCRIBE)
        elif kind == 6:
            s.sendall(HANDSHAKE + SUBSCRIBE + SUBSCRIBE[:5])
        elif kind == 7:
            s.sendall(HANDSHAKE + SUBSCRIBE)
            s.recv(4096)
        elif kind == 8:
            s.sendall(HANDSHAKE + frame(8, struct.pack(">H", 1000)))
            s.recv(4096)
        return s

    def test_5000_lives_leave_nothing(self):
        rng = seed.dice("lives")
        with Server(*FREE, "--status-interval-ms", "100") as server, \
                Client(server, server.session()) as painter:
            painter.subscribe()
            held, before = [], None
            for i in range(5000):
                held.append(self.behave(server, rng.randrange(9)))
                while len(held) > rng.randrange(200):
                    s = held.pop(rng.randrange(len(held)))
                    reset(s) if rng.random() < 0.5 else s.close()
                if i % 50 == 0:
                    self.assertEqual(painter.place(i % 1000, 7, i % 16)["type"], "placed")
                if i == 1000:
                    before = descriptors(server), server.metrics()["process_resident_memory_bytes"]
            for s in held:
                s.close()
            after = descriptors(server), server.metrics()["process_resident_memory_bytes"]
            self.assertLessEqual(after[0], before[0] + 2, "descriptors")
            if "sanitize" not in run("--version")[1]:  # they keep freed memory
                self.assertLess(after[1] - before[1], 16 << 20, "memory")
            self.assertGreaterEqual(server.metric("connections_opened_total"), 5000)
            painter.close()

    def test_storms_of_resets(self):
        with Server(*FREE) as server, Client(server, server.session()) as painter:
            board = painter.follow()
            for i in range(10):
                crowd = [self.behave(server, kind) for kind in (0, 2, 4, 5, 7) * 20]
                for s in crowd:
                    reset(s)
                painter.reach(board, painter.place(i, i, 1)["seq"])
            self.assertEqual(bytes(board.packed), server.bitmap()[0])
            painter.close()

    def test_who_leaves_before_the_answer_placed_all_the_same(self):
        with Server(*FREE) as server:
            token = server.session()
            for i in range(100):
                with Client(server, token) as client:
                    client.ask_place(i, 0, 1, request=i + 1)
            until("all placed", lambda: server.board()["seq"] == 100)


class Vanished(unittest.TestCase):
    """Peers that neither say anything nor end."""

    def test_silent_clients_are_closed_and_released(self):
        # All of them are there before the first is closed.
        with Server("--ws-idle-timeout-ms", "10s", "--http-head-timeout-ms", "4s") as server:
            silent = [Client(server) for _ in range(20)]
            for client in silent:
                client.subscribe()
            https = [connect(server.address) for _ in range(20)]
            until("released", lambda: server.metric("connections_opened_total") >= 40 and
                  server.metric("connections_websocket") == 0 and server.metric("connections_http") == 1)
            server.nothing_left()
            self.assertEqual(server.closed("idle"), 20)
            for client in silent:
                self.assertEqual(client.closed(), 1008)
                client.socket.close()
            for s in https:
                s.close()

    def test_who_closes_and_never_ends_the_stream_is_released(self):
        with Server() as server, WebSocket(server.address) as ws:
            ws.send(struct.pack(">H", 1000), 8)
            server.nothing_left()
            del ws

    def test_who_acknowledges_nothing_is_ended_by_the_kernel(self):
        with Server(*FREE, "--tcp-user-timeout-ms", "1000", "--cut-interval-ms", "1") as server, \
                Client(server, server.session()) as painter:
            with Client(server, receive_bytes=2048) as stalled:
                stalled.subscribe()
                rng = seed.dice("stalled")
                end = time.monotonic() + PATIENCE_S
                while server.metric("subscriptions") > 0 and time.monotonic() < end:
                    painter.place_all([(rng.randrange(1000), rng.randrange(1000), rng.randrange(16)) for _ in range(2000)])
                self.assertEqual(server.closed("peer_gone"), 1)

    def test_who_asks_and_never_reads_answers_is_closed_by_name(self):
        with Server(*FREE) as server:
            client = Client(server, server.session(), receive_bytes=2048)
            packet = frame(BINARY, encode({"type": "place", "board": 0, "x": 1, "y": 1, "color": 1, "request": 1})) * 500
            client.socket.settimeout(1)
            end = time.monotonic() + PATIENCE_S
            with self.assertRaises(OSError):
                while time.monotonic() < end:
                    client.send_raw(packet)
            until("closed", lambda: server.closed("too_slow") + server.closed("too_many") == 1)
            client.socket.close()


class Ends(unittest.TestCase):
    def test_half_messages_do_not_keep_the_buffers(self):
        with Server(*FREE, "--workers", "1", "--clients-max", "100", "--http-head-timeout-ms", "8s") as server:
            one, other = WebSocket(server.address), WebSocket(server.address)
            one.send(b"\x05", fin=False)
            other.send_raw(SUBSCRIBE[:-1])
            end = time.monotonic() + PATIENCE_S
            while not server.closed("idle"):
                self.assertLess(time.monotonic(), end, "half a message keeps the buffers")
                one.send_raw(frame(PING))  # more words give it no more time
                other.send_raw(SUBSCRIBE[-1:] + SUBSCRIBE[:-1])  # half of the next one is no old half
                time.sleep(0.5)
            self.assertEqual(server.closed("idle"), 1, "who goes on is closed too")
            other.send_raw(SUBSCRIBE[-1:])
            self.assertIsNotNone(other.receive())
            one.http.close()
            other.http.close()

    def test_subscribing_is_limited_like_placing(self):
        with Server("--cooldown-ms", "0", "--requests-per-second", "5") as server, Client(server) as client:
            for _ in range(30):
                client.say("subscribe", board="main")
            while (said := client.hear())["type"] != "error":
                pass
            self.assertEqual(said["code"], "too_fast")

    def test_a_large_board_has_time_beyond_a_pause_between_requests(self):
        with Server("--board", "large:16384x2048:8", "--http-idle-timeout-ms", "6s") as server, server.http() as silent:
            s = connect(server.address, receive_bytes=65536)
            s.sendall(b"GET /boards/large/bitmap HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got, paused = 0, False
            silent.ask("GET", "/healthz")
            while piece := s.recv(1 << 20):
                got += len(piece)
                if not paused:  # slowly, until a whole pause has gone by
                    paused = bool(select.select([silent.socket], [], [], len(piece) / 2e6)[0])
            self.assertTrue(paused, "the board was too small")
            silent.at_end()
            s.close()
            self.assertGreater(got, 16384 * 2048)

    def test_sigterm_drains_with_1012_and_writes_a_snapshot(self):
        with Server(*FREE, "--drain-ms", "60s") as server:  # it ends when all have left
            token = server.session()
            clients = [Client(server, token, protocol=("pixeld.v1", "pixeld.v1.json")[i % 2]) for i in range(20)]
            for client in clients:
                client.subscribe()
            clients[0].place_all([(i, i, 5) for i in range(200)])
            idle = [connect(server.address) for _ in range(5)]
            server.signal()
            self.assertEqual([client.closed() for client in clients], [1012] * 20)
            self.assertEqual([s.recv(100) for s in idle], [b""] * 5)
            for s in [client.socket for client in clients] + idle:
                s.close()
            self.assertEqual(server.wait(), 0)
            self.assertIn("snapshot lsn=", server.said())
            code, out, said = run("journal", "verify", server.data)
            self.assertEqual((code, said), (0, ""))
            self.assertIn("stopped cleanly", out)
            server.start()
            self.assertIn("replayed=0 clean=yes", server.said())
            self.assertEqual(server.board()["seq"], 200)

    def test_what_is_asked_during_the_drain_is_answered_or_ended(self):
        with Server(*FREE, "--drain-ms", "60s") as server:
            token = server.session()
            clients = [Client(server, token) for _ in range(10)]
            answered, asked = {}, {}

            def paint(i):
                answered[i] = asked[i] = 0
                try:
                    while True:
                        asked[i] += 1
                        clients[i].place(i, asked[i] % 1000, 1, request=i << 32 | asked[i])
                        answered[i] += 1
                except Closed as closed:
                    answered[i] = (answered[i], closed.code)

            threads = [threading.Thread(target=paint, args=(i,)) for i in range(10)]
            for t in threads:
                t.start()
            until("all paint", lambda: all(answered.get(i) for i in range(10)))
            server.signal()
            for t in threads:
                t.join()
            for client in clients:
                client.socket.close()
            self.assertEqual(server.wait(), 0)
            self.assertEqual({code for _, code in answered.values()}, {1012})
            server.start()
            seq = server.board()["seq"]
            self.assertLessEqual(sum(n for n, _ in answered.values()), seq)
            self.assertLessEqual(seq, sum(asked.values()))

    def test_a_board_on_its_way_arrives_whole_during_the_drain(self):
        with Server("--drain-ms", "60s") as server, RawHttp(server.address, receive_bytes=4096) as http:
            http.send(http.request("GET", "/boards/main/bitmap"))
            http.more()
            server.signal()
            self.assertEqual(len(http.answer().body), 500000)
            http.close()
            self.assertEqual(server.wait(), 0)

    def test_new_clients_are_not_taken_during_the_drain(self):
        with Server("--drain-ms", "60s") as server, Client(server) as client:
            server.signal()
            until("draining", lambda: "info stopping" in server.said())
            client.closed()
            client.socket.close()
            self.assertEqual(server.wait(), 0, "it ends when all have left")
            with self.assertRaises(ConnectionRefusedError):
                connect(server.address)

    def test_who_does_not_leave_does_not_stop_the_end(self):
        with Server("--drain-ms", "100") as server, Client(server, receive_bytes=2048) as client:
            client.subscribe()
            server.signal()
            self.assertEqual(server.wait(), 0)

    def test_sigint_is_the_same(self):
        with Server() as server:
            server.signal(2)
            self.assertEqual(server.wait(), 0)
            self.assertIn("info stopped", server.said())


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
