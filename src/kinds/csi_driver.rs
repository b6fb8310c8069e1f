//! CSIDriver.

use crate::api::k8s::api::storage::v1::CSIDriver;
use crate::kinds::Strategy;

impl Strategy for CSIDriver {}
