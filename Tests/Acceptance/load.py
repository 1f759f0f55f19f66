#!/usr/bin/env python3
"""An open-loop load generator: every moment of sending is planned before the first request.

    load.py http://127.0.0.1:8080 --rate 100 --seconds 20 --adapters debian-section,debian-facets
    load.py http://127.0.0.1:8080 --rate 100 --seconds 20 --adapters debian-section --loadgen 3

A latency is the end of the answer minus the planned moment, so a server that stalls pays for all whom it kept waiting.
Arrivals are Poisson, lengths log-normal (median 37 tokens, mean 45, at most 256), adapters are drawn by Zipf's law.
With --loadgen ROUNDS the Server scenario of mlcommons-loadgen sends the same requests through the same connections, in
turn with our own, and both must agree within 10 %.
"""
import argparse
import asyncio
import itertools
import json
import math
import os
import pathlib
import random
import re
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import deque
from dataclasses import dataclass, field

MEDIAN_TOKENS, MEAN_TOKENS, MOST_TOKENS = 37, 45, 256
WORDS = """a about after all also and any are as at be because been before between both but by can could day did do each
even first for from get good had has have he her him his how if in into is it its know last life like little long made
make man many may me more most much must my never new no not now of old on one only or other our out over own people
said same see she should so some state still such take than that the their them then there these they this those three
time to two under up us used very was way we well were what when where which while who will with work world would year
you your""".split()


@dataclass(slots=True)
class Planned:
    moment: float
    adapter: str
    tokens: int
    body: bytes


@dataclass(slots=True)
class Answered:
    planned: float
    sent: float
    end: float
    status: int
    tokens: int
    adapter: str

    @property
    def latency(self):
        return self.end - self.planned


class Texts:
    """Texts of a given number of tokens, made of words that are one token each."""

    def __init__(self, tokenize):
        """tokenize(texts) gives the number of tokens of each, [CLS] and [SEP] counted."""
        counts = itertools.chain(*(tokenize(WORDS[first:first + 32]) for first in range(0, len(WORDS), 32)))
        self.words = [word for word, count in zip(WORDS, counts) if count == 3]
        assert len(self.words) >= 10, f"the tokenizer has only {len(self.words)} of our words as single tokens"

    def text(self, tokens, source):
        return " ".join(source.choices(self.words, k=max(1, tokens - 2)))


def length(source):
    """A number of tokens."""
    deviation = math.sqrt(2 * math.log(MEAN_TOKENS / MEDIAN_TOKENS))
    return min(MOST_TOKENS, max(3, round(source.lognormvariate(math.log(MEDIAN_TOKENS), deviation))))


def zipf(names):
    """The names with weights 1, 1/2, 1/3, ..."""
    return names, [1 / rank for rank in range(1, len(names) + 1)]


def plan(texts, rate, seconds, names, weights=None, seed=1):
    """Requests of a Poisson process; lengths, adapters and moments have random streams of their own."""
    moments, lengths, adapters, words = (
        random.Random(f"{seed} {part}") for part in ("moments", "lengths", "adapters", "words"))
    planned, moment = [], moments.expovariate(rate)
    while moment < seconds:
        tokens = length(lengths)
        body = json.dumps({"inputs": texts.text(tokens, words)}).encode()
        planned.append(Planned(moment, adapters.choices(names, weights)[0], tokens, body))
        moment += moments.expovariate(rate)
    return planned


class Connection(asyncio.Protocol):
    """One connection that is kept alive, with one request at a time."""

    def __init__(self, pool):
        self.pool, self.buffer, self.waiter, self.transport = pool, b"", None, None
        self.needed = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        if self.needed is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            found = re.search(rb"\r\ncontent-length: *(\d+)", self.buffer[:end].lower())
            self.needed = end + 4 + int(found[1] if found else 0)
            self.head = self.buffer[:end]
        if len(self.buffer) >= self.needed and self.waiter:
            head, body = self.head, self.buffer[len(self.head) + 4:self.needed]
            waiter, self.waiter, self.buffer, self.needed = self.waiter, None, b"", None
            if b"connection: close" in head.lower():
                self.transport.close()
            else:
                self.pool.idle.append(self)
            waiter(int(head[9:12]), head, body)

    def connection_lost(self, _):
        self.pool.all.discard(self)
        if self in self.pool.idle:
            self.pool.idle.remove(self)
        if self.waiter:
            waiter, self.waiter = self.waiter, None
            waiter(0, b"", b"")

    def send(self, request, waiter):
        self.waiter = waiter
        self.transport.write(request)


