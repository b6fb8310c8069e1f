//! Which Kubernetes a binary is.
//!
//! Mirrors `k8s.io/apimachinery/pkg/version`.

use serde_json::{Map, Value};

/// What a binary says of itself, in the order in which Go declares the fields.
pub struct Info(Vec<(&'static str, String)>);

impl Info {
    /// A client v1.`minor` for a platform: `linux/amd64`.
    pub fn client(minor: u32, platform: String) -> Info {
        Info::of(minor, false, platform)
    }

    /// The API server of a cluster of Kubernetes v1.`minor`.
    pub fn server(minor: u32) -> Info {
        Info::of(minor, true, "linux/amd64".into())
    }

    fn of(minor: u32, server: bool, platform: String) -> Info {
        // What the server emulates, it says from v1.33 on.
        let emulated = |minor: u32| if server && minor >= 33 { minor.to_string() } else { String::new() };
        let major = |minor: &str| if minor.is_empty() { String::new() } else { "1".into() };
        let (emulation, compatible) =
            (emulated(minor), emulated(minor).parse().map_or(String::new(), |m: u32| (m - 1).to_string()));
        Info(vec![
            ("major", "1".into()),
            ("minor", minor.to_string()),
            ("emulationMajor", major(&emulation)),
            ("emulationMinor", emulation),
            ("minCompatibilityMajor", major(&compatible)),
            ("minCompatibilityMinor", compatible),
            ("gitVersion", format!("v1.{minor}.2")),
            // Neither was built from a commit of Kubernetes.
            ("gitCommit", String::new()),
            ("gitTreeState", "clean".into()),
            ("buildDate", "1970-01-01T00:00:00Z".into()),
            ("goVersion", "go1.26.4".into()),
            ("compiler", "gc".into()),
            ("platform", platform),
        ])
    }

    /// The place of a field among the others.
    pub fn place(&self, field: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| *name == field)
    }

    /// `v1.36.2`
    pub fn git_version(&self) -> &str {
        self.0.iter().find(|(name, _)| *name == "gitVersion").map_or("", |(_, value)| value)
    }

    /// The fields that are set, and those that are always printed.
    pub fn to_tree(&self) -> Value {
        let shown = self.0.iter().filter(|(name, value)| !value.is_empty() || *name == "gitCommit");
        shown.map(|(name, value)| ((*name).to_string(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
    }

    /// As Go's `%#v` prints it.
    pub fn go_syntax(&self) -> String {
        let field = |(name, value): &(&str, String)| format!("{}{}:{value:?}", name[..1].to_uppercase(), &name[1..]);
        format!("version.Info{{{}}}", self.0.iter().map(field).collect::<Vec<_>>().join(", "))
    }
}
