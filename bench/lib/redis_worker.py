"""A worker in Python on a list of Redis: redis_worker.py PORT takes every entry of `work` and prints how many a second.

As safe as Berth's deliveries: an entry moves to a second list while it is worked on, and goes from there in the same
transaction that stores its result."""
import sys
import time

import redis


def handle(body):
    return b"<h1>Hello from Berth</h1>\n" if body else b""


def main():
    client = redis.Redis(port=int(sys.argv[1]))
    done, began = 0, time.monotonic()
    while (body := client.lmove("work", "under-way", "LEFT", "RIGHT")) is not None:
        with client.pipeline(transaction=True) as pipe:
            pipe.set(f"result-{done}", handle(body), ex=3600)
            pipe.lrem("under-way", 1, body)
            pipe.execute()
        done += 1
    print(done / (time.monotonic() - began))


main()