class Pool:
    """As many connections as requests are on their way."""

    def __init__(self, port, host="127.0.0.1"):
        self.host, self.port, self.idle, self.all = host, port, deque(), set()

    def request(self, path, body):
        return (f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def send(self, request, waiter):
        """waiter(status, head, body) is called at the end; status 0 is a connection that broke."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                return connection.send(request, waiter)
        asyncio.get_running_loop().create_task(self.open(request, waiter))

    async def open(self, request, waiter):
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), self.host, self.port)
        except OSError:
            return waiter(0, b"", b"")
        self.all.add(connection)
        connection.send(request, waiter)

    async def ask(self, path, body):
        future = asyncio.get_running_loop().create_future()
        self.send(self.request(path, body if isinstance(body, bytes) else json.dumps(body).encode()),
                  lambda *answer: future.done() or future.set_result(answer))
        return await future

    async def close(self):
        for connection in list(self.all):
            connection.transport.close()
        await asyncio.sleep(0.05)


def tokens_of(head):
    found = re.search(rb"\r\nx-compute-tokens: *(\d+)", head.lower())
    return int(found[1]) if found else 0


def path_of(adapter):
    return f"/a/{urllib.parse.quote(adapter, safe='')}/predict"


async def run(pool, planned, patience=60):
    """Sends what is planned when it is planned, and gives the answers and the run's figures."""
    answers, finished = [], asyncio.Event()
    requests = [pool.request(path_of(one.adapter), one.body) for one in planned]
    start, cpu = time.monotonic() + 0.05, time.process_time()

    def begin(one, request):
        sent = time.monotonic() - start

        def end(status, head, _):
            now = time.monotonic() - start
            answers.append(Answered(one.moment, sent, now, status, tokens_of(head), one.adapter))
            if len(answers) == len(planned):
                finished.set()
        pool.send(request, end)

    def send():
        for one, request in zip(planned, requests):
            time.sleep(max(0, start + one.moment - time.monotonic()))
            loop.call_soon_threadsafe(begin, one, request)
    # A thread of its own keeps the moments: the event loop's own timers are a millisecond coarse.
    loop = asyncio.get_running_loop()
    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    if planned:
        await asyncio.wait_for(finished.wait(), planned[-1].moment + patience)
    sending.join()
    return Figures(answers, time.monotonic() - start, time.process_time() - cpu)


async def saturate(pool, texts, names, weights, seconds, budget, seed=1):
    """What the server answers at most: a closed loop of clients whose texts fill three passes of `budget` tokens.

    The first fifth of the time does not count, nor does the end, when clients leave.
    """
    width = max(8, 3 * budget // MEAN_TOKENS)
    requests = plan(texts, 4000, 2, names, weights, seed)
    answers, turn, start, first, cpu = [], itertools.cycle(requests), time.monotonic(), seconds / 5, [0.0, 0.0]

    async def clock():
        for place, moment in enumerate((first, seconds)):
            await asyncio.sleep(start + moment - time.monotonic())
            cpu[place] = time.process_time()

    async def client():
        while time.monotonic() - start < seconds:
            one = next(turn)
            sent = time.monotonic() - start
            status, head, _ = await pool.ask(path_of(one.adapter), one.body)
            end = time.monotonic() - start
            assert status in (200, 429), status
            if first <= end < seconds:
                answers.append(Answered(sent, sent, end, status, tokens_of(head), one.adapter))
            if status == 429:
                await asyncio.sleep(0.1)
    await asyncio.gather(clock(), *(client() for _ in range(width)))
    return Figures(answers, seconds - first, cpu[1] - cpu[0])


def quantile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


@dataclass
class Figures:
    answers: list
    seconds: float
    cpu: float
    statuses: dict = field(init=False)

    def __post_init__(self):
        self.statuses = {}
        for one in self.answers:
            self.statuses[one.status] = self.statuses.get(one.status, 0) + 1

    def latencies(self, status=200, wanted=lambda _: True):
        return [one.latency for one in self.answers if one.status == status and wanted(one)]

    def p(self, share, **which):
        return quantile(self.latencies(**which), share)

    @property
    def rate(self):
        return self.statuses.get(200, 0) / self.seconds

    @property
    def tokens_per_second(self):
        return sum(one.tokens for one in self.answers if one.status == 200) / self.seconds

    @property
    def lag(self):
        """How late requests were sent, at most 1 of 100."""
        return quantile([one.sent - one.planned for one in self.answers], 0.99)

    def summary(self):
        return {
            "statuses": self.statuses, "requests_per_second": round(self.rate, 1),
            "tokens_per_second": round(self.tokens_per_second),
            **{name: round(1000 * self.p(share), 2) for name, share in (
                ("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999))},
            "sent_late_p99_ms": round(1000 * self.lag, 2), "generator_cpu": round(self.cpu / self.seconds, 3)}


async def tokenizer(pool):
    """The texts for a server, by its own tokenizer."""
    counts = {}
    for first in range(0, len(WORDS), 32):
        part = WORDS[first:first + 32]
        status, _, body = await pool.ask("/tokenize", {"inputs": part})
        assert status == 200, body
        counts.update(zip(part, (len(tokens) for tokens in json.loads(body))))
    return Texts(lambda words: [counts[word] for word in words])


# LoadGen

async def loadgen(pool, planned, rate, seconds, seed):
    """The Server scenario of mlcommons-loadgen: its moments, our requests; percentiles of latency in seconds."""
    import mlperf_loadgen as lg

    loop = asyncio.get_running_loop()
    requests = [pool.request(path_of(one.adapter), one.body) for one in planned]
    failed = []

    def begin(samples):
        for number, index in samples:
            def end(status, _head, _body, number=number):
                if status != 200:
                    failed.append(status)
                lg.QuerySamplesComplete([lg.QuerySampleResponse(number, 0, 0)])
            pool.send(requests[index], end)

    def issue(samples):
        loop.call_soon_threadsafe(begin, [(sample.id, sample.index) for sample in samples])

    settings = lg.TestSettings()
    settings.scenario, settings.mode = lg.TestScenario.Server, lg.TestMode.PerformanceOnly
    settings.server_target_qps, settings.server_target_latency_ns = rate, 10_000_000_000
    settings.min_duration_ms, settings.min_query_count = int(seconds * 1000), len(planned)
    settings.max_query_count = len(planned)
    settings.schedule_rng_seed = settings.sample_index_rng_seed = settings.qsl_rng_seed = seed
    settings.performance_issue_unique = True
    with tempfile.TemporaryDirectory() as folder:
        log = lg.LogSettings()
        log.log_output.outdir, log.log_output.copy_summary_to_stdout = folder, False
        suite = lg.ConstructSUT(issue, lambda: None)
        library = lg.ConstructQSL(len(planned), len(planned), lambda _: None, lambda _: None)
        thread = threading.Thread(
            target=lg.StartTestWithLogSettings, args=(suite, library, settings, log, "no-audit.config"))
        thread.start()
        while thread.is_alive():
            await asyncio.sleep(0.05)
        lg.DestroyQSL(library)
        lg.DestroySUT(suite)
        text = pathlib.Path(folder, "mlperf_log_summary.txt").read_text()
    assert not failed, failed
    return {share: int(re.search(rf"{name} percentile latency \(ns\)\s*: (\d+)", text)[1]) / 1e9
            for share, name in ((0.5, "50.00"), (0.99, "99.00"), (0.999, "99.90"))}


async def agreement(pool, texts, rate, seconds, names, weights, rounds):
    """Medians of the percentiles over rounds of each generator, in turn: [(name, ours, LoadGen's)], in seconds."""
    own, other = [], []
    for seed in range(1, rounds + 1):
        planned = plan(texts, rate, seconds, names, weights, seed)
        figures = await run(pool, planned)
        own.append({share: figures.p(share) for share in (0.5, 0.99)})
        other.append(await loadgen(pool, planned, rate, seconds, seed))
    return [(f"p{round(100 * share)}", *(statistics.median(one[share] for one in part) for part in (own, other)))
            for share in (0.5, 0.99)]


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=50, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--adapters", required=True, help="names, the most used first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processor", type=int, help="the processor that the generator runs on")
    parser.add_argument("--loadgen", type=int, metavar="ROUNDS", help="compares with mlcommons-loadgen")
    given = parser.parse_args()
    if given.processor is not None:
        os.sched_setaffinity(0, {given.processor})
    url = urllib.parse.urlsplit(given.url)
    pool = Pool(url.port or 80, url.hostname)
    texts = await tokenizer(pool)
    names, weights = zipf(given.adapters.split(","))
    for name in names:
        status, _, body = await pool.ask(path_of(name), {"inputs": texts.text(16, random.Random(0))})
        assert status == 200, (name, status, body)
    if given.loadgen:
        rows = await agreement(pool, texts, given.rate, given.seconds, names, weights, given.loadgen)
        for name, own, other in rows:
            print(json.dumps({"percentile": name, "own_ms": round(1000 * own, 2), "loadgen_ms": round(1000 * other, 2),
                              "ratio": round(own / other, 3)}))
        sys.exit(any(abs(own / other - 1) > 0.1 for _, own, other in rows))
    figures = await run(pool, plan(texts, given.rate, given.seconds, names, weights, given.seed))
    print(json.dumps(figures.summary()))
    await pool.close()
    sys.exit(set(figures.statuses) != {200})


if __name__ == "__main__":
    asyncio.run(main())
