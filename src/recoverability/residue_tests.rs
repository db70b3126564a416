//! What earlier states and lives of a file left in records: a witness, never content.

use super::{Reasons, RecoverabilityOptions, Verdict};
use crate::base::damage::DamageKind;
use crate::base::reference::FileReference;
use crate::base::threads::Threads;
use crate::catalog::entry::EntryState;
use crate::content::Origin;
use crate::structure::attribute_type::AttributeType;
use crate::structure::forge::{Forge, file_name};
use crate::structure::value::file_attributes::FileAttributes;
use crate::volume::doubts::{Doubt, DoubtKind};
use crate::volume::forged_volume::{
    CLUSTER, Forged, add_runs, directory, file, index_root, list_entry, runs, with_runs,
};

fn deleted(record: Forge) -> Forge {
    record.flags(0).sequence(2)
}

fn piece(base: (u64, u16), vcn: u64, (lcn, clusters): (u64, u64), size: u64) -> Forge {
    let list = runs(&[(clusters, Some(lcn))]);
    Forge::new(1024).base(base.0, base.1).runs(AttributeType::DATA, "", (vcn, vcn + clusters - 1), [size; 3], &list)
}

/// A stream: its size, verdict and reasons, and for each range its offset and where it lies.
type Shown = (Option<u64>, Verdict, Reasons, Vec<(u64, Origin)>);

fn streams(forged: &Forged, number: u64) -> Vec<Shown> {
    let volume = forged.volume();
    let catalog = volume.catalog_with(&Threads::single());
    let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
    let entry = catalog.entry(number).unwrap();
    let shown = entry.streams().into_iter().map(|stream| {
        let found = assessment.assess(&stream);
        let ranges = found.ranges().iter().map(|part| (part.range.offset, part.range.origin)).collect();
        (stream.size(), found.verdict(), found.reasons(), ranges)
    });
    shown.collect()
}

const fn at(lcn: u64) -> Origin {
    Origin::Clusters(lcn * CLUSTER)
}

#[test]
fn clusters_that_a_freed_extension_record_had_are_contested() {
    let run = || deleted(with_runs(&[(4, Some(300))], 4 * CLUSTER, 4 * CLUSTER));
    let residue = piece((31, 1), 0, (302, 4), 4 * CLUSTER).flags(0).sequence(2);
    let mut forged = Forged::new(vec![(30, run()), (31, file()), (33, residue.clone())]);
    let verdict = |forged: &Forged, number| {
        let (_, verdict, reasons, _) = streams(forged, number).remove(0);
        (verdict, reasons)
    };
    assert_eq!(verdict(&forged, 30), (Verdict::Partial, Reasons::CONTESTED), "nobody knows who was the last");
    // Where both have an LSN it is known.
    for (lsn, expected) in [
        (10_u64, (Verdict::Likely, Reasons::CONTESTED_BY_OLDER | Reasons::FREE)),
        (30, (Verdict::Partial, Reasons::CONTESTED)),
    ] {
        forged.record_bytes(33)[8..16].copy_from_slice(&lsn.to_le_bytes());
        forged.record_bytes(30)[8..16].copy_from_slice(&20_u64.to_le_bytes());
        assert_eq!(verdict(&forged, 30), expected);
    }
    // What the file itself had once does not speak against it.
    let own = piece((30, 1), 0, (302, 4), 4 * CLUSTER).flags(0).sequence(2);
    let list = list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, 1), 0);
    let listing = run().resident(AttributeType::ATTRIBUTE_LIST, "", &list);
    let forged = Forged::new(vec![(30, listing), (34, own)]);
    assert_eq!(verdict(&forged, 30).0, Verdict::Likely);
}

