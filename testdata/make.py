#!/usr/bin/env python3
"""Makes the NTFS volumes of this directory, and beside each the truth about it.

    make.py [NAME ...]        (as root; needs mkntfs, ntfs-3g, sgdisk and /dev/fuse)

A volume is formatted by mkntfs and filled through ntfs-3g, so its structures are a real driver's. What was
put in is the truth; what became of deleted files is found out by the small reader in reader.py.
README.md says what each volume holds and what the truth looks like.
"""
import json
import os
import struct
import sys

from filling import Volume, noise_of, run, sha256, text_of, utf16
from reader import TIME_NAMES

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20


def fill_plain(volume):
    """Sizes about every limit, nested directories, times at the ends of the range."""
    cluster = volume.cluster
    with volume.mounted():
        volume.directory("/sizes")
        for size in sorted({0, 1, 100, 600, 700, 900, cluster - 1, cluster, cluster + 1, 3 * cluster + 5}):
            volume.text("/sizes/%06d.txt" % size, size)
        path = ""
        for depth in range(8):
            path += "/level%d" % depth
            volume.directory(path)
            volume.text(path + "/leaf.txt", 40 + depth)
        volume.directory("/empty directory")
        volume.text("/root.txt", 10)
        volume.directory("/times")
        for name, ticks in (("unset", 0), ("first", 1), ("unix epoch", 116_444_736_000_000_000),
                            ("before 1970", 116_444_735_999_999_999), ("2038", 137_919_572_480_000_000),
                            ("whole second", 132_539_328_010_000_000), ("last year", 0x7FFF_35F4_F06C_7FFF),
                            ("last tick", (1 << 63) - 1)):
            volume.text("/times/" + name, 5, times=dict.fromkeys(TIME_NAMES, ticks))


def fill_many(volume):
    """As plain, and a directory too large for its record."""
    fill_plain(volume)
    with volume.mounted():
        volume.directory("/many")
        for number in range(100):
            volume.text("/many/file %03d.txt" % number, number)


def fill_fragmented(volume):
    """$MFT grows into holes of three clusters (a record and a half) until its runs no longer fit into record 0."""
    every = ["/ballast/%03d" % number for number in range(700)]
    with volume.mounted():
        volume.directory("/ballast")
        for path in every:
            volume.text(path, 3 * volume.cluster)
        volume.fill_to_the_brim("/ballast/rest")
    with volume.mounted():
        every.sort(key=lambda path: volume.rows[path]["before"][""][1])         # as they lie on the volume
        volume.delete(*every[::2])
        grown = grow_table(volume, 640)
    with volume.mounted():
        volume.delete(*grown[7::50])


