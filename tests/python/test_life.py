"""Slots, redialling, signals, output."""
import textwrap
import threading
import time

import pytest

KINDS = pytest.mark.parametrize("prefix", ["", "async "], ids=["plain", "async"])

# Nobody is answered before so many requests are at work together.
MEETING = {
    "": """
        import threading
        condition = threading.Condition()
        present = 0
        def handle(request):
            global present
            with condition:
                present += 1
                condition.notify_all()
                met = condition.wait_for(lambda: present == int(request.path[1:]), 10)
            return "met" if met else "waited in vain"
    """,
    "async ": """
        import asyncio
        met = asyncio.Event()
        present = 0
        async def handle(request):
            global present
            present += 1
            if present == int(request.path[1:]):
                met.set()
            await asyncio.wait_for(met.wait(), 10)
            return "met"
    """,
}


@KINDS
@pytest.mark.parametrize("count", [1, 2, 16])
def test_concurrency_is_honoured_exactly(host, prefix, count):
    connections = [host.serve(MEETING[prefix], concurrency=count)] + [host.accept() for _ in range(count - 1)]
    host.listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        host.accept()
    for connection in connections:
        connection.send(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % count)
    assert [connection.response().text for connection in connections] == ["met"] * count


@KINDS
def test_dropped_idle_connection_is_dialled_again(host, prefix):
    connection = host.serve(f"{prefix}def handle(request):\n    return 'ok'\n", concurrency=2)
    second = host.accept()
    connection.close()
    third = host.accept()
    assert second.request().text == third.request().text == "ok"


@KINDS
def test_restarted_host_finds_the_instance_again(host, prefix):
    connection = host.serve(f"print('load')\n{prefix}def handle(request):\n    return 'ok'\n", concurrency=3)
    others = [host.accept() for _ in range(2)]
    host.stop_listening()
    for one in [connection, *others]:
        one.close()
    time.sleep(0.3)
    host.listen()
    back = [host.accept() for _ in range(3)]
    assert host.init(back[0], concurrency=3).status == 200
    assert [one.request().text for one in back] == ["ok"] * 3
    assert host.log().count("load") == 1


@KINDS
def test_a_host_that_accepts_and_closes_is_not_hammered(host, prefix):
    connection = host.serve(f"{prefix}def handle(request):\n    return 'ok'\n")
    connection.close()
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < 0.5:
        host.accept().close()
        count += 1
    assert count < 12


def test_runner_waits_for_the_host(host):
    host.stop_listening()
    host.write("def handle(request):\n    return 'ok'\n")
    host.start()
    time.sleep(0.1)
    host.listen()
    connection = host.accept()
    assert host.init(connection).status == 200


@KINDS
def test_sigterm_when_idle(host, prefix):
    host.serve("import atexit\natexit.register(print, 'farewell')\n"
               f"{prefix}def handle(request):\n    return 'ok'\n", concurrency=4)
    for _ in range(3):
        host.accept().request()
    assert host.terminate() == 0
    assert "farewell" in host.log() and "Traceback" not in host.log()


@KINDS
def test_sigterm_finishes_what_runs(host, prefix):
    wait = "await asyncio.sleep(0.01)" if prefix else "time.sleep(0.01)"
    connection = host.serve(f"""
        import asyncio, atexit, os, time
        atexit.register(print, "farewell")
        {prefix}def handle(request):
            print("running")
            while not os.path.exists("go"):
                {wait}
            return "finished"
    """, concurrency=2)
    second = host.accept()
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    host.wait_log("running")
    host.processes[-1].terminate()
    assert second.closed()
    assert host.processes[-1].poll() is None
    (host.folder / "go").touch()
    assert connection.response().text == "finished"
    assert host.processes[-1].wait(10) == 0
    assert "farewell" in host.log() and "Traceback" not in host.log()


@KINDS
def test_sigterm_while_dialling(host, prefix):
    connection = host.serve(f"{prefix}def handle(request):\n    return 'ok'\n")
    host.stop_listening()
    connection.close()
    time.sleep(0.2)
    assert host.terminate() == 0
    host.listen()


