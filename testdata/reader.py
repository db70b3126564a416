"""A small NTFS reader, enough to prove what make.py made. It shares nothing with the library under test."""
import struct

TIME_NAMES = ("created", "modified", "record_changed", "accessed")      # the order on disk
NAMESPACES = ("posix", "win32", "dos", "win32+dos")
STANDARD_INFORMATION, ATTRIBUTE_LIST, FILE_NAME, DATA = 0x10, 0x20, 0x30, 0x80


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
