//! The flags that choose objects of a type.

use super::plan::Builder;

/// `--all`, `-A`, `-l` and `--field-selector`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SelectArgs {
    /// Select all resources, in the namespace of the specified resource types
    #[arg(long)]
    pub all: bool,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Selector (field query) to filter on
    #[arg(long, default_value = "", hide_default_value = true)]
    pub field_selector: String,
}

impl SelectArgs {
    /// A builder with what they choose.
    pub fn builder(&self) -> Builder<'_> {
        Builder {
            selector: &self.selector,
            field_selector: &self.field_selector,
            all: self.all,
            all_namespaces: self.all_namespaces,
            ..Builder::default()
        }
    }

    /// What kubectl says of flags that contradict each other, where it looks itself.
    pub fn contradiction(&self) -> Option<&'static str> {
        if self.all && !self.selector.is_empty() {
            Some("cannot set --all and --selector at the same time")
        } else if self.all && !self.field_selector.is_empty() {
            Some("cannot set --all and --field-selector at the same time")
        } else {
            None
        }
    }
}
