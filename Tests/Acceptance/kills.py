#!/usr/bin/env python3
"""Kills a server again and again while adapters come and go; after each kill everything is whole.

    kills.py ADAPTER-SERVER ADAPTER-CLI --rounds 200

In each round the program adds and removes registered adapters, the admin routes load and unload one, and requests are
answered, until the server gets SIGKILL at a random moment; in every other round the running program gets it, too. Then
`repair` must find nothing that it cannot mend, `verify` nothing at all, the registry must list what a finished command
left, and a new server must start, list the same names and give the same answer as before.
"""
import argparse
import http.client
import json
import random
import subprocess
import threading
import time
import urllib.parse

from served import SHIPPED, TOKEN, Place, Server

TEXT = "a library for reading pdf files"


class Changes(threading.Thread):
    """Adds and removes adapters with the program until it is told to stop; knows what must be there then."""

    def __init__(self, place, present, seed):
        super().__init__(daemon=True)
        self.place, self.present, self.source = place, set(present), random.Random(seed)
        self.stops, self.running, self.unsure, self.count, self.error = False, None, None, 0, None

    def run(self):
        while not self.stops:
            name = f"passing-{self.source.randrange(6)}"
            adds = name not in self.present
            words = ["remove", name, "--yes"]
            if adds:
                words = ["add", name, "--config", "lora[r=4]", "--head", "classification", "--labels", "no,yes"]
            self.running = subprocess.Popen(
                [self.place.program, *words, "--registry", str(self.place.registry)], cwd=self.place.folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            _, said = self.running.communicate()
            if self.running.returncode == 0:
                self.present ^= {name}
                self.count += 1
            elif self.running.returncode == -9:
                self.unsure = name
                return
            else:
                self.error = f"{' '.join(words)}: {said}"
                return

    def end(self, kills):
        self.stops = True
        if kills and self.running and self.running.poll() is None:
            self.running.kill()
        self.join(60)
        assert not self.is_alive() and self.error is None, self.error


class Callers(threading.Thread):
    """Loads, unloads and requests until the server is gone."""

    def __init__(self, server, expected, seed):
        super().__init__(daemon=True)
        self.server, self.expected, self.source = server, expected, random.Random(seed)
        self.count, self.error = 0, None

    def run(self):
        body = {"lora_name": "visitor", "lora_path": SHIPPED[0], "load_inplace": True}
        while True:
            try:
                for path, sent, token, right in (
                    ("/v1/load_lora_adapter", body, TOKEN, None),
                    ("/a/visitor/predict", {"inputs": TEXT}, None, self.expected),
                    (f"/a/passing-{self.source.randrange(6)}/predict", {"inputs": TEXT}, None, None),
                    ("/v1/unload_lora_adapter", {"lora_name": "visitor"}, TOKEN, None),
                    (f"/a/{SHIPPED[0]}/predict", {"inputs": TEXT}, None, self.expected),
                ):
                    status, answer = self.server.call(path, sent, token)
                    self.count += 1
                    # An adapter that is just being removed or not there is unknown.
                    allowed = (200, 404) if "passing" in path else (200,)
                    if status not in allowed or right and json.loads(answer) != right:
                        self.error = f"{path}: {status} {answer}"
                        return
            except (OSError, http.client.HTTPException, ValueError) as error:
                # Refused, cut or empty: right only for a server that is gone.
                time.sleep(0.5)
                if self.server.process.poll() is None:
                    self.error = repr(error)
                return


def names(place):
    return {item["name"] for item in json.loads(place.cli("list", "--json").stdout)}


def rounds(server, place, count, seed):
    source = random.Random(seed)
    present, changes, calls, mended = set(), 0, 0, 0
    server.start()
    expected = json.loads(server.call(f"/a/{SHIPPED[0]}/predict", {"inputs": TEXT})[1])
    for number in range(1, count + 1):
        kills_program = number % 2 == 0
        changing, calling = Changes(place, present, source.random()), Callers(server, expected, source.random())
        changing.start()
        calling.start()
        time.sleep(source.uniform(0.05, 0.8))
        assert server.process.poll() is None, "the server ended by itself"
        server.kill()
        changing.end(kills_program)
        calling.join(60)
        assert not calling.is_alive() and calling.error is None, calling.error
        changes, calls = changes + changing.count, calls + calling.count
        found = place.cli("verify", "--json", check=False)
        if found.returncode:
            assert kills_program and changing.unsure, f"round {number}: {found.stdout}{found.stderr}"
            mended += 1
            place.cli("repair")
        found = place.cli("verify", "--json", check=False)
        assert found.returncode == 0, f"round {number}: {found.stdout}{found.stderr}"
        there = {name for name in names(place) if name.startswith("passing-")}
        assert there ^ changing.present <= {changing.unsure}, (number, there, changing.present, changing.unsure)
        present = there
        server.start()
        listed = {model["id"] for model in json.loads(server.call("/v1/models")[1])["data"]}
        assert names(place) <= listed and "visitor" not in listed, (number, listed)
        for name in sorted(present | {SHIPPED[0]}):
            status, answer = server.call(f"/a/{urllib.parse.quote(name)}/predict", {"inputs": TEXT})
            assert status == 200 and (name in present or json.loads(answer) == expected), (number, name, status, answer)
    print(f"{count} kills amid {changes} changes and {calls} calls: the registry is whole, and the answers are the "
          f"same; {mended} times 'repair' removed what a killed program left.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server")
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    place = Place(given.program)
    server = Server(given.server, place)
    try:
        rounds(server, place, given.rounds, given.seed)
    finally:
        if getattr(server, "process", None) and server.process.poll() is None:
            server.kill()
        place.remove()


if __name__ == "__main__":
    main()
