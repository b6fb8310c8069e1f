//! IP addresses: those that services have.

use crate::api::k8s::api::networking::v1::IPAddress;
use crate::kinds::Strategy;

impl Strategy for IPAddress {}
