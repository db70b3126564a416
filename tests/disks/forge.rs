//! Writes disks: tables in any unit, and the databases of dynamic disks.

/// Bytes of a disk.
pub(crate) struct Forged {
    pub(crate) bytes: Vec<u8>,
}

/// A part of a volume on a dynamic disk: first sector, offset in the volume, sectors, column.
pub(crate) type Part = (u64, u64, u64, u64);

/// A volume of a dynamic disk.
#[derive(Default)]
pub(crate) struct Dynamic {
    /// 1 striped, 2 one behind the other.
    pub(crate) layout: u8,
    pub(crate) sectors: u64,
    pub(crate) stripe: u64,
    /// Parts, and whether each is on this disk.
    pub(crate) parts: Vec<(Part, bool)>,
    /// The parts of its other copy, where it is mirrored.
    pub(crate) mirror: Vec<(Part, bool)>,
}

const OWN: &str = "6e1d9a2b-3c4d-4e5f-8091-a2b3c4d5e6f7";
const OTHER: &str = "7f2eab3c-4d5e-4f60-91a2-b3c4d5e6f708";
const GROUP: &str = "5d0c891a-2b3c-4d4e-8f70-91a2b3c4d5e6";

impl Forged {
    pub(crate) fn new(size: usize) -> Self {
        Self { bytes: vec![0; size] }
    }

    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// A master boot record: type, first sector and sectors of up to four partitions.
    pub(crate) fn boot_record(&mut self, entries: &[(u8, u32, u32)]) {
        self.boot_record_at(0, entries);
    }

    pub(crate) fn boot_record_at(&mut self, offset: usize, entries: &[(u8, u32, u32)]) {
        for (slot, &(kind, first, count)) in entries.iter().enumerate() {
            let at = offset + 446 + 16 * slot;
            self.bytes[at + 4] = kind;
            self.put(at + 8, &first.to_le_bytes());
            self.put(at + 12, &count.to_le_bytes());
        }
        self.put(offset + 510, &[0x55, 0xAA]);
    }

    /// A GUID partition table in sectors of `unit` bytes on the first `size` bytes: start and size of each partition, in
    /// bytes. Both copies of it, and what guards it.
    pub(crate) fn guid_table(&mut self, unit: usize, size: usize, partitions: &[(usize, usize)]) {
        const BASIC_DATA: [u8; 16] =
            [0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7];
        let mut array = vec![0; 16_384];
        for (number, (entry, &(start, length))) in array.chunks_mut(128).zip(partitions).enumerate() {
            entry[..16].copy_from_slice(&BASIC_DATA);
            entry[16..32].fill(0x70 + number as u8);
            entry[32..40].copy_from_slice(&((start / unit) as u64).to_le_bytes());
            entry[40..48].copy_from_slice(&(((start + length) / unit - 1) as u64).to_le_bytes());
        }
        let last = size / unit - 1;
        let backup = last - 16_384 / unit;
        self.put(2 * unit, &array);
        self.put(backup * unit, &array);
        self.put(unit, &guid_header(1, last, 2, &array));
        self.put(last * unit, &guid_header(last, 1, backup, &array));
        self.boot_record(&[(0xEE, 1, last as u32)]);
    }

