//! The kinds of `resource.k8s.io`: devices of nodes, and claims of them.
//!
//! They are kept and checked; no device is allocated. The expressions of selectors are not compiled.

mod device_class;
mod devices;
mod resource_claim;
mod resource_slice;
