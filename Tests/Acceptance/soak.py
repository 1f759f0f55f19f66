#!/usr/bin/env python3
"""A server at 70 % of its saturation for long: no request fails, and neither memory nor descriptors grow.

    soak.py ADAPTER-SERVER ADAPTER-CLI --minutes 60

Memory: the line through the resident sizes must rise by less than 2 % of their median or by less than 4 MB; the first
tenth of the time, and the first minute where there are two, do not count. Descriptors: with all connections closed
there must be no more at the end than before. The machine must be quiet: what else takes it makes requests fail.
"""
import argparse
import asyncio
import json
import random
import statistics
import time

import load
from load import Pool, path_of, plan, quantile, run, saturate, zipf
from served import Place, Server

ADAPTERS = 20
SHARE = 0.7


def slope(points):
    """Least squares: y per x."""
    xs, ys = zip(*points)
    x, y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a in xs)


async def settled(server):
    """The server's descriptors when no client is connected, once they stay the same."""
    last = None
    for _ in range(50):
        count = server.descriptors()
        if count == last:
            return count
        last = count
        await asyncio.sleep(0.3)
    return last


async def soak(server, place, minutes):
    names, weights = zipf(place.adapters)
    pool = Pool(server.port)
    texts = await load.tokenizer(pool)
    for name in names:
        status, _, body = await pool.ask(path_of(name), {"inputs": texts.text(20, random.Random(1))})
        assert status == 200, (name, status, body)
    budget = json.loads(server.call("/info")[1])["max_batch_tokens"]
    full = await saturate(pool, texts, names, weights, min(10, 6 * minutes), budget)
    await pool.close()
    before = await settled(server)
    end, start = time.monotonic() + 60 * minutes, time.monotonic()
    sizes, statuses, latencies, seed = [], {}, [], 0

    async def watch():
        while True:
            sizes.append((time.monotonic() - start, server.resident_bytes()))
            await asyncio.sleep(1)
    watching = asyncio.create_task(watch())
    while (left := end - time.monotonic()) > 0.5:
        seed += 1
        figures = await run(pool, plan(texts, SHARE * full.rate, min(60, left), names, weights, seed), patience=120)
        for status, count in figures.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
        latencies.append((figures.p(0.5), figures.p(0.99)))
        extra = server.descriptors() - len(pool.all)
        print(f"{(time.monotonic() - start) / 60:5.1f} min  {sizes[-1][1] / 1e6:6.1f} MB  {extra:3} own descriptors  "
              f"p50 {1000 * latencies[-1][0]:.1f} ms  p99 {1000 * latencies[-1][1]:.1f} ms  {figures.statuses}",
              flush=True)
    watching.cancel()
    await pool.close()
    after = await settled(server)
    warm = max(6 * minutes, min(60, 30 * minutes))
    kept = [point for point in sizes if point[0] > warm]
    median, span = statistics.median(size for _, size in kept), kept[-1][0] - kept[0][0]
    growth = slope(kept) * span
    print(json.dumps({
        "minutes": minutes, "statuses": statuses, "p50_ms": round(1000 * statistics.median(p[0] for p in latencies), 2),
        "p99_ms": round(1000 * max(p[1] for p in latencies), 2), "resident_mb": round(median / 1e6, 1),
        "growth_mb": round(growth / 1e6, 2), "descriptors": [before, after],
        "peak_mb": round(quantile([size for _, size in sizes], 1) / 1e6, 1)}))
    assert set(statuses) == {200}, f"requests failed: {statuses}"
    assert growth < max(0.02 * median, 4e6), f"resident memory rises by {growth / 1e6:.1f} MB in {span:.0f} s"
    assert after <= before, f"{before} descriptors before, {after} after"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server")
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", help="a base model's folder, in place of the shipped one")
    given = parser.parse_args()
    place = Place(given.program, given.model).fill(ADAPTERS)
    try:
        with Server(given.server, place) as server:
            asyncio.run(soak(server, place, given.minutes))
    finally:
        place.remove()


if __name__ == "__main__":
    main()
