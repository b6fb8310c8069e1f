//! Event.

use crate::api::k8s::api::core::v1::Event;
use crate::kinds::Strategy;

impl Strategy for Event {}
