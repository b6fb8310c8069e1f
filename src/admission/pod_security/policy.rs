//! What a namespace's labels ask for.
//!
//! Mirrors `k8s.io/pod-security-admission/api`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use crate::error::FieldError;

/// What the labels begin with.
const PREFIX: &str = "pod-security.kubernetes.io/";

/// How much a pod may do, from everything to little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A release whose rules are meant: the minor version, or none for the newest.
pub(super) type Version = Option<i64>;

/// A level as one release defined it; printed as `restricted:v1.24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LevelVersion {
    pub(super) level: Level,
    pub(super) version: Version,
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        })?;
        match self.version {
            Some(minor) => write!(f, ":v1.{minor}"),
            None => f.write_str(":latest"),
        }
    }
}

/// What refuses a pod, and what only warns of it. What goes to the audit log alone shows nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: LevelVersion,
    pub(super) warn: LevelVersion,
}

impl Policy {
    const DEFAULT: Policy = {
        let anything = LevelVersion { level: Level::Privileged, version: None };
        Policy { enforce: anything, warn: anything }
    };

    /// Reads the labels; with them, the faults of those that say nothing sensible. Mirrors `PolicyToEvaluate`.
    pub(super) fn of(labels: Option<&BTreeMap<String, String>>) -> (Policy, Vec<FieldError>) {
        let mut policy = Policy::DEFAULT;
        // Nearly no namespace has such labels, and every pod asks: one look into a sorted map tells.
        let Some(labels) = labels.filter(|l| {
            let first = l.range::<str, _>((Bound::Included(PREFIX), Bound::Unbounded)).next();
            first.is_some_and(|(key, _)| key.starts_with(PREFIX))
        }) else {
            return (policy, Vec::new());
        };
        let mut read = Labels { labels, faults: Vec::new() };
        let enforce = read.level("enforce");
        if let Some(level) = enforce {
            policy.enforce.level = level.unwrap_or(Level::Restricted);
        }
        if let Some(version) = read.version("enforce-version") {
            policy.enforce.version = version;
        }
        read.level("audit");
        read.version("audit-version");
        let warn = read.level("warn");
        if let Some(level) = warn {
            policy.warn.level = level.unwrap_or(Level::Privileged);
        }
        let warn_version = read.version("warn-version");
        if let Some(version) = warn_version {
            policy.warn.version = version;
        }
        // Who enforces is also warned, unless told otherwise.
        if let (Some(Some(level)), None) = (enforce, warn)
            && level > policy.warn.level
        {
            policy.warn.level = level;
            if warn_version.is_none() {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, read.faults)
    }
}

/// The labels of a namespace, and the faults found in them so far.
struct Labels<'a> {
    labels: &'a BTreeMap<String, String>,
    faults: Vec<FieldError>,
}

impl Labels<'_> {
    /// What a label says; `Some(None)` when it makes no sense.
    fn value<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>, detail: &str) -> Option<Option<T>> {
        let label = format!("{PREFIX}{name}");
        let value = self.labels.get(&label)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.faults.push(FieldError::invalid(format!("metadata.labels[{label}]"), value, detail));
        }
        Some(parsed)
    }

    fn level(&mut self, name: &str) -> Option<Option<Level>> {
        let parse = |value: &str| match value {
            "privileged" => Some(Level::Privileged),
            "baseline" => Some(Level::Baseline),
            "restricted" => Some(Level::Restricted),
            _ => None,
        };
        self.value(name, parse, "must be one of privileged, baseline, restricted")
    }

    /// A version that makes no sense counts as the newest.
    fn version(&mut self, name: &str) -> Option<Version> {
        let parse = |value: &str| {
            let digits = |s: &&str| s.bytes().all(|b| b.is_ascii_digit()) && (*s == "0" || !s.starts_with('0'));
            match value.strip_prefix("v1.").filter(digits) {
                Some(minor) => minor.parse().ok().map(Some),
                None => (value == "latest").then_some(None),
            }
        };
        self.value(name, parse, r#"must be "latest" or "v1.x""#).map(Option::flatten)
    }
}
