//! The geometry of a volume: its sizes, and where the MFT starts.

use crate::base::damage::Damage;
use crate::base::le;
use crate::structure::boot_sector::{BootSector, OemId, field};

/// The sizes of a volume and the places of its MFT, proven to fit together.
///
/// Sizes are powers of two; a cluster has at least one sector and at most 2 MiB; FILE and INDX
/// records have 256 bytes to 64 KiB; the volume's size in bytes fits 64 bits; the MFT and its mirror
/// start inside the volume and not in cluster 0, which is the boot sector's. None of this says that
/// the geometry is *right*: record 0 of the MFT does.
///
/// Comes from a [boot sector](BootSector::geometry), or from the caller by way of
/// [`Geometry::builder`].
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::source::Window;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let geometry = volume.geometry().expect("a volume has one, a bare table has none");
/// assert_eq!(geometry.cluster_offset(2), Some(2 * u64::from(geometry.cluster_size())));
///
/// // A boot sector that is wrong in one thing: the rest of it stays.
/// let other = geometry.to_builder().mirror_lcn(None).build()?;
/// assert!(Volume::with_geometry(Window::whole(&image), other).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "GeometryBuilder", into = "GeometryBuilder")
)]
pub struct Geometry {
    fields: GeometryBuilder,
    volume_size: u64,
    cluster_count: u64,
}

/// A geometry that is not yet proven: from a boot sector, or put together by the caller.
///
/// Starts as the most usual volume there is (512-byte sectors, 4 KiB clusters, 1 KiB FILE records,
/// 4 KiB INDX records) without a size, which has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GeometryBuilder {
    sector_size: u32,
    cluster_size: u32,
    record_size: u32,
    index_record_size: u32,
    total_sectors: u64,
    mft_lcn: Option<u64>,
    mirror_lcn: Option<u64>,
    #[cfg_attr(feature = "serde", serde(with = "crate::base::stored::hexadecimal"))]
    serial_number: u64,
}

impl Geometry {
    /// Starts a geometry of the caller's own.
    #[must_use]
    pub fn builder() -> GeometryBuilder {
        GeometryBuilder::default()
    }

    /// The same geometry, to be changed.
    #[must_use]
    pub fn to_builder(&self) -> GeometryBuilder {
        self.fields
    }

    /// Bytes a sector: 256 to 4096. Not the stride of protected records, which is 512 always.
    #[must_use]
    pub fn sector_size(&self) -> u32 {
        self.fields.sector_size
    }

    /// Bytes a cluster: one sector to 2 MiB.
    #[must_use]
    pub fn cluster_size(&self) -> u32 {
        self.fields.cluster_size
    }

    /// Bytes a FILE record: 256 to 65,536.
    #[must_use]
    pub fn record_size(&self) -> u32 {
        self.fields.record_size
    }

    /// Bytes an INDX record, where its index root does not say otherwise: 256 to 65,536.
    #[must_use]
    pub fn index_record_size(&self) -> u32 {
        self.fields.index_record_size
    }

    /// Sectors of the volume, the backup boot sector not counted.
    #[must_use]
    pub fn total_sectors(&self) -> u64 {
        self.fields.total_sectors
    }

    /// Bytes of the volume as it claims, the backup boot sector not counted; the source may have fewer.
    #[must_use]
    pub fn volume_size(&self) -> u64 {
        self.volume_size
    }

    /// Whole clusters of the volume.
    #[must_use]
    pub fn cluster_count(&self) -> u64 {
        self.cluster_count
    }

    /// Where the backup boot sector should lie, in bytes from the start of the volume: right behind
    /// the volume's last sector.
    #[must_use]
    pub fn backup_boot_sector_offset(&self) -> u64 {
        self.volume_size
    }

    /// Cluster where the MFT starts, where that is known.
    #[must_use]
    pub fn mft_lcn(&self) -> Option<u64> {
        self.fields.mft_lcn
    }

    /// Byte of the volume where the MFT starts, where that is known.
    #[must_use]
    pub fn mft_offset(&self) -> Option<u64> {
        self.cluster_offset(self.fields.mft_lcn?)
    }

    /// Cluster where the MFT's mirror starts, where that is known.
    #[must_use]
    pub fn mirror_lcn(&self) -> Option<u64> {
        self.fields.mirror_lcn
    }

