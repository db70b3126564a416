#!/usr/bin/env python3
"""Makes the volumes of `cases/`: one file or more for each case of recovery, named for it.

    make_cases.py [NAME ...]        (as make.py)

Where data comes to lie is chosen: see `confined` in filling.py. What neither mkntfs nor ntfs-3g do is patched into
the bytes, by functions whose names start with `patch_`. Beyond the usual truth a line may have

    runs        of a file's data, where the case is about them: [first cluster, clusters]
    lost        of a deleted file's data, what is another's by now: [offset, length, record of the other]
    written     of a file with holes, what was written: [offset, length, sha256]
    underneath  sha256 of the bytes behind what was ever written
    initialized how much was ever written
"""
import os
import struct
import sys

from filling import EPOCH_2021, Volume, bits_of, sha256, text_of, utf16
from make import MIB, ODD_NAMES, extended_attribute, mount_point, write_truth
from reader import DATA, TIME_NAMES, Image

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
CLUSTER = 512


class Plan:
    """Hands out clusters one behind the other."""

    def __init__(self, volume):
        self.next, self.end = volume.free_area()

    def take(self, clusters):
        start, self.next = self.next, self.next + clusters
        assert self.next <= self.end
        return start, self.next


def fill_fragments(volume):
    """Where data lies: in fragments, in those of others, and under what came later."""
    pieces = layout()
    with volume.mounted():
        # The first have the lowest records, and those are used again first.
        volume.text("/DFR-07 record used again", 0)
        volume.text("/DFR-07c record and data used again", 0)
        for path in pieces:
            if path not in volume.rows:
                volume.text(path, 0)
        for name, size in (("DFR-01b resident", 100), ("DFR-01c empty", 0), ("DFR-01d a cluster less one", CLUSTER - 1),
                           ("DFR-01d a cluster", CLUSTER), ("DFR-01d a cluster and one", CLUSTER + 1),
                           ("DFR-01d a record less one", 1023), ("DFR-01d a record", 1024),
                           ("DFR-01d a record and one", 1025)):
            volume.text("/" + name, size)
        for name in NEWER:
            volume.text("/" + name, 0)
        for number in range(8):
            volume.text("/room %d" % number, 0)         # for the records of attribute lists
    with volume.mounted():
        volume.delete(*(path for path in volume.rows if path.startswith("/room")))
    plan = Plan(volume)
    where = write_in_pieces(volume, pieces, plan)
    with volume.mounted():
        volume.delete(*(path for path in volume.rows
                        if path.startswith("/DFR") and "live" not in path and "400" not in path))
    for name, victim, clusters in ((NEWER[0], "/DFR-07b data overwritten", 4),
                                   (NEWER[1], "/DFR-07c record and data used again", 4),
                                   (NEWER[2], "/DFR-08 10 of 100 overwritten", 2),
                                   (NEWER[3], "/DFR-08 50 of 100 overwritten", 10),
                                   (NEWER[4], "/DFR-08 90 of 100 overwritten", 18)):
        start = where[victim][0][0]
        with volume.confined((start, start + clusters)):
            volume.append("/" + name, clusters * CLUSTER)
    with volume.mounted():
        volume.text("/in the record of DFR-07", 10)
        volume.text("/in the record of DFR-07c", 20)


NEWER = ["newer than DFR-07b", "newer than DFR-07c", "newer than 10", "newer than 50", "newer than 90"]


def layout():
    """The pieces of each file in the order they lie in: a letter is a file of a group, its number counts clusters."""
    alone = {"/DFR-01 in one piece": 8, "/DFR-07 record used again": 4, "/DFR-07b data overwritten": 4,
             "/DFR-07c record and data used again": 4, "/DFR-08 10 of 100 overwritten": 20,
             "/DFR-08 50 of 100 overwritten": 20, "/DFR-08 90 of 100 overwritten": 20}
    pieces = {path: [(path, clusters)] for path, clusters in alone.items()}
    groups = (("/DFR-02 two fragments", "A3 L3 A3"), ("/DFR-03 fragments 100", "A1 L1 " * 100),
              ("/DFR-03 fragments 400", "A1 L1 " * 400), ("/DFR-03b braid", "A2 B2 A2 B2"),
              ("/DFR-03b nest", "A2 B4 A2"), ("/DFR-05", "A2 B1 C3 A1 C2 B2 A2"))
    for path, order in groups:
        row = [(path + {"A": "", "L": " live between"}.get(step[0], " " + step[0]), int(step[1:])) for step in order.split()]
        for name, _ in row:
            pieces[name] = row
    return pieces


