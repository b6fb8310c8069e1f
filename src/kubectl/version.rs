//! Which kubectl kstate speaks as, and how that is printed.

use crate::api::version::Info;
use crate::printers::go_order::Order;

/// The minor version of the client.
pub const CLIENT_MINOR: u32 = 36;

/// The Kustomize that is built into it.
pub const KUSTOMIZE: &str = super::kustomize::VERSION;

/// What kubectl says of itself.
pub fn client() -> Info {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Info::client(CLIENT_MINOR, format!("{os}/{arch}"))
}

/// The order of what `kubectl version -o json` prints.
pub struct Fields;

impl Order for Fields {
    fn place(&self, name: &str) -> Option<usize> {
        let outer = ["clientVersion", "kustomizeVersion", "serverVersion"];
        let place = outer.iter().position(|field| *field == name);
        place.or_else(|| client().place(name))
    }

    fn below(&self, _name: &str) -> Option<&dyn Order> {
        Some(&Fields)
    }
}