    /// Byte of the volume where the MFT's mirror starts, where that is known.
    #[must_use]
    pub fn mirror_offset(&self) -> Option<u64> {
        self.cluster_offset(self.fields.mirror_lcn?)
    }

    /// Byte of the volume where cluster `lcn` starts, inside the volume or not; `None` beyond 64 bits.
    #[must_use]
    pub fn cluster_offset(&self, lcn: u64) -> Option<u64> {
        lcn.checked_mul(u64::from(self.fields.cluster_size))
    }

    /// The volume's serial number; 0 where the caller gave none.
    #[must_use]
    pub fn serial_number(&self) -> u64 {
        self.fields.serial_number
    }
}

impl Default for GeometryBuilder {
    fn default() -> Self {
        Self {
            sector_size: 512,
            cluster_size: 4096,
            record_size: 1024,
            index_record_size: Self::USUAL_INDEX_RECORD_SIZE,
            total_sectors: 0,
            mft_lcn: None,
            mirror_lcn: None,
            serial_number: 0,
        }
    }
}

impl GeometryBuilder {
    const MIN_SECTOR_SIZE: u32 = 256;
    const MAX_SECTOR_SIZE: u32 = 4096;
    const MAX_CLUSTER_SIZE: u32 = 2 << 20;
    const MIN_RECORD_SIZE: u32 = 256;
    const MAX_RECORD_SIZE: u32 = 64 << 10;
    const USUAL_INDEX_RECORD_SIZE: u32 = 4096;

    /// Bytes a sector.
    #[must_use]
    pub fn sector_size(self, sector_size: u32) -> Self {
        Self { sector_size, ..self }
    }

    /// Bytes a cluster.
    #[must_use]
    pub fn cluster_size(self, cluster_size: u32) -> Self {
        Self { cluster_size, ..self }
    }

    /// Bytes a FILE record.
    #[must_use]
    pub fn record_size(self, record_size: u32) -> Self {
        Self { record_size, ..self }
    }

    /// Bytes an INDX record, where its index root does not say otherwise.
    #[must_use]
    pub fn index_record_size(self, index_record_size: u32) -> Self {
        Self { index_record_size, ..self }
    }

    /// Sectors of the volume, the backup boot sector not counted.
    #[must_use]
    pub fn total_sectors(self, total_sectors: u64) -> Self {
        Self { total_sectors, ..self }
    }

    /// Cluster where the MFT starts; `None` where that is not known.
    #[must_use]
    pub fn mft_lcn(self, mft_lcn: Option<u64>) -> Self {
        Self { mft_lcn, ..self }
    }

    /// Cluster where the MFT's mirror starts; `None` where that is not known.
    #[must_use]
    pub fn mirror_lcn(self, mirror_lcn: Option<u64>) -> Self {
        Self { mirror_lcn, ..self }
    }

    /// The volume's serial number.
    #[must_use]
    pub fn serial_number(self, serial_number: u64) -> Self {
        Self { serial_number, ..self }
    }

    /// Proves that the fields fit together.
    ///
    /// # Errors
    /// The first field that is impossible, at the offset it has in a boot sector.
    pub fn build(self) -> Result<Geometry, Damage> {
        self.check_sizes()?;
        self.check_index_record_size()?;
        let volume_size = self.volume_size()?;
        self.mft_lcn.map_or(Ok(()), |lcn| self.check_mft_lcn(lcn))?;
        self.mirror_lcn.map_or(Ok(()), |lcn| self.check_mirror_lcn(lcn))?;
        let cluster_count = volume_size.checked_div(u64::from(self.cluster_size)).unwrap_or(0);
        Ok(Geometry { fields: self, volume_size, cluster_count })
    }

    /// Proves that the fields fit together, and leaves out those that do not where a volume can be
    /// read without: the places of the MFT and its mirror become unknown, the INDX record size
    /// becomes the usual one. What was left out comes with the geometry.
    ///
    /// # Errors
    /// The first impossible field of those that are needed: sizes of sector, cluster, FILE record
    /// and volume.
    pub fn build_leniently(mut self) -> Result<(Geometry, Vec<Damage>), Damage> {
        let mut left_out = Vec::new();
        self.check_sizes()?;
        self.volume_size()?;
        if let Err(damage) = self.check_index_record_size() {
            self.index_record_size = Self::USUAL_INDEX_RECORD_SIZE;
            left_out.push(damage);
        }
        if let Some(Err(damage)) = self.mirror_lcn.map(|lcn| self.check_mirror_lcn(lcn)) {
            self.mirror_lcn = None;
            left_out.push(damage);
        }
        if let Some(Err(damage)) = self.mft_lcn.map(|lcn| self.check_mft_lcn(lcn)) {
            self.mft_lcn = None;
            left_out.push(damage);
        }
        Ok((self.build()?, left_out))
    }

