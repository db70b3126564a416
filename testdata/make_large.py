#!/usr/bin/env python3
"""Makes NTFS volumes that are too large to be kept here, and beside each the truth about it.

    make_large.py KIND IMAGE [--seed N] [--count N] [--size MIB] [--cluster BYTES] [--sector BYTES]

As make.py: as root, with mkntfs, ntfs-3g and /dev/fuse. What is put in depends on the arguments alone. KIND is one of

    churn        files of all sizes, a third of them deleted, COUNT new ones behind them
    deleted      COUNT small files and their directories, all deleted, nothing written afterwards
    overwritten  COUNT files of a few clusters, all deleted; then half as many written, into their clusters where need be
    operations   COUNT random operations: create, grow, truncate, rename, delete
    directory    COUNT files in one directory
    links        a file with COUNT names
    fragments    two files of COUNT fragments each, one of them deleted
    owners       twenty files whose owners changed COUNT times: so many security descriptors
    tree         COUNT files in a tree of directories, 50 KB each on the average: for measuring
"""
import argparse
import json
import os
import random
import sys

from filling import Volume, noise_of, sha256, text_of
from make_cases import patch_deleted

MIB = 1 << 20


def fill_churn(volume, count, chance):
    """Deleted files whose clusters are still there beside such whose clusters or records are another's by now."""
    cluster = volume.cluster
    sizes = (0, 30, 200, 400, 650, cluster // 2 + 700, cluster, 2 * cluster, 5 * cluster + 1, 20 * cluster)
    with volume.mounted():
        for folder in range(20):
            volume.directory("/d%02d" % folder)
        for number in range(600):
            path = "/d%02d/file %04d" % (number % 20, number)
            volume.make_file(path, chance.randbytes(chance.choice(sizes)))
            if number % 9 == 0:
                volume.stream(path, "stream", chance.randbytes(chance.choice(sizes)))
        volume.fill_to_the_brim("/ballast")
    with volume.mounted():
        old = [path for path, row in volume.rows.items() if row["kind"] == "file" and path != "/ballast"]
        volume.delete(*chance.sample(old, len(old) // 3))
        volume.delete_tree("/d07")
        volume.delete_tree("/d13")
        for number in range(count):
            path = "/new %05d" % number
            volume.make_file(path, chance.randbytes(chance.choice(sizes)))


def fill_deleted(volume, count, _):
    with volume.mounted():
        for number in range(count):
            folder = "/d%04d" % (number // 100)
            if number % 100 == 0:
                volume.directory(folder)
            path = "%s/%06d" % (folder, number)
            volume.text(path, 64 if number % 4 else 2 * volume.cluster)
    with volume.mounted():
        for folder in [path for path, row in volume.rows.items() if row["kind"] == "directory"]:
            volume.delete_tree(folder)


def fill_overwritten(volume, count, chance):
    cluster = volume.cluster
    with volume.mounted():
        for number in range(count):
            volume.text("/old %05d" % number, chance.randrange(cluster, 6 * cluster))
    with volume.mounted():
        volume.delete(*volume.rows)
        for number in range(count // 2):
            volume.text("/new %05d" % number, chance.randrange(cluster, 6 * cluster))


def fill_operations(volume, count, chance):
    """The truth of a file is what it held last; of a deleted one, what it held when it was deleted."""
    contents = {}
    for session in range(5):
        with volume.mounted():
            for number in range(count // 5):
                operate(volume, contents, "/%d %05d" % (session, number), chance)
            # Sizes and runs of files that are to be deleted are known when they are seen at the end of a session.
            for path, data in contents.items():
                volume.rows[path].update(size=len(data), sha256=sha256(data))
        doomed = chance.sample(sorted(contents), len(contents) // 3)
        with volume.mounted():
            volume.delete(*doomed)
        for path in doomed:
            del contents[path]


def operate(volume, contents, path, chance):
    what = chance.choice(("create", "create", "grow", "truncate", "rename"))
    if what == "create" or not contents:
        contents[path] = text_of(path, chance.choice((0, 100, 700, 3000, 20_000)))
        return volume.make_file(path, contents[path])
    old = chance.choice(sorted(contents))
    if what == "grow":
        more = text_of(old + "+", chance.randrange(8000))
        contents[old] += more
        with open(volume.at(old), "ab") as out:
            out.write(more)
    elif what == "truncate":
        contents[old] = contents[old][:chance.randrange(len(contents[old]) + 1)]
        os.truncate(volume.at(old), len(contents[old]))
    else:
        os.rename(volume.at(old), volume.at(path))
        contents[path] = contents.pop(old)
        volume.rows[path] = {**volume.rows.pop(old), "path": path, "links": [path]}


def fill_directory(volume, count, _):
    with volume.mounted():
        volume.directory("/all")
        for number in range(count):
            volume.text("/all/%07d" % number, number % 50)


def fill_links(volume, count, _):
    with volume.mounted():
        volume.directory("/links")
        volume.text("/file", 5000)
        for number in range(1, count):
            volume.link("/file", "/links/%04d" % number)


def fill_fragments(volume, count, _):
    """Cluster by cluster in each other's gaps: so many runs that their pieces need some twenty records."""
    rooms = ["/room %02d" % number for number in range(100)]
    with volume.mounted():
        for path in ("/kept", "/deleted", *rooms):
            volume.text(path, 0)
    with volume.mounted():
        volume.delete(*rooms)
    first, _ = volume.free_area()
    for place, path in enumerate(("/kept", "/deleted")):
        # A few more, for the attribute list.
        with volume.confined(*((lcn, lcn + 1) for lcn in range(first + place, first + 2 * count + 40, 2))):
            volume.append(path, count * volume.cluster)
    patch_deleted(volume, volume.rows["/deleted"])


def fill_owners(volume, count, _):
    with volume.mounted():
        for number in range(20):
            volume.text("/%02d" % number, 10)
        for number in range(count):
            path, owner = "/%02d" % (number % 20), 10_000 + number
            os.chown(volume.at(path), owner, owner)
            volume.rows[path]["owner"] = owner


def fill_tree(volume, count, chance):
    with volume.mounted():
        for number in range(count):
            folder = ""
            for place in (2000, 250, 50):
                folder += "/%02d" % (number // place)
                if folder not in volume.rows:
                    volume.directory(folder)
            path = "%s/file %06d.dat" % (folder, number)
            # Half of all files below 3 KB, a few of several MB: as on a system's volume.
            volume.make_file(path, noise_of(path, min(int(chance.lognormvariate(8.0, 2.35)), 20 * MIB)))


# What fills a volume of a kind, the usual COUNT and the usual size in MiB.
KINDS = {
    "churn": (fill_churn, 60, 14),
    "deleted": (fill_deleted, 1000, 16),
    "overwritten": (fill_overwritten, 1000, 20),
    "operations": (fill_operations, 10_000, 256),
    "directory": (fill_directory, 100_000, 256),
    "links": (fill_links, 1024, 8),
    "fragments": (fill_fragments, 5000, 128),
    "owners": (fill_owners, 1000, 8),
    "tree": (fill_tree, 43_000, 4096),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("image")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int)
    parser.add_argument("--size", type=int, help="of the volume, in MiB")
    parser.add_argument("--cluster", type=int, default=4096)
    parser.add_argument("--sector", type=int, default=512)
    wanted = parser.parse_args()
    fill, count, size = KINDS[wanted.kind]
    volume = Volume(wanted.image, wanted.kind, (wanted.size or size) * MIB, wanted.sector, wanted.cluster)
    fill(volume, count if wanted.count is None else wanted.count, random.Random(wanted.seed))
    volume.stamp()
    with open(os.path.splitext(wanted.image)[0] + ".truth.jsonl", "w", encoding="ascii") as out:
        out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in volume.truth())


if __name__ == "__main__":
    sys.exit(main())
