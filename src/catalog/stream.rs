//! Streams: the `$DATA` of a file, in one piece or several.

use std::fmt;

use super::entry::Entry;
use crate::base::damage::Damage;
use crate::base::few::Few;
use crate::base::name::Name;
use crate::structure::attribute::{Attribute, AttributeFlags};
use crate::structure::attribute_type::AttributeType;
use crate::structure::data_runs::DataRun;
use crate::structure::non_resident::NonResident;

/// One data stream of a file: the main one has no name.
///
/// Sizes and runs are those of the `$DATA` attribute. [`map`](Self::map) says where every byte of the
/// content comes from, and [`reader`](Self::reader) reads it, decompressed where it is compressed;
/// [`raw`](Self::raw) gives the stored bytes instead.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
///
/// let image = ntfs_salvage::source::open("testdata/compressed_sparse.img")?;
/// let volume = Volume::open(&image)?;
/// for entry in volume.catalog().entries() {
///     for stream in &entry.streams() {
///         // What of it is where, without reading it: in clusters, compressed, a hole, or missing.
///         let map = stream.map();
///         println!("{}: {:?} in {} ranges", entry.reference(), stream.encoding(), map.ranges().len());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Stream<'e> {
    entry: &'e Entry<'e>,
    /// The piece with the lowest VCN: the one whose sizes and flags count.
    first: Attribute<'e>,
    /// The other pieces by their lowest VCN; most streams have none.
    others: Vec<Attribute<'e>>,
    is_raw: bool,
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (record, id) = (self.first.place().record, self.first.id());
        let mut text = f.debug_struct("Stream");
        text.field("name", &self.name()).field("record", &record).field("id", &id).field("size", &self.size());
        text.field("is_raw", &self.is_raw).finish_non_exhaustive()
    }
}

impl<'e> Stream<'e> {
    pub(crate) fn new(entry: &'e Entry<'e>, first: Attribute<'e>) -> Self {
        Self { entry, first, others: Vec::new(), is_raw: false }
    }

    /// The file the stream belongs to.
    #[must_use]
    pub fn entry(&self) -> &'e Entry<'e> {
        self.entry
    }

    /// The same stream as it is stored: compressed and overlaid bytes are not decompressed, nothing is
    /// zeroed behind the initialized size, and the bytes go on behind the size to the end of the last
    /// cluster, or of the attribute.
    #[must_use]
    pub fn raw(&self) -> Self {
        Self { is_raw: true, ..self.clone() }
    }

    /// True for a stream that is given as it is stored.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.is_raw
    }

    /// True when the record shows no sign that the piece's header and runs are torn, or residue of
    /// an earlier life.
    pub(crate) fn is_proven(&self, piece: &Attribute<'_>) -> bool {
        let place = piece.place();
        let start = usize::try_from(place.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(piece.bytes().len());
        let record = place.record.and_then(|number| self.entry.record_numbered(number));
        let is_whole = record.is_some_and(|record| record.update_sequence().is_proven_between(start, end));
        is_whole && !piece.is_beyond_used()
    }

    /// True for a stream of which nothing is left but its name in the file's attribute list: the record that it stood in
    /// was lost or used again.
    #[must_use]
    pub fn is_listed_only(&self) -> bool {
        self.entry.is_listed_only(&self.first)
    }

    /// The name, empty for the main stream.
    #[must_use]
    pub fn name(&self) -> Name<'e> {
        self.first.name()
    }

    /// The attributes the stream is made of, by their lowest VCN.
    pub fn pieces(&self) -> impl Iterator<Item = &Attribute<'e>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// True when the content stands in the record itself.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.first.is_resident()
    }

    /// How the content is stored, as the first piece says: later pieces may lack the flags.
    #[must_use]
    pub fn flags(&self) -> AttributeFlags {
        self.first.flags()
    }

    /// The header that holds the sizes: only the piece that starts at VCN 0 has them.
    fn sizes(&self) -> Option<NonResident<'e>> {
        self.first.non_resident().filter(|piece| piece.lowest_vcn() == 0 && !self.is_listed_only())
    }

    /// Bytes of the content; `None` where the piece that says so is missing.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self.first.is_resident() {
            true => self.first.resident_value().ok().and_then(|value| u64::try_from(value.len()).ok()),
            false => self.sizes().map(|piece| piece.data_size()),
        }
    }

    /// Bytes the stream occupies: of the clusters, holes not counted; of a resident value, rounded
    /// up to eight.
    #[must_use]
    pub fn allocated_size(&self) -> Option<u64> {
        match self.first.is_resident() {
            true => self.size().map(|size| size.next_multiple_of(8)),
            false => self.first.total_allocated().or_else(|| self.sizes().map(|piece| piece.allocated_size())),
        }
    }

    /// Bytes that were ever written; what follows up to the size reads as zeros.
    #[must_use]
    pub fn initialized_size(&self) -> Option<u64> {
        match self.first.is_resident() {
            true => self.size(),
            false => self.sizes().map(|piece| piece.initialized_size()),
        }
    }

    /// The data runs of all pieces in order; a piece whose runs are damaged ends with the damage, and
    /// the next one follows.
    pub fn data_runs(&self) -> impl Iterator<Item = Result<DataRun, Damage>> + '_ {
        self.pieces().filter_map(|piece| Some((piece, piece.non_resident()?))).flat_map(|(piece, non_resident)| {
            let inside = |damage| piece.inside(damage);
            let (runs, outside) = match non_resident.data_runs() {
                Ok(runs) => (Some(runs), None),
                Err(damage) => (None, Some(Err(inside(damage)))),
            };
            let offset = u64::try_from(non_resident.data_runs_offset()).unwrap_or(u64::MAX);
            let placed = move |damage: Damage| inside(damage.within(None, offset));
            runs.into_iter().flatten().map(move |run| run.map_err(placed)).chain(outside)
        })
    }

    /// The attribute's id and its record, which together with the type name the stream in reports.
    #[must_use]
    pub fn first_piece(&self) -> &Attribute<'e> {
        &self.first
    }
}