    fn check_sizes(&self) -> Result<(), Damage> {
        let Self { sector_size, cluster_size, record_size, .. } = *self;
        if !sector_size.is_power_of_two() || !(Self::MIN_SECTOR_SIZE..=Self::MAX_SECTOR_SIZE).contains(&sector_size) {
            return Err(Damage::bad_value(field::BYTES_PER_SECTOR, "sector size", sector_size));
        }
        if !cluster_size.is_power_of_two() || !(sector_size..=Self::MAX_CLUSTER_SIZE).contains(&cluster_size) {
            return Err(Damage::bad_value(field::SECTORS_PER_CLUSTER, "cluster size", cluster_size));
        }
        if !Self::is_record_size(record_size) {
            return Err(Damage::bad_value(field::RECORD_SIZE, "FILE record size", record_size));
        }
        Ok(())
    }

    fn check_index_record_size(&self) -> Result<(), Damage> {
        if Self::is_record_size(self.index_record_size) {
            return Ok(());
        }
        Err(Damage::bad_value(field::INDEX_RECORD_SIZE, "INDX record size", self.index_record_size))
    }

    fn is_record_size(size: u32) -> bool {
        size.is_power_of_two() && (Self::MIN_RECORD_SIZE..=Self::MAX_RECORD_SIZE).contains(&size)
    }

    fn volume_size(&self) -> Result<u64, Damage> {
        let size = self.total_sectors.checked_mul(u64::from(self.sector_size)).filter(|&size| size > 0);
        size.ok_or_else(|| Damage::bad_value(field::TOTAL_SECTORS, "sectors of the volume", self.total_sectors))
    }

    fn check_mft_lcn(&self, lcn: u64) -> Result<(), Damage> {
        if self.is_inside(lcn) { Ok(()) } else { Err(Damage::bad_value(field::MFT_LCN, "LCN of $MFT", lcn)) }
    }

    /// A mirror in the MFT's own place is none.
    fn check_mirror_lcn(&self, lcn: u64) -> Result<(), Damage> {
        if self.is_inside(lcn) && self.mft_lcn != Some(lcn) {
            return Ok(());
        }
        Err(Damage::bad_value(field::MIRROR_LCN, "LCN of $MFTMirr", lcn))
    }

    /// True for a cluster that starts inside the volume and is not the boot sector's.
    fn is_inside(&self, lcn: u64) -> bool {
        let start = lcn.checked_mul(u64::from(self.cluster_size));
        lcn > 0 && start.is_some_and(|start| self.volume_size().is_ok_and(|size| start < size))
    }
}

#[cfg(feature = "serde")]
impl From<Geometry> for GeometryBuilder {
    fn from(geometry: Geometry) -> Self {
        geometry.fields
    }
}

#[cfg(feature = "serde")]
impl TryFrom<GeometryBuilder> for Geometry {
    type Error = Damage;

    fn try_from(fields: GeometryBuilder) -> Result<Self, Damage> {
        fields.build()
    }
}