#[test]
fn a_deleted_file_has_the_extension_records_that_its_list_names() {
    let size = 8 * CLUSTER;
    let list = [
        list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, 1), 0),
        list_entry(AttributeType::DATA, "", 0, (40, 1), 0),
        list_entry(AttributeType::DATA, "", 4, (41, 1), 0),
    ];
    let base = || deleted(file().resident(AttributeType::ATTRIBUTE_LIST, "", &list.concat()));
    let freed = |vcn, run, size| deleted(piece((30, 1), vcn, run, size));
    // The residue stands before and behind the real ones, and has the start, the middle or all of the stream.
    for number in [39, 42] {
        for (vcn, clusters) in [(0, 2), (4, 4), (0, 8), (8, 4)] {
            let records = vec![
                (30, base()),
                (40, freed(0, (300, 4), size)),
                (41, freed(4, (310, 4), size)),
                (number, freed(vcn, (500, clusters), 2 * CLUSTER)),
            ];
            let expected = (Some(size), Verdict::Likely, Reasons::FREE, vec![(0, at(300)), (4 * CLUSTER, at(310))]);
            assert_eq!(streams(&Forged::new(records), 30), [expected], "{number} {vcn}");
        }
    }
}

#[test]
fn residue_behind_the_used_size_takes_no_later_piece() {
    let size = 8 * CLUSTER;
    let run = |lcn: u64| runs(&[(4, Some(lcn))]);
    let base = file()
        .resident(
            AttributeType::ATTRIBUTE_LIST,
            "",
            &[
                list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, 1), 0),
                list_entry(AttributeType::DATA, "", 4, (40, 1), 0),
            ]
            .concat(),
        )
        .runs(AttributeType::DATA, "", (0, 3), [size; 3], &run(300))
        .runs(AttributeType::DATA, "", (0, 3), [4 * CLUSTER; 3], &run(500));
    let later = piece((30, 1), 4, (310, 4), size);
    let mut forged = Forged::new(vec![(30, base), (40, later)]);
    let bytes = forged.record_bytes(30);
    let used = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    bytes[24..28].copy_from_slice(&(used - 80).to_le_bytes());
    let found = streams(&forged, 30);
    assert_eq!(found[0].3, [(0, at(300)), (4 * CLUSTER, at(310))]);
    assert_eq!((found[0].1, found[1].1), (Verdict::Intact, Verdict::Partial));
}

#[test]
fn of_two_lives_the_last_has_the_records_that_name_it() {
    // Linux ntfs3 does not count up: life 2 was deleted, and life 1 has left an extension record.
    let torn = |mut forged: Forged| {
        // Where the list is lost only the references tell.
        forged.record_bytes(30)[1022] ^= 1;
        forged
    };
    let base = file().flags(0).sequence(2);
    let first = piece((30, 1), 0, (500, 2), 2 * CLUSTER).flags(0);
    let last = piece((30, 2), 0, (300, 2), 2 * CLUSTER).flags(0);
    for number in [39, 42] {
        let forged = torn(Forged::new(vec![(30, base.clone()), (40, last.clone()), (number, first.clone())]));
        let found = streams(&forged, 30);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].3[0], (0, at(300)));
    }
}

#[test]
fn an_extension_record_in_use_that_its_base_does_not_name_is_an_entry_of_its_own() {
    let base = |number| (number, with_runs(&[(1, Some(300 + number))], CLUSTER, CLUSTER));
    let stray = Forge::new(1024).base(30, 1).resident(AttributeType::DATA, "more", b"whose?");
    let list = list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, 1), 0);
    let listing = base(30).1.resident(AttributeType::ATTRIBUTE_LIST, "", &list);
    let forged = Forged::new(vec![(30, listing), base(31), (40, stray)]);
    let volume = forged.volume();
    let catalog = volume.catalog_with(&Threads::single());
    assert_eq!(catalog.entry(30).unwrap().streams().len(), 1);
    let orphan = catalog.entry(40).unwrap();
    assert_eq!((orphan.record_number(), orphan.state()), (40, EntryState::Orphan));
    assert!(matches!(orphan.damage()[..], [damage] if damage.kind == DamageKind::UnlistedExtension { number: 40 }));
}

