//! The kinds of `policy`.

pub mod disruption;
pub(in crate::kinds) mod pod_disruption_budget;