impl Entry<'_> {
    /// The data streams of the file, in the order they stand in; pieces in several records are put
    /// together.
    #[must_use]
    pub fn streams(&self) -> Few<Stream<'_>> {
        let data = self.attributes_of(AttributeType::DATA).chain(self.listed_streams());
        let mut streams = data.map(|first| Stream::new(self, first)).collect();
        join_pieces(&mut streams);
        streams
    }
}

impl<'e> Entry<'e> {
    /// The `$EFS` attribute of an encrypted file or directory, read as a stream: it has the file's key, encrypted for
    /// each user who may read it. With it and the ciphertext the file can be decrypted elsewhere.
    #[must_use]
    pub fn encryption_keys(&self) -> Option<Stream<'_>> {
        let attributes = self.attributes_of(AttributeType::LOGGED_UTILITY_STREAM);
        let keys = attributes.filter(|attribute| attribute.name().is("$EFS"));
        let mut streams: Few<Stream<'_>> = keys.map(|first| Stream::new(self, first)).collect();
        join_pieces(&mut streams);
        streams.iter().next().cloned()
    }
}

fn lowest_vcn(piece: &Attribute<'_>) -> u64 {
    piece.non_resident().map_or(0, |piece| piece.lowest_vcn())
}

/// Puts pieces of the same name together, sorted by their lowest VCN.
#[inline]
pub(crate) fn join_pieces(streams: &mut Few<Stream<'_>>) {
    if streams.len() > 1 && streams.iter().any(|stream| lowest_vcn(&stream.first) > 0) {
        streams.edit(join_scattered_pieces);
    }
}

