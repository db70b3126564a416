//! Links: the names of a file, each in one directory.

use super::entry::Entry;
use crate::base::few::Few;
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::structure::attribute::Attribute;
use crate::structure::value::file_name::{FileName, Namespace};

/// One name of a file in one directory, with its DOS name where it has one.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
///
/// let image = ntfs_salvage::source::open("testdata/links_streams.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// let linked = catalog.entries().find(|entry| entry.links().len() > 1).expect("a file with two names");
/// for link in &linked.links() {
///     println!("{} in {}, short {:?}", link.name(), link.parent(), link.dos_name());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'e> {
    file_name: FileName<'e>,
    dos_name: Option<Name<'e>>,
    record: u64,
    attribute_id: u16,
}

impl<'e> Link<'e> {
    pub(crate) fn new(attribute: &Attribute<'e>, file_name: FileName<'e>) -> Self {
        let record = attribute.place().record.unwrap_or_default();
        Self { file_name, dos_name: None, record, attribute_id: attribute.id() }
    }

    /// The `$FILE_NAME` the link comes from: its times and sizes are those of when it was made.
    #[must_use]
    pub fn file_name(&self) -> &FileName<'e> {
        &self.file_name
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name<'e> {
        self.file_name.name()
    }

    /// The short name that stands beside a Win32 name in the same directory.
    #[must_use]
    pub fn dos_name(&self) -> Option<Name<'e>> {
        self.dos_name
    }

    /// The directory the name stands in.
    #[must_use]
    pub fn parent(&self) -> FileReference {
        self.file_name.parent()
    }

    /// The record that holds the name: the file's own, or one of its extension records.
    #[must_use]
    pub fn record_number(&self) -> u64 {
        self.record
    }

    fn is_dos(&self) -> bool {
        self.file_name.namespace() == Namespace::DOS
    }

    /// True for the DOS name of a file whose Win32 name is `long`.
    fn pairs_with(&self, long: &Self) -> bool {
        self.is_dos()
            && long.file_name.namespace() == Namespace::WIN32
            && long.dos_name.is_none()
            && self.parent() == long.parent()
    }

    /// The id of the name's attribute in that record.
    #[must_use]
    pub fn attribute_id(&self) -> u16 {
        self.attribute_id
    }
}

impl Entry<'_> {
    /// The links of the file, in the order their names stand in: each name that is not a DOS name,
    /// and a DOS name that has no Win32 name beside it.
    #[must_use]
    pub fn links(&self) -> Few<Link<'_>> {
        let mut links = Few::new();
        self.file_names().for_each(|(attribute, name)| push_name(&mut links, Link::new(&attribute, name)));
        pair_names(&mut links);
        links
    }
}

/// Appends a name. Nearly all files have one, and most others one pair, which is one link at once.
#[inline]
pub(crate) fn push_name<'e>(links: &mut Few<Link<'e>>, mut name: Link<'e>) {
    match &mut **links {
        [long] if name.pairs_with(long) => long.dos_name = Some(name.name()),
        [dos] if dos.pairs_with(&name) => {
            name.dos_name = Some(dos.name());
            *dos = name;
        }
        _ => links.push(name),
    }
}

/// Makes links of names that have been pushed one by one: DOS names are paired.
#[inline]
pub(crate) fn pair_names(links: &mut Few<Link<'_>>) {
    if links.len() > 1 && links.iter().any(Link::is_dos) {
        links.edit(pair_dos_names);
    }
}

