//! Patterns of paths.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::command::failure::Failure;

/// Each glob, and everything below what it matches; `None` where there are no patterns.
pub fn globs(patterns: &[String]) -> Result<Option<GlobSet>, Failure> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let whole = if is_anchored(pattern) { pattern.clone() } else { format!("**/{pattern}") };
        let whole = whole.trim_end_matches('/');
        for text in [whole.to_owned(), format!("{whole}/**")] {
            let glob = GlobBuilder::new(&text).case_insensitive(true).literal_separator(true).build();
            set.add(glob.map_err(|error| Failure::new(format_args!("bad --path {pattern}"), error))?);
        }
    }
    let built = set.build().map_err(|error| Failure::new("bad --path", error))?;
    Ok((!patterns.is_empty()).then_some(built))
}

/// True for a pattern of whole paths.
pub fn is_anchored(pattern: &str) -> bool {
    pattern.starts_with(['/', '<', '*']) && !pattern.starts_with("*.")
}
