//! Certificates and requests for them, as far as the API looks into them: PEM files, DER, names.
//!
//! Mirrors what Kubernetes uses of Go's `encoding/pem` and `crypto/x509`.

mod certificate;
pub mod der;
mod name;
pub mod pem;
mod request;

pub use certificate::Template;
pub use name::Name;
pub use request::CertificateRequest;
