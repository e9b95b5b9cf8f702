"""The same work by Dynamo's binding (ai-dynamo-runtime). A command a line on stdin, a line of JSON as the answer: a list of
samples for each figure. Driven by beside-dynamo.ts."""

import json, os, random, resource, sys, time
from dynamo.llm import RadixTree, compute_block_hash_for_seq

draw = random.Random(7)
tokens = [(i * 7919) % 150000 for i in range(60000)]


def clock(work, count):
    """Microseconds of each run by the clock."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(1e6 * (time.perf_counter() - began))
    return times


def cpu(work):
    """Seconds of processor time of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


schedule = os.open(f"/proc/self/task/{os.getpid()}/schedstat", os.O_RDONLY)


def waited_us():
    """Time that this thread has been ready to run and had no processor."""
    return int(os.pread(schedule, 128, 0).split()[1]) / 1000


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


def apply(tree, made):
    for worker, event in made:
        tree.apply_event(worker, event)
    # Should a thread of the tree apply them, a question waits until it has.
    tree.find_matches([1])


counts = {500: 1_000_000, 1: 200_000}
made = {per_event: events(count, per_event) for per_event, count in counts.items()}
path = [draw.getrandbits(64) for _ in range(3750)]
other_paths = {1: [draw.getrandbits(64) for _ in range(60000)], 64: [draw.getrandbits(64) for _ in range(937)]}
tree = None
is_first = True


def hashes():
    for block_size in (1, 16, 64):
        seconds = cpu(lambda: [compute_block_hash_for_seq(tokens, block_size) for _ in range(10)]) / 10
        yield f"hash {block_size}", [60000 / seconds]


def load(per_event):
    global tree, is_first
    tree = None
    loaded = RadixTree()
    before = rss()
    seconds = cpu(lambda: apply(loaded, made[per_event]))
    if is_first:
        yield f"bytes {per_event}", [(rss() - before) / counts[per_event]]
        is_first = False
    yield f"blocks/s {per_event}", [counts[per_event] / seconds]
    tree = loaded


def dump():
    yield "dump ms", [1000 * cpu(tree.dump_tree_as_events)]


def find():
    blocks = [{"block_hash": hash_, "tokens_hash": hash_} for hash_ in path]
    event = json.dumps({"event_id": 1, "data": {"stored": {"parent_hash": None, "blocks": blocks}}}).encode()
    for worker in range(8):
        tree.apply_event(worker, event)
    found = tree.find_matches(path)
    assert len(found.scores) == 8 and set(found.scores.values()) == {3750}, found.scores
    yield "find us", clock(lambda: tree.find_matches(path), 1000)


def mixed():
    """A find after each event that stores one run."""
    by_clock, by_cpu, less_waits = [], [], []
    for worker, event in events(200_000, 500):
        tree.apply_event(worker, event)
        waited = waited_us()
        began, began_cpu = time.perf_counter(), time.process_time()
        tree.find_matches(path)
        by_cpu.append(1e6 * (time.process_time() - began_cpu))
        us = 1e6 * (time.perf_counter() - began)
        by_clock.append(us)
        less_waits.append(max(0, us - (waited_us() - waited)))
    yield "find among events us", by_clock
    yield "find among events, less waits for a processor us", less_waits
    yield "find among events, processor us", by_cpu


def find_sizes():
    for block_size, hashes in other_paths.items():
        blocks = [{"block_hash": hash_, "tokens_hash": hash_} for hash_ in hashes]
        event = json.dumps({"event_id": 1, "data": {"stored": {"parent_hash": None, "blocks": blocks}}}).encode()
        for worker in range(8):
            tree.apply_event(worker, event)
        found = tree.find_matches(hashes)
        assert len(found.scores) == 8 and set(found.scores.values()) == {len(hashes)}
        yield f"find us, block {block_size}", clock(lambda: tree.find_matches(hashes), 100)


def remove():
    began = time.perf_counter()
    tree.remove_worker(1)
    tree.find_matches([1])
    yield "remove ms", [1000 * (time.perf_counter() - began)]


parts = {
    "hash": hashes,
    "load 500": lambda: load(500),
    "load 1": lambda: load(1),
    "dump": dump,
    "find": find,
    "mixed": mixed,
    "find sizes": find_sizes,
    "remove": remove,
}
for line in sys.stdin:
    print(json.dumps(dict(parts[line.strip()]())), flush=True)
