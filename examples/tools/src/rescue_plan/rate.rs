//! How long reading takes.

use chrono::NaiveDateTime;
use ntfs_salvage::source::{DamageMap, Status};

/// Bytes a second at most, by the times that ddrescue noted in its map: when its last run started, and when it wrote
/// the map. What earlier runs rescued is among the bytes.
pub fn of_map(text: &str, map: &DamageMap) -> Option<u64> {
    let time = |label: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(label))?;
        NaiveDateTime::parse_from_str(line.trim(), "%Y-%m-%d %H:%M:%S").ok()
    };
    let seconds = (time("# Current time:")? - time("# Start time:")?).num_seconds();
    let rescued = map.blocks().iter().filter(|block| block.status == Status::Rescued);
    let rescued: u64 = rescued.map(|block| block.range.end - block.range.start).sum();
    rescued.checked_div(u64::try_from(seconds).ok()?).filter(|rate| *rate > 0)
}

/// A time for people, in the unit that says enough.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_the_map_says_of_its_last_run() {
        let head = "# Start time:   2026-11-30 09:34:14\n# Current time: 2026-11-30 09:34:24\n";
        let map = DamageMap::parse(b"0 + 1\n0 1000 +\n1000 1000 ?\n").unwrap();
        assert_eq!(of_map(head, &map), Some(100));
        assert_eq!(of_map("# Start time: yesterday\n", &map), None);
        assert_eq!(of_map(&head.replace(":24", ":14"), &map), None);
        assert_eq!(of_map(&head.replace(":24", ":04"), &map), None);
    }

    #[test]
    fn durations_are_rounded_up() {
        assert_eq!(
            [0, 119, 120, 7199, 7201, 1 << 20].map(duration),
            ["0 s", "119 s", "2 min", "120 min", "3 h", "13 days"]
        );
    }
}
