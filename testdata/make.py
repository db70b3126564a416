#!/usr/bin/env python3
"""Makes the NTFS volumes of this directory, and beside each the truth about it.

    make.py [NAME ...]        (as root; needs mkntfs, ntfs-3g, sgdisk and /dev/fuse)

A volume is formatted by mkntfs and filled through ntfs-3g, so its structures are a real driver's. What was
put in is the truth; what became of deleted files is found out by the small reader below, which shares
nothing with the library under test. README.md says what each volume holds and what the truth looks like.
"""
import contextlib
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
KIB, MIB = 1 << 10, 1 << 20
TIME_NAMES = ("created", "modified", "record_changed", "accessed")      # the order on disk
NAMESPACES = ("posix", "win32", "dos", "win32+dos")
STANDARD_INFORMATION, ATTRIBUTE_LIST, FILE_NAME, DATA = 0x10, 0x20, 0x30, 0x80
FIRST_USER_RECORD = 64                                                  # where ntfs-3g begins
EPOCH_2021 = 132_539_328_000_000_000                                    # 2021-01-01 as a FILETIME
TICKS_PER_DAY = 864_000_000_000


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def utf16(text):
    return text.encode("utf-16-le", "surrogatepass")


# ------------------------------------------------------------------------------------------ contents and times


def text_of(path, size):
    """Lines that name their file and offset: a byte shown in the wrong place says where it is from."""
    label = path.encode("ascii", "backslashreplace")[-20:]
    lines = (b"%-20s %010d\n" % (label, at) for at in range(0, size, 32))
    return b"".join(lines)[:size]


def noise_of(path, size):
    return random.Random(path).randbytes(size)


def times_of(path):
    """Four different times, a function of the path alone."""
    seed = random.Random(utf16(path))
    created = EPOCH_2021 + seed.randrange(365 * TICKS_PER_DAY)
    later = sorted(seed.randrange(300 * TICKS_PER_DAY) for _ in range(3))
    modified, accessed, changed = (created + ticks for ticks in later)
    return dict(zip(TIME_NAMES, (created, modified, changed, accessed)))


def name_times_of(record, name):
    """Times for a $FILE_NAME: older than every $STANDARD_INFORMATION here, so that none passes for the other."""
    first = EPOCH_2021 - 1000 * TICKS_PER_DAY + record * 10_000_000_000 + len(name) * 10_000
    return dict(zip(TIME_NAMES, (first, first + 1, first + 2, first + 3)))


# ------------------------------------------------------------------------------------------ a small NTFS reader


class Attribute:
    def __init__(self, record, start, data):
        self.record, self.start, self.data = record, start, data
        self.type = self.u32(0)
        name = self.u16(10)
        self.name = data[name:name + 2 * data[9]].decode("utf-16-le", "surrogatepass")
        self.resident = data[8] == 0
        self.flags = self.u16(12)

    def u16(self, at):
        return struct.unpack_from("<H", self.data, at)[0]

    def u32(self, at):
        return struct.unpack_from("<I", self.data, at)[0]

    def u64(self, at):
        return struct.unpack_from("<Q", self.data, at)[0]

    @property
    def value_start(self):
        return self.u16(0x14)

    @property
    def value(self):
        return self.data[self.value_start:self.value_start + self.u32(0x10)]

    @property
    def lowest_vcn(self):
        return 0 if self.resident else self.u64(0x10)

    def runs(self):
        """(lcn or None for a hole, clusters) in order."""
        at, lcn = self.u16(0x20), 0
        while at < len(self.data) and self.data[at]:
            length_size, offset_size = self.data[at] & 15, self.data[at] >> 4
            length = int.from_bytes(self.data[at + 1:at + 1 + length_size], "little")
            at += 1 + length_size
            lcn += int.from_bytes(self.data[at:at + offset_size], "little", signed=True)
            yield (lcn if offset_size else None), length
            at += offset_size


