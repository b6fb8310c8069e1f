//! The objects that a changing verb is about: named, selected, or those of files.

use crate::error::Failure;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::resources::{Found, Query};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;

/// What a verb's arguments and flags name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The positional arguments that name objects.
    pub args: &'a [String],
    /// `-f`; files go before arguments.
    pub files: &'a FileArgs,
    /// `-l`.
    pub selector: Option<&'a str>,
    /// `--field-selector`.
    pub field_selector: Option<&'a str>,
    /// `--all`.
    pub all: bool,
    /// `-A`.
    pub all_namespaces: bool,
    /// What is being done, for the text on a file's object that is not there: `error when deleting "x.yaml"`.
    pub doing: Option<&'a str>,
}

/// The flags that choose objects of a kind.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SelectArgs {
    /// Select all resources, in the namespace of the specified resource types
    #[arg(long)]
    pub all: bool,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    pub selector: Option<String>,
    /// Selector (field query) to filter on
    #[arg(long)]
    pub field_selector: Option<String>,
}

impl SelectArgs {
    /// The target that they, arguments and files name together.
    pub fn target<'a>(&'a self, args: &'a [String], files: &'a FileArgs) -> Target<'a> {
        Target {
            args,
            files,
            selector: self.selector.as_deref(),
            field_selector: self.field_selector.as_deref(),
            all: self.all,
            all_namespaces: self.all_namespaces,
            doing: None,
        }
    }
}

/// What kubectl says where neither names nor files are given.
pub const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\n\
     Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// What kubectl says of names where only files are allowed.
pub const LOCAL_NEEDS_FILES: &str = "you must specify resources by --filename when --local is set.\n\
     Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'";

/// What kubectl says of names next to files.
pub const FILES_AND_NAMES: &str =
    "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well";

impl Target<'_> {
    /// Looks the objects up.
    ///
    /// # Errors
    /// When nothing is named or the arguments can't be resolved. What is not there is a fault in `Found`.
    pub fn find(&self, session: &Session<'_>) -> Result<Found, Failure> {
        if self.files.is_empty() {
            if self.args.is_empty() {
                return Err(Failure::error(NOTHING_NAMED));
            }
            let query = Query {
                args: self.args.to_vec(),
                selector: self.selector.map(String::from),
                field_selector: self.field_selector.map(String::from),
                all: self.all,
                all_namespaces: self.all_namespaces,
                types_alone_mean_all: false,
            };
            return Ok(query.find(session)?);
        }
        if !self.args.is_empty() {
            return Err(Failure::error(FILES_AND_NAMES));
        }
        let (infos, faults) = self.files.read(session, false);
        let mut found = Found { faults, named: true, ..Found::default() };
        for info in infos {
            match session.client.get_at(info.served.resource_of(&info.key())) {
                Ok(object) => found.add(info.served, vec![object]),
                Err(refused) => {
                    let fault = Fault::from(refused);
                    found.faults.push(match self.doing {
                        Some(doing) => fault.when(doing, &info.source),
                        None => fault,
                    });
                }
            }
        }
        Ok(found)
    }
}

impl Default for &FileArgs {
    fn default() -> Self {
        static NONE: FileArgs = FileArgs { filename: Vec::new(), recursive: false, kustomize: None };
        &NONE
    }
}