def write_in_pieces(volume, pieces, plan):
    """Writes each group: its files one by one, each confined to the clusters that are its."""
    where = {}
    for row in {id(row): row for row in pieces.values()}.values():
        for path, clusters in row:
            where.setdefault(path, []).append(plan.take(clusters))
        for path in dict.fromkeys(path for path, _ in row):
            sizes = sum(end - start for start, end in where[path])
            # Many fragments need a list, and the list a cluster: which of them it takes is not ours to choose.
            needs_list = len(where[path]) > 200
            with volume.confined(*where[path], *[plan.take(2)][:needs_list]):
                volume.append(path, sizes * CLUSTER)
            found = volume.rows[path]["before"][""][1]
            assert needs_list or sorted(found) == joined(where[path]), (path, found, where[path])
            volume.rows[path]["runs"] = found
    return where


def joined(areas):
    runs = []
    for start, end in areas:
        if runs and sum(runs[-1]) == start:
            runs[-1] = (runs[-1][0], runs[-1][1] + end - start)
        else:
            runs.append((start, end - start))
    return runs


def finish_fragments(volume):
    patch_deleted(volume, volume.rows["/DFR-03 fragments 400"])
    note_lost(volume)


def patch_deleted(volume, row):
    """Deletes a file in several records as Windows does: they stay as they are, but for marks and numbers. ntfs-3g
    takes the lists and the names out of them first. The index keeps the name."""
    image = Image(volume.file)
    for number in {row["record"], *(record for _, record in image.listed(row["record"]))}:
        data = image.record(number)
        sequence, flags = struct.unpack_from("<H", data, 0x10)[0], struct.unpack_from("<H", data, 0x16)[0]
        struct.pack_into("<H", data, 0x10, sequence + 1)
        struct.pack_into("<H", data, 0x16, flags & ~1)
        image.write_record(number, data)
    image.close()
    freed = bits_of((start, start + clusters) for start, clusters in row["before"][""][1])
    volume.swap_bitmap(lambda now: now & ~freed)
    row["deleted"] = True


def note_lost(volume):
    """Which clusters of deleted files are live ones' by now."""
    owners = {lcn: row["record"] for row in volume.rows.values() if not row["deleted"]
              for _, runs, _ in row["before"].values() for start, clusters in runs if start is not None
              for lcn in range(start, start + clusters)}
    for row in volume.rows.values():
        if row["deleted"] and row["kind"] == "file" and "" in row["before"]:
            lost, at = [], 0
            for start, clusters in row["before"][""][1]:
                for lcn in range(start, start + clusters) if start is not None else ():
                    if lcn in owners:
                        lost.append([at + (lcn - start) * volume.cluster, volume.cluster, owners[lcn]])
                at += clusters * volume.cluster
            row["lost"] = lost


def fill_objects(volume):
    """What files are: names, streams, links, special files, holes, compression, encryption; most of them deleted."""
    cluster, unit = volume.cluster, 16 * volume.cluster
    with volume.mounted():
        volume.directory("/DFR-04 names")
        for name in ODD_NAMES:
            volume.text("/DFR-04 names/" + name, 30)
        volume.text("/DFR-04 names/A long name with a short one.text", 31)
        volume.dos_name("/DFR-04 names/A long name with a short one.text", "ALONGN~1.TEX")
        volume.directory("/DFR-14")
        fill_special(volume, "/DFR-14/deleted ")
        fill_special(volume, "/DFR-15 ")
        volume.text("/NT-24 first name", 80)
        volume.directory("/NT-37")
        for name, ticks in (("1601", 0), ("1970", 116_444_736_000_000_000), ("2038", 137_919_572_480_000_000),
                            ("2100", 157_469_184_000_000_000), ("30828", 0x7FFF_35F4_F06C_58F0)):
            volume.text("/NT-37/" + name, 5, times=dict.fromkeys(TIME_NAMES, ticks))
        # Older than the name, and to the second: what tools that set times leave behind.
        stamped = 126_227_808_000_000_000
        volume.text("/NT-36 times set back", 36, times=dict.fromkeys(TIME_NAMES, stamped))
        volume.directory("/NT-22")
        for name in (*("kept %02d" % number for number in range(12)), "zz gone"):
            volume.text("/NT-22/" + name, 22)
        volume.text("/NT-21 second life", 300)
        volume.text("/NT-20 encrypted", 3 * cluster)
        volume.text("/NT-19 initialized", 10_000)
        fill_holes(volume, unit)
    with volume.mounted():
        os.rename(volume.at("/NT-24 first name"), volume.at("/NT-24 second name"))
        row = volume.rows.pop("/NT-24 first name")
        volume.rows["/NT-24 second name"] = {**row, "path": "/NT-24 second name", "links": ["/NT-24 second name"]}
    write_compressed(volume, unit)
    with volume.mounted():
        volume.delete(*(path for path in volume.rows if path.startswith("/DFR-04 names/")))
        volume.delete_tree("/DFR-14")
        volume.delete(*(path for path in volume.rows if "deleted" in path and not volume.rows[path]["deleted"]))
        volume.delete("/NT-24 second name")


