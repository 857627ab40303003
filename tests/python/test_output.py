"""Standard output and error: whole lines, marked with their request."""
import pytest


def test_lines_carry_the_request(host):
    connection = host.serve("""
        import sys, threading
        print("loading")

        def handle(request):
            print("one", "two")
            sys.stderr.write("to stderr\\n")
            print("a\\nb")
            thread = threading.Thread(target=print, args=("of no request",))
            thread.start()
            thread.join()
            return "x"
        """)
    connection.request()
    host.wait_log("of no request\n")
    lines = host.raw_log().split("\n")
    assert lines[0] == "loading"
    mark = "\x1erequest-1\x1e"
    assert {mark + "one two", mark + "to stderr", mark + "a", mark + "b", "of no request"} <= set(lines)


def test_requests_side_by_side(host):
    first = host.serve("""
        import asyncio
        gate = asyncio.Event()

        async def handle(request):
            print("begin ", end="")
            if request.path == "/wait":
                await gate.wait()
            gate.set()
            await asyncio.to_thread(print, "end of", request.path)
        """, concurrency=2)
    second = host.accept()
    second.send(b"GET /wait HTTP/1.1\r\nHost: x\r\nX-Request-Id: second\r\n\r\n")
    assert second.quiet()
    assert first.request(target="/go").status == second.response().status == 204
    host.wait_log("end of /wait")
    lines = host.raw_log().split("\n")
    assert "\x1erequest-1\x1ebegin end of /go" in lines and "\x1esecond\x1ebegin end of /wait" in lines


def test_line_without_an_end_is_written_at_the_end(host):
    connection = host.serve("def handle(request):\n    print('no end', end='')\n")
    connection.request()
    assert host.terminate() == 0
    assert host.raw_log() == "\x1erequest-1\x1eno end\n"


def test_line_without_an_end_is_written_when_it_is_flushed(host):
    connection = host.serve("""
        import sys
        print("loading", end=" ", flush=True)
        print("on")

        def handle(request):
            print("no", end=" ")
            print("end", end=" ", flush=True)
            sys.stdout.flush()
            print("yet")
        """)
    connection.request()
    host.wait_log("yet")
    assert host.raw_log() == "loading \x1e\non\n\x1erequest-1\x1eno end \x1e\n\x1erequest-1\x1eyet\n"


def test_streams_are_usual_text_files_otherwise(host):
    connection = host.serve(r"""
        import sys

        def handle(request):
            sys.stdout.buffer.write(b"bytes\n")
            sys.stdout.writelines(["x\n", "y\n"])
            print("\ud800 lone", "z" * 200000, end="")
            return [sys.stdout.fileno(), sys.stdout.encoding, sys.stdout.writable(), sys.stdout.write("abc\n")]
        """)
    assert connection.request().json() == [1, "utf-8", True, 4]
    host.wait_log("abc\n")
    assert "bytes\n" in host.log() and "\\ud800 lone zzz" in host.log()


def test_traceback_carries_the_request(host):
    connection = host.serve("def handle(request):\n    raise ValueError('on purpose')\n")
    connection.request()
    host.wait_log("on purpose")
    assert "\x1erequest-1\x1eValueError: on purpose" in host.raw_log().split("\n")


@pytest.mark.parametrize("environment", [{}, {"BERTH_PREWARMED": "1"}], ids=["cold", "prewarmed"])
def test_the_level_of_a_logger_is_all_that_its_lines_need(host, environment):
    host.write("""
        import logging
        log = logging.getLogger()
        log.info("too early")
        log.setLevel(logging.INFO)
        log.info("while loading")
        log.debug("never")

        def handle(request):
            log.info("seen by info")
            logging.getLogger("part").warning("a warning")
    """)
    host.start(**environment)
    connection = host.accept()
    assert host.init(connection).status == 200
    assert connection.request().status == 204
    host.wait_log("a warning")
    assert host.log().split() == "while loading seen by info a warning".split()


def test_a_handler_of_the_function_is_the_only_one(host):
    connection = host.serve("""
        import logging
        logging.basicConfig(level=logging.INFO, format="mine: %(message)s")

        def handle(request):
            logging.info("once")
    """)
    connection.request()
    host.wait_log("mine: once")
    assert host.log().count("once") == 1
