//! Columns of lists.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, Int64Builder, StringBuilder, UInt16Builder, UInt64Builder};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Fields};
use ntfs_salvage::recoverability::Recoverability;
use ntfs_salvage::structure::DataRun;
use ntfs_salvage::{Name, Stream};

use crate::schema::{item_field, link_fields, run_fields, stream_fields};

/// Where the lists of rows end, and which there are.
#[derive(Debug)]
struct Ends {
    ends: Vec<i32>,
    are_there: NullBufferBuilder,
}

impl Ends {
    fn new() -> Self {
        Self { ends: vec![0], are_there: NullBufferBuilder::new(0) }
    }

    /// Ends the list of a row after so many items in all.
    #[inline]
    fn end(&mut self, items: usize, is_there: bool) {
        self.ends.push(i32::try_from(items).unwrap_or(i32::MAX));
        self.are_there.append(is_there);
    }

    fn finish(&mut self, items: ArrayRef) -> ArrayRef {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let field = item_field(items.data_type().clone());
        Arc::new(ListArray::new(field, offsets, items, self.are_there.finish()))
    }
}

/// The code units of names.
#[derive(Debug)]
pub(crate) struct UnitLists {
    ends: Ends,
    units: UInt16Builder,
    is_wanted: bool,
}

impl UnitLists {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { ends: Ends::new(), units: UInt16Builder::new(), is_wanted }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    #[inline]
    pub(crate) fn push(&mut self, name: Option<Name<'_>>) {
        if self.is_wanted {
            name.iter().flat_map(Name::units).for_each(|unit| self.units.append_value(unit));
            self.ends.end(self.units.len(), name.is_some());
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let units = Arc::new(self.units.finish());
        self.ends.finish(units)
    }
}

/// Several words a row.
#[derive(Debug)]
pub(crate) struct WordLists {
    ends: Ends,
    words: StringBuilder,
    count: usize,
    is_wanted: bool,
}

impl WordLists {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { ends: Ends::new(), words: StringBuilder::new(), count: 0, is_wanted }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    #[inline]
    pub(crate) fn push<'w>(&mut self, words: Option<impl IntoIterator<Item = &'w str>>) {
        if !self.is_wanted {
            return;
        }
        let is_there = words.is_some();
        for word in words.into_iter().flatten() {
            self.words.append_value(word);
            self.count = self.count.saturating_add(1);
        }
        self.ends.end(self.count, is_there);
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let words = Arc::new(self.words.finish());
        self.count = 0;
        self.ends.finish(words)
    }
}

/// The data runs of streams.
#[derive(Debug)]
pub(crate) struct RunLists {
    ends: Ends,
    vcns: UInt64Builder,
    lcns: UInt64Builder,
    clusters: UInt64Builder,
    is_wanted: bool,
}

impl RunLists {
    pub(crate) fn new(is_wanted: bool) -> Self {
        let numbers = UInt64Builder::new;
        Self { ends: Ends::new(), vcns: numbers(), lcns: numbers(), clusters: numbers(), is_wanted }
    }

    #[inline]
    pub(crate) fn push(&mut self, stream: Option<&Stream<'_>>) {
        if !self.is_wanted {
            return;
        }
        let stream = stream.filter(|stream| !stream.is_resident());
        for DataRun { vcn, lcn, clusters, .. } in
            stream.iter().flat_map(|stream| stream.data_runs().filter_map(Result::ok))
        {
            self.vcns.append_value(vcn);
            self.lcns.append_option(lcn);
            self.clusters.append_value(clusters);
        }
        self.ends.end(self.vcns.len(), stream.is_some());
    }

    pub(crate) fn size(&self) -> usize {
        self.vcns.len().saturating_mul(24)
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(self.vcns.finish()), Arc::new(self.lcns.finish()), Arc::new(self.clusters.finish())];
        self.ends.finish(structs(run_fields(), columns))
    }
}

/// The links of files that have several.
#[derive(Debug)]
pub(crate) struct LinkLists {
    ends: Ends,
    paths: StringBuilder,
    names: StringBuilder,
    parents: Int64Builder,
    sequences: UInt16Builder,
    namespaces: StringBuilder,
    is_wanted: bool,
}

/// A link as lists have it.
#[derive(Debug)]
pub(crate) struct LinkItem<'l> {
    pub(crate) path: &'l str,
    pub(crate) name: &'l str,
    pub(crate) parent: i64,
    pub(crate) parent_sequence: u16,
    pub(crate) namespace: &'l str,
}

impl LinkLists {
    pub(crate) fn new(is_wanted: bool) -> Self {
        let texts = StringBuilder::new;
        let (parents, sequences) = (Int64Builder::new(), UInt16Builder::new());
        Self { ends: Ends::new(), paths: texts(), names: texts(), parents, sequences, namespaces: texts(), is_wanted }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    pub(crate) fn add(&mut self, link: &LinkItem<'_>) {
        self.paths.append_value(link.path);
        self.names.append_value(link.name);
        self.parents.append_value(link.parent);
        self.sequences.append_value(link.parent_sequence);
        self.namespaces.append_value(link.namespace);
    }

    pub(crate) fn end(&mut self, is_there: bool) {
        if self.is_wanted {
            self.ends.end(self.parents.len(), is_there);
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.paths.values_slice().len().saturating_add(self.names.values_slice().len())
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.paths.finish()),
            Arc::new(self.names.finish()),
            Arc::new(self.parents.finish()),
            Arc::new(self.sequences.finish()),
            Arc::new(self.namespaces.finish()),
        ];
        self.ends.finish(structs(link_fields(), columns))
    }
}

/// The streams of files that have several.
#[derive(Debug)]
pub(crate) struct StreamLists {
    ends: Ends,
    names: StringBuilder,
    sizes: UInt64Builder,
    allocated: UInt64Builder,
    resident: BooleanBuilder,
    verdicts: StringBuilder,
    is_wanted: bool,
}

impl StreamLists {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self {
            ends: Ends::new(),
            names: StringBuilder::new(),
            sizes: UInt64Builder::new(),
            allocated: UInt64Builder::new(),
            resident: BooleanBuilder::new(),
            verdicts: StringBuilder::new(),
            is_wanted,
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    pub(crate) fn add(&mut self, stream: &Stream<'_>, recoverability: Option<&Recoverability>) {
        self.names.append_value(stream.name().to_string());
        self.sizes.append_option(stream.size());
        self.allocated.append_option(stream.allocated_size());
        self.resident.append_value(stream.is_resident());
        self.verdicts.append_option(recoverability.map(|found| found.verdict().code()));
    }

    pub(crate) fn end(&mut self, is_there: bool) {
        if self.is_wanted {
            self.ends.end(self.sizes.len(), is_there);
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.names.finish()),
            Arc::new(self.sizes.finish()),
            Arc::new(self.allocated.finish()),
            Arc::new(self.resident.finish()),
            Arc::new(self.verdicts.finish()),
        ];
        self.ends.finish(structs(stream_fields(), columns))
    }
}

fn structs(fields: Fields, columns: Vec<ArrayRef>) -> ArrayRef {
    debug_assert!(fields.iter().zip(&columns).all(|(field, column)| field.data_type() == column.data_type()));
    let array = StructArray::new(fields, columns, None);
    debug_assert!(matches!(arrow_array::Array::data_type(&array), DataType::Struct(_)));
    Arc::new(array)
}
