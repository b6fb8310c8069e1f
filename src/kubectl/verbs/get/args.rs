//! The arguments of `get`, and what they ask for.

use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::print::table::Layout;

/// Display one or many resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE[,TYPE...] [NAME...] or TYPE/NAME...
    #[arg(value_name = "TYPE")]
    pub args: Vec<String>,
    /// The files that name objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// Output format
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Template string or path to template file to use when -o=go-template, -o=go-template-file
    #[arg(long)]
    pub template: Option<String>,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    pub selector: Option<String>,
    /// Selector (field query) to filter on
    #[arg(long)]
    pub field_selector: Option<String>,
    /// Accepts a comma separated list of labels that are going to be presented as columns
    #[arg(short = 'L', long, value_delimiter = ',')]
    pub label_columns: Vec<String>,
    /// When printing, show all labels as the last column
    #[arg(long)]
    pub show_labels: bool,
    /// If present, list the resource type for the requested object(s)
    #[arg(long)]
    pub show_kind: bool,
    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long)]
    pub show_managed_fields: bool,
    /// When using the default or custom-column output format, don't print headers
    #[arg(long)]
    pub no_headers: bool,
    /// If the requested object does not exist the command will return exit code 0
    #[arg(long)]
    pub ignore_not_found: bool,
    /// If non-empty, sort list types using this field specification
    #[arg(long)]
    pub sort_by: Option<String>,
    /// After listing/getting the requested object, watch for changes
    #[arg(short = 'w', long)]
    pub watch: bool,
    /// Watch for changes to the requested object(s), without listing/getting first
    #[arg(long)]
    pub watch_only: bool,
    /// Output watch event objects when --watch or --watch-only is used
    #[arg(long)]
    pub output_watch_events: bool,
    /// Return large lists in chunks rather than all at once
    #[arg(long, default_value_t = 500)]
    pub chunk_size: i64,
    /// If true, have the server return the appropriate table output
    #[arg(long, default_value_t = true)]
    pub server_print: bool,
    /// If true, ignore any errors in templates when a field or map key is missing
    #[arg(long, default_value_t = true)]
    pub allow_missing_template_keys: bool,
    /// Raw URI to request from the server
    #[arg(long)]
    pub raw: Option<String>,
    /// If specified, gets the subresource of the requested object
    #[arg(long)]
    pub subresource: Option<String>,
}

impl Args {
    /// What the arguments ask for.
    pub fn builder(&self) -> Builder<'_> {
        Builder {
            args: &self.args,
            files: Some(&self.files),
            selector: self.selector.as_deref().unwrap_or_default(),
            field_selector: self.field_selector.as_deref().unwrap_or_default(),
            all_namespaces: self.all_namespaces,
            types_alone: true,
            latest: true,
            chunk: u64::try_from(self.chunk_size).unwrap_or(0),
            ..Builder::default()
        }
    }

    /// How a table of one kind is laid out.
    pub fn layout(&self, wide: bool, with_kind: bool) -> Layout {
        Layout {
            wide,
            with_kind: with_kind || self.show_kind,
            with_namespace: self.all_namespaces,
            headers: !self.no_headers,
            show_labels: self.show_labels,
            label_columns: self.label_columns.clone(),
        }
    }
}
