//! Sessions: what a path or source holds, opened once, in handles that can be kept.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::base::damage::Damage;
use crate::base::error::{Error, Result};
use crate::base::threads::Threads;
use crate::catalog::Catalog;
use crate::salvage::{Discovery, Opened, Opening, Unread};
use crate::source::{SharedSource, Source};
use crate::volume::Volume;
use crate::volume::dynamic_disk::DynamicDisk;
use crate::volume::partition::Partition;

/// Whatever a path or a source holds, opened once: its volumes, and what could not be opened.
///
/// A session and all that comes of it own what they need, so that they can be stored, sent to other threads and
/// cloned at no cost. What is read borrows from them: an [`Entry`](crate::Entry) from its [`Catalog`], not from a
/// function that is long gone.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::thread;
/// use ntfs_salvage::{Catalog, FileReference, Result, Session};
///
/// /// Gives out files by their paths for as long as it lives.
/// struct Server {
///     session: Session,
///     catalog: Arc<Catalog<'static>>,
/// }
///
/// impl Server {
///     fn open(path: &str) -> Result<Self> {
///         let session = Session::open(path)?;
///         let catalog = session.volumes()[0].catalog();
///         Ok(Self { session, catalog })
///     }
///
///     fn size(&self, path: &str) -> Result<u64> {
///         let file = self.session.volumes()[0].volume().entry_by_path(path)?;
///         Ok(self.catalog.entry_of(file)?.streams().iter().filter_map(|stream| stream.size()).sum())
///     }
///
///     fn copy(&self, file: FileReference, out: &mut impl std::io::Write) -> Result<()> {
///         self.catalog.open_stream(file, "")?.copy_to(out)?;
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let server = Arc::new(Server::open("case.E01")?);
/// let serve = |path: &'static str| {
///     let server = server.clone();
///     thread::spawn(move || server.size(path))
/// };
/// let threads = [serve(r"\pagefile.sys"), serve(r"\Users\x\report.docx")];
/// for thread in threads {
///     println!("{} bytes", thread.join().expect("no thread panics")?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Shared,
    volumes: Vec<SessionVolume>,
    /// What else was found: its volumes are those above.
    rest: Discovery<'static>,
}

/// A source that shows its size, and no more.
struct Shared(SharedSource);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.size())
    }
}

/// A volume of a [`Session`], and its catalog once it was asked for. Clones are the same volume.
#[derive(Debug, Clone)]
pub struct SessionVolume {
    inner: Arc<(Opened<'static>, OnceLock<Arc<Catalog<'static>>>)>,
}

