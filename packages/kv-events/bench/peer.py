"""The same work by Dynamo's binding (ai-dynamo-runtime): a line of JSON for each figure. Called by beside-dynamo.ts."""

import json, random, resource, sys, time
from dynamo.llm import RadixTree, compute_block_hash_for_seq


def say(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def best(work, count):
    """Median of `count` runs, in seconds."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2], sorted(times)[int(len(times) * 0.99)]


def cpu(work, count, repeats=1):
    """Median of `count` runs, in seconds of processor time of all threads."""
    times = []
    for _ in range(count):
        began = time.process_time()
        for _ in range(repeats):
            work()
        times.append((time.process_time() - began) / repeats)
    return sorted(times)[len(times) // 2]


def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


tokens = [(i * 7919) % 150000 for i in range(60000)]
for block_size in (1, 16, 64):
    seconds = cpu(lambda: compute_block_hash_for_seq(tokens, block_size), 15, 10)
    say(f"hash {block_size}", 60000 / seconds)

draw = random.Random(7)


def events(block_count, per_event, workers=8, run=500):
    made = []
    for sequence in range(block_count // run):
        ids = [draw.getrandbits(64) for _ in range(run)]
        locals_ = [draw.getrandbits(64) for _ in range(run)]
        for i in range(0, run, per_event):
            blocks = [
                {"block_hash": ids[j], "tokens_hash": locals_[j]} for j in range(i, i + per_event)
            ]
            data = {"stored": {"parent_hash": ids[i - 1] if i else None, "blocks": blocks}}
            made.append((sequence % workers, json.dumps({"event_id": len(made) + 1, "data": data}).encode()))
    return made


def load(tree, made):
    for worker, event in made:
        tree.apply_event(worker, event)


for per_event, block_count, repeats in ((500, 1_000_000, 5), (1, 200_000, 5)):
    made = events(block_count, per_event)
    times = []
    for repeat in range(repeats):
        tree = RadixTree()
        before = rss()
        began = time.process_time()
        load(tree, made)
        # Should a thread of the tree apply them, a question waits until it has.
        tree.find_matches([1])
        times.append(time.process_time() - began)
        if repeat == 0:
            say(f"bytes {per_event}", (rss() - before) / block_count)
    say(f"blocks/s {per_event}", block_count / sorted(times)[len(times) // 2])
    if per_event == 500:
        seconds = cpu(tree.dump_tree_as_events, 5)
        say("dump ms", 1000 * seconds)
        path = [draw.getrandbits(64) for _ in range(3750)]
        blocks = [{"block_hash": hash_, "tokens_hash": hash_} for hash_ in path]
        event = json.dumps({"event_id": 1, "data": {"stored": {"parent_hash": None, "blocks": blocks}}}).encode()
        for worker in range(8):
            tree.apply_event(worker, event)
        found = tree.find_matches(path)
        assert len(found.scores) == 8 and set(found.scores.values()) == {3750}, found.scores
        hit, hit99 = best(lambda: tree.find_matches(path), 3000)
        miss, _ = best(lambda: tree.find_matches([1] + path), 3000)
        say("find us", 1e6 * hit)
        say("find p99 us", 1e6 * hit99)
        say("find walk us", 1e6 * (hit - miss))
        # A find after each event that stores one run.
        mixed = []
        for worker, event in events(200_000, 500):
            tree.apply_event(worker, event)
            began = time.perf_counter()
            tree.find_matches(path)
            mixed.append(time.perf_counter() - began)
        say("find among events p50 us", 1e6 * sorted(mixed)[len(mixed) // 2])
        say("find among events p99 us", 1e6 * sorted(mixed)[int(len(mixed) * 0.99)])
        began = time.perf_counter()
        tree.remove_worker(1)
        tree.find_matches([1])
        say("remove ms", 1000 * (time.perf_counter() - began))
