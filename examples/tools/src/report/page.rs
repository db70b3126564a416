//! The page itself.

use std::fmt::Write;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::report::collector::{Collector, Example, VolumeFacts};
use crate::report::disk_map::Drawn;
use crate::report::files::{DETAILS, Files, is_broken};
use crate::report::{glossary, grouped, rounded};
use crate::writing::time_of_day::now;

/// As the browser gets them: what the page's policy names by its hash.
const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'c> {
    tool: &'c str,
    version: &'static str,
    input: &'c str,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    tiles: Vec<(&'static str, String)>,
    facts: Vec<(String, String)>,
    volumes: &'c [VolumeFacts],
    map: Drawn,
    verdicts: Vec<VerdictRow>,
    meanings: Vec<(String, &'static str)>,
    broken: Vec<BrokenRow>,
    broken_caption: String,
    worst: Vec<(String, String, String)>,
    folders_caption: String,
    left_out: &'c [String],
    derivation: Vec<String>,
    example: String,
    without_script: String,
    states: Vec<String>,
    folder_lines: String,
    kind_lines: String,
    file_lines: String,
}

struct VerdictRow {
    verdict: String,
    meaning: &'static str,
    live: String,
    other: String,
    bytes: String,
    lost: String,
}

struct BrokenRow {
    path: String,
    size: String,
    verdict: String,
    lost: String,
    detail: String,
}

/// Makes the page.
pub fn render(collector: &Collector) -> Result<String, askama::Error> {
    let files = &collector.files;
    let mut facts = collector.facts.clone();
    facts.push(("report made".into(), now()));
    let (folders, folders_caption) = worst(files);
    let shown = files.details.len() as u64;
    let all = files.broken();
    let broken_caption = match shown < all {
        true => {
            format!("The first {} of {}; the list of all files has the others.", grouped(DETAILS as u64), grouped(all))
        }
        false => "All of them, in the order of their records.".into(),
    };
    let manifest = collector.tool == "recover";
    Page {
        tool: collector.tool,
        version: env!("CARGO_PKG_VERSION"),
        input: &collector.input,
        style: STYLE,
        style_hash: policy_hash(STYLE),
        script: SCRIPT,
        script_hash: policy_hash(SCRIPT),
        tiles: tiles(collector),
        facts,
        volumes: &collector.volumes,
        map: collector.map.draw(collector.size),
        verdicts: verdicts(files),
        meanings: files.codes.iter().filter_map(|code| Some((code.clone(), glossary::code(code)?))).collect(),
        broken: broken(files),
        broken_caption,
        worst: folders,
        folders_caption,
        left_out: &collector.left_out,
        derivation: derivation(manifest, collector.example.is_some()),
        example: collector.example.as_ref().map(|example| commands(example, &collector.input)).unwrap_or_default(),
        without_script: match manifest {
            true => "The manifest beside the files has every file in full.".into(),
            false => "mft_dump lists every file in full.".into(),
        },
        states: states(files),
        folder_lines: files.folders.join("\n"),
        kind_lines: kind_lines(files),
        file_lines: file_lines(files),
    }
    .render()
}

fn policy_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn tiles(collector: &Collector) -> Vec<(&'static str, String)> {
    let files = &collector.files;
    let count = |verdict: &str| files.by_verdict.get(verdict).map_or(0, |sum| sum.live + sum.other);
    let bytes: u64 = files.by_verdict.values().map(|sum| sum.bytes).fold(0, u64::saturating_add);
    vec![
        ("streams of files", grouped(files.rows.len() as u64)),
        ("in all", rounded(bytes)),
        ("intact", grouped(count("intact"))),
        ("likely", grouped(count("likely"))),
        ("not whole", grouped(files.broken())),
        ("directories", grouped(collector.directories)),
    ]
}

fn verdicts(files: &Files) -> Vec<VerdictRow> {
    let order = ["intact", "likely", "partial", "overwritten", "metadata-only", "placeholder"];
    let place = |verdict: &str| order.iter().position(|known| *known == verdict).unwrap_or(order.len());
    let mut all: Vec<_> = files.by_verdict.iter().collect();
    all.sort_by_key(|(verdict, _)| place(verdict));
    all.into_iter()
        .map(|(verdict, sum)| VerdictRow {
            verdict: verdict.clone(),
            meaning: glossary::verdict(verdict),
            live: grouped(sum.live),
            other: grouped(sum.other),
            bytes: grouped(sum.bytes),
            lost: grouped(sum.lost),
        })
        .collect()
}

