//! Mounts, and waits until it is over.

use std::io;
use std::path::Path;

use fuser::{MountOption, Session};
use ntfs_salvage::Threads;
use ntfs_salvage::recoverability::RecoverabilityOptions;
use ntfs_salvage::source::{Ledger, RescuedOnly, Source};
use rustix::mount::{UnmountFlags, unmount};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::arguments::Arguments;
use crate::filesystem::Recovered;
use crate::opening;
use crate::tree::{Tree, Wanted};

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    check_place(&arguments.directory)?;
    let evidence = opening::open(arguments)?;
    match opening::map(arguments, evidence.size())? {
        Some(map) => mount(arguments, &RescuedOnly::new(&evidence, map)),
        None => mount(arguments, &evidence),
    }
}

/// An empty directory in which nothing is mounted.
fn check_place(directory: &Path) -> Result<(), String> {
    let place = directory.display();
    if !Path::new("/dev/fuse").exists() {
        return Err("there is no /dev/fuse: load the kernel's module fuse, or use recover".into());
    }
    let mut items = std::fs::read_dir(directory).map_err(|error| format!("cannot mount on {place}: {error}"))?;
    if items.next().is_some() {
        return Err(format!("{place} is in use: choose an empty directory"));
    }
    match is_mount_point(directory) {
        Ok(false) => Ok(()),
        Ok(true) => Err(format!("{place} is in use: something is mounted there")),
        Err(error) => Err(format!("cannot mount on {place}: {error}")),
    }
}

fn is_mount_point(directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let here = std::fs::canonicalize(directory)?;
    let Some(above) = here.parent() else { return Ok(true) };
    Ok(here.metadata()?.dev() != above.metadata()?.dev())
}

fn mount(arguments: &Arguments, source: &dyn Source) -> Result<(), String> {
    let ledger = Ledger::new(source);
    let threads = Threads::new(arguments.threads);
    let opened = opening::volume(arguments, &ledger, &threads)?;
    let volume = opened.volume();
    let catalog = match arguments.all {
        true => volume.catalog_with(&threads).with_ghosts(&threads),
        false => volume.catalog_with(&threads),
    };
    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default());
    let wanted = Wanted { deleted: arguments.deleted || arguments.all, own: arguments.all, streams: arguments.streams };
    let tree = Tree::of(&catalog, wanted, &threads);
    let count = tree.file_count();
    let place = arguments.directory.display();
    let mut options = vec![
        MountOption::RO,
        MountOption::NoExec,
        MountOption::NoSuid,
        MountOption::NoDev,
        MountOption::NoAtime,
        MountOption::DefaultPermissions,
        MountOption::FSName(arguments.input.display().to_string().replace(',', "_")),
        MountOption::Subtype("ntfs-salvage".into()),
    ];
    options.extend(arguments.allow_other.then_some(MountOption::AllowOther));
    let failed = |error: io::Error| format!("cannot mount on {place}: {error}");
    let directory = std::fs::canonicalize(&arguments.directory).map_err(failed)?;
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let mut session =
        Session::new(Recovered::new(&catalog, &assessment, &tree), &directory, &options).map_err(failed)?;
    if !arguments.quiet {
        eprintln!(
            "{}: {count} files in {place}, until it is unmounted or Ctrl-C is pressed",
            arguments.input.display()
        );
    }
    let handle = signals.handle();
    let mut unmounter = session.unmount_callable();
    let waiter = std::thread::spawn(move || end_on_signal(signals, &directory, &mut unmounter));
    let result = session.run();
    handle.close();
    let _ = waiter.join();
    result.map_err(|error| format!("the mount on {place} ended: {error}"))
}

/// The first signal unmounts, also what is in use: that goes on until its last user has gone. The second ends.
fn end_on_signal(mut signals: Signals, directory: &Path, unmounter: &mut fuser::SessionUnmounter) {
    for (count, _) in signals.forever().enumerate() {
        if count > 0 {
            std::process::exit(130);
        }
        // Not everybody may do that; then the helper of FUSE does it.
        if unmount(directory, UnmountFlags::DETACH).is_err() {
            let _ = unmounter.unmount();
        }
    }
}