def grow_table(volume, files):
    """Small files, six a directory: what fits into a directory's own record, for no hole holds an index block."""
    volume.directory("/grown")
    paths = []
    for number in range(files):
        folder = "/grown"
        for place in (216, 36, 6):
            folder += "/%d" % (number // place % 6)
            if folder not in volume.rows:
                volume.directory(folder)
        paths.append("%s/%d" % (folder, number % 6))
        volume.text(paths[-1], 1 + number % 200)
    return paths


def fill_deleted(volume):
    """Everything that can become of a deleted file. The first made have the lowest records, and those are
    the first to be used again."""
    cluster = volume.cluster
    with volume.mounted():
        volume.directory("/parent reused")
        volume.text("/record reused.txt", 50)
        volume.text("/data overwritten.bin", 2 * cluster)
        volume.text("/parent reused/resident orphan.txt", 60)
        volume.text("/parent reused/large orphan.bin", 2 * cluster + 1)
        volume.directory("/parent reused/sub")
        volume.text("/parent reused/sub/deep orphan.txt", 70)
        volume.directory("/kept")
        volume.text("/kept/live.txt", 80)
        for name, size in (("empty", 0), ("resident", 100), ("largest resident", 650), ("one cluster", cluster),
                           ("three clusters", 3 * cluster), ("cluster and a byte", cluster + 1)):
            volume.text("/kept/%s.bin" % name, size)
        volume.text("/kept/streams.txt", 90)
        volume.stream("/kept/streams.txt", "small", b"resident stream")
        volume.stream("/kept/streams.txt", "large", text_of("large stream", 2 * cluster + 7))
        volume.text("/kept/удалённый файл.txt", 95)
        volume.text("/kept/first name.txt", 33)
        volume.link("/kept/first name.txt", "/kept/second name.txt")
        volume.text("/kept/VeryLongFileName.document", 44)
        volume.dos_name("/kept/VeryLongFileName.document", "VERYLO~1.DOC")
        path = "/gone"
        for depth in range(5):
            volume.directory(path)
            volume.text(path + "/resident.txt", 100 + depth)
            volume.text(path + "/clusters.bin", cluster * (1 + depth % 2) + depth)
            path += "/level%d" % depth
        for number in range(30):
            volume.text("/kept/many %02d.txt" % number, 20 * number)
        volume.fill_to_the_brim("/ballast.bin")       # so that new data has to go where old data was
    with volume.mounted():
        volume.delete("/record reused.txt", "/data overwritten.bin")
        volume.delete_tree("/parent reused")
        volume.delete_tree("/gone")
        kept = [path for path in volume.rows if path.startswith("/kept/")]
        volume.delete(*(path for path in kept if path != "/kept/live.txt"))
    with volume.mounted():
        volume.text("/new in place of the directory.bin", 4 * cluster)
        volume.text("/new in place of the file.txt", 30)


ODD_NAMES = (
    "Привет мир.txt", "日本語.dat", "emoji 😀.bin", "é composed", "e\u0301 decomposed", "x" * 255, "trailing dot.",
    "trailing space ", " leading space", "control \x01\x1f.txt", "new\nline", "tab\there", "pipe|comma,quote\".txt",
    "=cmd", "back\\slash", "less<more>?*.txt", "CaseA", "casea", "CON", ".hidden", "<missing 5-5>", "\u202etxt.exe",
    "unpaired \ud83d high", "unpaired \ude00 low",
)


def fill_links_streams(volume):
    """Names, links, streams, reparse points and the rarer attributes."""
    with volume.mounted():
        volume.directory("/names")
        for name in ODD_NAMES:
            volume.text("/names/" + name, 40)
        volume.directory("/names/каталог")
        volume.text("/names/каталог/файл.txt", 20)
        volume.text("/names/LongFileNameWithDos.text", 60)
        volume.dos_name("/names/LongFileNameWithDos.text", "LONGFI~1.TEX")
        volume.directory("/names/Long Directory Name")
        volume.dos_name("/names/Long Directory Name", "LONGDI~1")
        volume.text("/names/Long Directory Name/inside.txt", 61)
        fill_links(volume)
        fill_streams(volume)
        fill_reparse_points(volume)
        volume.text("/extended attributes.txt", 10)
        entries = extended_attribute(b"$LXUID", struct.pack("<I", 1000)) + extended_attribute(b"FOO", b"bar")
        volume.xattr("/extended attributes.txt", "ea", entries)
        volume.rows["/extended attributes.txt"]["extended_attributes"] = {"$LXUID": "e8030000", "FOO": "626172"}
        volume.text("/object id.txt", 11)
        volume.xattr("/object id.txt", "object_id", bytes(range(16)))
        volume.rows["/object id.txt"]["object_id"] = bytes(range(16)).hex()


def fill_links(volume):
    for path in ("/links", "/links/sub", "/links/other"):
        volume.directory(path)
    volume.text("/links/three", 5000)
    volume.link("/links/three", "/links/sub/three again")
    volume.link("/links/three", "/links/other/drei")
    volume.text("/links/many", 777)
    for number in range(40):
        folder = ("/links", "/links/sub", "/links/other")[number % 3]
        volume.link("/links/many", "%s/many %02d %s" % (folder, number, "n" * 50))


def fill_streams(volume):
    volume.directory("/streams")
    volume.stream("/streams", "on a directory", b"directories have streams too")
    volume.text("/streams/host.txt", 50)
    volume.stream("/streams/host.txt", "small", b"twenty bytes of text")
    volume.stream("/streams/host.txt", "large", text_of("large", 3 * volume.cluster + 7))
    volume.stream("/streams/host.txt", "Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n")
    volume.stream("/streams/host.txt", "поток", b"a name beyond ASCII")
    volume.text("/streams/empty host", 0)
    volume.stream("/streams/empty host", "only", b"ten bytes.")
    volume.stream("/streams/empty host", "nothing", b"")
    volume.text("/streams/many", 5)
    for number in range(40):
        volume.stream("/streams/many", "stream %02d %s" % (number, "s" * 20), text_of("s%d" % number, 30 + number))


def fill_reparse_points(volume):
    volume.directory("/reparse")
    volume.directory("/reparse/junction")
    volume.reparse("/reparse/junction", 0xA0000003, mount_point("\\??\\C:\\links", "C:\\links"), "C:\\links")
    volume.text("/reparse/symlink", 0)
    target = "..\\links\\many"
    volume.reparse("/reparse/symlink", 0xA000000C, mount_point(target, target, 1), target)
    volume.text("/reparse/wsl symlink", 0)
    volume.reparse("/reparse/wsl symlink", 0xA000001D, struct.pack("<I", 2) + b"/etc/passwd", "/etc/passwd")
    volume.text("/reparse/app execution link", 0)
    strings = utf16("Package_8wekyb\0Package_8wekyb!App\0C:\\Apps\\app.exe\0" "0\0")
    volume.reparse("/reparse/app execution link", 0x8000001B, struct.pack("<I", 3) + strings)
    fill_wof(volume, "/reparse/wof stored")


def fill_wof(volume, path):
    """A file compressed by the Windows overlay filter with XPRESS4K, every chunk of it stored as it is."""
    data = noise_of(path, 3 * 4096 + 100)
    volume.sparse(path, len(data))
    volume.stream(path, "WofCompressedData", struct.pack("<3I", 4096, 8192, 12288) + data)
    volume.reparse(path, 0x80000017, struct.pack("<4I", 1, 2, 1, 0))
    volume.rows[path]["wof"] = {"algorithm": "XPRESS4K", "size": len(data), "sha256": sha256(data)}


def mount_point(substitute, shown, flags=None):
    """The data of a mount point, or with flags of a symbolic link."""
    first, second = utf16(substitute), utf16(shown)
    header = struct.pack("<4H", 0, len(first), len(first) + 2, len(second))
    return header + (b"" if flags is None else struct.pack("<I", flags)) + first + b"\0\0" + second + b"\0\0"


def extended_attribute(name, value):
    size = -(-(8 + len(name) + 1 + len(value)) // 4) * 4
    return (struct.pack("<IBBH", size, 0, len(name), len(value)) + name + b"\0" + value).ljust(size, b"\0")


def fill_compressed_sparse(volume):
    cluster = volume.cluster
    unit = 16 * cluster
    with volume.mounted():
        volume.directory("/compressed")
        volume.xattr("/compressed", "attrib_be", struct.pack(">I", 0x810))      # what is made inside inherits it
        volume.rows["/compressed"]["compressed"] = True
        noise = noise_of("/compressed", 2 * unit)
        for name, data in (("resident.txt", text_of("resident", 100)), ("small.txt", text_of("small", 5 * cluster)),
                           ("one unit.txt", text_of("one unit", unit)),
                           ("unit and more.txt", text_of("more", unit + 5)),
                           ("five units.txt", text_of("five", 5 * unit - 77)), ("noise.bin", noise),
                           ("mixed.bin", text_of("mixed", unit) + noise[:unit] + bytes(unit) + text_of("end", 999)),
                           ("zeros.bin", bytes(2 * unit)), ("deleted.txt", text_of("deleted", unit + 1000))):
            volume.make_file("/compressed/" + name, data, compressed=True)
        volume.directory("/sparse")
        volume.sparse("/sparse/hole at head.bin", 40 * cluster, (36 * cluster, 4 * cluster))
        volume.sparse("/sparse/hole at end.bin", 400 * cluster, (0, 10))
        volume.sparse("/sparse/hole inside.bin", 70 * cluster, (0, cluster), (64 * cluster, 2 * cluster))
        volume.sparse("/sparse/only a hole.bin", 300 * cluster)
        volume.sparse("/sparse/deleted.bin", 48 * cluster, (32 * cluster, 2 * cluster))
    with volume.mounted():
        volume.delete("/compressed/deleted.txt", "/sparse/deleted.bin")


def fill_first_partition(volume):
    with volume.mounted():
        volume.directory("/first")
        for size in (0, 50, 5000):
            volume.text("/first/%d.txt" % size, size)


def fill_second_partition(volume):
    with volume.mounted():
        volume.directory("/second")
        for size in (1, 60, 6000):
            volume.text("/second/%d.txt" % size, size)
    with volume.mounted():
        volume.delete("/second/60.txt")


RECIPES = {
    "plain": (fill_many, {"size": 2 * MIB}),
    "4kn": (fill_many, {"size": 3 * MIB, "sector": 4096}),
    "64k_clusters": (fill_plain, {"size": 4 * MIB, "cluster": 65536}),
    "mft_attribute_list": (fill_fragmented, {"size": 3 * MIB, "cluster": 512}),
    "deleted": (fill_deleted, {"size": 2 * MIB}),
    "links_streams": (fill_links_streams, {"size": 2 * MIB}),
    "compressed_sparse": (fill_compressed_sparse, {"size": 3 * MIB}),
}


def make_volume(name, folder):
    fill, geometry = RECIPES[name]
    volume = Volume(os.path.join(folder, name + ".img"), name, **geometry)
    fill(volume)
    volume.stamp()
    write_truth(name, folder, volume.truth())


def make_disk(name, folder):
    """A disk with a GUID partition table and two volumes, none of them where the other's records fit."""
    sectors, starts = 2 * MIB // 512, (40, 40 + 2 * MIB // 512 + 24)
    disk = os.path.join(folder, name + ".img")
    with open(disk, "wb") as out:
        out.truncate((starts[1] + sectors + 40) * 512)
    options = ["-o", "-a", "8", "-U", "11111111-2222-3333-4444-555555555555"]
    for number, start in enumerate(starts, 1):
        options += ["-n", "%d:%d:%d" % (number, start, start + sectors - 1), "-t", "%d:0700" % number,
                    "-c", "%d:part %d" % (number, number),
                    "-u", "%d:0000000%d-2222-3333-4444-555555555555" % (number, number)]
    run("sgdisk", *options, disk)
    lines = []
    for number, (start, fill) in enumerate(zip(starts, (fill_first_partition, fill_second_partition)), 1):
        part = os.path.join(folder, "%s.part%d" % (name, number))
        volume = Volume(part, "part %d" % number, 2 * MIB, cluster=(4096, 1024)[number - 1], partition_start=start)
        fill(volume)
        volume.stamp()
        with open(part, "rb") as volume_bytes, open(disk, "r+b") as out:
            out.seek(start * 512)
            out.write(volume_bytes.read())
        os.unlink(part)
        lines += volume.truth(start * 512, disk)
    write_truth(name, folder, lines)


def write_truth(name, folder, lines):
    with open(os.path.join(folder, name + ".truth.jsonl"), "w", encoding="ascii") as out:
        out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    rows = lines[1:]
    deleted = [row for row in rows if row.get("deleted")]
    print("%-20s %4d files and directories, %3d of them deleted" % (name, len(rows), len(deleted)))


def main(names, folder=HERE):
    for name in names or [*RECIPES, "disk_gpt"]:
        make_disk(name, folder) if name == "disk_gpt" else make_volume(name, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