@KINDS
def test_sigterm_that_another_thread_takes(host, prefix):
    """It ends no wait of the main thread by itself, like one that comes just before the wait."""
    connection = host.serve(f"""
        import os, signal, threading, time
        def take():
            while not os.path.exists("go"):
                time.sleep(0.01)
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        {prefix}def handle(request):
            threading.Thread(target=take).start()
            return "ok"
    """)
    assert connection.request().text == "ok"
    (host.folder / "go").touch()
    assert host.processes[-1].wait(10) == 0


def test_sigterm_before_init(host):
    host.start()
    host.accept()
    assert host.terminate() == 0


def test_sigterm_while_loading(host):
    host.write("import time\nprint('loading')\ntime.sleep(60)\n")
    host.start()
    connection = host.accept()
    connection.send(b"")
    threading.Thread(target=lambda: pytest.raises(EOFError, host.init, connection), daemon=True).start()
    host.wait_log("loading")
    assert host.terminate() == 0


def test_output_is_line_buffered(host):
    host.serve("import sys\nprint('out line')\nsys.stderr.write('err line\\n')\n"
               "def handle(request):\n    return 'ok'\n")
    host.wait_log("out line")
    host.wait_log("err line")


def test_globals_last_as_long_as_the_instance(host):
    connection = host.serve("""
        import itertools
        numbers = itertools.count(1)
        async def handle(request):
            return {"number": next(numbers)}
    """, concurrency=2)
    second = host.accept()
    assert [one.request().json()["number"] for one in (connection, second, connection)] == [1, 2, 3]


def test_context_variables_do_not_leak_between_requests(host):
    connection = host.serve("""
        import contextvars
        seen = contextvars.ContextVar("seen", default="nothing")
        async def handle(request):
            before = seen.get()
            seen.set("something")
            return before
    """)
    assert [connection.request().text for _ in range(3)] == ["nothing"] * 3


def test_context_variables_of_plain_requests_do_not_leak(host):
    connection = host.serve("""
        import contextvars
        kept = contextvars.ContextVar("kept")
        kept.set("by loading")
        seen = contextvars.ContextVar("seen", default="nothing")
        def stream(before):
            seen.set("something")
            yield before + " " + kept.get()
        def handle(request):
            before = seen.get()
            if request.path == "/stream":
                return stream(before)
            seen.set("something")
            return before + " " + kept.get()
    """)
    for target in ("/", "/stream", "/", "/stream", "/"):
        assert connection.request(target=target).text == "nothing by loading"


@pytest.mark.parametrize("head, call", [
    ("import asyncio", "asyncio.get_event_loop().run_until_complete(work())"),
    ("", "__import__('asyncio').run(work())"),
    ("from asyncio import get_event_loop", "get_event_loop().run_until_complete(work())"),
    ("import asyncio", "[asyncio.run(work()), asyncio.get_event_loop().run_until_complete(work())][1]"),
    ("import asyncio", "[asyncio.get_event_loop().run_until_complete(work()), asyncio.get_event_loop().close()][0]"),
    ("import asyncio\nasyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
     "asyncio.get_event_loop().run_until_complete(work())"),
])
def test_event_loop_of_a_plain_handler(host, head, call):
    connection = host.serve(f"{head}\n" + textwrap.dedent(f"""
        async def work():
            import asyncio
            await asyncio.sleep(0)
            return "worked"

        def handle(request):
            return {call}
    """), concurrency=2)
    for one in (connection, host.accept()) * 3:
        assert one.request().text == "worked"


def test_a_thread_of_the_function_has_no_loop_of_a_slot(host):
    connection = host.serve("""
        import asyncio, concurrent.futures
        def handle(request):
            asyncio.get_event_loop()
            with concurrent.futures.ThreadPoolExecutor() as pool:
                return type(pool.submit(asyncio.get_event_loop).exception()).__name__
    """)
    assert connection.request().text == "RuntimeError"


def test_async_handler_has_a_loop_and_a_task_from_its_first_step(host):
    connection = host.serve("""
        import asyncio
        async def side(out):
            out.append("side")
        async def handle(request):
            out = [asyncio.current_task() is not None, asyncio.get_running_loop().is_running()]
            async with asyncio.timeout(5):
                task = asyncio.create_task(side(out))
                await task
            await asyncio.wait_for(asyncio.sleep(0.001), 1)
            await asyncio.gather(side(out), side(out))
            out.append(await asyncio.to_thread(lambda: "thread"))
            return out
    """)
    for _ in range(3):
        assert connection.request().json() == [True, True, "side", "side", "side", "thread"]


