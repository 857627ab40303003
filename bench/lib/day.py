"""The calls of a day: many functions, few of them popular (Zipf), each with times with calls and times without, fewer at night.
From a seeded generator, so that the same numbers give the same day."""
import math
import random

ON_H, OFF_H = 1 / 3, 2.0  # mean lengths of a function's times with and without calls, in hours
ZIPF = 1.1
NIGHT = 0.2  # how often times with calls begin then, as a share of those at noon


def activity(hour):
    """Between NIGHT and 1: most at two in the afternoon, least at two in the night."""
    return NIGHT + (1 - NIGHT) * (1 + math.cos((hour - 14) / 24 * 2 * math.pi)) / 2


def times_on(rng):
    """[(from, to)] in hours: when one function has calls."""
    found, now = [], rng.expovariate(1 / OFF_H)
    while now < 24:
        end = now + rng.expovariate(1 / ON_H)
        found.append((now, min(end, 24)))
        now = end + rng.expovariate(activity(end % 24) / OFF_H)
    return found


def expected_on_h():
    """For how many hours of the day a function has calls, on average."""
    mean_activity = sum(activity(hour) for hour in range(24)) / 24
    return 24 * ON_H / (ON_H + OFF_H / mean_activity)


def arrivals(seed, functions, seconds, calls):
    """[(when, function)] in order, about so many, of a day that is `seconds` long; functions are numbers, 0 the most popular."""
    rng = random.Random(seed)
    weights = [1 / rank ** ZIPF for rank in range(1, functions + 1)]
    found = []
    for number, weight in enumerate(weights):
        rate = calls * weight / sum(weights) / expected_on_h()  # an hour, while it is called
        for begin, end in times_on(rng):
            due = begin  # it is a call that begins such a time
            while due < end:
                found.append((due / 24 * seconds, number))
                due += rng.expovariate(rate)
    return sorted(found)