def fill_special(volume, prefix):
    """One of each kind of object."""
    volume.directory(prefix + "directory")
    volume.text(prefix + "streams", 90)
    volume.stream(prefix + "streams", "small", b"resident stream")
    volume.stream(prefix + "streams", "large", text_of(prefix + "large", 2 * volume.cluster + 7))
    volume.text(prefix + "links", 5000)
    volume.link(prefix + "links", prefix + "links again")
    volume.text(prefix + "symbolic link", 0)
    volume.reparse(prefix + "symbolic link", 0xA000000C, mount_point("..\\file", "..\\file", 1), "..\\file")
    volume.directory(prefix + "junction")
    volume.reparse(prefix + "junction", 0xA0000003, mount_point("\\??\\C:\\there", "C:\\there"), "C:\\there")
    os.mkfifo(volume.at(prefix + "pipe"))
    volume.add(prefix + "pipe", kind="file", size=0, sha256=sha256(b""), reparse={"tag": 0x80000024, "target": None})
    volume.text(prefix + "extended attributes", 10)
    entries = extended_attribute(b"$LXUID", struct.pack("<I", 1000)) + extended_attribute(b"FOO", b"bar")
    volume.xattr(prefix + "extended attributes", "ea", entries)
    volume.rows[prefix + "extended attributes"]["extended_attributes"] = {"$LXUID": "e8030000", "FOO": "626172"}