fn broken(files: &Files) -> Vec<BrokenRow> {
    let row = |(&index, detail): (&usize, &String)| {
        let row = &files.rows[index];
        let kind = &files.kinds[row.kind as usize];
        debug_assert!(is_broken(&kind.verdict), "only what is not whole has details");
        BrokenRow {
            path: format!("{}{}", files.folders[row.folder as usize], row.name),
            size: row.size.map_or_else(|| "not known".into(), grouped),
            verdict: format!("{} ({})", kind.verdict, kind.state),
            lost: grouped(row.lost),
            detail: detail.clone(),
        }
    };
    files.details.iter().map(row).collect()
}

/// The folders with the most files that are not whole.
fn worst(files: &Files) -> (Vec<(String, String, String)>, String) {
    const SHOWN: usize = 100;
    let mut all: Vec<_> = files.worst.iter().collect();
    all.sort_by_key(|&(&folder, &(count, lost))| (u64::MAX - count, u64::MAX - lost, folder));
    let caption = match all.len() > SHOWN {
        true => format!("The {SHOWN} of {} folders that have most of them.", grouped(all.len() as u64)),
        false => "Those with most of them first.".into(),
    };
    let row = |(folder, (count, lost)): (&u32, &(u64, u64))| {
        (files.folders[*folder as usize].clone(), grouped(*count), grouped(*lost))
    };
    (all.into_iter().take(SHOWN).map(row).collect(), caption)
}

fn states(files: &Files) -> Vec<String> {
    let all: std::collections::BTreeSet<_> = files.kinds.iter().map(|kind| kind.state.clone()).collect();
    all.into_iter().collect()
}

fn kind_lines(files: &Files) -> String {
    let line = |kind: &crate::report::files::Kind| format!("{}\t{}\t{}", kind.verdict, kind.state, kind.reasons);
    files.kinds.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Folder, name, size, kind, bytes lost and record of each file, between tabs: names have none, nor line ends.
fn file_lines(files: &Files) -> String {
    let mut text = String::with_capacity(files.rows.len() * 48);
    for (index, row) in files.rows.iter().enumerate() {
        let separator = if index == 0 { "" } else { "\n" };
        let size = row.size.map(|size| size.to_string()).unwrap_or_default();
        let _ = write!(
            text,
            "{separator}{}\t{}\t{size}\t{}\t{}\t{}-{}",
            row.folder, row.name, row.kind, row.lost, row.record, row.sequence
        );
    }
    text
}

fn derivation(has_manifest: bool, has_example: bool) -> Vec<String> {
    let mut told = Vec::new();
    if has_manifest {
        told.push(
            "The manifest (manifest.jsonl, or what --manifest names) has a line for each stream: under \"ranges\" each range of its bytes \
             with the place in the input it was copied from (\"source_offset\", \"length\"), or why it is not there (\"status\"); what was \
             decompressed has its clusters under \"stored\". \"sha256\" is that of the file that was written. MANIFEST.md describes all of it."
                .to_owned(),
        );
    } else {
        told.push(
            "This report was made from the metadata alone: no content was read. recover writes the files out, with a manifest that says of \
             every byte where it is from."
                .to_owned(),
        );
    }
    if has_example {
        told.push(
            "One file as an example, with nothing but standard tools; the hash at the end is the one to compare with:"
                .to_owned(),
        );
    }
    told
}

/// Commands that derive a file. The input's name is quoted for a shell.
fn commands(example: &Example, input: &str) -> String {
    let input = format!("'{}'", input.replace('\'', r"'\''"));
    let mut text = format!("# {}\n", example.path);
    let pieces = example.pieces.iter().map(|(offset, length)| {
        format!("dd if={input} iflag=skip_bytes,count_bytes skip={offset} count={length} status=none")
    });
    let pieces: Vec<_> = pieces.collect();
    let all = pieces.join("; ");
    let _ = write!(text, "( {all} ) | sha256sum\n{}", example.sha256);
    text
}