impl BootSector<'_> {
    /// The geometry the boot sector describes.
    ///
    /// Fields a volume can be read without do not spoil it: an impossible mirror or INDX record size
    /// is left out, and is among the [damage](Self::damage).
    ///
    /// # Errors
    /// When the OEM id is not NTFS's, or the sizes of sector, cluster, FILE record or volume, or the
    /// place of the MFT, are impossible. Where the backup is no better,
    /// [`geometry_builder`](Self::geometry_builder) lets the caller mend the field.
    pub fn geometry(&self) -> Result<Geometry, Damage> {
        self.check_oem_id()?;
        let (geometry, _) = self.geometry_builder().build_leniently()?;
        match geometry.mft_lcn() {
            Some(_) => Ok(geometry),
            None => Err(Damage::bad_value(field::MFT_LCN, "LCN of $MFT", self.mft_lcn())),
        }
    }

    /// The fields as they stand, not yet proven; sizes that do not decode are 0.
    #[must_use]
    pub fn geometry_builder(&self) -> GeometryBuilder {
        GeometryBuilder {
            sector_size: u32::from(self.bytes_per_sector()),
            cluster_size: self.cluster_size().unwrap_or(0),
            record_size: self.record_size().unwrap_or(0),
            index_record_size: self.index_record_size().unwrap_or(0),
            total_sectors: self.total_sectors(),
            mft_lcn: Some(self.mft_lcn()),
            mirror_lcn: Some(self.mirror_lcn()),
            serial_number: self.serial_number(),
        }
    }

    /// Everything that is wrong with the boot sector, whether a geometry could be taken from it or
    /// not. A missing boot signature is among it: no reason to reject a volume, but worth knowing.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        let mut damage = match self.geometry_builder().build_leniently() {
            Ok((_, left_out)) => left_out,
            Err(vital) => vec![vital],
        };
        damage.extend(self.check_oem_id().err());
        if !self.has_signature() {
            damage.push(Damage::bad_value(field::SIGNATURE, "boot signature", self.signature()));
        }
        damage
    }

    fn check_oem_id(&self) -> Result<(), Damage> {
        if self.oem_id() == OemId::Ntfs {
            return Ok(());
        }
        let id = le::u64_at(self.bytes(), field::OEM_ID).unwrap_or(0);
        Err(Damage::bad_value(field::OEM_ID, "OEM id", id))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::ops::Range;
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::base::damage::DamageKind;
    use crate::base::error::ReadError;
    use crate::source::Source;
    use crate::structure::boot_sector::tests::sample;

    fn corpus(path: &str) -> Option<Vec<u8>> {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus"));
        fs::read(root.join(path)).ok()
    }

    /// An image of the corpus, packed or not, as a source. A packed one (`NTSP1`) is text lines
    /// `offset length D` or `offset length F pattern`, an empty line, then the data of the `D` ranges
    /// in order; everything else is zero.
    pub(crate) struct CorpusImage {
        bytes: Vec<u8>,
        size: u64,
        /// Start, length, and where the data is in `bytes`: in full, or as a pattern.
        ranges: Vec<(u64, usize, Range<usize>)>,
    }

    impl CorpusImage {
        /// `None` where there is no such file.
        pub(crate) fn open(path: &str) -> Option<Self> {
            let mut bytes = corpus(path)?;
            if !bytes.starts_with(b"NTSP1 ") {
                let (size, length) = (bytes.size(), bytes.len());
                return Some(Self { bytes, size, ranges: vec![(0, length, 0..length)] });
            }
            let header_length = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
            let header = String::from_utf8(bytes[..header_length].to_vec()).unwrap();
            let mut lines = header.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            let size = lines.next().unwrap()[1].parse().unwrap();
            let (mut data, mut ranges) = (header_length, Vec::new());
            for words in lines.take_while(|words| words.len() > 1) {
                let (start, length) = (words[0].parse().unwrap(), words[1].parse().unwrap());
                let place = if words[2] == "D" {
                    data += length;
                    data - length..data
                } else {
                    let digits = words[3].as_bytes().as_chunks::<2>().0;
                    let pattern =
                        digits.iter().map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap());
                    let from = bytes.len();
                    bytes.extend(pattern);
                    from..bytes.len()
                };
                ranges.push((start, length, place));
            }
            Some(Self { bytes, size, ranges })
        }

        fn byte(&self, at: u64) -> u8 {
            let after = self.ranges.partition_point(|&(start, ..)| start <= at);
            let Some((start, length, place)) = after.checked_sub(1).map(|index| &self.ranges[index]) else { return 0 };
            let inside = usize::try_from(at - start).unwrap();
            if inside < *length { self.bytes[place.start + inside % place.len()] } else { 0 }
        }
    }

    impl Source for CorpusImage {
        fn size(&self) -> u64 {
            self.size
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let there = (offset..self.size).zip(buffer);
            Ok(there.map(|(at, byte)| *byte = self.byte(at)).count())
        }
    }

    fn geometry(bytes: &[u8]) -> Result<Geometry, Damage> {
        BootSector::parse(bytes).unwrap().geometry()
    }

    fn bad(offset: u64, what: &'static str, value: u64) -> Damage {
        Damage::new(offset, DamageKind::BadValue { what, value })
    }

    #[test]
    fn a_usual_boot_sector_has_a_usual_geometry() {
        let geometry = geometry(&sample()).unwrap();
        assert_eq!((geometry.sector_size(), geometry.cluster_size()), (512, 4096));
        assert_eq!((geometry.record_size(), geometry.index_record_size()), (1024, 4096));
        assert_eq!((geometry.total_sectors(), geometry.volume_size()), (204_799, 204_799 * 512));
        assert_eq!((geometry.cluster_count(), geometry.backup_boot_sector_offset()), (25_599, 204_799 * 512));
        assert_eq!((geometry.mft_lcn(), geometry.mft_offset()), (Some(8533), Some(8533 * 4096)));
        assert_eq!((geometry.mirror_lcn(), geometry.mirror_offset()), (Some(2), Some(8192)));
        assert_eq!(geometry.cluster_offset(u64::MAX), None);
        assert_eq!(geometry.to_builder().build(), Ok(geometry));
        assert_eq!(BootSector::parse(&sample()).unwrap().damage(), []);
    }

    /// Sector, cluster, FILE and INDX record size, total sectors and LCNs as `ntfsinfo -m` and
    /// `fsstat` name them (the bare sectors: as their bytes were read by hand).
    type Truth = (u32, u32, u32, u32, u64, u64, u64);

    const REAL: &[(&str, u64, Truth)] = &[
        ("boot/dfir_4kn.boot", 0, (4096, 4096, 4096, 4096, 14_335, 4778, 2)),
        ("boot/dfir_512.boot", 0, (512, 512, 1024, 4096, 2_091_007, 697_002, 16)),
        ("boot/ez_Boot", 0, (512, 4096, 1024, 4096, 998_952_959, 786_432, 2)),
        ("boot/ronin_defcon2018_boot.bin", 0, (512, 4096, 1024, 4096, 102_872_404, 786_432, 2)),
        ("rec/libfsntfs_volume_header.1", 0, (512, 512, 1024, 4096, 16_064, 5355, 8032)),
        ("vol/alphadev.ntsp", 0, (512, 4_096, 1024, 4096, 32_767, 4, 2047)),
        ("vol/dfvfs_vss.ntsp", 0, (512, 512, 1024, 4096, 161_663, 53_888, 16)),
        ("vol/gontfs_charlie.ntsp", 0, (512, 4_096, 1024, 4096, 75_775, 3_157, 2)),
        ("vol/jnode_links.ntsp", 0, (512, 4_096, 1024, 4096, 40_959, 1_706, 2)),
        ("vol/jschicht_tiny.ntsp", 0, (512, 512, 1024, 4096, 14_335, 4_778, 16)),
        ("vol/ns_2m.ntsp", 65536, (512, 2_097_152, 1024, 4096, 2_091_007, 170, 1)),
        ("vol/ns_lastaccess.ntsp", 65536, (512, 4_096, 1024, 4096, 518_143, 21_589, 2)),
        ("vol/orc_ntfs.ntsp", 65536, (512, 4_096, 1024, 4096, 14_335, 597, 2)),
        ("syz/ntfs3_0.ntsp", 0, (512, 1_024, 1024, 4096, 4_095, 16, 1023)),
        ("syz/ntfs3_14.ntsp", 0, (4096, 131_072, 4096, 4096, 1_023, 2, 15)),
        ("syz/ntfs3_2.ntsp", 0, (512, 4_096, 1024, 4096, 4_095, 4, 255)),
        ("syz/ntfs3_6.ntsp", 0, (1024, 65_536, 1024, 4096, 2_047, 2, 15)),
        ("syz/ntfs3_8.ntsp", 0, (2048, 2_048, 2048, 4096, 1_023, 8, 511)),
        ("syz/ntfs_0.ntsp", 0, (256, 2_048, 1024, 4096, 8_190, 8, 511)),
        ("syz/ntfs_14.ntsp", 0, (4096, 4_096, 4096, 4096, 511, 4, 255)),
        ("syz/ntfs_16.ntsp", 0, (4096, 131_072, 4096, 4096, 1_023, 2, 15)),
        ("syz/ntfs_2.ntsp", 0, (512, 1_024, 1024, 4096, 4_095, 16, 1023)),
        ("syz/ntfs_4.ntsp", 0, (512, 4_096, 1024, 4096, 4_095, 4, 255)),
        ("syz/ntfs_8.ntsp", 0, (1024, 65_536, 1024, 4096, 2_047, 2, 15)),
    ];

    fn truth(geometry: &Geometry) -> Truth {
        let (mft, mirror) = (geometry.mft_lcn().unwrap(), geometry.mirror_lcn().unwrap());
        let (sector, cluster) = (geometry.sector_size(), geometry.cluster_size());
        let (record, index) = (geometry.record_size(), geometry.index_record_size());
        (sector, cluster, record, index, geometry.total_sectors(), mft, mirror)
    }

    #[test]
    fn real_boot_sectors_agree_with_other_tools() {
        for &(path, offset, expected) in REAL {
            let Some(image) = CorpusImage::open(path) else { continue };
            let mut bytes = [0; 512];
            assert_eq!(image.read_at(offset, &mut bytes).unwrap(), 512);
            assert_eq!(truth(&geometry(&bytes).unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn missing_jump_and_signature_are_tolerated() {
        let mut bytes = sample();
        bytes[..3].fill(0);
        bytes[510..].fill(0);
        assert_eq!(geometry(&bytes), geometry(&sample()));
        assert_eq!(BootSector::parse(&bytes).unwrap().damage(), [bad(510, "boot signature", 0)]);
    }

    #[test]
    fn fields_a_volume_can_be_read_without_are_left_out() {
        let mut bytes = sample();
        bytes[56..64].fill(0xFF);
        bytes[68] = 0x80;
        let geometry = geometry(&bytes).unwrap();
        assert_eq!((geometry.mirror_lcn(), geometry.index_record_size()), (None, 4096));
        let damage = BootSector::parse(&bytes).unwrap().damage();
        assert_eq!(damage, [bad(68, "INDX record size", 0), bad(56, "LCN of $MFTMirr", u64::MAX)]);
    }

    #[test]
    fn a_mirror_in_the_place_of_the_table_is_none() {
        let mut bytes = sample();
        bytes.copy_within(48..56, 56);
        assert_eq!(geometry(&bytes).unwrap().mirror_lcn(), None);
    }

    #[test]
    fn a_lost_table_can_still_be_reached_by_its_mirror() {
        let mut bytes = sample();
        for lcn in [0, 25_600, 1 << 52, 1 << 63, u64::MAX] {
            bytes[48..56].copy_from_slice(&lcn.to_le_bytes());
            assert_eq!(geometry(&bytes), Err(bad(48, "LCN of $MFT", lcn)));
            let boot = BootSector::parse(&bytes).unwrap();
            let (geometry, left_out) = boot.geometry_builder().build_leniently().unwrap();
            assert_eq!((geometry.mft_lcn(), geometry.mirror_lcn()), (None, Some(2)));
            assert_eq!(left_out, [bad(48, "LCN of $MFT", lcn)]);
            assert_eq!(boot.damage(), left_out);
        }
    }

    #[test]
    fn a_size_no_volume_has_is_refused_and_can_be_mended() {
        let mut bytes = sample();
        for total in [0, 1 << 55, 1 << 63, u64::MAX] {
            bytes[40..48].copy_from_slice(&total.to_le_bytes());
            assert_eq!(geometry(&bytes), Err(bad(40, "sectors of the volume", total)));
        }
        let mended = BootSector::parse(&bytes).unwrap().geometry_builder().total_sectors(204_799).build();
        assert_eq!(mended, geometry(&sample()));
    }

    #[test]
    fn other_file_systems_have_no_geometry() {
        let mut bytes = sample();
        bytes[3..11].copy_from_slice(b"-FVE-FS-");
        let id = u64::from_le_bytes(*b"-FVE-FS-");
        assert_eq!(geometry(&bytes), Err(bad(3, "OEM id", id)));
        assert_eq!(BootSector::parse(&bytes).unwrap().damage(), [bad(3, "OEM id", id)]);
        assert!(geometry(&[0; 512]).is_err());
    }

    #[test]
    fn only_the_sector_sizes_that_exist_are_accepted() {
        let mut bytes = sample();
        for size in 0..=u16::MAX {
            bytes[11..13].copy_from_slice(&size.to_le_bytes());
            let exists = [256, 512, 1024, 2048, 4096].contains(&size);
            assert_eq!(geometry(&bytes).is_ok(), exists, "{size}");
        }
    }

    #[test]
    fn every_cluster_byte_is_a_power_of_two_up_to_2_mib_or_refused() {
        for (sector_size, largest) in [(256_u16, 2 << 20 >> 1), (512, 2 << 20), (4096, 2 << 20)] {
            let mut bytes = sample();
            bytes[11..13].copy_from_slice(&sector_size.to_le_bytes());
            bytes[48..56].copy_from_slice(&1_u64.to_le_bytes());
            bytes[40..48].copy_from_slice(&(1_u64 << 24).to_le_bytes());
            for byte in 0..=255_u8 {
                bytes[13] = byte;
                let sectors = BootSector::parse(&bytes).unwrap().sectors_per_cluster().unwrap_or(0);
                let size = sectors * u32::from(sector_size);
                let expected = (sectors.is_power_of_two() && size <= largest).then_some(size);
                assert_eq!(geometry(&bytes).ok().map(|found| found.cluster_size()), expected, "{byte:#x}");
            }
        }
    }

    #[test]
    fn every_record_size_byte_is_256_bytes_to_64_kib_or_refused() {
        let mut bytes = sample();
        for byte in 0..=255_u8 {
            bytes[64] = byte;
            bytes[68] = byte;
            let expected = match byte.cast_signed() {
                clusters @ (1 | 2 | 4 | 8 | 16) => Some(4096 * u32::from(clusters.cast_unsigned())),
                power @ -16..=-8 => Some(1 << power.unsigned_abs()),
                _ => None,
            };
            assert_eq!(geometry(&bytes).ok().map(|found| found.record_size()), expected, "{byte:#x}");
            bytes[64] = 0xF6;
            let index = geometry(&bytes).unwrap().index_record_size();
            assert_eq!(index, expected.unwrap_or(4096), "{byte:#x}");
        }
    }

    #[test]
    fn a_geometry_of_the_callers_own_is_checked() {
        let builder = Geometry::builder().total_sectors(1 << 20).mft_lcn(Some(4)).mirror_lcn(Some(9)).serial_number(7);
        let built = builder.build().unwrap();
        assert_eq!((built.cluster_size(), built.volume_size(), built.serial_number()), (4096, 1 << 29, 7));
        assert_eq!(Geometry::builder().build(), Err(bad(40, "sectors of the volume", 0)));
        assert_eq!(builder.sector_size(0).build(), Err(bad(11, "sector size", 0)));
        assert_eq!(builder.cluster_size(12_288).build(), Err(bad(13, "cluster size", 12_288)));
        assert_eq!(builder.sector_size(4096).cluster_size(512).build(), Err(bad(13, "cluster size", 512)));
        assert_eq!(builder.record_size(128).build(), Err(bad(64, "FILE record size", 128)));
        assert_eq!(builder.index_record_size(1 << 17).build(), Err(bad(68, "INDX record size", 1 << 17)));
        assert_eq!(builder.mft_lcn(Some(1 << 17)).build(), Err(bad(48, "LCN of $MFT", 1 << 17)));
        assert_eq!(builder.mirror_lcn(Some(4)).build(), Err(bad(56, "LCN of $MFTMirr", 4)));
        assert!(builder.mft_lcn(None).mirror_lcn(None).build().is_ok());
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_a_geometry_is_sane_or_none(
            mut bytes in proptest::collection::vec(any::<u8>(), 512),
            good in proptest::collection::vec(any::<bool>(), 512),
        ) {
            for (at, byte) in sample().into_iter().enumerate().filter(|&(at, _)| good[at]) {
                bytes[at] = byte;
            }
            bytes[3..11].copy_from_slice(b"NTFS    ");
            let boot = BootSector::parse(&bytes).unwrap();
            prop_assert_eq!(boot.geometry().is_err() && boot.damage().is_empty(), false);
            if let Ok((geometry, _)) = boot.geometry_builder().build_leniently() {
                prop_assert!(geometry.cluster_size() >= geometry.sector_size());
                prop_assert_eq!(geometry.volume_size() / u64::from(geometry.sector_size()), geometry.total_sectors());
                prop_assert!(geometry.mft_offset().is_none_or(|at| at > 0 && at < geometry.volume_size()));
                prop_assert!(geometry.mirror_offset().is_none_or(|at| at > 0 && at < geometry.volume_size()));
                prop_assert_eq!(geometry.to_builder().build(), Ok(geometry));
            }
        }
    }
}