#[test]
fn names_in_a_deleted_directory_are_found_whoever_deleted_it() {
    for (life, sequence, who) in [(1, 2, "Windows"), (1, 1, "ntfs3"), (0xFFFF, 1, "ntfs-3g"), (0xFFFF, 0, "Windows")] {
        let key = file_name((30, life), 3, "lost.txt", FileAttributes::empty());
        let root = index_root(&[(FileReference::new(50, 1), key)]);
        let gone = directory((5, 5), "gone").flags(2).sequence(sequence);
        let gone = gone.resident(AttributeType::INDEX_ROOT, "$I30", &root);
        let forged = Forged::new(vec![(5, directory((5, 5), ".").sequence(5)), (30, gone)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        let names: Vec<_> = catalog.ghosts().iter().map(|ghost| ghost.name().to_string()).collect();
        assert_eq!(names, ["lost.txt"], "{who}, {life} and {sequence}");
        let paths: Vec<_> = catalog.entry(30).unwrap().paths().map(|path| path.text).collect();
        assert_eq!(paths, ["/gone"]);
    }
}

#[test]
fn a_directory_index_of_another_life_is_not_its_own() {
    let key = file_name((30, 3), 3, "other life", FileAttributes::empty());
    let root = index_root(&[(FileReference::new(50, 1), key)]);
    let gone = directory((5, 5), "gone").flags(2).sequence(2).resident(AttributeType::INDEX_ROOT, "$I30", &root);
    let more = add_runs(file(), "", &[(1, Some(300))], CLUSTER, CLUSTER);
    let forged = Forged::new(vec![(5, directory((5, 5), ".").sequence(5)), (30, gone), (31, more)]);
    let volume = forged.volume();
    let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
    assert!(catalog.ghosts().iter().all(|ghost| ghost.name().is_empty()));
}

#[test]
fn streams_that_only_the_list_names_have_a_line() {
    let names = ["one", "two", "kept"];
    for (base, number_of_life) in [(file(), 1), (deleted(file()), 1)] {
        let mut list = vec![list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, number_of_life), 0)];
        list.extend(names.map(|name| list_entry(AttributeType::DATA, name, 0, (40, 1), 0)));
        list.push(list_entry(AttributeType::DATA, "two", 9, (41, 1), 0));
        let base = Forge::resident(base, AttributeType::ATTRIBUTE_LIST, "", &list.concat());
        let base = base.resident(AttributeType::DATA, "kept", &[7]);
        // Record 40 is another file's now, 41 was never written.
        let forged = Forged::new(vec![(30, base), (40, file().sequence(3))]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
        let entry = catalog.entry(30).unwrap();
        let shown: Vec<_> = entry
            .streams()
            .into_iter()
            .map(|stream| {
                let found = assessment.assess(&stream);
                (stream.name().to_string(), stream.size(), stream.is_listed_only(), found.verdict(), found.reasons())
            })
            .collect();
        let lost = |name: &str| (name.to_owned(), None, true, Verdict::MetadataOnly, Reasons::UNMAPPED);
        let kept = ("kept".to_owned(), Some(1), false, Verdict::Intact, Reasons::empty());
        assert_eq!(shown, [kept, lost("one"), lost("two")]);
        assert_eq!(catalog.entry(40).unwrap().streams().len(), 0);
    }
}

#[test]
fn a_list_that_is_not_the_files_names_no_stream() {
    let list = [
        list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (31, 1), 0),
        list_entry(AttributeType::DATA, "of another", 0, (40, 1), 0),
    ];
    let base = deleted(file().resident(AttributeType::ATTRIBUTE_LIST, "", &list.concat()));
    assert!(streams(&Forged::new(vec![(30, base)]), 30).is_empty());
}

#[test]
fn a_stride_that_is_torn_behind_what_a_record_uses_lowers_nothing() {
    let mut forged = Forged::new(vec![(30, with_runs(&[(1, Some(300))], CLUSTER, CLUSTER)), (31, file())]);
    forged.record_bytes(30)[1022] ^= 1;
    let (_, verdict, reasons, _) = streams(&forged, 30).remove(0);
    assert_eq!((verdict, reasons), (Verdict::Intact, Reasons::empty()));
    forged.record_bytes(30)[510] ^= 1;
    let (_, verdict, reasons, _) = streams(&forged, 30).remove(0);
    assert_eq!((verdict, reasons), (Verdict::Partial, Reasons::DOUBTFUL | Reasons::DAMAGED_RECORD));
}

