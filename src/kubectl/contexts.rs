//! The contexts of a kubeconfig, which are kstate's clusters.

use crate::error::Failure;

/// The contexts that there are, and the one in use.
pub trait Contexts {
    /// All names, sorted.
    fn names(&self) -> Vec<String>;

    /// The name of the context in use.
    fn current(&self) -> String;

    /// Chooses the context in use from the next command on.
    ///
    /// # Errors
    /// When the choice can't be stored.
    fn choose(&self, name: &str) -> Result<(), Failure>;
}
