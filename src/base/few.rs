//! A list that nearly always has one element.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::iter::Chain;
use core::ops::{Deref, DerefMut};
use core::{option, slice};

/// A list whose first element needs no allocation: nearly every file has one link and one stream.
///
/// It is used as the slice it dereferences to.
#[derive(Clone)]
pub struct Few<T>(Kept<T>);

#[derive(Clone)]
enum Kept<T> {
    /// One, or none.
    One(Option<T>),
    /// More, once there have been more.
    Several(Vec<T>),
}

impl<T> Few<T> {
    /// An empty list.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self(Kept::One(None))
    }

    /// Appends an element.
    #[inline]
    pub fn push(&mut self, element: T) {
        match &mut self.0 {
            Kept::One(place @ None) => *place = Some(element),
            Kept::Several(list) => list.push(element),
            Kept::One(Some(_)) => self.edit(|list| list.push(element)),
        }
    }

    /// Changes the list in ways a slice does not allow.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Vec<T>)) {
        let mut list = match core::mem::take(self).0 {
            Kept::One(first) => first.into_iter().collect(),
            Kept::Several(list) => list,
        };
        change(&mut list);
        self.0 = Kept::Several(list);
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Kept::One(first) => first.as_slice(),
            Kept::Several(list) => list,
        }
    }
}

impl<T> DerefMut for Few<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Kept::One(first) => first.as_mut_slice(),
            Kept::Several(list) => list,
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut this = Self::new();
        elements.into_iter().for_each(|element| this.push(element));
        this
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = Chain<option::IntoIter<T>, vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (first, list) = match self.0 {
            Kept::One(first) => (first, Vec::new()),
            Kept::Several(list) => (None, list),
        };
        first.into_iter().chain(list)
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_list_that_was_put_in() {
        for count in 0..5 {
            let mut few: Few<u32> = (0..count).collect();
            let expected: Vec<u32> = (0..count).collect();
            assert_eq!(*few, *expected);
            assert_eq!(few.clone().into_iter().collect::<Vec<_>>(), expected);
            assert_eq!(format!("{few:?}"), format!("{expected:?}"));
            few.iter_mut().for_each(|element| *element += 10);
            few.edit(|list| list.retain(|element| *element != 11));
            assert_eq!(few, (10..10 + count).filter(|element| *element != 11).collect());
        }
    }
}
