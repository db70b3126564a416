//! The tables, in Markdown.

use std::collections::BTreeMap;
use std::fs;

use crate::score::{FileCounts, Score};
use crate::tools::{Tool, said};

/// A case, over all seeds.
pub struct Row {
    pub name: &'static str,
    pub scores: BTreeMap<Tool, Score>,
    /// What ours wrote when it had a map of the damage.
    pub mapped: Option<FileCounts>,
}

pub fn print(tools: &[(Tool, String)], seeds: u64, rows: &[Row]) {
    print_header(tools, seeds);
    let tools: Vec<Tool> = tools.iter().map(|(tool, _)| *tool).collect();
    let named: Vec<Tool> = tools.iter().copied().filter(|tool| tool.has_names()).collect();
    print_table("Content: streams given back byte for byte, in percent of all", "bound", &tools, rows, |row, tool| {
        let score = row.scores.get(&tool)?;
        Some(percent(score.recovered, score.wanted))
    });
    print_table("Wrong files that the tool does not mark", "", &tools, rows, |row, tool| {
        Some(row.scores.get(&tool)?.files.wrong_unmarked.to_string())
    });
    print_table("Names, in percent of all / with the whole path", "", &named, rows, |row, tool| {
        let score = row.scores.get(&tool)?;
        let (names, paths) = (percent(score.names, score.names_wanted), percent(score.paths, score.names_wanted));
        Some(format!("{names} / {paths}"))
    });
    print_table("Time and peak memory of the recovery", "", &tools, rows, |row, tool| {
        let score = row.scores.get(&tool)?;
        let stopped = if score.recovery.stopped > 0 { " (stopped)" } else { "" };
        let crashed = if score.recovery.crashed + score.listing.crashed > 0 { " (crashed)" } else { "" };
        let wall = score.recovery.wall.as_secs_f64();
        Some(format!("{wall:.2} s, {} MiB{stopped}{crashed}", score.recovery.peak >> 20))
    });
    print_marks(rows);
    print_verdicts(rows);
}

fn print_header(tools: &[(Tool, String)], seeds: u64) {
    let field = |path: &str, name: &str| -> String {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(|| "unknown".into(), |(_, value)| value.trim().to_string())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("- {}, {cores} cores, {}", field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal"));
    println!("- {}, {seeds} seeds", said("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default());
    tools.iter().for_each(|(tool, version)| println!("- {}: {version}", tool.name()));
}

/// A row for each case, a column for each tool.
fn print_table(title: &str, first: &str, tools: &[Tool], rows: &[Row], cell: impl Fn(&Row, Tool) -> Option<String>) {
    let has_bound = !first.is_empty();
    println!("\n**{title}**\n");
    let names = tools.iter().map(|tool| tool.name().to_owned());
    let head: Vec<String> = has_bound.then(|| first.to_owned()).into_iter().chain(names).collect();
    println!("| lost | {} |", head.join(" | "));
    println!("|---|{}", "---|".repeat(head.len()));
    for row in rows {
        let bound = row.scores.values().next().map(|score| percent(score.bound, score.wanted));
        let cells = tools.iter().map(|tool| cell(row, *tool).unwrap_or_else(|| "–".into()));
        let cells: Vec<String> = bound.filter(|_| has_bound).into_iter().chain(cells).collect();
        println!("| {} | {} |", row.name, cells.join(" | "));
    }
}

/// What ours says of the files it writes.
fn print_marks(rows: &[Row]) {
    println!("\n**What ours says of its files**\n");
    println!(
        "| lost | missed within the bound | right | of them called suspect | wrong | wiped, called suspect \
         | called intact, right | wrong bytes vouched for | the same with a map: wrong, not marked | wrong bytes |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let Some(score) = row.scores.get(&Tool::Ours) else { continue };
        let files = &score.files;
        let mapped = row.mapped.map_or_else(
            || "– | –".to_owned(),
            |counts| format!("{} of {} | {}", counts.wrong_unmarked, counts.wrong, counts.wrong_bytes),
        );
        println!(
            "| {} | {} | {} | {} | {} | {} of {} | {} of {} | {} | {mapped} |",
            row.name,
            score.missed,
            files.right,
            files.right_suspect,
            files.wrong,
            files.wiped_suspect,
            files.wiped,
            files.intact - files.wrong_intact,
            files.intact,
            files.wrong_bytes,
        );
    }
}

/// How often each verdict was right.
fn print_verdicts(rows: &[Row]) {
    const VERDICTS: [&str; 5] = ["intact", "likely", "partial", "overwritten", "metadata-only"];
    println!("\n**How often each verdict was right**\n");
    println!("| lost | {} |", VERDICTS.join(" | "));
    println!("|---|{}", "---|".repeat(VERDICTS.len()));
    for row in rows {
        let Some(score) = row.scores.get(&Tool::Ours) else { continue };
        let rate = |verdict: &&str| score.verdicts.get(*verdict).map(|(right, all)| format!("{right} of {all}"));
        let cells: Vec<String> = VERDICTS.iter().map(|it| rate(it).unwrap_or_else(|| "–".into())).collect();
        println!("| {} | {} |", row.name, cells.join(" | "));
    }
}

/// In percent, cut and not rounded: 100 is all of them.
fn percent(part: usize, whole: usize) -> String {
    if part == whole { "100".into() } else { format!("{:.1}", (part * 1000 / whole.max(1)) as f64 / 10.0) }
}
