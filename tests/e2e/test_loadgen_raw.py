#!/usr/bin/env python3
"""loadgen --profile-protocol raw: servers that are not ours, and servers that lie to it.

Node's ws, libwebsockets and pixeld's /test/echo must pass. The server below does what its name of a lie
says, to one client; each lie is told by its name and with the right exit code.
"""
import asyncio, base64, hashlib, json, os, pathlib, re, shutil, ssl, struct, subprocess, sys, tempfile, time

BUILD = pathlib.Path(os.environ.get("PIXELD_BUILD", "build"))
LOADGEN, PIXELD, LWS = BUILD / "tools/loadgen/loadgen", BUILD / "server/pixeld", BUILD / "tests/bench/peers/peer_lws"
HERE = pathlib.Path(__file__).parent
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
STAMP = re.compile(rb"(?<!\d)\d{19}(?!\d)")


def frame(payload, opcode=1, fin=True):
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    return head + (bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n)) + payload


class Server:
    """Echoes, or broadcasts; or one lie."""

    def __init__(self, lie=None, broadcast=False):
        self.lie, self.broadcast, self.clients, self.count = lie, broadcast, [], 0
        self.masks, self.heads, self.messages, self.pongs = [], [], [], []
        self.peers = set()

    async def connection(self, reader, writer):
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def talk(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        self.peers.add(writer.get_extra_info("peername")[0])
        if self.lie == "refuse":
            return writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        key = re.search(r"Sec-WebSocket-Key: (\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        writer.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
        me, got = len(self.clients), 0
        self.clients.append(writer)
        if self.lie == "ping":
            writer.write(frame(b"split", 9)[:4])
            await asyncio.sleep(0.05)
            writer.write(frame(b"split", 9)[4:])
        while True:
            a, b = await reader.readexactly(2)
            n = b & 127
            if n == 126:
                n = struct.unpack(">H", await reader.readexactly(2))[0]
            mask = await reader.readexactly(4)
            data = bytes(c ^ mask[i % 4] for i, c in enumerate(await reader.readexactly(n)))
            if a & 15 == 8:
                writer.write(frame(data, 8))
                await writer.drain()
                break
            if a & 15 == 10:
                self.pongs.append(data)
                continue
            self.masks.append(mask)
            self.messages.append(data)
            got += 1
            if self.broadcast:
                self.tell_all(data, a & 15)
            else:
                self.echo(writer, data, a & 15, me == 3 and got == 5)

    def echo(self, writer, data, opcode, victim):
        lie = self.lie if victim else None
        if lie == "drop" or self.lie == "stall" and self.count > 50:
            return
        self.count += 1
        if lie == "corrupt":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if lie == "opcode":
            opcode = 3 - opcode
        if self.lie == "fragments":
            writer.write(frame(data[:3], opcode, False) + frame(b"", 9) + frame(data[3:], 0))
        elif lie == "close":
            writer.write(frame(struct.pack(">H", 1001), 8))
        elif lie == "masked":
            whole = frame(data, opcode)
            writer.write(bytes([whole[0], whole[1] | 0x80]) + b"\0\0\0\0" + whole[2:])
        else:
            writer.write(frame(data, opcode) * (2 if lie == "duplicate" else 1))

    def tell_all(self, data, opcode):
        self.count += 1
        if self.lie == "wrap":
            data, opcode = b'{"from":"somebody","data":"' + data + b'"}', 1
        for number, client in enumerate(self.clients):
            lie = self.lie if number == 11 and self.count == 5 else None
            if client.is_closing() or lie == "drop":
                continue
            whole = frame(data[:-1] + b"?" if lie == "corrupt" else data, opcode)
            client.write(whole * (2 if lie == "duplicate" else 1))
            if lie == "close":
                client.transport.abort()

    async def push(self, each):
        """By itself: `each` messages without a time in a row, every 50 ms."""
        together = 0  # turns since all are there
        for turn in range(1 << 30):
            await asyncio.sleep(0.05)
            together += len(self.clients) == 20
            for _ in range(each):
                for number, client in enumerate(self.clients):
                    if not client.is_closing() and not (self.lie == "drop" and number == 11 and together == 20):
                        client.write(frame(b"turn %d" % (turn // 2), 2))


async def loadgen(port, *arguments, path="/", origin="ws://127.0.0.1", settle="2m"):
    """settle: until when what did not come is waited for; it is over when all is there."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "result.json"
        process = await asyncio.create_subprocess_exec(
            LOADGEN, "--profile-protocol", "raw", "--url", f"{origin}:{port}{path}", "--quiet", "--settle", settle,
            "--json", out, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said = (await process.communicate())[0].decode()
        return process.returncode, json.loads(out.read_text()) if out.exists() else {}, said


async def against(server, *arguments, push=0, tls=None, origin=None, settle="2m"):
    listener = await asyncio.start_server(server.connection, "127.0.0.1", 0, backlog=1000, ssl=tls)
    pushing = asyncio.create_task(server.push(push)) if push else None
    origin = origin or ("wss" if tls else "ws") + "://127.0.0.1"
    result = await loadgen(listener.sockets[0].getsockname()[1], *arguments, origin=origin, settle=settle)
    if pushing:
        pushing.cancel()
    listener.close()
    return result


def check(what, fact, *evidence):
    if not fact:
        print(f"FAILED: {what}", *evidence, sep="\n")
        sys.exit(1)
    print(f"ok: {what}")


# --- servers that are not ours -------------------------------------------------------------------------

async def node():
    program = shutil.which("node") or shutil.which("nodejs")
    if not program:
        return print("skipped: no node")
    process = await asyncio.create_subprocess_exec(program, HERE / "lib/node_echo.cjs", stdout=asyncio.subprocess.PIPE)
    port = (await process.stdout.readline()).decode().strip()
    if not port:
        return print("skipped: no ws for node")
    try:
        ask = ("--clients", "50", "--subprotocol", "other, echo.v1", "-H", "X-Token: right", "--rate", "1000/s",
               "--duration", "1s")
        code, result, said = await loadgen(port, *ask, "--message", r'{"n":\{seq},"t":\{now_ns},"s":"\{re [a-z]{8}}"}')
        check("Node's ws echoes text", code == 0 and result["reach"] == 1 and result["acknowledged"] > 500, said)
        check("each echo has a latency", result["ack_ms"]["count"] == result["placed"], said)
        code, result, said = await loadgen(port, *ask, "--message", r"\x00\xff\{re [^a-z]{40000}}", "--binary",
                                           "--rate", "50/s")
        check("long binary messages come back", code == 0 and result["bytes_in"] > 20 * 40000, said)
        code, result, said = await loadgen(port, "--message", "x", "--clients", "3", "-H", "X-Token: wrong")
        check("a refused upgrade is unreachable", code == 4 and "upgrade" in result["errors"], code, said)
        code, result, said = await loadgen(port, "--message", "x", "--clients", "3", "-H", "X-Token: right",
                                           "--subprotocol", "none")
        check("a subprotocol that was not chosen is no success", code == 4 and "upgrade" in result["errors"], code, said)
    finally:
        process.kill()
        await process.wait()


async def lws():
    if not LWS.exists():
        return print("skipped: peer_lws is not built (libwebsockets-dev)")
    with tempfile.TemporaryDirectory() as folder:
        port = await free_port()
        process = await asyncio.create_subprocess_exec(LWS, str(port), cwd=folder)
        try:
            await listening(port)
            code, result, said = await loadgen(
                port, "--clients", "100", "--senders", "3", "--expect", "broadcast", "--rate", "20/s", "--duration", "2s",
                "--message", r"\{now_ns}:\{re \w{500}}", "--server-pid", str(process.pid))
            check("libwebsockets broadcasts to everybody",
                  code == 0 and result["reach"] == 1 and result["messages"] == result["placed"] > 10, said)
            check("every delivery and every message has a latency",
                  result["visible_ms"]["count"] == 100 * result["placed"] and
                  result["visible_last_ms"]["count"] == result["placed"], said)
            check("the server's CPU time and memory are told",
                  result["server"]["cpu_s"] > 0 and result["server"]["cpu_connect_s"] > 0 and
                  result["server"]["rss_idle"] > 0, said)
        finally:
            process.terminate()
            await process.wait()


async def pixeld():
    if not PIXELD.exists():
        return print("skipped: pixeld is not built")
    with tempfile.TemporaryDirectory() as folder:
        port = await free_port()
        process = await asyncio.create_subprocess_exec(
            PIXELD, "--listen", f"127.0.0.1:{port}", "--data", folder, "--test-echo", "--journal-segment-bytes", "1MiB",
            stderr=asyncio.subprocess.DEVNULL)
        try:
            await listening(port)
            code, result, said = await loadgen(port, "--clients", "200", "--rate", "5000/s", "--duration", "1s",
                                               "--message", r"\{seq} \{re (ping|pong)+}", path="/test/echo")
            check("pixeld's /test/echo passes", code == 0 and result["reach"] == 1, said)
            code, result, said = await loadgen(port, "--clients", "50", "--first-message", r"\x01\x00\x04main", "--binary",
                                               "--expect", "none", "--duration", "1s", path="/ws")
            check("a first message subscribes", code == 0 and result["deliveries"] >= 50, said)
            check("how long it took until all were connected is told", 0 < result["connect_seconds"] < 600, said)
            code, result, said = await loadgen(port, "--clients", "50", "--first-message", r"\x01\x00\x04main", "--binary",
                                               "--first-answer", "--expect", "none", "--duration", "0s", path="/ws")
            check("who is connected when the first message is answered has its answer by then",
                  code == 0 and result["deliveries"] >= 50 and result["connect_ms"]["count"] == 50, said)
        finally:
            process.terminate()
            await process.wait()


async def free_port():
    listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    return port


async def listening(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        except OSError:
            await asyncio.sleep(0.02)
    sys.exit(f"nothing listens on {port}")


# --- a server that lies --------------------------------------------------------------------------------

ECHO = ("--clients", "20", "--rate", "300/s", "--duration", "1s", "--message", r"m \{seq} \{re [a-z]{8}}")
BROADCAST = ("--clients", "20", "--expect", "broadcast", "--rate", "20/s", "--duration", "1s", "--warmup", "200ms",
             "--message", r"t=\{now_ns}; \{re [a-z]{200}}")

LIES = [  # lie, broadcast, exit code, the name it gets in the report
    ("drop", False, 3, "echo_missing"),
    ("corrupt", False, 3, "echo_differs"),
    ("opcode", False, 3, "echo_differs"),
    ("duplicate", False, 3, "echo_differs"),
    ("stall", False, 3, "echo_missing"),
    ("masked", False, 3, "websocket"),
    ("close", False, 1, "closed"),
    ("refuse", False, 4, "upgrade"),
    ("drop", True, 3, "behind"),
    ("corrupt", True, 3, "bytes_differ"),
    ("duplicate", True, 3, "repeated"),
    ("close", True, 1, "reset"),
]


async def honest():
    server = Server()
    code, result, said = await against(server, *ECHO, "-H", "X-One: 1", "-H", "X-Two: 2", "--first-message", r"I am \{seq}",
                                       "--source", "127.0.0.5-127.0.0.6")
    check("an honest echo passes", code == 0 and result["verdict"] == "pass" and result["errors"] == {}, said)
    own = [m for m in server.messages if m.startswith(b"m ")]
    check("every message has a number of its own",
          sorted(int(m.split()[1]) for m in own) == sorted({int(m.split()[1]) for m in own}) and
          len(own) == result["placed"], said)
    check("first messages carry the client's number",
          sorted(m for m in server.messages if m.startswith(b"I")) == sorted(b"I am %d" % n for n in range(1, 21)), said)
    check("masks are random", len(set(server.masks)) > len(server.masks) * 0.9 and b"\0\0\0\0" not in server.masks)
    check("header fields are sent", all("X-One: 1\r\n" in h and "X-Two: 2\r\n" in h for h in server.heads))

    check("clients come from the addresses named", server.peers == {"127.0.0.5", "127.0.0.6"}, server.peers)

    server = Server("ping")
    code, result, said = await against(server, *ECHO)
    check("a ping in two pieces is answered", code == 0 and server.pongs == [b"split"] * 20, said)
    code, result, said = await against(Server("fragments"), *ECHO)
    check("fragments with a ping between are one message", code == 0 and result["reach"] == 1, said)

    server = Server(broadcast=True)
    code, result, said = await against(server, *BROADCAST, "--senders", "4")
    stamps = [int(STAMP.search(m)[0]) for m in server.messages]
    check("an honest broadcast passes", code == 0 and result["messages"] == result["placed"] == len(stamps), said)
    check("no two times are equal, and they are Unix times",
          len(set(stamps)) == len(stamps) and all(abs(s - time.time_ns()) < 60e9 for s in stamps), stamps)
    code, result, said = await against(Server("wrap", broadcast=True), *BROADCAST)
    check("a server may wrap what it broadcasts", code == 0 and result["visible_ms"]["count"] == 20 * result["placed"], said)
    code, result, said = await against(Server(broadcast=True), *BROADCAST[:-2], push=2)
    check("a server may send by itself, also the same again", code == 0 and result["messages"] > 4, said)
    code, result, said = await against(Server("drop", broadcast=True), *BROADCAST[:-2], "--duration", "5s", push=1, settle="5s")
    check("a push that one client missed is told", code == 3 and "behind" in result["errors"] and result["reach"] < 1, said)


class Plain:
    async def connection(self, reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()


async def tls():
    with tempfile.TemporaryDirectory() as folder:
        key, cert = f"{folder}/key.pem", f"{folder}/cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_tls.load_cert_chain(cert, key)

        code, result, said = await against(Server(), *ECHO, "--ca", cert, "--first-message", "hello", tls=server_tls)
        check("an echo over TLS passes", code == 0 and result["reach"] == 1 and result["placed"] > 100, said)
        code, result, said = await against(Server(), *ECHO, "--ca", cert, "--message", r"m \{seq} \{re [a-z]{30000}}",
                                           "--rate", "60/s", tls=server_tls)
        check("messages of several TLS records come back", code == 0 and result["bytes_in"] > 1000000, said)
        code, result, said = await against(Server(broadcast=True), *BROADCAST, "--ca", cert, tls=server_tls)
        check("a broadcast over TLS passes", code == 0 and result["messages"] == result["placed"] > 5, said)
        code, result, said = await against(Server("corrupt"), *ECHO, "--ca", cert, tls=server_tls, settle="2s")
        check("a lie over TLS is told", code == 3 and "echo_differs" in result["errors"], said)
        code, result, said = await against(Server("close"), *ECHO, "--ca", cert, tls=server_tls, settle="2s")
        check("a close over TLS is told", code == 1 and "closed" in result["errors"], said)
        code, result, said = await against(Server(), *ECHO, "--insecure", tls=server_tls)
        check("--insecure takes any certificate", code == 0, said)
        code, result, said = await against(Server(), *ECHO, tls=server_tls)
        check("a certificate that nobody signed is told", code == 4 and "self-signed" in said, code, said)
        code, result, said = await against(Server(), *ECHO, "--ca", cert, tls=server_tls, origin="wss://localhost")
        check("a certificate of another host is told", code == 4 and "mismatch" in said.lower(), code, said)
        code, result, said = await against(Plain(), *ECHO, "--ca", cert, origin="wss://127.0.0.1")
        check("a server without TLS is told", code == 4 and "tls" in result["errors"], code, said)
        code, _, said = await loadgen(1, "--ca", f"{folder}/none", "--message", "x", origin="wss://127.0.0.1")
        check("certificates that cannot be read: exit 1", code == 1 and "certificates" in said, code, said)


async def main():
    await tls()
    await node()
    await lws()
    await pixeld()
    await honest()
    for lie, broadcast, exit_code, name in LIES:
        for settle in ("2s", "1m"):  # a busy machine may need longer for the others
            code, result, said = await against(Server(lie, broadcast), *(BROADCAST if broadcast else ECHO), settle=settle)
            if lie in ("stall", "refuse") or result["clients_complete"] == 19:
                break
        kind = "broadcast" if broadcast else "echo"
        check(f"the lie {lie} of {kind} is told as {name}, exit {exit_code}",
              code == exit_code and result["verdict"] == "fail" and name in result["errors"], code, said)
        check("only the victim has not everything", lie in ("stall", "refuse") or result["clients_complete"] == 19, said)

    code, _, said = await loadgen(await free_port(), "--message", "x", "--clients", "5")
    check("nobody listens: exit 4", code == 4, said)
    for wrong in (("--message", r"\{what}"), ("--expect", "echo"), ("--message", "x", "--expect", "broadcast"),
                  ("--first-answer",),
                  ("--message", r"\{now_ns}1"), ("-H", "no colon"), ("--rate", "fast"), ("word",)):
        code, _, said = await loadgen(1, *wrong)
        check(f"{' '.join(wrong)}: exit 2", code == 2, said)


if not LOADGEN.exists():
    print(f"{LOADGEN} is not built")
    sys.exit(77)
asyncio.run(main())
