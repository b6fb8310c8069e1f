//! Sets of completion indexes: `0-2,5`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::api::Object;
use crate::kinds::batch::job::COMPLETION_INDEX;

/// Indexes, as a Job's status lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Indexes(pub(super) BTreeSet<i32>);

impl Indexes {
    /// Reads a list; what can't be read and what is not below `completions` is left out.
    /// Mirrors `parseIndexesFromString`.
    pub(super) fn parse(text: &str, completions: i32) -> Indexes {
        let mut indexes = BTreeSet::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.parse::<i32>(), last.parse::<i32>()) else { continue };
            indexes.extend(first.max(0)..=last.min(completions - 1));
        }
        Indexes(indexes)
    }

    /// How many there are.
    pub(super) fn total(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// Whether an index is among them.
    pub(super) fn has(&self, index: i32) -> bool {
        self.0.contains(&index)
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.iter().copied().peekable();
        let mut comma = "";
        while let Some(first) = left.next() {
            let mut last = first;
            while let Some(next) = left.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

/// The index that a pod stands for; none where it has none that can be read.
pub(super) fn completion_index(pod: &Arc<Object>) -> Option<i32> {
    pod.annotation(COMPLETION_INDEX)?.parse().ok().filter(|index| *index >= 0)
}

/// The index that a pod stands for, if it is one of the Job's.
pub(super) fn valid_index(pod: &Arc<Object>, completions: i32) -> Option<i32> {
    completion_index(pod).filter(|index| *index < completions)
}

#[cfg(test)]
mod tests {
    use super::Indexes;

    #[test]
    fn lists_are_short() {
        let indexes = Indexes::parse("0-2,4,5,x,9-12", 11);
        assert_eq!(indexes.to_string(), "0-2,4,5,9,10");
        assert_eq!((indexes.total(), indexes.has(9), indexes.has(3)), (7, true, false));
        assert_eq!(Indexes::default().to_string(), "");
    }
}
