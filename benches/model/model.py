#!/usr/bin/env python3
"""What a listing and a recovery cost on disks that are not here: their reads, priced.

    python3 benches/model/model.py FOLDER TOOLS [FILES]

As root, with ntfs-3g, The Sleuth Kit and strace. FOLDER keeps the volume (FILES files, 100,000 without being told, a fifth of
them deleted, some in many pieces); TOOLS has the built `mft_dump` and `recover`. Each tool runs on one thread under strace, ours and
theirs alike, and each of its reads of the image is priced in order by four models. Nothing is timed: the result is the same on
every machine. A kernel keeps what it has read: of a disk each page of 4 KiB is priced once; what it reads ahead is not modelled.
An object store keeps nothing.
"""
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

MIB = 1 << 20


class Disk:
    """A disk: what a read costs that goes on where the last one ended, and what one elsewhere costs.

    Seek time grows with the root of the distance; the volume is taken to fill the disk.
    """

    def __init__(self, name, nearest, farthest, latency, rate, passes_over, is_cached=True):
        self.name, self.nearest, self.farthest = name, nearest, farthest
        self.latency, self.rate, self.passes_over, self.is_cached = latency, rate, passes_over, is_cached

    def price(self, reads, size):
        position, seconds = 0, 0.0
        for offset, length in not_in_memory(reads, size) if self.is_cached else reads:
            gap = offset - position
            if 0 <= gap <= self.passes_over:
                # What is passed over goes by under the head.
                seconds += gap / self.rate
            else:
                seconds += self.nearest + (self.farthest - self.nearest) * (abs(gap) / size) ** 0.5 + self.latency
            seconds += length / self.rate
            position = offset + length
        return seconds


