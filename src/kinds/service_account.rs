//! ServiceAccount.

use crate::api::k8s::api::core::v1::ServiceAccount;
use crate::kinds::Strategy;

impl Strategy for ServiceAccount {}
