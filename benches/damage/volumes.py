#!/usr/bin/env python3
"""Makes the volumes of the damage campaign, and beside each the truth about every byte of it.

    volumes.py DIRECTORY SEED        (as root; needs mkntfs, ntfs-3g and /dev/fuse)

The volumes are made as those of testdata/ are: formatted by mkntfs, filled through ntfs-3g, read by reader.py,
which shares nothing with the library. NAME.img is the image and NAME.truth.json says of every stream and name
what it was and on which bytes of the image it rests; contents/ holds what the streams held, by sha256.

Every name on a volume is its only one, so that a tool's output can be told by its name; every content is
different, so that it can be told by its hash.
"""
import io
import json
import os
import random
import shutil
import struct
import sys
import zipfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../testdata"))
from filling import Volume, run, sha256                                                         # noqa: E402
from reader import DATA, FILE_NAME, Image                                                       # noqa: E402

INDEX_ALLOCATION = 0xA0
MIB = 1 << 20


# ------------------------------------------------------------------------------------------------ contents

def text(rng, size):
    words = ("sector", "cluster", "record", "volume", "index", "stream", "bitmap", "mirror", "journal", "evidence")
    lines = []
    length = 0
    while length < size:
        line = "%08x %s\n" % (rng.getrandbits(32), " ".join(rng.choice(words) for _ in range(8)))
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]


