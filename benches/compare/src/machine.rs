//! What the numbers were measured on.

use std::fmt::Write;
use std::process::Command;
use std::{fs, io, thread};

/// The lines above the tables.
pub fn header(rounds: u64) -> io::Result<String> {
    let field = |path: &str, name: &str| -> String {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(|| "unknown".into(), |(_, value)| value.trim().to_string())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let repository = ["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"];
    let mut text = String::new();
    let _ = writeln!(text, "- {}, {} cores", field("/proc/cpuinfo", "model name"), thread::available_parallelism()?);
    let _ = writeln!(text, "- {} of memory, Linux {}", field("/proc/meminfo", "MemTotal"), kernel.trim());
    let _ = writeln!(text, "- {}; this library at {}", said("rustc", &["-V"]), said("git", &repository));
    let _ = writeln!(text, "- {}; warm cache; output to /dev/null", said("date", &["-u", "+%Y-%m-%d"]));
    let _ =
        writeln!(text, "- medians of {rounds} rounds, the sides in turns; a ratio is the median of the rounds' own");
    Ok(text)
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| format!("{program} unknown"))
}
