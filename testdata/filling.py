"""Fills a volume through ntfs-3g, and keeps the truth about what was put in and what became of it."""
import contextlib
import hashlib
import os
import random
import stat
import struct
import subprocess
import tempfile
import time

from reader import FILE_NAME, STANDARD_INFORMATION, TIME_NAMES, Image

FIRST_USER_RECORD = 64                                                  # where ntfs-3g begins
EPOCH_2021 = 132_539_328_000_000_000                                    # 2021-01-01 as a FILETIME
TICKS_PER_DAY = 864_000_000_000


def bits_of(areas):
    """A number with the bits of all clusters in `areas` set."""
    return sum((1 << end) - (1 << start) for start, end in areas)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def utf16(text):
    return text.encode("utf-16-le", "surrogatepass")


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


class Volume:
    """A volume in the making: what was put in, path by path."""

    def __init__(self, file, label, size, sector=512, cluster=4096, partition_start=0):
        self.file, self.label, self.cluster, self.sector = file, label, cluster, sector
        self.rows, self.changed, self.mount_point = {}, set(), None
        self.format(size, ("-F", "-q", "-T", "-s", str(sector), "-c", str(cluster), "-L", label,
                           "-p", str(partition_start), "-H", "16", "-S", "63"))

    def format(self, size, options):
        with open(self.file, "wb") as image:
            image.truncate(size)
        run("mkntfs", *options, self.file)

    @contextlib.contextmanager
    def mounted(self):
        """One session with ntfs-3g. A file is deleted in a later session than the one that made it."""
        self.mount_point = tempfile.mkdtemp(prefix="ntfs-testdata.")
        options = "no_detach,noatime,streams_interface=windows,compression,permissions,special_files=wsl"
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

    @contextlib.contextmanager
    def confined(self, *areas):
        """While the volume is mounted inside, only the clusters of `areas` (first, behind the last) count as free:
        new data goes where a case wants it. All others that are free are marked as used, and given back."""
        inside = bits_of(areas)
        before = self.swap_bitmap(lambda now: now | ((1 << self.clusters()) - 1) & ~inside)
        with self.mounted():
            yield
        # What was deleted meanwhile is free, wherever it lay.
        self.swap_bitmap(lambda now: now & (inside | before))

    def clusters(self):
        image = Image(self.file)
        count = image.sectors * image.sector // image.cluster
        image.close()
        return count

    def swap_bitmap(self, change):
        """Puts another $Bitmap in place of the one that is there, which is returned."""
        image = Image(self.file)
        runs = image.streams(6)[""][1]
        data = image.bytes_of(runs)
        before = int.from_bytes(data, "little")
        data, at = change(before).to_bytes(len(data), "little"), 0
        for lcn, clusters in runs:
            image.write(lcn * image.cluster, data[at:at + clusters * image.cluster])
            at += clusters * image.cluster
        image.close()
        return before

    def free_area(self):
        """The longest row of free clusters: (first, behind the last)."""
        taken, longest, start = self.swap_bitmap(lambda now: now), (0, 0), None
        for lcn in range(self.clusters() + 1):
            if lcn == self.clusters() or taken >> lcn & 1:
                if start is not None and lcn - start > longest[1] - longest[0]:
                    longest = start, lcn
                start = None
            elif start is None:
                start = lcn
        return longest

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

    def append(self, path, size):
        """Makes a file longer by so many bytes of its text."""
        row = self.rows[path]
        data = text_of(path, row["size"] + size)
        with open(self.at(path), "ab", buffering=0) as out:
            # One by one: ntfs-3g does not fill many small gaps at once.
            for at in range(row["size"], len(data), self.cluster):
                out.write(data[at:at + self.cluster])
        row.update(size=len(data), sha256=sha256(data))

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

    def fill_to_the_brim(self, path):
        """Takes all clusters that are left, so that new data has to go where old data was."""
        size = 0
        with open(self.at(path), "wb", buffering=0) as out:
            while True:
                try:
                    size += out.write(bytes(self.cluster))
                except OSError:
                    break
        os.truncate(self.at(path), size)
        self.add(path, kind="file", size=size, sha256=sha256(bytes(size)))

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
                # ntfs-3g shows a junction as a link.
                is_directory = stat.S_ISDIR(os.lstat(self.at(name)).st_mode)
                os.rmdir(self.at(name)) if is_directory else os.unlink(self.at(name))
            row["deleted"] = True

    def delete_tree(self, top):
        inside = [path for path, row in self.rows.items()
                  if not row["deleted"] and (path == top or path.startswith(top + "/"))]
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
                    done["links"].append(link_truth(row, name, self.parent(name)))
        return without_surrogates(done)

    def parent(self, path):
        """Record and sequence of the directory that holds `path`."""
        above = path.rpartition("/")[0]
        return (self.rows[above]["record"], self.rows[above]["sequence"]) if above else (5, 5)

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
    """Records that have the signature but never held a file. mkntfs gives the reserved ones 16 to 23 times too."""
    never = []
    for number in range(16, image.records):
        header, types = image.header(number), {a.type for a in image.attributes(number)}
        kept = FILE_NAME in types or (STANDARD_INFORMATION in types and number >= 24)
        if header["file"] and not header["in_use"] and header["base"] == 0 and not kept:
            never.append(number)
    return never


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, (command, done.stdout)
