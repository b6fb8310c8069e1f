//! The filters: each a tool that the driver feeds.

use serde::{Deserialize, Serialize};

use super::driver::Filter;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident($of:ty),)*) => {
        /// A filter.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[allow(clippy::large_enum_variant)]
        pub enum Kind {
            $($(#[$doc])* $name($of),)*
        }

        impl Kind {
            /// The filter itself.
            pub fn filter(&mut self) -> &mut dyn Filter {
                match self {
                    $(Kind::$name(tool) => tool,)*
                }
            }
        }
    };
}

kinds! {
    /// `cat`
    Cat(super::cat::Cat),
    /// `head`
    Head(super::head::Head),
    /// `wc`
    Wc(super::wc::Wc),
    /// `cut`
    Cut(super::cut::Cut),
    /// `tr`
    Tr(super::tr::Tr),
    /// `uniq`
    Uniq(super::uniq::Uniq),
    /// `grep`
    Grep(super::grep::Grep),
    /// `tee`
    Tee(super::tee::Tee),
    /// `base64`
    Base64(super::base64::Base64),
    /// `md5sum` and the like
    Sum(super::sums::Sum),
    /// Their `-c`
    Check(super::sums::Check),
    /// Tools that gather their input
    Gather(super::gather::Gather),
    /// `diff`
    Diff(super::diff::Diff),
    /// `factor` and `envsubst`
    Words(super::small::Words),
    /// `cksum`, `sum` and `crc32`
    Checksum(super::checksum::Checksum),
    /// `jq`
    Jq(super::jq::Jq),
}
