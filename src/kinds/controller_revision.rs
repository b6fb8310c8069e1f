//! ControllerRevision.

use crate::api::k8s::api::apps::v1::ControllerRevision;
use crate::kinds::Strategy;

impl Strategy for ControllerRevision {}