def test_task_left_running_goes_on_between_requests(host):
    connection = host.serve("""
        import asyncio
        ticks = 0
        async def tick():
            global ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.005)
        task = None
        async def handle(request):
            global task
            if task is None:
                task = asyncio.create_task(tick())
            return {"ticks": ticks}
    """)
    before = connection.request().json()["ticks"]
    time.sleep(0.2)
    assert connection.request().json()["ticks"] > before + 5
    assert host.terminate() == 0


def test_blocked_handler_does_not_hold_up_other_slots(host):
    connection = host.serve("""
        import os, time
        def handle(request):
            while request.path == "/slow" and not os.path.exists("go"):
                time.sleep(0.01)
            return request.path
    """, concurrency=2)
    second = host.accept()
    connection.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(20):
        assert second.request(target="/quick").text == "/quick"
    (host.folder / "go").touch()
    assert connection.response().text == "/slow"


def test_random_load_over_many_slots(host):
    """Every response belongs to its request, whatever the order in which slots are used."""
    first = host.serve("""
        import asyncio, random
        async def handle(request):
            body = await request.body()
            if random.random() < 0.5:
                await asyncio.sleep(random.random() * 0.01)
            return body
    """, concurrency=8)
    connections = [first] + [host.accept() for _ in range(7)]
    failures = []

    def drive(number, connection):
        for step in range(200):
            body = f"{number}:{step}".encode() * (step * 20 + 1)
            if connection.request("POST", "/", body).body != body:
                failures.append((number, step))

    threads = [threading.Thread(target=drive, args=pair) for pair in enumerate(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


WORKS = {
    "thread": """
        import threading
        def handle(request):
            threading.Thread(target=work, daemon=request.path == "/daemon").start()
    """,
    "timer": """
        import threading
        def handle(request):
            threading.Timer(0.01, work).start()
    """,
    "background of a plain handler": """
        from starlette.background import BackgroundTask
        from starlette.responses import Response
        def handle(request):
            return Response(b"", 204, background=BackgroundTask(work))
    """,
    "background of an async handler": """
        from starlette.background import BackgroundTask
        from starlette.responses import Response
        async def handle(request):
            return Response(b"", 204, background=BackgroundTask(work))
    """,
    "task": """
        import asyncio
        async def handle(request):
            handle.task = asyncio.create_task(asyncio.to_thread(work))
    """,
    "task that sleeps": """
        import asyncio
        async def until_it_may_end():
            print("begun")
            while not os.path.exists("go"):
                await asyncio.sleep(0.01)
        async def handle(request):
            handle.task = asyncio.create_task(until_it_may_end())
    """,
    "pool": """
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(2)
        pool.submit(int).result()
        def handle(request):
            pool.submit(work)
    """,
}


WORK = """
import os, time

def work():
    print("begun")
    while not os.path.exists("go"):
        time.sleep(0.01)
"""


def is_working(host, connection):
    answer = host.init(connection)
    assert answer.status == 200
    return answer.json().get("working", False)


@pytest.mark.parametrize("kind", WORKS)
def test_the_host_learns_whether_something_still_works(host, kind):
    connection = host.serve(WORK + textwrap.dedent(WORKS[kind]))
    assert not is_working(host, connection)
    assert connection.request().status == 204
    host.wait_log("begun")
    assert is_working(host, connection)
    (host.folder / "go").touch()
    deadline = time.monotonic() + 20
    while is_working(host, connection):
        assert time.monotonic() < deadline


def test_helpers_that_wait_for_work_do_not_count(host):
    connection = host.serve("""
        import asyncio, queue, threading
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route

        jobs = queue.Queue()
        threading.Thread(target=jobs.get, daemon=True).start()
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()

        def in_a_thread(request):
            return PlainTextResponse("x")

        app = Starlette(routes=[Route("/", in_a_thread)])
    """, runtime={"file": "main.py", "attribute": "app"})
    assert connection.request().text == "x"
    deadline = time.monotonic() + 20
    while is_working(host, connection):
        assert time.monotonic() < deadline