impl Session {
    /// Opens what a file or device holds: an image or disk as it is, and evidence files and virtual disks (feature
    /// `containers`) for the disk in them, as their content says.
    ///
    /// # Errors
    /// When it cannot be opened, or nothing of NTFS is found in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        #[cfg(feature = "containers")]
        let source = crate::container::open(path)?;
        #[cfg(not(feature = "containers"))]
        let source = crate::source::open(path)?;
        Self::of(Arc::new(source))
    }

    /// Opens what a source holds.
    ///
    /// # Errors
    /// When nothing of NTFS is found in it.
    pub fn of(source: SharedSource) -> Result<Self> {
        Self::with(source, |opening| opening)
    }

    /// The same with options, such as a scan or one partition.
    ///
    /// ```
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// use ntfs_salvage::Session;
    ///
    /// let source = std::sync::Arc::new(std::fs::read("testdata/plain.img")?);
    /// let session = Session::with(source, |opening| opening.scan())?;
    /// assert_eq!(session.volumes().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When nothing of NTFS is found in it.
    pub fn with<'t>(
        source: SharedSource,
        options: impl for<'o> FnOnce(Opening<'o, 't>) -> Opening<'o, 't>,
    ) -> Result<Self> {
        let dynamic = DynamicDisk::read(&source);
        let mut found = options(Opening::new(&source).dynamic_disk(dynamic.as_ref())).run();
        let keeper = Keeper::new(&source, dynamic.as_ref());
        let volumes = std::mem::take(&mut found.volumes);
        let volumes: Vec<SessionVolume> = volumes.iter().map(|opened| keeper.keep(opened)).collect::<Result<_>>()?;
        let rest = found.without_volumes();
        if volumes.is_empty() {
            rest.into_volumes()?;
            return Err(Error::NoVolume);
        }
        Ok(Self { inner: Arc::new(Inner { source: Shared(source), volumes, rest }) })
    }

    /// What was opened: of evidence files and virtual disks, the disk in them.
    #[must_use]
    pub fn source(&self) -> &SharedSource {
        &self.inner.source.0
    }

    /// The volumes, those that exist now before what is left of others; there is at least one.
    #[must_use]
    pub fn volumes(&self) -> &[SessionVolume] {
        &self.inner.volumes
    }

    /// Every partition that a table names, whatever is in it.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.inner.rest.partitions
    }

    /// Partitions in which NTFS was, and in which nothing of it could be opened.
    #[must_use]
    pub fn unopened(&self) -> &[(Partition, Error)] {
        &self.inner.rest.unopened
    }

    /// Partitions, or the whole source, of which nothing was opened, and what is in them.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.inner.rest.unread
    }

    /// What lies outside of all partitions, and was not looked at.
    #[must_use]
    pub fn outside(&self) -> &[Range<u64>] {
        &self.inner.rest.outside
    }

    /// What is wrong with the partition tables.
    #[must_use]
    pub fn disk_damage(&self) -> &[Damage] {
        &self.inner.rest.disk_damage
    }
}

impl SessionVolume {
    /// How the volume was opened, and what it is to its source.
    #[must_use]
    pub fn opened(&self) -> &Opened<'static> {
        &self.inner.0
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> &Volume<'static> {
        self.inner.0.volume()
    }

    /// The files of the volume. The first who asks has to wait for the pass over its table, on all cores; from then
    /// on all have the same catalog.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog<'static>> {
        self.inner.1.get_or_init(|| Arc::new(self.volume().catalog())).clone()
    }

    /// The same, on the given threads if there was no pass so far.
    #[must_use]
    pub fn catalog_with(&self, threads: &Threads) -> Arc<Catalog<'static>> {
        self.inner.1.get_or_init(|| Arc::new(self.volume().catalog_with(threads))).clone()
    }
}

/// Knows the shared form of each source that volumes were opened in.
struct Keeper<'k> {
    sources: Vec<(&'k dyn Source, SharedSource)>,
}

impl<'k> Keeper<'k> {
    /// The source itself, and the volumes of a dynamic disk in several parts of it.
    fn new(source: &'k SharedSource, dynamic: Option<&'k DynamicDisk<'k>>) -> Self {
        let volumes = dynamic.into_iter().flat_map(DynamicDisk::volumes);
        let pieces = volumes.filter_map(|volume| volume.bytes.as_ref());
        let of_pieces = |pieces: &'k crate::source::Pieces<'k>| {
            let shared: SharedSource = Arc::new(pieces.shared(source.clone()));
            let pieces: &dyn Source = pieces;
            (pieces, shared)
        };
        let whole: &dyn Source = source;
        Self { sources: std::iter::once((whole, source.clone())).chain(pieces.map(of_pieces)).collect() }
    }

    fn keep(&self, opened: &Opened<'_>) -> Result<SessionVolume> {
        let looked_into = opened.volume().source().source();
        let is_same = |source: &dyn Source| std::ptr::addr_eq(source, looked_into);
        let shared = self.sources.iter().find(|(source, _)| is_same(*source));
        let (_, shared) =
            shared.ok_or_else(|| Error::SomethingElse("a volume in a source that cannot be shared".to_owned()))?;
        Ok(SessionVolume { inner: Arc::new((opened.shared(shared), OnceLock::new())) })
    }
}