fn join_scattered_pieces(streams: &mut Vec<Stream<'_>>) {
    let mut pieces: Vec<_> = streams.drain(..).enumerate().collect();
    // What an earlier life left behind the used size goes on in nothing, and nothing goes on in it.
    let key = |piece: &Attribute<'_>| (piece.name().bytes().to_vec(), piece.is_beyond_used(), lowest_vcn(piece));
    pieces.sort_by_cached_key(|(_, piece)| key(&piece.first));
    let mut joined: Vec<(usize, Stream<'_>)> = Vec::new();
    for (index, piece) in pieces {
        let is_residue = |stream: &Stream<'_>| stream.first.is_beyond_used();
        let goes_on = |stream: &Stream<'_>| {
            let is_same = stream.name() == piece.name() && is_residue(stream) == is_residue(&piece);
            is_same && lowest_vcn(&piece.first) > 0
        };
        match joined.last_mut().filter(|(_, stream)| goes_on(stream)) {
            Some((place, stream)) => {
                stream.others.push(piece.first);
                *place = (*place).min(index);
            }
            None => joined.push((index, piece)),
        }
    }
    joined.sort_by_key(|(index, _)| *index);
    streams.extend(joined.into_iter().map(|(_, stream)| stream));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::content::encoding::Encoding;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{Forged, add_runs, file, runs, with_runs};

    /// What `look` makes of the streams of record 30.
    fn streams<T>(records: Vec<(u64, Forge)>, look: impl Fn(&[Stream<'_>]) -> T) -> T {
        let forged = Forged::new(records);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let found = entry.streams();
        assert_eq!(format!("{found:?}"), format!("{:?}", entry.parts().streams));
        look(&found)
    }

    fn data(record: Forge, name: &str, vcns: (u64, u64), lcn: u64) -> Forge {
        let clusters = vcns.1 + 1 - vcns.0;
        record.runs(AttributeType::DATA, name, vcns, [4096, 4000, 3000], &runs(&[(clusters, Some(lcn))]))
    }

    fn extension() -> Forge {
        Forge::new(1024).base(30, 1)
    }

    fn shown(streams: &[Stream<'_>]) -> Vec<(String, Vec<u64>)> {
        streams.iter().map(|stream| (stream.name().to_string(), stream.pieces().map(lowest_vcn).collect())).collect()
    }

    #[test]
    fn pieces_in_several_records_are_one_stream() {
        let base = data(data(file(), "b", (0, 1), 300), "", (0, 1), 310);
        let later = data(data(extension(), "", (4, 5), 330), "", (2, 3), 320);
        let records = vec![(30, base), (31, later), (32, data(extension(), "b", (2, 3), 340))];
        let expected = [("b".to_owned(), vec![0, 2]), (String::new(), vec![0, 2, 4])];
        assert_eq!(streams(records, shown), expected);
    }

    #[test]
    fn a_stream_stands_where_its_first_attribute_does() {
        // The first piece stands last: the stream is in the place of the piece that stands first.
        let base = data(data(file(), "a", (2, 3), 300), "b", (0, 1), 310);
        let records = vec![(30, base), (31, data(extension(), "a", (0, 1), 320))];
        assert_eq!(streams(records, shown), [("a".to_owned(), vec![0, 2]), ("b".to_owned(), vec![0])]);
    }

    #[test]
    fn a_piece_from_the_start_begins_a_stream_of_its_own() {
        let twice = data(data(file(), "a", (0, 1), 300), "a", (0, 1), 310);
        let records = vec![(30, twice), (31, data(extension(), "a", (2, 3), 320))];
        assert_eq!(streams(records, shown), [("a".to_owned(), vec![0]), ("a".to_owned(), vec![0, 2])]);
        let alone = vec![(30, file()), (31, data(extension(), "a", (2, 3), 320))];
        assert_eq!(streams(alone, shown), [("a".to_owned(), vec![2])]);
    }

    #[test]
    fn sizes_are_those_of_the_first_piece() {
        let sizes = |streams: &[Stream<'_>]| {
            let stream = &streams[0];
            (stream.size(), stream.allocated_size(), stream.initialized_size(), stream.is_resident())
        };
        let resident = file().resident(AttributeType::DATA, "", &[7; 13]);
        assert_eq!(streams(vec![(30, resident)], sizes), (Some(13), Some(16), Some(13), true));
        let record = || data(file(), "", (0, 7), 300);
        assert_eq!(streams(vec![(30, record())], sizes), (Some(4000), Some(4096), Some(3000), false));
        let later = vec![(30, file()), (31, data(extension(), "", (2, 3), 320))];
        assert_eq!(streams(later, sizes), (None, None, None, false), "only the piece from the start has sizes");
    }

    #[test]
    fn a_raw_stream_is_what_is_stored() {
        let record = with_runs(&[(1, Some(300)), (15, None)], 8000, 8000).stored_as(1, 4);
        streams(vec![(30, record)], |streams| {
            let raw = streams[0].raw();
            assert_eq!((streams[0].is_raw(), streams[0].encoding()), (false, Encoding::Compressed));
            assert_eq!((raw.is_raw(), raw.encoding(), raw.map().size()), (true, Encoding::Plain, 8192));
            assert_eq!((raw.raw().is_raw(), raw.size()), (true, Some(8000)));
        });
    }

    #[test]
    fn damaged_runs_of_one_piece_do_not_cost_the_next() {
        let broken = file().runs(AttributeType::DATA, "", (0, 3), [4096; 3], &[0x21, 2, 0x2C, 1, 0xFF, 0]);
        let records = vec![(30, broken), (31, data(extension(), "", (4, 5), 400))];
        streams(records, |streams| {
            let runs: Vec<_> = streams[0].data_runs().collect();
            assert_eq!(runs.len(), 3, "{runs:?}");
            assert_eq!(runs[0].map(|run| (run.lcn, run.clusters)), Ok((Some(300), 2)));
            let damage = runs[1].unwrap_err();
            assert_eq!(damage.place.record, Some(30));
            let piece = streams[0].first_piece();
            let start = piece.place().offset + u64::try_from(piece.non_resident().unwrap().data_runs_offset()).unwrap();
            assert_eq!(damage.place.offset, start + 4, "the run that is broken");
            assert_eq!(runs[2].map(|run| (run.lcn, run.clusters)), Ok((Some(400), 2)));
        });
    }

    #[test]
    fn runs_outside_their_attribute_are_damage() {
        let mut forged = Forged::new(vec![(30, add_runs(file(), "", &[(1, Some(300))], 512, 512))]);
        let bytes = forged.record_bytes(30);
        let name_length = 24 + 66 + 2;
        let data = 56 + usize::next_multiple_of(name_length, 8);
        assert_eq!(bytes[data..data + 4], AttributeType::DATA.0.to_le_bytes());
        bytes[data + 32..data + 34].copy_from_slice(&0xFFF0_u16.to_le_bytes());
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let runs: Vec<_> = entry.streams()[0].data_runs().collect();
        assert!(matches!(runs[..], [Err(damage)] if damage.place.record == Some(30)), "{runs:?}");
    }
}
