//! The table `lists.txt`: which lists, maps and structs server-side apply takes apart.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What the items of a list are to server-side apply; mirrors `x-kubernetes-list-type`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListType {
    /// The list is one value.
    #[default]
    Atomic,
    /// Each item is a value that is there or not.
    Set,
    /// Items are told apart by the values of these fields.
    Map(Vec<&'static str>),
}

/// What the table says of one type.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// A value of the type is one whole.
    pub(super) atomic: bool,
    lists: BTreeMap<&'static str, ListType>,
    wholes: Vec<&'static str>,
    parted: Vec<&'static str>,
}

fn table() -> &'static BTreeMap<&'static str, &'static str> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        include_str!("lists.txt").lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(' ')).collect()
    })
}

impl Lists {
    /// What it says of the type with that short name, `core.v1.PodSpec`.
    pub(super) fn of(short: &str) -> Lists {
        let mut facts = Lists::default();
        for token in table().get(short).copied().unwrap_or_default().split(' ').filter(|t| !t.is_empty()) {
            if token == "@" {
                facts.atomic = true;
            } else if let Some(field) = token.strip_suffix('@') {
                facts.wholes.push(field);
            } else if let Some(field) = token.strip_suffix('~') {
                facts.parted.push(field);
            } else if let Some((field, keys)) = token.trim_end_matches(')').split_once('(') {
                let keys: Vec<&str> = keys.split(',').filter(|k| !k.is_empty()).collect();
                facts.lists.insert(field, if keys.is_empty() { ListType::Set } else { ListType::Map(keys) });
            }
        }
        facts
    }

    /// What the items of a field are, if it is a list.
    pub(super) fn list(&self, field: &str) -> ListType {
        self.lists.get(field).cloned().unwrap_or_default()
    }

    /// Whether a field that is a map or a struct is one whole, given whether its type is.
    pub(super) fn is_whole(&self, field: &str, its_type: bool) -> bool {
        self.wholes.contains(&field) || its_type && !self.parted.contains(&field)
    }
}