/// Gives each DOS name to the first Win32 name without one in the same directory.
fn pair_dos_names(links: &mut Vec<Link<'_>>) {
    let of = |namespace: Namespace| -> Vec<(FileReference, usize)> {
        let is_free = |link: &Link<'_>| link.file_name.namespace() == namespace && link.dos_name.is_none();
        let places = links.iter().enumerate().filter(|(_, link)| is_free(link));
        places.map(|(index, link)| (link.parent(), index)).collect()
    };
    let (mut dos_names, mut others) = (of(Namespace::DOS), of(Namespace::WIN32));
    // Stable sorts: within a directory the order of the names stays.
    dos_names.sort_by_key(|(parent, _)| *parent);
    others.sort_by_key(|(parent, _)| *parent);
    let mut paired = Vec::new();
    let mut long_names = others.into_iter().peekable();
    for (parent, dos) in dos_names {
        while long_names.next_if(|(other, _)| *other < parent).is_some() {}
        let Some((_, long)) = long_names.next_if(|(other, _)| *other == parent) else { continue };
        let name = links.get(dos).map(Link::name);
        if let Some(link) = links.get_mut(long) {
            link.dos_name = name;
            paired.push(dos);
        }
    }
    paired.sort_unstable();
    let mut index = 0_usize;
    links.retain(|_| {
        let here = index;
        index = index.saturating_add(1);
        paired.binary_search(&here).is_err()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::Forge;
    use crate::volume::Volume;
    use crate::volume::forged_volume::table;

    /// A name and the DOS name beside it.
    type Shown = (String, Option<String>);

    const WIN32: u8 = Namespace::WIN32.0;
    const DOS: u8 = Namespace::DOS.0;
    const BOTH: u8 = Namespace::WIN32_AND_DOS.0;

    /// The links of a file with these names: directory, namespace and text.
    fn links(names: &[(u64, u8, &str)]) -> Vec<Shown> {
        let named = |record: Forge, name: &(u64, u8, &str)| record.name((name.0, 1), name.1, name.2);
        let table = table([(30, names.iter().fold(Forge::new(1024), named))]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let links = entry.links();
        assert_eq!(links, entry.parts().links, "asked for alone or with all parts");
        let shown = |link: &Link<'_>| (link.name().to_string(), link.dos_name().map(|name| name.to_string()));
        links.iter().map(shown).collect()
    }

    fn pair(long: &str, short: &str) -> Shown {
        (long.to_owned(), Some(short.to_owned()))
    }

    fn alone(name: &str) -> Shown {
        (name.to_owned(), None)
    }

    #[test]
    fn a_dos_name_belongs_to_the_long_name_in_its_directory() {
        let (long, short) = ((5, WIN32, "long name"), (5, DOS, "LONGNA~1"));
        assert_eq!(links(&[long]), [alone("long name")]);
        assert_eq!(links(&[short]), [alone("LONGNA~1")]);
        assert_eq!(links(&[long, short]), [pair("long name", "LONGNA~1")]);
        assert_eq!(links(&[short, long]), [pair("long name", "LONGNA~1")]);
        let elsewhere = (6, DOS, "LONGNA~1");
        assert_eq!(links(&[long, elsewhere]), [alone("long name"), alone("LONGNA~1")]);
        assert_eq!(links(&[elsewhere, long]), [alone("LONGNA~1"), alone("long name")]);
        assert_eq!(links(&[(5, BOTH, "both"), short]), [alone("both"), alone("LONGNA~1")], "it is its own DOS name");
        assert_eq!(links(&[(5, WIN32, "one"), (5, WIN32, "two")]), [alone("one"), alone("two")]);
        assert_eq!(links(&[(5, DOS, "ONE"), (5, DOS, "TWO")]), [alone("ONE"), alone("TWO")]);
    }

    #[test]
    fn of_many_names_each_dos_name_finds_one_long_name() {
        let names = [
            (7, WIN32, "c"),
            (5, DOS, "A~1"),
            (6, WIN32, "b"),
            (5, WIN32, "a"),
            (9, DOS, "LOST~1"),
            (7, DOS, "C~1"),
            (6, DOS, "B~1"),
            (5, WIN32, "a second"),
            (8, WIN32, "d"),
        ];
        let expected =
            [pair("c", "C~1"), pair("b", "B~1"), pair("a", "A~1"), alone("LOST~1"), alone("a second"), alone("d")];
        assert_eq!(links(&names), expected);
        // The first long name of a directory has the first DOS name.
        let twice = [(5, WIN32, "one"), (5, DOS, "ONE~1"), (5, WIN32, "two"), (5, DOS, "TWO~1")];
        assert_eq!(links(&twice), [pair("one", "ONE~1"), pair("two", "TWO~1")]);
    }

    #[test]
    fn a_link_tells_where_its_name_stands() {
        let extension = Forge::new(1024).base(30, 1).resident(AttributeType::DATA, "", &[]);
        let records = [(30, Forge::new(1024).name((5, 5), 3, "one")), (31, extension.name((6, 2), 3, "two"))];
        let table = table(records);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let links = entry.links();
        let places: Vec<_> = links.iter().map(|link| (link.record_number(), link.attribute_id())).collect();
        assert_eq!(places, [(30, 0), (31, 1)]);
        let parents: Vec<_> = links.iter().map(Link::parent).collect();
        assert_eq!(parents, [FileReference::new(5, 5), FileReference::new(6, 2)]);
        assert_eq!(links[1].file_name().name().to_string(), "two");
    }

    #[test]
    fn a_pair_is_one_link_as_soon_as_both_its_names_are_there() {
        for names in [[(WIN32, "long name"), (DOS, "LONGNA~1")], [(DOS, "LONGNA~1"), (WIN32, "long name")]] {
            let record = names.iter().fold(Forge::new(1024), |record, name| record.name((5, 5), name.0, name.1));
            let table = table([(30, record)]);
            let volume = Volume::from_table(&table).unwrap();
            let catalog = volume.catalog_with(&Threads::single());
            let entry = catalog.entry(30).unwrap();
            let mut links = Few::new();
            entry.file_names().for_each(|(attribute, name)| push_name(&mut links, Link::new(&attribute, name)));
            assert_eq!(links.len(), 1, "most files need no list");
        }
    }
}
