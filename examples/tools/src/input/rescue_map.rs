//! The map that GNU ddrescue wrote with the input.

use std::fmt::Display;

use ntfs_salvage::source::{DamageMap, Status};

use crate::command::failure::{Failure, say};
use crate::input::arguments::InputArguments;

/// Reads the map of `--map`, if there is one, for an input of `size` bytes.
///
/// A map that calls bytes rescued which the input does not have is that of another one.
pub fn read(arguments: &InputArguments, size: u64, quiet: bool) -> Result<Option<DamageMap>, Failure> {
    let Some(path) = &arguments.map else { return Ok(None) };
    let failed = |why: &dyn Display| Failure::new(format_args!("cannot use {}", path.display()), why);
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    let map = DamageMap::parse(&text).map_err(|damage| failed(&damage))?;
    if !quiet {
        map.damage().iter().for_each(|damage| say(format_args!("{}: {damage}", path.display())));
    }
    let rescued = map.blocks().iter().rfind(|block| block.status == Status::Rescued).map_or(0, |block| block.range.end);
    match rescued > size {
        true => Err(failed(&format_args!(
            "it says that bytes up to {rescued} were rescued, but {} ends at byte {size}: it is the map of another disk",
            arguments.path.display()
        ))),
        false => Ok(Some(map)),
    }
}