def not_in_memory(reads, size):
    """What of the reads a kernel has to ask the disk for, in whole pages."""
    kept = bytearray(size // 4096 + 2)
    for offset, length in reads:
        start = None
        for page in range(offset // 4096, (offset + length - 1) // 4096 + 2):
            is_wanted = page * 4096 < offset + length and not kept[page]
            if is_wanted and start is None:
                start = page
            elif not is_wanted and start is not None:
                yield start * 4096, (page - start) * 4096
                start = None
            if is_wanted:
                kept[page] = 1


DISKS = [
    # 7,200 rpm: 1 to 14 ms from track to track and end to end, which is 8.5 ms on average, and half a turn (4.17 ms);
    # 180 MB/s: the data sheets of 3.5 inch disks of 2 TB.
    Disk("7,200 rpm", 1.0e-3, 14.0e-3, 4.17e-3, 180e6, 1 * MIB),
    # A request costs the same wherever it goes: 80 µs and 540 MB/s (SATA), 20 µs and 3.2 GB/s (NVMe), by data sheets at
    # queue depth 1.
    Disk("SATA SSD", 80e-6, 80e-6, 0.0, 540e6, 0),
    Disk("NVMe", 20e-6, 20e-6, 0.0, 3.2e9, 0),
    # 20 ms a request and 100 MB/s, in the same region.
    Disk("object store", 20e-3, 20e-3, 0.0, 100e6, 0, is_cached=False),
]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, **options)


def make(folder, files):
    """A volume of which each part is as everyday use leaves it, and no two runs of which differ in what is where."""
    image = folder / f"model-{files}.img"
    if image.exists():
        return image
    part, mount = folder / "part.img", folder / "mount"
    mount.mkdir(exist_ok=True)
    with open(part, "wb") as out:
        out.truncate(max(files * 48 * 1024, 64 * MIB))
    run("mkntfs", "-q", "-F", "-L", "model", part, stderr=subprocess.DEVNULL)
    run("ntfs-3g", "-o", "big_writes", part, mount)
    try:
        chance = random.Random(1)
        noise = chance.randbytes(MIB)
        pieces = []
        for number in range(files):
            directory = mount / f"d{number // 1000:03}" / f"e{number // 50 % 20:02}"
            if number % 50 == 0:
                directory.mkdir(parents=True, exist_ok=True)
            size = min(int(chance.lognormvariate(9.0, 1.6)), MIB)
            path = directory / f"file{number:06}.bin"
            path.write_bytes(noise[:size])
            if number % 100 == 0:
                pieces.append(path)
        # Files that grow in turns come to lie in pieces.
        for _ in range(8):
            for path in pieces:
                with open(path, "ab") as out:
                    out.write(noise[: 3 * 4096])
        for number in range(0, files, 5):
            (mount / f"d{number // 1000:03}" / f"e{number // 50 % 20:02}" / f"file{number:06}.bin").unlink()
        for number in range(0, files // 50):
            (mount / f"d{number // 20 % (files // 1000 + 1):03}" / f"late{number:05}.bin").write_bytes(noise[:20_000])
    finally:
        run("umount", mount)
    part.rename(image)
    return image


OPEN = re.compile(r"openat\(.* = (\d+)<")
CALL = re.compile(r"(pread64|read|lseek)\((\d+)<([^>]*)>, (.*)\) += (-?\d+)")


def trace(image, command):
    """The reads of the image, in order: where, and how many bytes."""
    log = image.with_suffix(".strace")
    run("strace", "-f", "-y", "-s", "0", "-e", "trace=openat,pread64,read,lseek", "-o", log, *command, stderr=subprocess.DEVNULL)
    reads, positions = [], {}
    with open(log, errors="replace") as lines:
        for line in lines:
            if opened := OPEN.search(line):
                positions[opened[1]] = 0
            found = CALL.search(line)
            if not found or not found[3].endswith(image.name) or int(found[5]) < 0:
                continue
            kind, handle, arguments, result = found[1], found[2], found[4], int(found[5])
            if kind == "lseek":
                positions[handle] = result
            elif kind == "pread64":
                reads.append((int(arguments.rsplit(", ", 1)[1]), result))
            else:
                position = positions.get(handle, 0)
                reads.append((position, result))
                positions[handle] = position + result
    log.unlink()
    size = image.stat().st_size
    assert all(offset + length <= size for offset, length in reads), max(reads)
    return [read for read in reads if read[1] > 0]


def merged(ranges):
    out = []
    for start, end in sorted(ranges):
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def front_to_back(ranges):
    """Each byte once, in order, in pieces of a MiB."""
    return [(at, min(MIB, end - at)) for start, end in merged(ranges) for at in range(start, end, MIB)]


def clusters(image):
    """Runs of the table, and of all clusters in use, as byte ranges."""
    listing = subprocess.run(["istat", str(image), "0"], check=True, capture_output=True, text=True).stdout
    table = listing[listing.index("$DATA (128"):]
    table = [int(number) for number in re.findall(r"\b\d+\b", table[table.index("\n"):table.index("Type: $BITMAP")])]
    bitmap = subprocess.run(["icat", str(image), "6"], check=True, capture_output=True).stdout
    last = os.path.getsize(image) // 4096
    used = [n for n in range(min(len(bitmap) * 8, last)) if bitmap[n >> 3] >> (n & 7) & 1]
    spans = lambda numbers: [(n * 4096, n * 4096 + 4096) for n in numbers]
    return merged(spans(table)), merged(spans(used))


def main():
    folder, tools = Path(sys.argv[1]), Path(sys.argv[2])
    files = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    folder.mkdir(parents=True, exist_ok=True)
    image = make(folder, files)
    size = image.stat().st_size
    table, used = clusters(image)
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    csv = folder / "listing.csv"
    csv.unlink(missing_ok=True)
    ours, theirs = tools / "mft_dump", tools / "recover"
    jobs = [
        ("the table, front to back", lambda: front_to_back(table)),
        ("`mft_dump` (csv, verdicts)", lambda: trace(image, [ours, "-q", "--threads", 1, "-f", "csv", "-o", csv, image])),
        ("`fls -r -p`", lambda: trace(image, ["fls", "-r", "-p", image])),
        ("all clusters in use, front to back", lambda: front_to_back(used)),
        ("`recover` (live and deleted)", lambda: trace(image, [theirs, "-q", "--threads", 1, "-d", out, image])),
        ("`tsk_recover -e`", lambda: trace(image, ["tsk_recover", "-e", image, folder / "tsk"])),
    ]
    print(f"{files} files, {size / 1e9:.2f} GB; the table has {sum(b - a for a, b in table) / MIB:.0f} MiB, "
          f"clusters in use {sum(b - a for a, b in used) / MIB:.0f} MiB\n")
    print("| job | reads | MiB | jumps over 1 MiB | " + " | ".join(disk.name for disk in DISKS) + " |")
    print("|---|---|---|---|" + "---|" * len(DISKS))
    for name, reads_of in jobs:
        shutil.rmtree(folder / "tsk", ignore_errors=True)
        reads = reads_of()
        jumps = sum(abs(b[0] - (a[0] + a[1])) > MIB for a, b in zip(reads, reads[1:]))
        prices = " | ".join(f"{disk.price(reads, size):.2f} s" for disk in DISKS)
        print(f"| {name} | {len(reads):,} | {sum(length for _, length in reads) / MIB:.0f} | {jumps:,} | {prices} |", flush=True)
    for path in [out, folder / "tsk"]:
        shutil.rmtree(path, ignore_errors=True)
    csv.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
