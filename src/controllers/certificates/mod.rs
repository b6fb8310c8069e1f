//! What becomes of requests for certificates: approved ones are signed, and old ones go.
//!
//! Mirrors `pkg/controller/certificates`.

mod cleaner;
mod signer;

pub(super) use cleaner::CsrCleaner;
pub(super) use signer::CsrSigner;
