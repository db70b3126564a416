//! Which files a filter leaves out for certain, so that they need not be taken apart.
//!
//! Nothing here decides what is in an answer: DataFusion filters again. A filter that is not understood narrows nothing.

use std::ops::RangeInclusive;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, expr::InList};
use ntfs_salvage::EntryState;

use crate::scan::Wanted;

/// Times by their places in `$STANDARD_INFORMATION`.
const TIMES: [&str; 4] = ["created", "modified", "record_changed", "accessed"];
const STATES: [EntryState; 4] = [EntryState::Live, EntryState::Deleted, EntryState::Orphan, EntryState::Ghost];

/// What is left to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Narrowed {
    records: RangeInclusive<i64>,
    states: Vec<EntryState>,
    directories: Option<bool>,
    /// Both: nothing is left.
    is_empty: bool,
    times: [RangeInclusive<i64>; 4],
    /// Names of images, where only some can be meant.
    images: Option<Vec<String>>,
}

impl Default for Narrowed {
    fn default() -> Self {
        let all = || i64::MIN..=i64::MAX;
        let times = [all(), all(), all(), all()];
        Self { records: all(), states: STATES.to_vec(), directories: None, is_empty: false, times, images: None }
    }
}

impl Narrowed {
    /// By all of these filters together.
    pub(crate) fn by(filters: &[Expr]) -> Self {
        let mut narrowed = Self::default();
        filters.iter().for_each(|filter| {
            narrowed.narrow(filter);
        });
        narrowed
    }

    /// Whether a filter can leave anything out.
    pub(crate) fn understands(filter: &Expr) -> bool {
        Self::default().narrow(filter)
    }

    /// Whether an image can have rows.
    pub(crate) fn has_image(&self, id: &str) -> bool {
        !self.is_empty && self.images.as_ref().is_none_or(|images| images.iter().any(|image| image == id))
    }

    /// What is wanted of that which was wanted.
    pub(crate) fn of(&self, wanted: Wanted) -> Wanted {
        let start = u64::try_from(*self.records.start()).unwrap_or(0);
        // Ends are inclusive; numbers of records are far below the largest.
        let end = u64::try_from(*self.records.end()).map_or(0, |end| end.saturating_add(1));
        let wanted = wanted.records(start..end).states(self.states.clone()).directories(self.directories);
        self.times.iter().enumerate().fold(wanted, |wanted, (place, time)| match *time == (i64::MIN..=i64::MAX) {
            true => wanted,
            false => wanted.times(place, time.clone()),
        })
    }

    /// True where the filter was understood, wholly or in part.
    fn narrow(&mut self, filter: &Expr) -> bool {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                let left = self.narrow(left);
                self.narrow(right) || left
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (column(left), literal(right)) {
                (Some(name), Some(value)) => self.compare(name, *op, value),
                _ => match (column(right), literal(left), op.swap()) {
                    (Some(name), Some(value), Some(op)) => self.compare(name, op, value),
                    _ => false,
                },
            },
            Expr::Between(Between { expr, negated: false, low, high }) => {
                match (column(expr), literal(low), literal(high)) {
                    (Some(name), Some(low), Some(high)) => {
                        let low = self.compare(name, Operator::GtEq, low);
                        self.compare(name, Operator::LtEq, high) || low
                    }
                    _ => false,
                }
            }
            Expr::InList(InList { expr, list, negated: false }) => {
                let words: Option<Vec<&str>> = list.iter().map(|item| literal(item).and_then(text)).collect();
                match (column(expr), words) {
                    (Some(name), Some(words)) => self.one_of(name, &words),
                    _ => false,
                }
            }
            Expr::Column(_) | Expr::IsTrue(_) => self.truth(filter, true),
            Expr::Not(inner) | Expr::IsFalse(inner) => self.truth(inner, false),
            _ => false,
        }
    }

    fn truth(&mut self, filter: &Expr, is_true: bool) -> bool {
        let filter = if let Expr::IsTrue(inner) = filter { inner } else { filter };
        if column(filter) != Some("directory") {
            return false;
        }
        self.is_empty |= self.directories.is_some_and(|directories| directories != is_true);
        self.directories = Some(is_true);
        true
    }

    fn one_of(&mut self, name: &str, words: &[&str]) -> bool {
        match name {
            "state" => self.states.retain(|state| words.contains(&state.name())),
            "image" => {
                let mut images: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
                if let Some(before) = &self.images {
                    images.retain(|image| before.contains(image));
                }
                self.images = Some(images);
            }
            _ => return false,
        }
        true
    }

    fn compare(&mut self, name: &str, operator: Operator, value: &ScalarValue) -> bool {
        if let (Operator::Eq, Some(word)) = (operator, text(value)) {
            return self.one_of(name, &[word]);
        }
        if let ("directory", Operator::Eq, ScalarValue::Boolean(Some(is_true))) = (name, operator, value) {
            self.is_empty |= self.directories.is_some_and(|directories| directories != *is_true);
            self.directories = Some(*is_true);
            return true;
        }
        let time = TIMES.iter().position(|time| *time == name);
        let (number, range) = match (name, time) {
            ("record", _) => (integer(value), &mut self.records),
            (_, Some(place)) => (micros(value), self.times.get_mut(place).unwrap_or(&mut self.records)),
            _ => return false,
        };
        let Some((below, above)) = number.and_then(|number| bounds(operator, number)) else { return false };
        let start = (*range.start()).max(below);
        let end = (*range.end()).min(above);
        *range = start..=end;
        true
    }
}

