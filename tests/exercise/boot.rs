//! The boot sector, and the geometry it makes.

use ntfs_salvage::structure::BootSector;
use ntfs_salvage::volume::Geometry;

use super::{damaged, debug, inside, see, show, sound};

pub(crate) fn boot_sector(bytes: &[u8]) {
    let Some(boot) = sound(BootSector::parse(bytes)) else { return };
    assert_eq!(BootSector::parse(bytes), Ok(boot));
    inside(boot.bytes(), bytes);
    debug(&boot);
    show(&boot.oem_id());
    see((boot.has_signature(), boot.signature(), boot.sectors_per_cluster(), boot.hidden_sectors()));
    let damage = boot.damage();
    damage.iter().copied().for_each(damaged);
    match sound(boot.geometry()) {
        Some(geometry) => check(&geometry),
        None => assert!(!damage.is_empty(), "no geometry, and nothing to say why"),
    }
    if let Some((geometry, left_out)) = sound(boot.geometry_builder().build_leniently()) {
        check(&geometry);
        left_out.into_iter().for_each(damaged);
    }
}

/// Sizes are powers of two in their ranges, and what the geometry points at lies inside the volume.
fn check(geometry: &Geometry) {
    debug(geometry);
    let (sector, cluster) = (geometry.sector_size(), geometry.cluster_size());
    let (record, index_record) = (geometry.record_size(), geometry.index_record_size());
    assert!([sector, cluster, record, index_record].iter().all(|size| size.is_power_of_two()));
    assert!((256..=4096).contains(&sector) && (sector..=2 << 20).contains(&cluster));
    assert!([record, index_record].iter().all(|size| (256..=65_536).contains(size)));
    assert_eq!(geometry.total_sectors().checked_mul(u64::from(sector)), Some(geometry.volume_size()));
    assert_eq!(geometry.cluster_count(), geometry.volume_size() / u64::from(cluster));
    let places = [geometry.mft_offset(), geometry.mirror_offset()];
    assert!(places.into_iter().flatten().all(|offset| 0 < offset && offset < geometry.volume_size()));
    see((geometry.serial_number(), geometry.backup_boot_sector_offset(), geometry.cluster_offset(u64::MAX)));
    assert_eq!(geometry.to_builder().build().as_ref(), Ok(geometry), "its own builder makes it again");
}
