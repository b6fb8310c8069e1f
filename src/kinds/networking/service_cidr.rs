//! Service CIDRs: where the addresses of services come from.

use crate::api::k8s::api::networking::v1::ServiceCIDR;
use crate::kinds::Strategy;

impl Strategy for ServiceCIDR {}
