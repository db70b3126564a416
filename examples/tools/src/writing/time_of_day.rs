//! The time of this machine.

use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// Now, in UTC, to the second.
pub fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%d %H:%M:%S").to_string()
}