/// The numbers, both inclusive, that compare so.
fn bounds(operator: Operator, number: i64) -> Option<(i64, i64)> {
    match operator {
        Operator::Eq => Some((number, number)),
        Operator::Lt => Some((i64::MIN, number.saturating_sub(1))),
        Operator::LtEq => Some((i64::MIN, number)),
        Operator::Gt => Some((number.saturating_add(1), i64::MAX)),
        Operator::GtEq => Some((number, i64::MAX)),
        _ => None,
    }
}

/// The column's name; through a cast of words, which changes none.
fn column(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) => match (&*cast.expr, cast.field.data_type().is_string()) {
            (Expr::Column(column), true) if ["state", "image"].contains(&column.name.as_str()) => Some(&column.name),
            _ => None,
        },
        _ => None,
    }
}

fn literal(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Dictionary(_, value) => text(value),
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => text.as_deref(),
        _ => None,
    }
}

fn integer(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(number) => *number,
        ScalarValue::Int32(number) => number.map(i64::from),
        ScalarValue::UInt32(number) => number.map(i64::from),
        ScalarValue::UInt64(number) => number.and_then(|number| i64::try_from(number).ok()),
        _ => None,
    }
}

fn micros(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampMicrosecond(micros, _) => *micros,
        ScalarValue::TimestampSecond(seconds, _) => seconds.and_then(|seconds| seconds.checked_mul(1_000_000)),
        ScalarValue::TimestampMillisecond(millis, _) => millis.and_then(|millis| millis.checked_mul(1000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    fn time(micros: i64) -> Expr {
        lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
    }

    #[test]
    fn what_is_understood_narrows() {
        let filters = [
            col("record").gt_eq(lit(5_i64)).and(lit(9_i64).gt(col("record"))),
            col("state").eq(lit("deleted")),
            col("directory"),
            col("modified").between(time(10), time(20)),
            col("image").in_list(vec![lit("a"), lit("b")], false),
        ];
        assert!(filters.iter().all(Narrowed::understands));
        let narrowed = Narrowed::by(&filters);
        assert_eq!((narrowed.records.clone(), narrowed.states.as_slice()), (5..=8, [EntryState::Deleted].as_slice()));
        assert_eq!((narrowed.directories, &narrowed.times[1]), (Some(true), &(10..=20)));
        assert!(narrowed.has_image("a") && !narrowed.has_image("c"));
        let never = Narrowed::by(&[col("directory"), Expr::Not(Box::new(col("directory")))]);
        assert!(!never.has_image("a"));
    }

    #[test]
    fn what_is_not_understood_narrows_nothing() {
        let filters = [
            col("record").eq(lit(5_i64)).or(col("record").eq(lit(9_i64))),
            col("state").not_eq(lit("deleted")),
            col("state").in_list(vec![lit("deleted")], true),
            col("modified").not_between(time(10), time(20)),
            col("size").gt(lit(5_u64)),
            col("name_modified").gt(time(5)),
            Expr::Not(Box::new(col("is_first"))),
            (col("record") + lit(1_i64)).eq(lit(5_i64)),
        ];
        for filter in filters {
            assert!(!Narrowed::understands(&filter), "{filter}");
            assert_eq!(Narrowed::by(&[filter]), Narrowed::default());
        }
    }
}
