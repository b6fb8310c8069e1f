//! Lease.

use crate::api::k8s::api::coordination::v1::Lease;
use crate::kinds::Strategy;

impl Strategy for Lease {}
