//! The input, and the volume in it.

use ntfs_salvage::Threads;
use ntfs_salvage::container::{self, Evidence};
use ntfs_salvage::salvage::{Layer, Opened, Opening, Overrides};
use ntfs_salvage::source::{DamageMap, Source};

use crate::arguments::Arguments;

/// Opens the file or device, to read only.
pub(crate) fn open(arguments: &Arguments) -> Result<Evidence, String> {
    let failed = |error| format!("cannot open {}: {error}", arguments.input.display());
    container::Opening::new().open(&arguments.input).map_err(failed)
}

/// The map of what was rescued, if one is given.
pub(crate) fn map(arguments: &Arguments, size: u64) -> Result<Option<DamageMap>, String> {
    let Some(path) = &arguments.map else { return Ok(None) };
    let failed = |why: &dyn std::fmt::Display| format!("cannot use {}: {why}", path.display());
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    let map = DamageMap::parse(&text).map_err(|damage| failed(&damage))?;
    let rescued = map.blocks().iter().rfind(|block| block.status.symbol() == '+').map_or(0, |block| block.range.end);
    match rescued > size {
        true => Err(failed(&format_args!(
            "it calls byte {rescued} rescued, and the input ends at {size}: it is the map of another disk"
        ))),
        false => Ok(Some(map)),
    }
}

/// The one volume that exists now.
pub(crate) fn volume<'s>(
    arguments: &Arguments,
    source: &'s dyn Source,
    threads: &Threads,
) -> Result<Opened<'s>, String> {
    let input = arguments.input.display();
    let mut opening = Opening::new(source).threads(threads);
    if let Some(number) = arguments.partition {
        opening = opening.partition(number);
    }
    let found = opening.overrides(Overrides { start: arguments.offset, ..Overrides::default() }).run();
    if let Some(format) = found.container {
        return Err(format!("{input} is {format} and not the disk itself: {}", format.remedy()));
    }
    let volumes = found.into_volumes().map_err(|error| format!("no NTFS volume in {input}: {error}"))?;
    let mut current: Vec<_> = volumes
        .into_iter()
        .filter(|opened| opened.layer() == Layer::Current && opened.volume().geometry().is_some())
        .collect();
    match current.len() {
        0 => Err(format!("no NTFS volume in {input} that exists now: recover finds what is left of others")),
        1 => Ok(current.remove(0)),
        count => {
            let numbers = current.iter().filter_map(|opened| Some(opened.partition()?.number().to_string()));
            let numbers = numbers.collect::<Vec<_>>().join(", ");
            Err(format!("{count} volumes in {input} (partitions {numbers}): choose one with --partition"))
        }
    }
}
