"""The clients of a soak: each a thread that goes on until it is told to rest or to end."""

import asyncio
import json
import random
import threading
import time
import uuid

import websockets

from own import say
import serves

ANSWER_S = 120  # that a client waits for an answer
LONG_REST_S = 30  # after which it is told for whom the others wait
CALL_S = 170  # that a call which was accepted may take: less than its result is kept


class Traffic:
    """Starts and ends clients; rest() has them all wait between two requests."""

    def __init__(self, berth, ledger, node):
        self.berth = berth
        self.ledger = ledger
        self.over = threading.Event()
        self.runs = threading.Event()
        self.at_rest = 0
        self.lock = threading.Lock()
        self.accepted, self.done = 0, 0
        self.vanished = 0
        self.threads = []
        for turn in self.turns(node):
            self.threads.append(threading.Thread(target=self.run, args=(turn,), daemon=True))

    def turns(self, node):
        """What each client does over and over."""
        plain = [("quick", "/quick", 200), ("victim", "/victim", 200), ("frozen", "/frozen", 200), ("shelly", "/shelly", 200)]
        if node:
            plain.append(("node", "/node", 200))
        turns = [lambda plain=plain: self.once("new", *plain) for plain in plain for _ in range(2)]
        turns += [lambda: self.kept_alive("kept"), lambda: self.kept_alive("kept"), lambda: self.kept_alive("edited")]
        turns += [lambda: self.stream()] * 3
        turns += [lambda: asyncio.run(self.web_socket())] * 2
        turns += [lambda: self.once("slow", "slow", "/slow", 200, 0.1)] * 2
        turns += [lambda: self.once("too late", "late", "/late?s=20", 504, 2)]
        turns += [lambda: self.once("failing", "fails", "/fails", 500, 0.3)]
        turns += [lambda: self.once("dying", "dies", "/dies", 502, 5)]
        turns += [lambda: self.later("works"), lambda: self.later("works?fails=1")]
        turns += [lambda: self.vanish()]
        return turns

    def start(self):
        self.runs.set()
        for thread in self.threads:
            thread.start()

    def rest(self):
        """Returns when no request is under way any more, and none will be before go_on()."""
        self.runs.clear()
        began = time.monotonic()
        deadline, tell = began + CALL_S + ANSWER_S, began + LONG_REST_S
        while self.at_rest < len(self.threads):
            assert time.monotonic() < deadline, f"{len(self.threads) - self.at_rest} clients do not come to rest"
            if time.monotonic() > tell:
                say(f"not at rest after {time.monotonic() - began:.0f} s: {'; '.join(self.ledger.tell_under_way())}")
                tell += LONG_REST_S
            time.sleep(0.02)

    def go_on(self):
        self.runs.set()

    def end(self):
        self.over.set()
        self.runs.set()
        for thread in self.threads:
            thread.join(CALL_S + ANSWER_S)

    def run(self, turn):
        while not self.over.is_set():
            if not self.runs.is_set():
                with self.lock:
                    self.at_rest += 1
                self.runs.wait()
                with self.lock:
                    self.at_rest -= 1
            turn()

    # -- what they do

    def judge(self, request, answer, status):
        if answer.status == status:
            request.outcome = "ok"
            return
        request.outcome, request.detail = str(answer.status), answer.text[:200]
        try:
            request.outcome = f"{answer.status} {answer.json()['error']['reason']}"
        except (ValueError, KeyError, TypeError):
            pass

    def ask(self, kind, function, status, ask):
        """One request by `ask`, which gives its answer; the answer, or None."""
        with self.ledger.request(kind, function) as request:
            try:
                answer = ask()
                self.judge(request, answer, status)
                return answer
            except (OSError, AssertionError, ValueError) as error:
                request.outcome, request.detail = type(error).__name__, str(error)[:200]
            except Exception as error:  # http.client has many of its own
                request.outcome, request.detail = type(error).__name__, str(error)[:200]
        time.sleep(0.2)  # where nobody listens there would be thousands of them
        return None

    def once(self, kind, function, target, status, pause=0.02):
        """On a connection of its own."""
        self.ask(kind, function, status, lambda: self.berth.get(target, timeout=ANSWER_S))
        self.pause(pause)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while self.runs.is_set() and time.monotonic() < end:
            time.sleep(min(0.1, seconds))

    def kept_alive(self, function):
        """Many on one connection."""
        try:
            connection = self.berth.connect(timeout=ANSWER_S)
        except OSError as error:
            with self.ledger.request("keep-alive", function) as request:
                request.outcome = type(error).__name__
            time.sleep(0.2)
            return
        with connection:
            for number in range(200):
                body = f"body {number}"
                answer = self.ask("keep-alive", function, 200, lambda: self.talk(connection, function, body))
                if not answer or not self.runs.is_set() or answer.headers.get("Connection", "").lower() == "close":
                    return
                time.sleep(0.03)

    @staticmethod
    def talk(connection, function, body):
        connection.send(f"POST /{function} HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        answer = connection.response("POST")
        if answer.status == 200 and function == "kept":
            assert answer.text == body, f"{answer.text!r} in the place of {body!r}"
        return answer

    def stream(self):
        """Reads one to its end: as many lines as there are, in their order."""
        expected = [f"data: {number}" for number in range(serves.STREAM_LINES)]

        def read():
            answer = self.berth.get("/streams", timeout=ANSWER_S)
            lines = [line for line in answer.text.split("\n") if line]
            assert answer.status != 200 or lines == expected, f"the stream was cut after {len(lines)} lines"
            return answer

        self.ask("stream", "streams", 200, read)

    async def web_socket(self):
        address = "ws://%s:%d/sockets/socket" % self.berth.address
        with self.ledger.request("websocket", "sockets") as request:
            try:
                async with websockets.connect(address, open_timeout=ANSWER_S, close_timeout=20) as socket:
                    for number in range(20):
                        await socket.send(f"message {number}")
                        echo = await asyncio.wait_for(socket.recv(), ANSWER_S)
                        assert echo == f"message {number}", echo
                        await asyncio.sleep(0.05)
                request.outcome = "ok"
            except Exception as error:  # the library has many of its own
                request.outcome, request.detail = type(error).__name__, str(error)[:200]
        if request.outcome != "ok":
            await asyncio.sleep(0.2)

    def later(self, target):
        """A call that is done later: it is asked for until it has been accepted, and then has to be done."""
        key, body = str(uuid.uuid4()), f"piece {random.randrange(1000)}"
        headers = {"Idempotency-Key": key}
        answer = None
        while not answer or answer.status != 202:
            answer = self.ask("accept", "works", 202, lambda: self.accept(target, body, headers))
            if not answer or answer.status != 202:
                time.sleep(0.2)
            if self.over.is_set() and not answer:
                return
        with self.lock:
            self.accepted += 1
        with self.ledger.request("call", "works") as request:
            request.detail = answer.json()["id"]
            request.outcome, request.detail = self.wait_done(answer.json()["id"], f"worked on {body}")
            with self.lock:
                self.done += request.outcome == "ok"

    def accept(self, target, body, headers):
        return self.berth.post(f"/async-function/{target}", body, headers=headers, timeout=ANSWER_S)

    def wait_done(self, call, expected):
        """Looks until the call has ended. Where nobody answers for a while, that is no end of it."""
        state = "unknown"
        for deadline in (time.monotonic() + CALL_S,):
            while time.monotonic() < deadline:
                try:
                    told = self.berth.get(f"/async/{call}", timeout=ANSWER_S)
                    state = told.json()["state"] if told.status == 200 else f"{told.status}"
                    if state == "done":
                        text = self.berth.get(f"/async/{call}/result", timeout=ANSWER_S).text
                        return ("ok", "") if text == expected else ("another result", text[:200])
                    if state in ("dead", "cancelled") or told.status == 404:
                        return f"call {state}", told.text[:300]
                except Exception:  # the daemon may be on its way down or up
                    pass
                time.sleep(0.1)
        return f"call still {state}", call

    def vanish(self):
        """Goes away in the middle of a request; nobody hears what becomes of it."""
        try:
            with self.berth.connect(timeout=10) as connection:
                connection.send(random.choice((
                    "GET /quick HTTP/1.1\r\nHost: so",
                    "GET /slow?s=1 HTTP/1.1\r\nHost: soak\r\n\r\n",
                    "POST /kept HTTP/1.1\r\nHost: soak\r\nContent-Length: 100000\r\n\r\nhalf of it",
                    "GET /streams HTTP/1.1\r\nHost: soak\r\n\r\n",
                    "POST /kept HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nx",
                    "\x16\x03\x01 no HTTP at all",
                    "",
                )))
                time.sleep(random.choice((0, 0.05, 0.3)))
            self.vanished += 1
        except OSError:
            pass
        self.pause(0.3)


def told_of_schedule(berth, function):
    """What the management port says of a function's one schedule."""
    answer = berth.admin("GET", "/berth/schedules")
    return next((entry for entry in json.loads(answer.text) if entry.get("function") == function), None)