#[test]
fn zeros_of_a_source_that_says_what_is_lost_are_content() {
    let others = (1..33).filter(|number| *number != 6).map(|number| (number, file()));
    let mut forged = Forged::new(others.collect());
    forged.record(30, with_runs(&[(2, Some(300))], 2 * CLUSTER, 2 * CLUSTER));
    forged.write(300, &[0; CLUSTER as usize]);
    forged.record_bytes(31).fill(0);
    let volume = forged.volume();
    let catalog = volume.catalog_with(&Threads::single());
    for (trust, expected) in [(false, Verdict::Likely), (true, Verdict::Intact)] {
        let options = RecoverabilityOptions::default().read_all(true).trust_zeros(trust);
        let assessment = catalog.assessment(&Threads::single(), options);
        let entry = catalog.entry(30).unwrap();
        assert_eq!(assessment.assess(&entry.streams()[0]).verdict(), expected);
    }
}

/// A volume of these records as they are, without the lists that would name them.
fn without_lists(records: Vec<(u64, Forge)>) -> Forged {
    let mut forged = Forged::new(Vec::new());
    records.into_iter().for_each(|(number, record)| forged.record(number, record));
    forged
}

fn names_of(forged: &Forged, number: u64) -> Vec<String> {
    let volume = forged.volume();
    let catalog = volume.catalog_with(&Threads::single());
    let entry = catalog.entry(number).unwrap();
    entry.links().iter().map(|link| link.name().to_string()).collect()
}

fn links(forged: &mut Forged, number: u64, links: u16) {
    forged.record_bytes(number)[18..20].copy_from_slice(&links.to_le_bytes());
}

#[test]
fn a_live_file_whose_list_is_lost_has_the_names_that_its_link_count_counts() {
    let more = |name: &str| Forge::new(1024).base(30, 1).name((5, 5), 3, name);
    let records = || vec![(30, file()), (31, more("second")), (32, more("third")), (33, more("freed").flags(0))];
    let names = |count: u16| {
        let mut forged = without_lists(records());
        links(&mut forged, 30, count);
        names_of(&forged, 30)
    };
    assert_eq!(names(1), ["f"], "no more is missing");
    assert_eq!(names(2), ["f", "second"]);
    assert_eq!(names(3), ["f", "second", "third"]);
    assert_eq!(names(9), ["f", "second", "third"], "what was freed is residue");
    // Of another life none is.
    let other = more("second").base(30, 2);
    let mut forged = without_lists(vec![(30, file()), (31, other)]);
    links(&mut forged, 30, 2);
    assert_eq!(names_of(&forged, 30), ["f"]);
    // A list that names other records does not name these: it is damaged.
    let list = list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, 1), 0);
    let base = file().resident(AttributeType::ATTRIBUTE_LIST, "", &list);
    let mut forged = Forged::new(vec![(30, base), (31, more("second"))]);
    links(&mut forged, 30, 2);
    assert_eq!(names_of(&forged, 30), ["f", "second"]);
}

#[test]
fn a_live_file_whose_list_is_lost_has_what_its_streams_go_on_with() {
    let size = 8 * CLUSTER;
    let start = |size: u64| file().runs(AttributeType::DATA, "", (0, 3), [size; 3], &runs(&[(4, Some(300))]));
    let found = |base: Forge, more: Forge| {
        let mut forged = without_lists(vec![(30, base), (31, more)]);
        forged.allocate(300..320);
        streams(&forged, 30)
    };
    let expected = (Some(size), Verdict::Likely, Reasons::UNCHECKED, vec![(0, at(300)), (4 * CLUSTER, at(310))]);
    assert_eq!(found(start(size), piece((30, 1), 4, (310, 4), size)), [expected], "nothing proves that it is its own");
    let whole = (Some(4 * CLUSTER), Verdict::Intact, Reasons::empty(), vec![(0, at(300))]);
    assert_eq!(found(start(4 * CLUSTER), piece((30, 1), 4, (310, 4), size)), [whole], "nothing is missing");
    let lacking = found(start(size), piece((30, 1), 5, (310, 3), size));
    assert_eq!((lacking[0].1, lacking[0].2), (Verdict::Partial, Reasons::UNMAPPED), "it goes on elsewhere");
}

