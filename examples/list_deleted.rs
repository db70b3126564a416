//! Lists the deleted files of a volume image: `list_deleted IMAGE`.

use std::error::Error;

use ntfs_salvage::{EntryState, Stream, Volume};

fn main() -> Result<(), Box<dyn Error>> {
    let image = std::env::args_os().nth(1).ok_or("usage: list_deleted IMAGE")?;
    let source = ntfs_salvage::source::open(image)?;
    let volume = Volume::open(&source).or_else(|_| Volume::from_table(&source))?;
    let catalog = volume.catalog();
    for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Deleted) {
        let size = entry.streams().iter().find(|stream| stream.name().is_empty()).and_then(Stream::size);
        for path in entry.paths() {
            println!("{:>8}  {:>12}  {path}", entry.reference().to_string(), size.unwrap_or(0));
        }
    }
    Ok(())
}
