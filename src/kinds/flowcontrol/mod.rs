//! The kinds of `flowcontrol.apiserver.k8s.io`.

use crate::api::k8s::api::flowcontrol::v1::{FlowSchema, PriorityLevelConfiguration};
use crate::kinds::Strategy;

impl Strategy for FlowSchema {}

impl Strategy for PriorityLevelConfiguration {}
