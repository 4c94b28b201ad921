"""What this machine takes for plain Python, so that tests limit work in that and not in seconds."""

from time import process_time

LOOPS = 100_000


def loop_s() -> float:
    """CPU seconds for adding up 100,000 numbers, the least of three times: 3 to 7 ms on a busy server."""
    return min(_once() for _ in range(3))


def _once() -> float:
    start, total = process_time(), 0
    for number in range(LOOPS):
        total += number
    assert total == LOOPS * (LOOPS - 1) // 2
    return process_time() - start