def picture(rng, size):
    """A PNG of about that size, true down to its checksums."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    width, height = 64, max(1, size // 192)
    pixels = b"".join(b"\0" + rng.randbytes(3 * width) for _ in range(height))
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels, 1))
            + chunk(b"IEND", b""))


def archive(rng, size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for part in range(3):
            made.writestr(zipfile.ZipInfo("part %d.txt" % part, (2021, 1, 1, 0, 0, 0)), rng.randbytes(size // 3))
    return out.getvalue()


def sound(rng, size):
    """A WAV with silence in its middle: zeros that belong there."""
    samples = rng.randbytes(size // 3) + bytes(size // 3) + rng.randbytes(size // 3)
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(head) + len(samples)) + head + samples


def pages(rng, size):
    """As a database keeps them: some are not in use yet."""
    return b"".join(bytes(4096) if rng.randrange(8) == 0 else rng.randbytes(4096) for _ in range(-(-size // 4096)))


KINDS = (("txt", text), ("txt", text), ("dat", lambda rng, size: rng.randbytes(size)), ("png", picture),
         ("png", picture), ("zip", archive), ("wav", sound), ("db", pages))


def size_of(rng):
    kind = rng.randrange(100)
    if kind < 30:
        return rng.randrange(20, 600)
    if kind < 78:
        return rng.randrange(1024, 40 << 10)
    return rng.randrange(40 << 10, 300 << 10) if kind < 97 else rng.randrange(512 << 10, 1 << 20)


# ------------------------------------------------------------------------------------------------- volumes

class Kept(Volume):
    """A volume whose contents are kept beside it."""

    def __init__(self, folder, name, size, seed, **geometry):
        self.folder, self.rng, self.count = folder, random.Random("%s %d" % (name, seed)), 0
        super().__init__(os.path.join(folder, name + ".img"), name, size, **geometry)

    def keep(self, data):
        path = os.path.join(self.folder, "contents", sha256(data))
        if not os.path.exists(path):
            with open(path, "wb") as out:
                out.write(data)

    def make_file(self, path, data, **facts):
        self.keep(data)
        super().make_file(path, data, **facts)

    def stream(self, path, name, data):
        self.keep(data)
        super().stream(path, name, data)

    def name(self, stem, extension=None):
        """A name there is once only."""
        self.count += 1
        return "%s %s-%05d" % (self.label[:3], stem, self.count) + ("." + extension if extension else "")

    def any_file(self, folder):
        size = size_of(self.rng)
        extension, kind = ("txt", text) if size < 600 else self.rng.choice(KINDS)
        path = folder + "/" + self.name(self.rng.choice(("letter", "photo", "Fläche", "копия", "report")), extension)
        self.make_file(path, kind(self.rng, size))
        return path

    def with_holes(self, path, size, *written):
        data = bytearray(size)
        with open(self.at(path), "wb") as out:
            for offset, length in written:
                data[offset:offset + length] = self.rng.randbytes(length)
                out.seek(offset)
                out.write(data[offset:offset + length])
            out.truncate(size)
        self.keep(bytes(data))
        self.add(path, kind="file", size=size, sha256=sha256(data), sparse=True)

    def in_pieces(self, paths, pieces):
        """Files that grow in turns, so that their clusters alternate."""
        data = [b""] * len(paths)
        handles = [open(self.at(path), "wb", buffering=0) for path in paths]
        for _ in range(pieces):
            for place, handle in enumerate(handles):
                piece = self.rng.randbytes(self.cluster)
                data[place] += piece
                handle.write(piece)
                os.fsync(handle.fileno())
        for path, handle, content in zip(paths, handles, data):
            handle.close()
            self.keep(content)
            self.add(path, kind="file", size=len(content), sha256=sha256(content))
        return dict(zip(paths, data))

    def cut(self, path, data):
        """Shortens a file to `data`, which it starts with."""
        os.truncate(self.at(path), len(data))
        self.keep(data)
        self.rows[path].update(size=len(data), sha256=sha256(data))


def fill(volume, files):
    """Folders of files of every kind and size, live and deleted."""
    folders = [""]
    with volume.mounted():
        for _ in range(max(4, files // 16)):
            folder = volume.rng.choice(folders[-12:]) + "/" + volume.name("folder")
            volume.directory(folder)
            folders.append(folder)
        crowded = folders[1]
        every = [volume.any_file(volume.rng.choice(folders[1:])) for _ in range(files * 3 // 4)]
        every += [volume.any_file(crowded) for _ in range(files // 4)]
        for path in every[::25]:
            volume.stream(path, volume.name("small stream"), volume.rng.randbytes(200))
            volume.stream(path, volume.name("large stream"), volume.rng.randbytes(9000))
        for path in every[7::25]:
            volume.link(path, folders[2] + "/" + volume.name("link"))
        special(volume)
    with volume.mounted():
        doomed = [path for path in every if volume.rng.randrange(5) == 0]
        volume.delete(*doomed)
    with volume.mounted():
        for _ in range(files // 20):
            volume.any_file(folders[3])
    volume.stamp()


def special(volume):
    """What is not stored as it is, and what does not lie in one piece."""
    cluster = volume.cluster
    folder = "/" + volume.name("compressed")
    volume.directory(folder)
    volume.xattr(folder, "attrib_be", struct.pack(">I", 0x810))             # what is made inside inherits it
    for size in (300, 5 * cluster, 16 * cluster + 5, 60 * cluster):
        volume.make_file(folder + "/" + volume.name("text", "txt"), text(volume.rng, size), compressed=True)
    folder = "/" + volume.name("in pieces")
    volume.directory(folder)
    volume.with_holes(folder + "/" + volume.name("holes", "bin"), 200 * cluster, (64 * cluster, 3 * cluster))
    volume.with_holes(folder + "/" + volume.name("holes", "bin"), 90 * cluster, (0, cluster), (80 * cluster, cluster))
    volume.in_pieces([folder + "/" + volume.name("turns", "bin") for _ in range(3)], 40)


def fill_fragmented(volume, runs=3000):
    """$MFT grows into holes of three clusters, a record and a half, until it has so many runs."""
    holes = runs + runs // 12
    with volume.mounted():
        volume.directory("/ballast")
        ballast = ["/ballast/" + volume.name("ballast") for _ in range(2 * holes)]
        for path in ballast:
            volume.make_file(path, volume.rng.randbytes(3 * volume.cluster))
        fill_to_the_brim(volume, "/ballast/" + volume.name("rest"))
    with volume.mounted():
        ballast.sort(key=lambda path: volume.rows[path]["before"][""][1])       # as they lie on the volume
        volume.delete(*ballast[::2])
    with volume.mounted():
        grow_table(volume, holes + runs * 3 // 2)
    volume.stamp()


def grow_table(volume, records):
    """So many small files and folders, five in each: a folder's own record holds them, for no hole holds more."""
    level, made = ["/grown"], 1
    volume.directory(level[0])
    while made < records:
        above, level = level, []
        for place in range(min(5 * len(above), records - made)):
            path = "%s/g%05d" % (above[place // 5], made)
            if place % 5 < 3:
                volume.directory(path)
                level.append(path)
            else:
                volume.make_file(path, text(volume.rng, volume.rng.randrange(10, 200)))
            made += 1


def fill_to_the_brim(volume, path):
    data = volume.rng.randbytes(32 * MIB)         # more than there is room for
    size = 0
    with open(volume.at(path), "wb", buffering=0) as out:
        while True:
            try:
                size += out.write(data[size:size + volume.cluster])
            except OSError:
                break
    os.truncate(volume.at(path), size)
    volume.keep(data[:size])
    volume.add(path, kind="file", size=size, sha256=sha256(data[:size]))


# --------------------------------------------------------------------------------------------------- truth

def absolute(image, pieces):
    return [[image.offset + at, length] for at, length in pieces]


def used_bytes(image, number):
    """Where the used part of a record lies."""
    left = min(struct.unpack_from("<I", image.raw_record(number), 0x18)[0], image.record_size)
    out = []
    for at, length in image.pieces(number):
        out.append((at, min(length, left)))
        left -= min(length, left)
    return absolute(image, [piece for piece in out if piece[1]])


def clusters_of(image, runs, size=None):
    """Where runs lie; only as far as the first `size` bytes go, where it is given."""
    out, left = [], size
    for lcn, clusters in runs:
        length = clusters * image.cluster
        if left is not None:
            length = min(length, left)
            left -= length
        if lcn is not None and length:
            out.append((lcn * image.cluster, length))
    return absolute(image, out)


def data_of(image, number, name, size):
    """Records and clusters that a stream rests on."""
    parts = [a for a in image.all_attributes(number) if a.type == DATA and a.name == name]
    parts.sort(key=lambda part: part.lowest_vcn)
    if not parts:                               # the records that had it are used again
        return [number], []
    records = sorted({number} | {part.record for part in parts})
    if parts[0].resident:
        return records, []
    is_compressed = parts[0].flags & 0xFF
    runs = [each for part in parts for each in part.runs()]
    return records, clusters_of(image, runs, None if is_compressed else size)


def truth_of_volume(volume, image, is_current):
    rows = volume.truth(image.offset, image.file.name)[1:]
    streams, names = [], []
    for row in rows:
        fate = row.get("fate", {"record": "live"})
        if fate["record"] in ("reused", "gone"):
            continue
        for name, facts in [("", row)] * ("size" in row) + list(row["streams"].items()):
            state = "live" if not row["deleted"] else {"intact": "deleted"}.get(fate["data"][name], "overwritten")
            records, data = data_of(image, row["record"], name, facts["size"])
            streams.append({"name": row["path"].rpartition("/")[2], "stream": name, "size": facts["size"],
                            "sha256": facts["sha256"], "state": state, "is_old": not is_current, "record": row["record"],
                            "records": [piece for each in records for piece in used_bytes(image, each)], "data": data})
        holders = {a.record for a in image.all_attributes(row["record"]) if a.type == FILE_NAME} | {row["record"]}
        for link in row["links"]:
            names.append({"path": link["path"], "name": link["name"], "file": row["path"].rpartition("/")[2],
                          "records": [piece for each in sorted(holders) for piece in used_bytes(image, each)]})
    return streams, names


def structures(image):
    """Where the parts of a volume lie that can be lost."""
    def runs(number, kind):
        return [each for a in image.attributes(number) if a.type == kind and not a.resident for each in a.runs()]
    table = [absolute(image, image.pieces(number)) for number in range(image.records)]
    return {"start": image.offset, "size": (image.sectors + 1) * image.sector,
            "boot": absolute(image, [(0, image.sector)]),
            "backup": absolute(image, [(image.sectors * image.sector, image.sector)]),
            "mirror": clusters_of(image, runs(1, DATA)),
            "bitmap": table[6] + clusters_of(image, runs(6, DATA)),
            "root": table[5] + clusters_of(image, runs(5, INDEX_ALLOCATION)),
            "records": table, "table": clusters_of(image, image.mft_runs)}


def write_truth(folder, name, volumes, changed=()):
    """`volumes` are pairs of a volume in the making and the image it was read from."""
    path = os.path.join(folder, name)
    streams, names, parts = [], [], []
    for volume, image, is_current in volumes:
        found = truth_of_volume(volume, image, is_current)
        streams += found[0]
        names += found[1]
        if is_current:
            parts.append(structures(image))
    with open(path + ".truth.json", "w", encoding="ascii") as out:
        json.dump({"volumes": parts, "streams": streams, "names": names, "changed": list(changed)}, out)
    print("%-12s %5d streams, %5d names" % (name, len(streams), len(names)))


# ------------------------------------------------------------------------------------------------- recipes

def make_files(folder, seed):
    volume = Kept(folder, "files", 64 * MIB, seed)
    fill(volume, 600)
    write_truth(folder, "files", [(volume, Image(volume.file), True)])


def make_fragmented(folder, seed):
    volume = Kept(folder, "fragmented", 28 * MIB, seed, cluster=512)
    fill_fragmented(volume)
    write_truth(folder, "fragmented", [(volume, Image(volume.file), True)])


def make_disk(folder, seed):
    """Two volumes, the second off every usual boundary, and nothing that says where they are."""
    disk = os.path.join(folder, "disk.img")
    volumes, start = [], MIB
    for name, cluster in (("one", 4096), ("two", 1024)):
        volume = Kept(folder, name, 24 * MIB, seed, cluster=cluster)
        fill(volume, 200)
        volumes.append((volume, start))
        start += 24 * MIB + 77 * 512
    with open(disk, "wb") as out:
        out.truncate(start)
        for volume, start in volumes:
            out.seek(start)
            with open(volume.file, "rb") as image:
                out.write(image.read())
            os.unlink(volume.file)
    write_truth(folder, "disk", [(volume, Image(disk, start), True) for volume, start in volumes])


class Reformatted(Kept):
    """A quick format of what is there already."""

    def format(self, _size, options):
        run("mkntfs", "-Q", *options, self.file)


def make_formatted(folder, seed):
    """Formats over the volume of `make_files`: with the same clusters or others, and used since or not."""
    for name, cluster, files in (("formatted", 4096, 0), ("reclustered", 1024, 0), ("reclustered-used", 1024, 40)):
        old = Kept(folder, name, 48 * MIB, seed)
        fill(old, 300)
        before = os.path.join(folder, "before.img")
        shutil.copyfile(old.file, before)
        new = Reformatted(folder, name, 48 * MIB, seed, cluster=cluster)
        new.label, new.rng = "new", random.Random("%s new %d" % (name, seed))
        if files:
            fill(new, files)
        volumes = [(new, Image(new.file), True), (old, Image(before), False)]
        write_truth(folder, name, volumes, differences(before, new.file))
        os.unlink(before)


def make_copies(folder, seed):
    """Copies of one volume that are not what it is."""
    for name in ("clone", "shifted"):
        volume = Kept(folder, name, 32 * MIB, seed)
        fill(volume, 200)
        before = os.path.join(folder, "before.img")
        os.rename(volume.file, before)
        if name == "clone":
            run("ntfsclone", "-q", "-m", "-f", "-O", volume.file, before)
        else:
            cut = 12 * MIB + 512 * seed
            with open(before, "rb") as image, open(volume.file, "wb") as out:
                out.write(image.read(cut))
                image.seek(cut + 512)
                out.write(image.read() + bytes(512))
        write_truth(folder, name, [(volume, Image(before), True)], differences(before, volume.file))
        os.unlink(before)


def make_residue(folder, seed):
    """Files of so many pieces that they take several records, cut, deleted, and their records and clusters used again."""
    volume = Kept(folder, "residue", 96 * MIB, seed, cluster=1024)
    rng = volume.rng
    fill(volume, 120)
    made, (first, end) = {}, volume.free_area()
    # One of each two clusters, and some in a row for the table and indexes.
    places = [(lcn, lcn + 1) for lcn in range(first, end - 4096, 2)] + [(end - 4096, end)]
    for _ in range(3):
        with volume.confined(*places):
            folder_path = "/" + volume.name("turns")
            volume.directory(folder_path)
            made.update(volume.in_pieces([folder_path + "/" + volume.name("turns", "bin") for _ in range(8)], 400))
        paths = [path for path in made if not volume.rows[path]["deleted"]]
        with volume.mounted():
            for path in rng.sample(paths, len(paths) // 3):
                made[path] = made[path][:rng.randrange(20, 300) * volume.cluster - rng.randrange(volume.cluster)]
                volume.cut(path, made[path])
            volume.delete(*rng.sample(paths, len(paths) // 3))
        with volume.mounted():
            for _ in range(rng.randrange(4, 24)):
                volume.any_file(folder_path)
    with volume.mounted():
        volume.delete(*rng.sample([path for path in made if not volume.rows[path]["deleted"]], 3))
    volume.stamp()
    write_truth(folder, "residue", [(volume, Image(volume.file), True)])


def make_reformatted(folder, seed):
    old = Kept(folder, "reformatted", 48 * MIB, seed)
    fill(old, 400)
    before = os.path.join(folder, "before.img")
    with open(old.file, "rb") as image, open(before, "wb") as out:
        out.write(image.read())
    new = Reformatted(folder, "reformatted", 48 * MIB, seed)
    new.label = "new"
    new.rng = random.Random("new %d" % seed)
    fill(new, 60)
    volumes = [(new, Image(new.file), True), (old, Image(before), False)]
    write_truth(folder, "reformatted", volumes, differences(before, new.file))
    os.unlink(before)


def differences(one, other):
    """The bytes that are not the same, as ranges."""
    out = []
    with open(one, "rb") as first, open(other, "rb") as second:
        for at in range(0, os.path.getsize(one), 512):
            a, b = first.read(512), second.read(512)
            if a != b:
                out += [at + place for place in range(512) if a[place] != b[place]]
    ranges = []
    for at in out:
        if ranges and sum(ranges[-1]) == at:
            ranges[-1][1] += 1
        else:
            ranges.append([at, 1])
    return ranges


def main(folder, seed):
    os.makedirs(os.path.join(folder, "contents"), exist_ok=True)
    for make in (make_files, make_disk, make_reformatted, make_formatted, make_copies, make_residue,
                 make_fragmented):
        make(folder, seed)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