class Image:
    """One volume inside a file: its geometry and its records."""

    def __init__(self, path, offset=0):
        self.file, self.offset = open(path, "r+b"), offset
        boot = self.read(0, 512)
        assert boot[3:11] == b"NTFS    ", path
        self.sector, per_cluster = struct.unpack_from("<HB", boot, 11)
        self.cluster = self.sector * (per_cluster if per_cluster <= 0x80 else 1 << (256 - per_cluster))
        size_byte = struct.unpack_from("b", boot, 0x40)[0]
        self.record_size = size_byte * self.cluster if size_byte > 0 else 1 << -size_byte
        self.sectors, self.mft_lcn = struct.unpack_from("<QQ", boot, 0x28)
        self.serial = struct.unpack_from("<Q", boot, 0x48)[0]
        self.mft_runs = [(self.mft_lcn, -(-self.record_size // self.cluster))]
        self.mft_runs, self.mft_size = self.runs_of_mft()
        self.records = self.mft_size // self.record_size

    def close(self):
        self.file.close()

    def read(self, at, size):
        self.file.seek(self.offset + at)
        return self.file.read(size)

    def write(self, at, data):
        self.file.seek(self.offset + at)
        self.file.write(data)

    def runs_of_mft(self):
        """All runs of $MFT; pieces in extension records are reached through the runs found before them."""
        first = next(a for a in self.attributes(0) if a.type == DATA)
        self.mft_runs, size = list(first.runs()), first.u64(0x30)
        for vcn, number in sorted(self.listed(0, DATA)):
            if vcn:
                piece = next(a for a in self.attributes(number) if a.type == DATA and a.lowest_vcn == vcn)
                self.mft_runs += piece.runs()
        return self.mft_runs, size

    def pieces(self, number):
        """Where a record lies: (offset, length), several when it straddles runs."""
        at, wanted, run_start = number * self.record_size, self.record_size, 0
        for lcn, clusters in self.mft_runs:
            run_end = run_start + clusters * self.cluster
            if wanted and run_start <= at < run_end:
                take = min(wanted, run_end - at)
                yield lcn * self.cluster + at - run_start, take
                at, wanted = at + take, wanted - take
            run_start = run_end

    def raw_record(self, number):
        return b"".join(self.read(*piece) for piece in self.pieces(number))

    def record(self, number):
        data = bytearray(self.raw_record(number))
        if data[:4] == b"FILE":
            for tail, saved in self.strides(data):
                data[tail:tail + 2] = data[saved:saved + 2]
        return data

    def write_record(self, number, data):
        """Puts a record back, its strides protected again under the same update sequence number."""
        data = bytearray(data)
        usn = struct.unpack_from("<H", data, 4)[0]
        for tail, saved in self.strides(data):
            data[saved:saved + 2] = data[tail:tail + 2]
            data[tail:tail + 2] = data[usn:usn + 2]
        for at, size in self.pieces(number):
            self.write(at, data[:size])
            data = data[size:]

    @staticmethod
    def strides(data):
        usa, count = struct.unpack_from("<HH", data, 4)
        return [(512 * i - 2, usa + 2 * i) for i in range(1, count)]

    def attributes(self, number):
        data = self.record(number)
        if data[:4] != b"FILE":
            return
        at = struct.unpack_from("<H", data, 0x14)[0]
        while struct.unpack_from("<I", data, at)[0] != 0xFFFFFFFF:
            length = struct.unpack_from("<I", data, at + 4)[0]
            yield Attribute(number, at, bytes(data[at:at + length]))
            at += length

    def listed(self, number, type_wanted=None):
        """(lowest VCN, record) of each entry of the record's attribute list."""
        for attribute in self.attributes(number):
            if attribute.type == ATTRIBUTE_LIST:
                data = attribute.value if attribute.resident else self.clusters(attribute)[:attribute.u64(0x30)]
                at = 0
                while at + 26 <= len(data):
                    kind, length = struct.unpack_from("<IH", data, at)
                    vcn, reference = struct.unpack_from("<QQ", data, at + 8)
                    if type_wanted in (None, kind):
                        yield vcn, reference & 0xFFFF_FFFF_FFFF
                    at += length

    def clusters(self, attribute):
        return self.bytes_of(attribute.runs())

    def bytes_of(self, runs):
        return b"".join(self.read(lcn * self.cluster, n * self.cluster) for lcn, n in runs if lcn is not None)

    def all_attributes(self, number):
        """Those of the record and of the extension records its list names."""
        for each in [number, *sorted({record for _, record in self.listed(number)} - {number})]:
            yield from self.attributes(each)

    def streams(self, number):
        """name -> (resident value or None, runs)."""
        found = {}
        for attribute in sorted(self.all_attributes(number), key=lambda a: a.lowest_vcn):
            if attribute.type == DATA and attribute.resident:
                found[attribute.name] = (attribute.value, [])
            elif attribute.type == DATA:
                found.setdefault(attribute.name, (None, []))[1].extend(attribute.runs())
        return found

    def header(self, number):
        data = self.record(number)
        sequence, = struct.unpack_from("<H", data, 0x10)
        flags, = struct.unpack_from("<H", data, 0x16)
        base, = struct.unpack_from("<Q", data, 0x20)
        return {"file": data[:4] == b"FILE", "sequence": sequence, "in_use": bool(flags & 1),
                "directory": bool(flags & 2), "base": base & 0xFFFF_FFFF_FFFF}

    def names(self, number):
        """Every $FILE_NAME of a record and its extension records."""
        for attribute in self.all_attributes(number):
            if attribute.type == FILE_NAME:
                value = attribute.value
                parent, = struct.unpack_from("<Q", value, 0)
                yield {"parent": parent & 0xFFFF_FFFF_FFFF, "parent_sequence": parent >> 48,
                       "name": value[66:66 + 2 * value[64]].decode("utf-16-le", "surrogatepass"),
                       "namespace": NAMESPACES[value[65]],
                       "times": dict(zip(TIME_NAMES, struct.unpack_from("<4Q", value, 8)))}

    def standard_times(self, number):
        value = next(a for a in self.attributes(number) if a.type == STANDARD_INFORMATION).value
        return dict(zip(TIME_NAMES, struct.unpack_from("<4Q", value, 0)))


# ------------------------------------------------------------------------------------------ filling a volume


class Volume:
    """A volume in the making: what was put in, path by path."""

    def __init__(self, file, label, size, sector=512, cluster=4096, partition_start=0):
        self.file, self.label, self.cluster, self.sector = file, label, cluster, sector
        self.rows, self.changed, self.mount_point = {}, set(), None
        with open(file, "wb") as image:
            image.truncate(size)
        run("mkntfs", "-F", "-q", "-T", "-s", str(sector), "-c", str(cluster), "-L", label,
            "-p", str(partition_start), "-H", "16", "-S", "63", file)

    @contextlib.contextmanager
    def mounted(self):
        """One session with ntfs-3g. A file is deleted in a later session than the one that made it."""
        self.mount_point = tempfile.mkdtemp(prefix="ntfs-testdata.")
        options = "no_detach,noatime,streams_interface=windows,compression,permissions"
        driver = subprocess.Popen(["ntfs-3g", "-o", options, self.file, self.mount_point],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.ismount(self.mount_point):
            assert driver.poll() is None, "ntfs-3g does not mount " + self.file
            time.sleep(0.02)
        try:
            yield
            self.set_times()
        finally:
            run("umount", self.mount_point)
            driver.wait()                       # only now is everything written
            os.rmdir(self.mount_point)
        self.take_note()

    def at(self, path):
        """The path for the system's calls. Python's own encoding refuses unpaired surrogates; ntfs-3g takes them."""
        return (self.mount_point + path).encode("utf-8", "surrogatepass")

    def add(self, path, **facts):
        record = os.lstat(self.at(path)).st_ino
        self.rows[path] = {"path": path, "record": record, "sequence": None, "deleted": False,
                           "times": times_of(path), "links": [path], "streams": {}, **facts}

    def directory(self, path, **facts):
        os.mkdir(self.at(path))
        self.add(path, kind="directory", **facts)

    def make_file(self, path, data, **facts):
        with open(self.at(path), "wb") as out:
            out.write(data)
        self.add(path, kind="file", size=len(data), sha256=sha256(data), **facts)

    def text(self, path, size, **facts):
        self.make_file(path, text_of(path, size), **facts)

    def sparse(self, path, size, *written):
        """A file of `size` bytes of which only `written` (offset, length) were."""
        data = bytearray(size)
        with open(self.at(path), "wb") as out:
            for offset, length in written:
                data[offset:offset + length] = text_of(path, length)
                out.seek(offset)
                out.write(data[offset:offset + length])
            out.truncate(size)
        self.add(path, kind="file", size=size, sha256=sha256(data), sparse=True)

    def stream(self, path, name, data):
        with open(self.at(path + ":" + name), "wb") as out:
            out.write(data)
        self.rows[path]["streams"][name] = {"size": len(data), "sha256": sha256(data)}

    def link(self, path, other):
        os.link(self.at(path), self.at(other))
        self.rows[path]["links"].append(other)

    def xattr(self, path, name, value):
        os.setxattr(self.at(path), "system.ntfs_" + name, value, follow_symlinks=False)

    def dos_name(self, path, name):
        self.xattr(path, "dos_name", name.encode())
        self.rows[path]["dos_name"] = name

    def reparse(self, path, tag, data, target=None):
        self.xattr(path, "reparse_data", struct.pack("<IHH", tag, len(data), 0) + data)
        self.rows[path]["reparse"] = {"tag": tag, "target": target}

    def set_times(self):
        for path, row in self.rows.items():
            if not row["deleted"]:
                times = row["times"]
                order = (times["created"], times["modified"], times["accessed"], times["record_changed"])
                self.xattr(path, "times_be", struct.pack(">4Q", *order))

    def delete(self, *paths):
        for path in paths:
            row = self.rows[path]
            assert row["sequence"] is not None, path + " was made in this session"
            for name in row["links"] if row["kind"] == "file" else [path]:
                os.unlink(self.at(name)) if row["kind"] == "file" else os.rmdir(self.at(name))
            row["deleted"] = True

    def delete_tree(self, top):
        inside = [path for path in self.rows if path == top or path.startswith(top + "/")]
        self.delete(*sorted(inside, key=lambda path: (-path.count("/"), path)))

    # -------------------------------------------------------------------------------------- what became of it

    def take_note(self):
        """Sequence numbers of new files, and where their data lies while they still live."""
        image = Image(self.file)
        for row in self.rows.values():
            if not row["deleted"]:
                row["sequence"] = image.header(row["record"])["sequence"]
                row["before"] = {name: (value, runs, sha256(image.bytes_of(runs)))
                                 for name, (value, runs) in image.streams(row["record"]).items()}
        image.close()

    def stamp(self):
        """Puts known times where ntfs-3g writes the current one: into each $FILE_NAME of a user's file, and into
        $STANDARD_INFORMATION as the time of the record's last change."""
        image = Image(self.file)
        rows = {row["record"]: row for row in self.rows.values() if still_there(image, row)}
        for number in range(FIRST_USER_RECORD, image.records):
            data = image.record(number)
            for attribute in image.attributes(number):
                start = attribute.start + attribute.value_start
                if attribute.type == FILE_NAME:
                    name = attribute.value[66:66 + 2 * attribute.value[64]].decode("utf-16-le", "surrogatepass")
                    base = image.header(number)["base"] or number
                    struct.pack_into("<4Q", data, start + 8, *name_times_of(base, name).values())
                if attribute.type == STANDARD_INFORMATION and number in rows:
                    struct.pack_into("<4Q", data, start, *rows[number]["times"].values())
            if data[:4] == b"FILE":
                image.write_record(number, data)
        image.close()

    def truth(self, offset=0, file=None):
        """The lines of the truth file for this volume, which may have moved into a disk image."""
        image = Image(file or self.file, offset)
        volume = {"offset": offset, "size": image.sectors * image.sector, "label": self.label,
                  "serial": "%016x" % image.serial, "bytes_per_sector": image.sector, "cluster_size": image.cluster,
                  "record_size": image.record_size, "mft_lcn": image.mft_lcn, "mft_records": image.records,
                  "mft_runs": len(image.mft_runs), "mft_attribute_list": any(True for _ in image.listed(0)),
                  "preformatted": preformatted(image)}
        rows = [self.finished(image, self.rows[path]) for path in sorted(self.rows)]
        image.close()
        return [{"volume": volume}, *rows]

    def finished(self, image, row):
        done = {key: value for key, value in row.items() if key not in ("before", "links")}
        if not row["deleted"]:
            self.check_live(image, row)
            done["links"] = [link_truth(row, name, self.parent(name)) for name in row["links"]]
            return without_surrogates(done)
        fate = fate_of(image, row)
        done["links"] = []
        done["fate"] = {"record": fate, "data": {n: data_fate(image, row, n, fate) for n in row["before"]}}
        if fate == "freed":
            for name in row["links"]:
                kept = [n for n in image.names(row["record"]) if n["name"] == name.rpartition("/")[2]]
                if kept:
                    link = link_truth(row, name, self.parent(name))
                    done["links"].append({**link, **self.stop(image, name)})
        return without_surrogates(done)

    def parent(self, path):
        """Record and sequence of the directory that holds `path`."""
        above = path.rpartition("/")[0]
        return (self.rows[above]["record"], self.rows[above]["sequence"]) if above else (5, 5)

    def stop(self, image, path):
        """Where the path of a deleted file stops today, when a directory above it is no longer to be had."""
        above = path.rpartition("/")[0]
        while above:
            row = self.rows[above]
            if row["deleted"] and fate_of(image, row) != "freed":
                rest = path[len(above) + 1:]
                return {"stops": {"record": row["record"], "sequence": row["sequence"],
                                  "why": fate_of(image, row), "rest": rest}}
            above = above.rpartition("/")[0]
        return {}

    def check_live(self, image, row):
        """The volume holds what the truth says: this script's own proof-reading."""
        header, times = image.header(row["record"]), image.standard_times(row["record"])
        assert header["in_use"] and header["sequence"] == row["sequence"], row
        assert times == row["times"], (row["path"], times)
        names = {n["name"] for n in image.names(row["record"]) if n["namespace"] != "dos"}
        assert names == {path.rpartition("/")[2] for path in row["links"]}, (row["path"], names)
        wanted = set(row["streams"]) | ({""} if row["kind"] == "file" else set())
        assert set(image.streams(row["record"])) == wanted, row["path"]


def fate_of(image, row):
    header = image.header(row["record"])
    if not header["file"]:
        return "gone"
    freed = not header["in_use"] and header["sequence"] == (row["sequence"] % 0xFFFF) + 1
    return "freed" if freed else "reused"


def still_there(image, row):
    return not row["deleted"] or fate_of(image, row) == "freed"


def data_fate(image, row, name, fate):
    """Whether the bytes the stream had are still there, and the record still leads to them."""
    value, runs, digest = row["before"][name]
    now = image.streams(row["record"]).get(name, (None, None)) if fate == "freed" else (None, None)
    if value is not None:
        return "intact" if now[0] == value else "lost"
    if sha256(image.bytes_of(runs)) != digest:
        return "overwritten"
    return "intact" if now[1] == runs else "lost"


def link_truth(row, path, parent):
    name = path.rpartition("/")[2]
    link = {"path": path, "name": name, "namespace": "win32" if "dos_name" in row else "posix",
            "parent": parent[0], "parent_sequence": parent[1], "times": name_times_of(row["record"], name)}
    if without_surrogates(name) != name:
        link["name_utf16"] = list(struct.unpack("<%dH" % (len(utf16(name)) // 2), utf16(name)))
    return link


def without_surrogates(value):
    """JSON text cannot carry an unpaired surrogate: U+FFFD stands for it, `name_utf16` has the truth."""
    if isinstance(value, str):
        return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in value)
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value


def preformatted(image):
    """Records that have the signature but never held a file: not in use, without a name or times."""
    named = (FILE_NAME, STANDARD_INFORMATION)
    return [n for n in range(16, image.records)
            if (h := image.header(n))["file"] and not h["in_use"] and h["base"] == 0
            and not any(a.type in named for a in image.attributes(n))]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, (command, done.stdout)


# ------------------------------------------------------------------------------------------ the volumes


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
        fill_to_the_brim(volume, "/ballast/rest")
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


def fill_to_the_brim(volume, path):
    size = 0
    with open(volume.at(path), "wb", buffering=0) as out:
        while True:
            try:
                size += out.write(bytes(volume.cluster))
            except OSError:
                break
    os.truncate(volume.at(path), size)
    volume.add(path, kind="file", size=size, sha256=sha256(bytes(size)))


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
        fill_to_the_brim(volume, "/ballast.bin")       # so that new data has to go where old data was
    with volume.mounted():
        volume.delete("/record reused.txt", "/data overwritten.bin")
        volume.delete_tree("/parent reused")
        volume.delete_tree("/gone")
        volume.delete(*(path for path in list(volume.rows) if path.startswith("/kept/") and path != "/kept/live.txt"))
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
    volume.reparse("/reparse/symlink", 0xA000000C, mount_point("..\\links\\many", "..\\links\\many", 1), "..\\links\\many")
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
                           ("one unit.txt", text_of("one unit", unit)), ("unit and more.txt", text_of("more", unit + 5)),
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


# ------------------------------------------------------------------------------------------ making them

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
                    "-c", "%d:part %d" % (number, number), "-u", "%d:0000000%d-2222-3333-4444-555555555555" % (number, number)]
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
