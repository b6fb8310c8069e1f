//! PriorityClass.

use crate::api::k8s::api::scheduling::v1::PriorityClass;
use crate::kinds::Strategy;

impl Strategy for PriorityClass {}