#[test]
fn what_stands_in_freed_extension_records_is_likely_where_no_list_names_them() {
    let freed = |value: &[u8]| deleted(Forge::new(1024).base(30, 1).resident(AttributeType::DATA, "more", value));
    let list = |named: (u64, u16)| {
        [
            list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (30, 1), 0),
            list_entry(AttributeType::DATA, "more", 0, named, 0),
        ]
        .concat()
    };
    let base = || deleted(file().resident(AttributeType::ATTRIBUTE_LIST, "", &list((31, 1))));
    let verdicts = |forged: &Forged, number: u64| {
        streams(forged, number).into_iter().map(|stream| (stream.1, stream.2)).collect::<Vec<_>>()
    };
    let forged = Forged::new(vec![(30, base()), (31, freed(b"listed"))]);
    assert_eq!(verdicts(&forged, 30), [(Verdict::Intact, Reasons::empty())]);
    // The list cannot be read: a torn record.
    let mut forged = Forged::new(vec![(30, base()), (31, freed(b"listed"))]);
    forged.record_bytes(30)[510] ^= 1;
    assert_eq!(verdicts(&forged, 30), [(Verdict::Likely, Reasons::UNCHECKED)]);
    // There is no base any more.
    let mut forged = Forged::new(vec![(31, freed(b"whose?")), (32, file())]);
    assert_eq!(verdicts(&forged, 31), [(Verdict::Likely, Reasons::UNCHECKED)]);
    // One that is in use is its file's last state.
    forged.record(31, freed(b"whose?").flags(1).sequence(1));
    assert_eq!(verdicts(&forged, 31), [(Verdict::Intact, Reasons::empty())]);
}

#[test]
fn a_base_record_without_times_or_links_may_be_an_extension_record() {
    let bare = || Forge::new(1024).resident(AttributeType::DATA, "", b"whose?");
    let found = |record: Forge| {
        let (_, verdict, reasons, _) = streams(&Forged::new(vec![(30, record)]), 30).remove(0);
        (verdict, reasons)
    };
    assert_eq!(found(bare()), (Verdict::Likely, Reasons::UNCHECKED));
    assert_eq!(found(bare().name((5, 5), 3, "f")), (Verdict::Intact, Reasons::empty()));
    let timed = Forge::new(1024).resident(AttributeType::STANDARD_INFORMATION, "", &[7; 72]);
    assert_eq!(found(timed.resident(AttributeType::DATA, "", b"f")), (Verdict::Intact, Reasons::empty()));
}

#[test]
fn a_table_of_upper_case_or_a_log_of_zeros_is_not_intact() {
    for number in [2_u64, 10] {
        let record = || with_runs(&[(4, Some(300))], 4 * CLUSTER, 4 * CLUSTER);
        let mut forged = Forged::new(vec![(number, record()), (30, with_runs(&[(4, Some(310))], CLUSTER, CLUSTER))]);
        forged.allocate(300..320);
        forged.write(300, &[0; 4 * CLUSTER as usize]);
        forged.write(310, &[0; 4 * CLUSTER as usize]);
        let (_, verdict, reasons, _) = streams(&forged, number).remove(0);
        assert_eq!((verdict, reasons), (Verdict::MetadataOnly, Reasons::ZEROED), "{number}");
        assert_eq!(streams(&forged, 30)[0].1, Verdict::Intact, "a file of zeros is one");
        forged.write(300, &[7; 4 * CLUSTER as usize]);
        assert_eq!(streams(&forged, number)[0].1, Verdict::Intact, "{number}");
    }
}

#[test]
fn a_hole_is_as_long_as_the_clusters_are_large() {
    // A whole stream says how large they are, a piece of one does not.
    let whole = with_runs(&[(1, Some(300)), (3, None)], 4 * CLUSTER, 4 * CLUSTER);
    let sizes = [6 * CLUSTER, 4 * CLUSTER, 4 * CLUSTER];
    let part = file().runs(AttributeType::DATA, "", (0, 3), sizes, &runs(&[(1, Some(310)), (3, None)]));
    let forged = Forged::new(vec![(30, whole), (31, part)]);
    let volume = forged.volume().with_doubts([Doubt::everything(DoubtKind::Unplaced)]);
    let catalog = volume.catalog_with(&Threads::single());
    let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
    let zeros = |number: u64| {
        let entry = catalog.entry(number).unwrap();
        assessment.assess(&entry.streams()[0]).counts().zeros
    };
    assert_eq!((zeros(30), zeros(31)), (3 * CLUSTER, 0));
}
