//! EndpointSlice.

use crate::api::k8s::api::discovery::v1::EndpointSlice;
use crate::kinds::Strategy;

impl Strategy for EndpointSlice {}
