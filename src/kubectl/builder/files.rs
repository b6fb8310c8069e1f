//! The flags that name files.
//!
//! Mirrors `FilenameOptions` of `k8s.io/cli-runtime/pkg/resource/builder.go`.

use crate::api::Kind;
use crate::server::served::{self, Served, Serving};

/// `-f`, `-R`, `-k`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FileArgs {
    /// The files that contain the configurations
    #[arg(short = 'f', long = "filename", value_name = "FILENAME", value_delimiter = ',')]
    pub filename: Vec<String>,
    /// Process the directory used in -f, --filename recursively
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Process a kustomization directory
    #[arg(short = 'k', long, value_name = "DIR")]
    pub kustomize: Option<String>,
}

impl FileArgs {
    /// Whether the flags name anything.
    pub fn is_empty(&self) -> bool {
        self.filename.is_empty() && self.kustomize.is_none()
    }
}

/// What a server offers under that `apiVersion` and `kind`.
pub fn served_kind(serving: &Serving, api_version: &str, kind: &str) -> Option<Served> {
    let of = |is_it: &dyn Fn(&Kind) -> bool| {
        let kinds = serving.kinds().filter(|k| is_it(k));
        kinds.flat_map(|k| served::versions_of(k, serving.minor)).find(|served| served.api_version() == api_version)
    };
    // OBSERVATION: kubectl's mapper knows each kind in small letters too, `deployment`; the server does not.
    of(&|k| k.name() == kind).or_else(|| of(&|k| k.name().to_ascii_lowercase() == kind))
}
