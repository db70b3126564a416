//! Medians, and the Markdown table of them.

use std::time::Duration;

use crate::jobs::{Job, Ratio, Subject};
use crate::measure::Measured;

/// The head of a file's table.
pub fn title(subject: &Subject) -> String {
    let records = subject.records().map_or_else(String::new, |count| format!(", {count} records"));
    let mib = subject.bytes as f64 / f64::from(1 << 20);
    let name = subject.path.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "**{name}**: {mib:.0} MiB{records}\n\n\
         | job | against | threads | theirs | ours | ours, a record | ratio | lowest–highest | user time, theirs/ours | peak memory, theirs/ours |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    )
}

/// A row for each number of threads; `rounds` holds theirs first in each round, then ours.
pub fn print_rows(job: &Job, subject: &Subject, rounds: &[Vec<Measured>]) {
    if job.ours.is_empty() {
        let theirs = Side::of(rounds, 0);
        let (wall, user, peak) = (seconds(theirs.wall), seconds(theirs.user), mib(theirs.peak));
        println!("| {} | {} | – | {wall} | – | – | – | – | {user} / – | {peak} / – |", job.name, job.theirs_name);
    }
    for (column, (threads, _)) in job.ours.iter().enumerate() {
        println!("| {} | {} | {threads} | {} |", job.name, job.theirs_name, cells(job, subject, rounds, column + 1));
    }
}

fn cells(job: &Job, subject: &Subject, rounds: &[Vec<Measured>], column: usize) -> String {
    let (theirs, ours) = (Side::of(rounds, 0), Side::of(rounds, column));
    let per_record = subject.records().map_or_else(
        || "–".into(),
        |records| format!("{:.0} ns", ours.wall.as_secs_f64() * 1e9 / records.max(1) as f64),
    );
    let mut ratios: Vec<f64> = rounds.iter().map(|round| ratio(job.ratio, &round[0], &round[column])).collect();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    [
        seconds(theirs.wall),
        seconds(ours.wall),
        per_record,
        format!("**{:.2}×**", median(&ratios)),
        format!("{low:.2}–{high:.2}"),
        format!("{} / {}", seconds(theirs.user), seconds(ours.user)),
        format!("{} / {}", mib(theirs.peak), mib(ours.peak)),
    ]
    .join(" | ")
}

/// The medians of one side, and its highest peak.
struct Side {
    wall: Duration,
    user: Duration,
    peak: u64,
}

impl Side {
    fn of(rounds: &[Vec<Measured>], column: usize) -> Self {
        let middle = |pick: fn(&Measured) -> Duration| {
            let mut values: Vec<f64> = rounds.iter().map(|round| pick(&round[column]).as_secs_f64()).collect();
            values.sort_by(f64::total_cmp);
            Duration::from_secs_f64(median(&values))
        };
        let peak = rounds.iter().map(|round| round[column].peak).max().unwrap_or(0);
        Self { wall: middle(|run| run.wall), user: middle(|run| run.user), peak }
    }
}

fn ratio(kind: Ratio, theirs: &Measured, ours: &Measured) -> f64 {
    let faster = theirs.wall.as_secs_f64() / ours.wall.as_secs_f64();
    if kind == Ratio::Faster { faster } else { faster.recip() }
}

/// The middle of sorted values, or the mean of the two middle ones.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::CommandLine;

    fn run(milliseconds: u64) -> Measured {
        let wall = Duration::from_millis(milliseconds);
        Measured { wall, user: wall / 2, peak: milliseconds << 20 }
    }

    fn job(ratio: Ratio) -> (Job, Subject) {
        let command = CommandLine { program: "none".into(), arguments: Vec::new() };
        let (name, ours) = ("csv".to_string(), vec![(1, command.clone())]);
        let subject = Subject { path: "table".into(), bytes: 1024 * 1_000_000, volume: false };
        (Job { name, theirs_name: "them", theirs: command, ours, ratio }, subject)
    }

    #[test]
    fn a_ratio_is_the_median_of_paired_rounds_not_the_ratio_of_medians() {
        let rounds = [[200, 100], [900, 300], [400, 100]].map(|round| round.map(run).to_vec());
        let (faster, subject) = job(Ratio::Faster);
        let row = cells(&faster, &subject, &rounds, 1);
        let expected = "0.400 s | 0.100 s | 100 ns | **3.00×** | 2.00–4.00 | 0.200 s / 0.050 s | 900 MiB / 300 MiB";
        assert_eq!(row, expected);
        let (cost, subject) = job(Ratio::Cost);
        assert!(cells(&cost, &subject, &rounds, 1).contains("**0.33×** | 0.25–0.50"));
    }

    #[test]
    fn an_even_number_of_rounds_has_the_mean_of_the_middle_two() {
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
    }
}