def fill_holes(volume, unit):
    for state in ("live", "deleted"):
        volume.sparse("/NT-19 hole at head, " + state, 3 * unit, (2 * unit + 100, unit // 2))
        volume.sparse("/NT-19 hole in the middle, " + state, 3 * unit, (0, 5000), (2 * unit, 5000))
        volume.sparse("/NT-19 hole at tail, " + state, 3 * unit, (0, 5000))
    path, parts = "/DFR-06 beyond 4 GiB, deleted", ((0, 5000), ((4 << 30) + 123_456, 9000), ((5 << 30) - 77, 77))
    written = []
    with open(volume.at(path), "wb") as out:
        for offset, length in parts:
            data = text_of("%s %d" % (path, offset), length)
            out.seek(offset)
            out.write(data)
            written.append([offset, length, sha256(data)])
    volume.add(path, kind="file", size=5 << 30, written=written)


def write_compressed(volume, unit):
    """Compressed files whose units lie in fragments."""
    with volume.mounted():
        volume.directory("/NT-18")
        volume.xattr("/NT-18", "attrib_be", struct.pack(">I", 0x810))
        for name in ("live", "deleted"):
            volume.make_file("/NT-18/" + name, b"", compressed=True)
    first, _ = volume.free_area()
    for place, name in enumerate(("live", "deleted")):
        path = "/NT-18/" + name
        data = text_of(path, unit) + bytes(unit) + text_of(path + " more", 2 * unit + 777)
        with volume.confined(*((first + 16 * n + 8 * place, first + 16 * n + 8 * place + 8) for n in range(20))):
            for at in range(0, len(data), unit):
                with open(volume.at(path), "ab") as out:
                    out.write(data[at:at + unit])
            volume.rows[path].update(size=len(data), sha256=sha256(data))


def patch_objects(volume):
    """What no driver here does."""
    image = Image(volume.file)
    patch_encrypted(image, volume.rows["/NT-20 encrypted"])
    patch_initialized(image, volume.rows["/NT-19 initialized"])
    patch_second_life(image, volume.rows["/NT-21 second life"])
    patch_index(image, volume.rows["/NT-22"], volume.rows["/NT-22/zz gone"])
    image.close()


def patch_encrypted(image, row):
    """Sets the flags of an encrypted file, and puts $EFS beside its data."""
    number = row["record"]
    data = image.record(number)
    information, stream = (next(a for a in image.attributes(number) if a.type == kind) for kind in (0x10, DATA))
    flags_at = information.start + information.value_start + 32
    struct.pack_into("<I", data, flags_at, struct.unpack_from("<I", data, flags_at)[0] | 0x4000)
    struct.pack_into("<H", data, stream.start + 12, 0x4000)
    insert_attribute(data, 0x100, "$EFS", struct.pack("<I", 84) + bytes(80))
    image.write_record(number, data)
    row["encrypted"] = True


def insert_attribute(record, kind, name, value):
    """A resident attribute behind the others: its type has to be above theirs."""
    used, = struct.unpack_from("<I", record, 24)
    identity, = struct.unpack_from("<H", record, 40)
    start = -(-(24 + 2 * len(name)) // 8) * 8
    length = -(-(start + len(value)) // 8) * 8
    at = used - 8
    record[at + length:at + length + 8] = record[at:used]
    header = struct.pack("<IIBBHHHIHBB", kind, length, 0, len(name), 24, 0, identity, len(value), start, 0, 0)
    record[at:at + length] = ((header + utf16(name)).ljust(start, b"\0") + value).ljust(length, b"\0")
    struct.pack_into("<I", record, 24, used + length)
    struct.pack_into("<H", record, 40, identity + 1)


def patch_initialized(image, row):
    """Only the first 5,000 bytes were ever written: what lies behind them in the clusters is older."""
    number = row["record"]
    data = image.record(number)
    stream = next(a for a in image.attributes(number) if a.type == DATA)
    struct.pack_into("<Q", data, stream.start + 0x38, 5000)
    image.write_record(number, data)
    whole = text_of(row["path"], row["size"])
    row.update(sha256=sha256(whole[:5000] + bytes(len(whole) - 5000)), initialized=5000, underneath=sha256(whole[5000:]))


def patch_second_life(image, row):
    """The record was used again, by a file with less in it: behind its end the $DATA of the life before is left."""
    number, now = row["record"], b"new life"
    data = image.record(number)
    stream = next(a for a in image.attributes(number) if a.type == DATA)
    old = stream.data
    header = bytearray(old[:24])
    struct.pack_into("<I", header, 4, 24 + len(now))
    struct.pack_into("<IH", header, 16, len(now), 24)
    left = bytes(header) + now + struct.pack("<II", 0xFFFFFFFF, 0)
    data[stream.start:stream.start + len(left) + len(old)] = left + old
    struct.pack_into("<I", data, 24, stream.start + len(left))
    image.write_record(number, data)
    row.update(size=len(now), sha256=sha256(now), residue=sha256(stream.value))


def patch_index(image, folder, gone):
    """Removes the entry of a file as Windows does: the node ends before it, its bytes stay. The record of the file
    is wiped, so that nothing else names it."""
    allocation = next(a for a in image.attributes(folder["record"]) if a.type == 0xA0)
    place, size = next(allocation.runs())[0] * image.cluster, 4096
    block = bytearray(image.read(place, size))
    for tail, saved in image.strides(block):
        block[tail:tail + 2] = block[saved:saved + 2]
    first, used = struct.unpack_from("<II", block, 24)
    at, entries = 24 + first, []
    while not struct.unpack_from("<H", block, at + 12)[0] & 2:
        entries.append(at)
        at += struct.unpack_from("<H", block, at + 8)[0]
    last, mark = entries[-1], bytes(block[at:at + 16])
    entry, times = bytearray(block[last:at]), [EPOCH_2021 + n for n in range(4)]
    assert utf16("zz gone") in entry
    struct.pack_into("<4Q", entry, 24, *times)
    block[last:last + 16], block[last + 16:last + 16 + len(entry)] = mark, entry
    struct.pack_into("<I", block, 28, used - len(entry))
    usn = struct.unpack_from("<H", block, 4)[0]
    for tail, saved in image.strides(block):
        block[saved:saved + 2], block[tail:tail + 2] = block[tail:tail + 2], block[usn:usn + 2]
    image.write(place, block)
    for at, size in image.pieces(gone["record"]):
        image.write(at, bytes(size))
    gone.update(deleted=True, index_times=times)


def fill_deep(volume):
    """A tree of 200 levels, whose path is longer than Windows or Linux take."""
    with volume.mounted():
        here, path = os.open(volume.mount_point, os.O_RDONLY), ""
        for depth in range(200):
            name = "%03d %s" % (depth, "d" * 166)
            os.mkdir(name, dir_fd=here)
            above, here = here, os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(above)
            path += "/" + name
        with open("leaf", "wb", opener=lambda name, flags: os.open(name, flags, dir_fd=here)) as out:
            out.write(text_of("leaf", 100))
            record = os.fstat(out.fileno()).st_ino
        os.close(here)
    # No path here reaches so far: the row is made by hand.
    return [{"path": path + "/leaf", "kind": "file", "record": record, "size": 100,
             "sha256": sha256(text_of("leaf", 100)), "streams": {}, "deleted": False}]


RECIPES = {
    "fragments": (fill_fragments, finish_fragments, {"size": 3 * MIB, "cluster": CLUSTER}),
    "objects": (fill_objects, patch_objects, {"size": 3 * MIB, "cluster": 1024}),
    "deep": (fill_deep, None, {"size": 3 * MIB}),
}


def main(names):
    for name in names or RECIPES:
        fill, finish, geometry = RECIPES[name]
        volume = Volume(os.path.join(HERE, name + ".img"), name, **geometry)
        rows = fill(volume) or []
        volume.stamp()
        if finish:
            finish(volume)
        write_truth(name, HERE, volume.truth() + rows)


if __name__ == "__main__":
    main(sys.argv[1:])