    /// The database of a dynamic disk in the last MiB, and the headers that point at it.
    pub(crate) fn database(&mut self, volumes: &[Dynamic]) {
        let sectors = self.bytes.len() / 512;
        let start = sectors - 2048;
        let header = private_header(63, (sectors - 2048 - 63) as u64, start as u64);
        for sector in [6, start + 1856, start + 2047] {
            self.put(sector * 512, &header);
        }
        for sector in [1, 2, 2045, 2046] {
            self.put((start + sector) * 512, &contents());
        }
        let records = records(volumes);
        let mut table = vec![0; 512];
        let count = u32::try_from(records.len()).unwrap() + 4;
        table[..4].copy_from_slice(b"VMDB");
        table[4..8].copy_from_slice(&count.to_be_bytes());
        table[8..12].copy_from_slice(&128_u32.to_be_bytes());
        table[12..16].copy_from_slice(&512_u32.to_be_bytes());
        table[16..22].copy_from_slice(&[0, 1, 0, 4, 0, 10]);
        table[22..29].copy_from_slice(b"OwnDg0\0");
        table[0x35..0x35 + 36].copy_from_slice(GROUP.as_bytes());
        let numbers = |kind: u8| records.iter().filter(|record| record[3] & 0x0F == kind).count() as u32;
        for (at, value) in [(0x85, numbers(1)), (0x89, numbers(2)), (0x8D, numbers(3)), (0x91, numbers(4))] {
            table[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        for (number, record) in (4_u32..).zip(&records) {
            let pieces = record.chunks(112).count();
            assert_eq!(pieces, 1, "records of this generator fit one piece");
            let mut piece = [0; 128];
            piece[..4].copy_from_slice(b"VBLK");
            piece[4..8].copy_from_slice(&number.to_be_bytes());
            piece[8..12].copy_from_slice(&number.to_be_bytes());
            piece[12..16].copy_from_slice(&[0, 0, 0, 1]);
            piece[16..16 + record.len()].copy_from_slice(record);
            table.extend(piece);
        }
        self.put((start + 17) * 512, &table);
    }
}

fn guid_header(own: usize, other: usize, entries: usize, array: &[u8]) -> [u8; 92] {
    let mut header = [0; 92];
    header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5C\0\0\0");
    for (at, value) in [(24, own), (32, other), (40, 34), (48, own.max(other) - 34), (72, entries)] {
        header[at..at + 8].copy_from_slice(&(value as u64).to_le_bytes());
    }
    header[80..88].copy_from_slice(&[128, 0, 0, 0, 128, 0, 0, 0]);
    header[88..].copy_from_slice(&crc32(array).to_le_bytes());
    let checksum = crc32(&header);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    header
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

fn private_header(first: u64, count: u64, database: u64) -> [u8; 512] {
    let mut bytes = [0; 512];
    bytes[..8].copy_from_slice(b"PRIVHEAD");
    bytes[12..16].copy_from_slice(&[0, 2, 0, 12]);
    for (at, text) in [(0x30, OWN), (0x70, OWN), (0xB0, GROUP), (0xF0, "OwnDg0")] {
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    for (at, value) in [(0x11B, first), (0x123, count), (0x12B, database), (0x133, 2048), (0x13B, 2), (0x143, 2046)] {
        bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
    }
    bytes[0x14B..0x153].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    bytes[0x153..0x15B].copy_from_slice(&1481_u64.to_be_bytes());
    bytes[0x15B..0x163].copy_from_slice(&224_u64.to_be_bytes());
    bytes
}

fn contents() -> [u8; 512] {
    let mut bytes = [0; 512];
    bytes[..8].copy_from_slice(b"TOCBLOCK");
    bytes[0x24..0x2A].copy_from_slice(b"config");
    bytes[0x2E..0x36].copy_from_slice(&17_u64.to_be_bytes());
    bytes[0x36..0x3E].copy_from_slice(&1481_u64.to_be_bytes());
    bytes[0x46..0x49].copy_from_slice(b"log");
    bytes[0x50..0x58].copy_from_slice(&1498_u64.to_be_bytes());
    bytes[0x58..0x60].copy_from_slice(&224_u64.to_be_bytes());
    bytes
}

fn number(value: u64) -> Vec<u8> {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let bytes = if bytes.is_empty() { vec![0] } else { bytes };
    [vec![bytes.len() as u8], bytes].concat()
}

fn text(value: &str) -> Vec<u8> {
    [vec![value.len() as u8], value.as_bytes().to_vec()].concat()
}

fn record(flags: u8, kind: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    let body = fields.concat();
    let mut bytes = vec![0, 0, flags, kind];
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn records(volumes: &[Dynamic]) -> Vec<Vec<u8>> {
    let zero = |count: usize| vec![0; count];
    let mut all = vec![
        record(0, 0x35, &[number(1), text("OwnDg0"), text(GROUP), zero(4 + 8), zero(4)]),
        record(0, 0x34, &[number(2), text("Disk1"), text(OWN), text(""), zero(4), zero(8)]),
        record(0, 0x34, &[number(3), text("Disk2"), text(OTHER), text(""), zero(4), zero(8)]),
    ];
    let mut next = 10;
    for (index, volume) in volumes.iter().enumerate() {
        let own = next;
        next += 1;
        let copies: Vec<&Vec<(Part, bool)>> =
            [&volume.parts, &volume.mirror].into_iter().filter(|parts| !parts.is_empty()).collect();
        let mut state = b"ACTIVE".to_vec();
        state.resize(14, 0);
        state.extend([3, 0, index as u8 + 1, 0, 0, 0, 1]);
        all.push(record(
            0,
            0x51,
            &[
                number(own),
                text(&format!("Volume{}", index + 1)),
                text("gen"),
                text(""),
                state,
                number(copies.len() as u64),
                zero(16),
                number(volume.sectors),
                zero(4),
                vec![7],
                vec![0x42; 16],
            ],
        ));
        for (copy, parts) in (1..).zip(copies) {
            let component = next;
            next += 1;
            let striped = volume.layout == 1;
            let columns: std::collections::BTreeSet<u64> = parts.iter().map(|(part, _)| part.3).collect();
            let tail =
                if striped { [number(volume.stripe), number(columns.len() as u64)].concat() } else { Vec::new() };
            all.push(record(
                if striped { 0x10 } else { 0 },
                0x32,
                &[
                    number(component),
                    text(&format!("Volume{}-{copy:02}", index + 1)),
                    text("ACTIVE"),
                    vec![volume.layout],
                    zero(4),
                    number(parts.len() as u64),
                    zero(16),
                    number(own),
                    zero(1),
                    tail,
                ],
            ));
            for &((start, offset, sectors, column), is_here) in parts {
                let disk = if is_here { 2 } else { 3 };
                let name = format!("Disk{}-{next:02}", disk - 1);
                all.push(record(
                    0x08,
                    0x33,
                    &[
                        number(next),
                        text(&name),
                        zero(12),
                        start.to_be_bytes().to_vec(),
                        offset.to_be_bytes().to_vec(),
                        number(sectors),
                        number(component),
                        number(disk),
                        number(column),
                    ],
                ));
                next += 1;
            }
        }
    }
    all
}
