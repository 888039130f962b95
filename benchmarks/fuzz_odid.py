"""Open Drone ID payloads that are hurt at random, and what the decoder makes of them.

Seeds are valid messages and packs; what gives an outcome of a new shape is hurt further. A frame may be refused as no
message; any other exception counts, and so does a value that cannot be written again and read back as the same.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

import harness
from harness import Figures

from ndefender.remoteid.odid import pack
from ndefender.remoteid.odid.message import Message, decode, decode_one, encode
from ndefender.remoteid.odid.values import MESSAGE_BYTES, BadMessage

BATCH = 65_536  # frames between two looks at memory
CHECK_EVERY = 16  # frames; writing again is dearer than reading
MAX_CORPUS = 2048
MAX_BYTES = 400  # of a frame: more than any transport carries
MAX_KEPT = 5
EDGES = (0x00, 0x01, 0x7E, 0x7F, 0x80, 0x81, 0xB5, 0xF0, 0xF2, 0xFE, 0xFF)
# What wrong code raises. Anything else ends the run, which is a failure as well.
WRONG = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

Decode = Callable[[bytes], tuple[Message, ...]]


class Changed(AssertionError):
    """A message that was written and read again is another one."""


@dataclass
class Outcome:
    """What came of the frames so far.

    Args:
        frames: given to the decoder.
        refused: of them, no message.
        messages: that the others held.
        checked: of those, written and read again.
        exceptions: frames with any other outcome.
        shapes: different shapes of outcomes.
        first_rss_mb, peak_rss_mb: largest resident memory after the first batch, and now.
        kept: some of the exceptions, with their frames.
    """

    frames: int = 0
    refused: int = 0
    messages: int = 0
    checked: int = 0
    exceptions: int = 0
    shapes: int = 0
    first_rss_mb: float = 0.0
    peak_rss_mb: float = 0.0
    kept: list[str] = field(default_factory=list)


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def seeds(draw: random.Random) -> list[bytes]:
    """Messages of all types and contents, known or reserved, and packs of them."""
    singles = [bytes((kind << 4 | draw.choice((0, 1, 2)),)) + draw.randbytes(24) for kind in range(6) for _ in range(8)]
    singles += [bytes((kind << 4 | 2,)) + bytes((fill,)) * 24 for kind in range(16) for fill in (0x00, 0xFF)]
    singles += [bytes((kind << 4 | 2, 0x12)) + b"1581F6N8A23B2ML3Y3KR".ljust(23, b"\0") for kind in (0, 3, 5)]
    packs = [pack.join(draw.sample(singles, number)) for number in range(1, 10) for _ in range(3)]
    return [*singles, *packs, b"", b"\xf2", b"\xf2\x19\x00"]


def hurt(frame: bytes, other: bytes, draw: random.Random) -> bytes:
    """A frame after one to four accidents; `other` lends its bytes."""
    made = bytearray(frame)
    for _ in range(1 + draw.getrandbits(2)):
        at = draw.randrange(len(made)) if made else 0
        match draw.getrandbits(3):
            case 0 | 1 if made:
                made[at] ^= 1 << draw.getrandbits(3)
            case 2 if made:
                made[at] = draw.choice(EDGES)
            case 3 if made:
                made[draw.randrange(min(len(made), 3))] = draw.getrandbits(8)  # type, size, number
            case 4:
                made[at : at + draw.randrange(9)] = other[: draw.randrange(9)]
            case 5:
                del made[at:]
            case 6:
                made[at:] = other[at:]
            case _:
                made += draw.randbytes(draw.randrange(MESSAGE_BYTES + 1))
    return bytes(made[:MAX_BYTES])


def shape(messages: tuple[Message, ...]) -> tuple[object, ...]:
    """Of the first messages, what kinds, and which of their first fields hold known, reserved or unknown values."""
    return tuple(
        (type(message), *(type(getattr(message, name)) for name in message.__struct_fields__[:4]))
        for message in messages[:3]
    )


def check(messages: tuple[Message, ...]) -> int:
    """Write each message, read it again.

    Raises:
        Changed: it became another.
        BadMessage: what was read cannot be written.
    """
    for message in messages:
        again = decode_one(encode(message))
        if again != message:
            raise Changed(f"{message} became {again}")
    return len(messages)


def fuzz(frames: int, seed: int, said: Callable[[Outcome], None], target: Decode = decode) -> Outcome:
    """Hurt and decode.

    Args:
        frames: how many, rounded up to whole batches where there are several.
        seed: of everything random.
        said: told after every batch.
        target: the decoder.
    """
    draw, outcome = random.Random(seed), Outcome()
    corpus, shapes = seeds(draw), set[object]()
    while outcome.frames < frames:
        for number in range(min(BATCH, frames - outcome.frames)):
            frame = hurt(draw.choice(corpus), draw.choice(corpus), draw)
            outcome.frames += 1
            try:
                messages = target(frame)
            except BadMessage:
                outcome.refused += 1
                continue
            except WRONG as error:
                _keep(outcome, frame, error)
                continue
            outcome.messages += len(messages)
            if number % CHECK_EVERY:
                continue
            try:
                outcome.checked += check(messages)
            except WRONG as error:
                _keep(outcome, frame, error)
            if (found := shape(messages)) not in shapes and len(corpus) < MAX_CORPUS:
                shapes.add(found)
                corpus.append(frame)
        outcome.shapes, outcome.peak_rss_mb = len(shapes), peak_rss_mb()
        outcome.first_rss_mb = outcome.first_rss_mb or outcome.peak_rss_mb
        said(outcome)
    return outcome


def _keep(outcome: Outcome, frame: bytes, error: BaseException) -> None:
    outcome.exceptions += 1
    if len(outcome.kept) < MAX_KEPT:
        outcome.kept.append(f"{frame.hex()}: {type(error).__name__}: {error}")


def work(link: Connection, frames: int, seed: int) -> None:
    """Main of a process."""
    fuzz(frames, seed, link.send)


def gather(processes: int, frames: int, seed: int) -> list[Outcome]:
    """Run the processes.

    Raises:
        EOFError: a process failed.
    """
    context = multiprocessing.get_context("spawn")
    links: dict[Connection, Outcome] = {}
    shares = [frames // processes + (i < frames % processes) for i in range(processes)]
    for i, share in enumerate(shares):
        ours, theirs = context.Pipe(duplex=False)
        context.Process(target=work, args=(theirs, share, seed + i), daemon=True).start()
        theirs.close()
        links[ours] = Outcome()
    owed = dict(zip(links, shares, strict=True))
    while open_links := [link for link, outcome in links.items() if outcome.frames < owed[link]]:
        for link in wait(open_links):
            assert isinstance(link, Connection)
            links[link] = link.recv()
        done = sum(outcome.frames for outcome in links.values())
        print(f"\r  {done:,} of {frames:,} frames", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return list(links.values())


def main() -> int:
    """Fuzz, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--frames", type=int, default=10_000_000, help="all processes together")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    options: argparse.Namespace = parser.parse_args()
    began_s = time.monotonic()
    outcomes = gather(options.processes, options.frames, options.seed)
    exceptions = sum(outcome.exceptions for outcome in outcomes)
    kept = [text for outcome in outcomes for text in outcome.kept]
    figures: Figures = {
        "frames": float(sum(outcome.frames for outcome in outcomes)),
        "exceptions": float(exceptions),
        "peak_rss_mb": max(outcome.peak_rss_mb for outcome in outcomes),
        "rss_growth_mb": max(outcome.peak_rss_mb - outcome.first_rss_mb for outcome in outcomes),
        "refused": float(sum(outcome.refused for outcome in outcomes)),
        "messages": float(sum(outcome.messages for outcome in outcomes)),
        "checked": float(sum(outcome.checked for outcome in outcomes)),
        "shapes": float(max(outcome.shapes for outcome in outcomes)),
        "took_s": time.monotonic() - began_s,
    }
    facts = {"processes": options.processes, "first seed": options.seed}
    void = f"{exceptions} exceptions, among them {'; '.join(kept)}" if exceptions else None
    return harness.report("fuzz_odid", figures, facts=facts, void=void, json_path=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
