//! From a file to the disk in it, with all the files that it needs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::driver::Container;
use super::evidence::Evidence;
use super::files::ImageFile;
use super::formats::FORMATS;
use super::image::{Format, Image, ParentLink, Request};
use super::neighbours::{Folders, Neighbours, Nobody, plain_name};
use super::options::Opening;
use super::raw;
use crate::base::error::{Error, Result};
use crate::source::{self, SharedSource};

/// Opens a file for the disk in it, as its content says.
///
/// # Errors
/// When it cannot be opened, or is a container of a kind that cannot be read: encrypted, unsupported, or without
/// the files it needs.
pub fn open(path: impl AsRef<Path>) -> Result<Evidence> {
    Opening::new().open(path)
}

impl Opening {
    /// Opens a file or device. Its neighbours are found by their names in the same folder.
    ///
    /// # Errors
    /// When it cannot be opened, or is a container of a kind that cannot be read.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Evidence> {
        let path = path.as_ref();
        let source: SharedSource = Arc::new(source::open(path)?);
        self.evidence(ImageFile { path: path.to_owned(), source }, &Folders::beside(path, &self.folders))
    }

    /// Opens a source, which is all there is: an image of several files lacks the others.
    ///
    /// # Errors
    /// When it is a container of a kind that cannot be read.
    pub fn open_source(&self, source: SharedSource) -> Result<Evidence> {
        self.evidence(ImageFile { path: PathBuf::new(), source }, &Nobody)
    }

    pub(super) fn evidence(&self, file: ImageFile, neighbours: &dyn Neighbours) -> Result<Evidence> {
        if self.is_raw {
            return Ok(Evidence::raw(file));
        }
        let chain = Chain { options: self, neighbours };
        match chain.image(&file)? {
            None => Ok(Evidence::raw(file)),
            Some(image) => {
                let (layers, lacks) = chain.layers(image)?;
                Ok(Evidence::of(Container::new(layers, lacks)))
            }
        }
    }
}

/// How many images may be differences to each other.
const LONGEST_CHAIN: usize = 128;

/// How many files beside an image are tried for its parent.
const MOST_CANDIDATES: usize = 256;

/// Images, each the difference to the next.
struct Chain<'c> {
    options: &'c Opening,
    neighbours: &'c dyn Neighbours,
}

impl Chain<'_> {
    /// The image in a file, if it is a container.
    fn image(&self, file: &ImageFile) -> Result<Option<Image>> {
        let request = Request::new(file, self.neighbours, self.options);
        let format: Option<&&dyn Format> = FORMATS.iter().find(|format| format.recognizes(&request));
        format.map(|format| format.open(&request)).transpose()
    }

    /// The image and all that it needs, and whether the last one lacks its parent.
    fn layers(&self, image: Image) -> Result<(Vec<Image>, bool)> {
        let mut layers = vec![image];
        while let Some((image, link)) = layers.last().and_then(|image| Some((image, image.parent.as_ref()?))) {
            let refuse = |reason: String| Error::Container { format: image.format, reason };
            if layers.len() >= LONGEST_CHAIN {
                return Err(refuse(format!("more than {LONGEST_CHAIN} images are differences to each other")));
            }
            let is_used = |path: &Path| layers.iter().flat_map(|image| image.files.paths()).any(|used| used.0 == path);
            match self.parent(link, &is_used)? {
                Some(parent) => layers.push(parent),
                None if self.options.missing_parent_as_lost => return Ok((layers, true)),
                None => return Err(refuse(missing(link))),
            }
        }
        Ok((layers, false))
    }

    /// The parent by one of its names, or by its identity under any name.
    fn parent(&self, link: &ParentLink, is_used: &dyn Fn(&Path) -> bool) -> Result<Option<Image>> {
        for name in link.names.iter().filter_map(|name| plain_name(name)) {
            let Some(file) = self.neighbours.open_any_case(OsStr::new(name))? else { continue };
            if let Some(image) = self.fitting(link, &file, is_used)? {
                return Ok(Some(image));
            }
        }
        if link.identities.is_empty() {
            return Ok(None);
        }
        let ends_so = |name: &&std::ffi::OsString| {
            let name = name.to_string_lossy().to_ascii_lowercase();
            link.endings.iter().any(|ending| name.ends_with(ending))
        };
        for name in self.neighbours.names().iter().filter(ends_so).take(MOST_CANDIDATES) {
            let Ok(Some(file)) = self.neighbours.open(name) else { continue };
            if let Ok(Some(image)) = self.fitting(link, &file, is_used) {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// The image in a file, if it is the one that the link means.
    fn fitting(&self, link: &ParentLink, file: &ImageFile, is_used: &dyn Fn(&Path) -> bool) -> Result<Option<Image>> {
        if is_used(&file.path) {
            return Ok(None);
        }
        let parents = Opening { snapshot: None, ..self.options.clone() };
        let chain = Chain { options: &parents, neighbours: self.neighbours };
        let image = match link.is_raw {
            true => raw::whole(file),
            false => chain.image(file)?.unwrap_or_else(|| raw::whole(file)),
        };
        let is_meant = |identity: &String| link.identities.iter().any(|meant| meant.eq_ignore_ascii_case(identity));
        Ok((link.identities.is_empty() || image.identities.iter().any(is_meant)).then_some(image))
    }
}

fn missing(link: &ParentLink) -> String {
    let names = link.names.iter().filter_map(|name| plain_name(name)).collect::<Vec<_>>().join("\" or \"");
    let names = if names.is_empty() { "no name is given".to_owned() } else { format!("\"{names}\"") };
    // A format that has no identities is looked for by what it is.
    let identity = link.identities.first().map(|identity| match identity.starts_with("format ") {
        true => format!(", {identity}"),
        false => format!(", identity {identity}"),
    });
    let identity = identity.unwrap_or_default();
    format!(
        "the parent image is missing: {names}{identity}; put it beside the image, name its folder (--parent-dir), or \
         go on without what it has (--missing-parent-as-lost)"
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::container::neighbours::tests::Shelf;

    /// Opens one of the files in memory.
    pub(crate) fn open_in(shelf: &Shelf, name: &str, options: &Opening) -> Result<Evidence> {
        let neighbours: &dyn Neighbours = shelf;
        options.evidence(neighbours.open(OsStr::new(name)).unwrap().unwrap(), shelf)
    }
}
